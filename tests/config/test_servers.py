"""One server, several files; what may be shown; what is secret; what is a risk."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.config import OWN_SERVER, Options, load
from caelum_report.config.endpoint import url_endpoint
from caelum_report.config.risks import risks_of
from caelum_report.config.servers import writers_of
from caelum_report.configured import Config
from caelum_report.model import Budgets, Server, Transport

Load = Callable[..., Config]


def mcp(**servers: Any) -> str:
    return json.dumps({"mcpServers": servers})


def one(loaded: Load, entry: dict[str, Any], **environ: str) -> Server:
    return loaded(mcp(a=entry), environ=environ).servers[0]


# --- joining --------------------------------------------------------------------------------------------------------


def test_the_same_command_in_two_files_is_one_server(loaded: Load) -> None:
    config = loaded(mcp(files={"command": "fs", "args": ["/srv"]}), mcp(documents={"command": "fs", "args": ["/srv"]}))
    (server,) = config.servers
    assert server.id == "files"
    assert [Path(source).name for source in server.sources] == ["1.json", "2.json"]


def test_the_same_url_in_two_files_is_one_server(loaded: Load) -> None:
    config = loaded(mcp(a={"url": "https://x/mcp"}), mcp(a={"serverUrl": "https://x/mcp"}))
    assert [server.id for server in config.servers] == ["a"]


def test_one_name_with_different_commands_gets_its_source(loaded: Load) -> None:
    config = loaded(
        **{"x/claude_desktop_config.json": mcp(a={"command": "1"}), "y/.cursor/mcp.json": mcp(a={"command": "2"})}
    )
    assert [(server.id, server.command) for server in config.servers] == [("a", "1"), ("a@cursor", "2")]


def test_a_third_one_gets_a_number(loaded: Load) -> None:
    config = loaded(*(mcp(a={"command": str(number)}) for number in range(3)), **{"z/1.json": mcp(a={"command": "z"})})
    assert [server.id for server in config.servers] == ["a", "a@2", "a@3", "a@1"]


def test_two_accounts_of_one_command_are_two_servers(loaded: Load) -> None:
    work, home = {"command": "gh", "env": {"T": "1"}}, {"command": "gh", "env": {"T": "2"}}
    assert [server.id for server in loaded(mcp(work=work, home=home)).servers] == ["work", "home"]
    assert [server.id for server in loaded(mcp(work=work), mcp(home=home)).servers] == ["work", "home"]


def test_disabled_in_one_file_is_not_disabled_in_all(loaded: Load) -> None:
    config = loaded(mcp(a={"command": "1", "disabled": True}), mcp(a={"command": "1"}))
    assert [(server.skip, len(server.sources)) for server in config.servers] == [(None, 2)]


def test_a_command_of_its_folder_is_another_one_elsewhere(loaded: Load, toml: Callable[[str, str], Path]) -> None:
    for folder in ("p", "q"):
        toml("", f"{folder}/server.py")
    entry = mcp(a={"command": "uv", "args": ["run", "server.py"]})
    config = loaded(**{"p/.mcp.json": entry, "q/.mcp.json": entry})
    assert [server.id for server in config.servers] == ["a", "a@q"]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "A", "a@2", "", "..", "é", "e\u0301"]), st.sampled_from("xyz")), max_size=9
    )
)
def test_ids_and_slugs_are_one_to_one(tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, str]]) -> None:
    folder = tmp_path_factory.mktemp("many")
    files = []
    for number, (name, command) in enumerate(entries):
        files.append(folder / f"{number % 3}" / f"{number}.json")
        files[-1].parent.mkdir(exist_ok=True)
        files[-1].write_text(json.dumps({"mcpServers": {name: {"command": command}}}))
    servers = load(Options(mcp_config=tuple(files)), {}, folder).servers
    assert len({server.id for server in servers}) == len({server.slug.lower() for server in servers}) == len(servers)
    if entries:
        assert {source for server in servers for source in server.sources} == {str(file) for file in files}


# --- [[server]] -----------------------------------------------------------------------------------------------------

FACTS = """
zone = "Europe/Berlin"
[budgets]
connect = "1500ms"
probe_bytes = "2 MiB"
[[server]]
name = "gateway"
url = "https://gw.example/mcp"
headers = { Authorization = "Bearer ${GW_TOKEN}" }
[[server]]
name = "shop"
command = "shop"
group = "Sales"
owner = "ada@example.org"
objective = "99.5 %"
latency_objective = "500ms"
depends_on = ["gateway", "nobody"]
every = "1d"
connect_timeout = "1s"
request_timeout = "2s"
timeout = "1m30s"
canary = { tool = "count", arguments = { b = 1, a = [2027-01-01] } }
[[server.maintenance]]
start = 2027-03-27T22:00:00
end = 2027-03-27T23:00:00
weekly = true
[[server.maintenance]]
start = 2027-01-01T00:00:00Z
end = 2027-01-01T01:00:00Z
reason = "move"
[[server]]
name = "gatewy"
owner = "ada"
"""


def test_a_block_says_what_an_mcp_json_cannot(toml: Callable[[str], Path], tmp_path: Path) -> None:
    config = load(Options(config=toml(FACTS)), {"GW_TOKEN": "gw-token-12"}, tmp_path)
    gateway, shop, nowhere = config.servers
    assert config.budgets == Budgets(connect_seconds=1.5, probe_bytes=2 * 2**20)
    assert dict(gateway.headers) == {"Authorization": "Bearer gw-token-12"}
    assert (shop.group, shop.owner, shop.objective, shop.latency_objective_seconds) == (
        "Sales",
        "ada@example.org",
        0.995,
        0.5,
    )
    assert (shop.every_seconds, shop.connect_seconds, shop.request_seconds, shop.server_seconds) == (86_400, 1, 2, 90)
    assert shop.canary is not None
    assert (shop.canary.tool, shop.canary.arguments) == ("count", '{"a": ["2027-01-01"], "b": 1}')
    assert nowhere.problem == "it has neither `command` nor `url`, and no mcp.json names it; did you mean gateway?"
    assert [note.text for note in config.notes if note.code == "depends-on-nobody"] == [
        "shop depends on nobody, which is not a server here"
    ]


def test_maintenance_is_in_the_report_s_zone(toml: Callable[[str], Path], tmp_path: Path) -> None:
    shop = load(Options(config=toml(FACTS)), {"GW_TOKEN": ""}, tmp_path).servers[1]
    weekly, once = shop.maintenance
    assert (weekly.start, weekly.weekly) == (datetime(2027, 3, 27, 21, tzinfo=UTC), True)
    assert weekly.start.tzinfo == ZoneInfo("Europe/Berlin")
    assert (once.end, once.reason) == (datetime(2027, 1, 1, 1, tzinfo=UTC), "move")


def test_without_any_server_the_report_asks_its_own(tmp_path: Path, toml: Callable[[str], Path]) -> None:
    for options in (Options(db=tmp_path / "h.sqlite"), Options(db=tmp_path / "h.sqlite", config=toml("pdf = false\n"))):
        (server,) = load(options, {}, tmp_path).servers
        assert (server.id, server.args[1:]) == (
            OWN_SERVER,
            ("caelum_report", "mcp", "--db", str(tmp_path / "h.sqlite")),
        )


# --- what may be shown ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@Example.org/mcp?key=1#f", "https://example.org:443/mcp"),
        ("http://localhost:18001/mcp", "http://localhost:18001/mcp"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("https://x.example/api/mcp/s/NTk4ZjQ4MjUtYzY0Yi00/mcp", "https://x.example:443/api/mcp/s/…/mcp"),
        ("https://x.example/v1/2b7c9f0e-0c3d-4f6a-9a51-7d3f1c0b9e11/sse", "https://x.example:443/v1/…/sse"),
        ("https://x.example/token/correcthorse/mcp", "https://x.example:443/token/…/mcp"),
        (
            "https://x.example/api/v2/context7/mcp-server-2026-07-28",
            "https://x.example:443/api/v2/context7/mcp-server-2026-07-28",
        ),
        ("https://x.example/sk-abcdefghijklmnopqrst", "https://x.example:443/…"),
        ("nonsense", "an address that cannot be read"),
    ],
)
def test_an_address_is_shown_without_secrets(url: str, shown: str) -> None:
    assert url_endpoint(url) == shown


def test_a_command_is_shown_as_its_name_and_how_much_follows(loaded: Load) -> None:
    assert one(loaded, {"command": "/opt/x/bin/npx", "args": ["-y", "a", "b"]}).endpoint == "npx + 3 arguments"
    assert one(loaded, {"command": "C:\\x\\server.exe", "args": ["a"]}).endpoint == "server.exe + 1 argument"
    assert one(loaded, {"command": "server"}).endpoint == "server"


@pytest.mark.parametrize(
    ("entry", "secrets"),
    [
        (
            {
                "command": "a",
                "env": {"API_KEY": "hunter22secret", "MODE": "production", "PORT": "8080", "PIN_TOKEN": "short"},
            },
            {"hunter22secret"},
        ),
        ({"command": "a", "env": {"X": "ghp_0123456789abcdefghij"}}, {"ghp_0123456789abcdefghij"}),
        ({"command": "a", "env": {"DATABASE_URL": "postgres://u:hunter22secret@db/x"}}, {"hunter22secret"}),
        ({"command": "a", "args": ["--api-key", "hunter22secret", "--root", "/srv/files"]}, {"hunter22secret"}),
        ({"command": "a", "args": ["--token=hunter22secret"]}, {"hunter22secret"}),
        ({"command": "a", "args": ["--header", "Authorization: Bearer hunter22secret"]}, {"hunter22secret"}),
        ({"command": "a", "args": ["https://x/?api_key=hunter22secret&page=frontpage"]}, {"hunter22secret"}),
        (
            {"url": "https://x/", "headers": {"Authorization": "Bearer hunter22secret", "Accept": "application/json"}},
            {"hunter22secret"},
        ),
        (
            {"url": "https://x/", "headers": {"Authorization": "Basic dXNlcjpodW50ZXIyMnNlY3JldA=="}},
            {"hunter22secret", "dXNlcjpodW50ZXIyMnNlY3JldA=="},
        ),
        ({"url": "https://u:hunter22secret@x/mcp"}, {"hunter22secret"}),
        ({"url": "https://x/?token=hunter22%2Fsecret"}, {"hunter22%2Fsecret", "hunter22/secret"}),
        ({"url": "https://x/s/a1b2c3d4e5f6"}, {"a1b2c3d4e5f6"}),
        ({"url": "https://x/", "headers": {"X-Team": "${MY_SECRET}"}}, {"from-a-variable"}),
    ],
)
def test_secrets_are_known(entry: dict[str, Any], secrets: set[str], loaded: Load) -> None:
    config = loaded(mcp(a=entry), environ={"MY_SECRET": "from-a-variable"})
    assert secrets <= set(config.secrets)
    assert not {"production", "8080", "short", "/srv/files", "application/json", "frontpage"} & set(config.secrets)
    assert not any(secret in repr(config) for secret in secrets)


def test_secrets_of_sources_are_known(tmp_path: Path) -> None:
    environ = {"INFLUXDB_TOKEN": "influx-secret-1", "REDIS_URL": "redis://:redis-secret-1@db/0"}
    config = load(Options(), environ, tmp_path)
    assert {"influx-secret-1", "redis-secret-1"} <= set(config.secrets)


# --- risks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "codes"),
    [
        ({"command": "npx", "args": ["-y", "@scope/server"]}, ["unpinned-launcher"]),
        ({"command": "npx", "args": ["-y", "server@latest"]}, ["unpinned-launcher"]),
        ({"command": "npx", "args": ["-y", "@scope/server@1.2.3", "--x"]}, []),
        ({"command": "npx", "args": ["-p", "server", "-c", "server"]}, ["unpinned-launcher"]),
        ({"command": "cmd", "args": ["/c", "npx.cmd", "-y", "server"]}, ["unpinned-launcher"]),
        ({"command": "uvx", "args": ["server"]}, ["unpinned-launcher"]),
        ({"command": "uvx", "args": ["server@1.2"]}, []),
        ({"command": "uvx", "args": ["--from", "server==1.2", "server"]}, []),
        ({"command": "uvx", "args": ["--from", "git+https://x/y", "server"]}, ["unpinned-launcher"]),
        ({"command": "uv", "args": ["tool", "run", "server"]}, ["unpinned-launcher"]),
        ({"command": "uv", "args": ["run", "server.py"]}, []),
        ({"command": "uvx", "args": ["./server"]}, []),
        ({"command": "docker", "args": ["run", "-i", "--rm", "-e", "A=1", "mcp/fetch"]}, ["unpinned-launcher"]),
        (
            {"command": "docker", "args": ["run", "-it", "--name", "x1", "registry:5000/mcp/fetch:latest"]},
            ["unpinned-launcher"],
        ),
        ({"command": "docker", "args": ["run", "-i", "mcp/fetch:1.4.2", "--latest"]}, []),
        ({"command": "podman", "args": ["run", "--network=host", f"mcp/fetch@sha256:{'a' * 64}"]}, []),
        ({"command": "docker", "args": ["exec", "mine", "server"]}, []),
        ({"command": "bunx", "args": ["server"]}, ["unpinned-launcher"]),
        ({"command": "a", "env": {"API_KEY": "hunter22secret"}}, ["plain-text-secret"]),
        ({"command": "a", "args": ["--api-key", "hunter22secret"]}, ["plain-text-secret"]),
        ({"command": "a", "env": {"API_KEY": "${KEY}"}, "args": ["--api-key", "${KEY}"]}, []),
        ({"url": "http://example.org/mcp"}, ["plain-http", "no-authentication"]),
        ({"url": "http://127.0.0.5/mcp"}, []),
        ({"url": "http://[::1]/mcp"}, []),
        ({"url": "https://example.org/mcp", "headers": {"X-API-Key": "${KEY}"}}, []),
        ({"url": "https://example.org/mcp?api_key=${KEY}"}, []),
    ],
)
def test_risks_are_facts_about_the_entry(entry: dict[str, Any], codes: list[str], loaded: Load) -> None:
    server = one(loaded, entry, KEY="hunter22secret")
    assert [risk.code for risk in server.risks] == codes
    assert "hunter22secret" not in repr(server.risks)


def test_a_program_that_others_can_change_is_known(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text("")
    script.chmod(0o755)
    assert writers_of("python3", (str(script),), None, "/usr/bin") is None
    script.chmod(0o757)
    told = writers_of("python3", (str(script),), None, "/usr/bin")
    assert told == f"everybody can write {script} (chmod o-w it)"
    (note,) = risks_of(Server("a", "a", Transport.STDIO, command="python3", args=(str(script),)), (), told)
    assert (note.code, note.text) == ("writable-program", f"what it runs can be changed by others: {told}")
