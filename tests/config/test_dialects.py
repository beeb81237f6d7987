"""Every host's own file, as in MCP.md's table."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.config import Options, find_configurations, load
from caelum_report.config.dialects import read_entries
from caelum_report.configured import Config
from caelum_report.errors import UsageError
from caelum_report.model import Server, Transport
from caelum_report.text import slug

from .conftest import DATA, copied

ENVIRON = {
    "SENTRY_TOKEN": "sentry-token-1",
    "LINEAR_KEY": "linear-key-12",
    "PERPLEXITY_KEY": "perplexity-key-1",
    "USER": "ada",
    "WIKI_TOKEN": "wiki-token-123",
    "WEATHER_KEY": "weather-key-1",
    "ISSUES_TOKEN": "issues-token-1",
    "REGION": "eu-west",
}


def of(home: Path, *paths: str, environ: dict[str, str] | None = None) -> dict[str, Server]:
    files = tuple(home / path for path in paths)
    config = load(Options(mcp_config=files), ENVIRON if environ is None else environ, home)
    return {server.id: server for server in config.servers}


def test_every_host_is_found_with_its_servers(home: Path) -> None:
    found = {(each.host, *each.servers) for each in find_configurations({}, home) if each.path.startswith(str(home))}
    assert found == {
        ("Claude Code", "sentry", "asana", "stock"),
        ("Claude Desktop", "files", "github"),
        ("Codex", "docs", "issues", "off"),
        ("Continue", "sqlite", "wiki"),
        ("Continue", "browser"),
        ("Copilot", "play"),
        ("Cursor", "figma", "linear", "files"),
        ("Gemini CLI", "weather-sse", "weather-http", "python"),
        ("VS Code", "perplexity", "gateway"),
        ("Windsurf", "notes", "asleep"),
        ("Zed", "postgres", "old", "mcp-server-github"),
    }


def test_a_broken_configuration_is_found_as_such(home: Path) -> None:
    (home / ".cursor/mcp.json").write_text("{ hunter22secret")
    (found,) = (each for each in find_configurations({}, home) if each.host == "Cursor")
    assert (found.servers, found.problem) == ((), "it cannot be read as a configuration")


def test_claude_desktop(home: Path) -> None:
    servers = of(home, ".config/Claude/claude_desktop_config.json")
    assert servers["files"].command == "mcp-server-filesystem"
    assert servers["files"].args == ("/srv/files",)
    assert dict(servers["github"].env) == {"GITHUB_PERSONAL_ACCESS_TOKEN": "ghp_desktop0123456789abcdefghij"}


def test_claude_code(home: Path) -> None:
    servers = of(home, ".claude.json")
    assert servers["sentry"].transport is Transport.HTTP
    assert dict(servers["sentry"].headers) == {"Authorization": "Bearer sentry-token-1"}
    assert (servers["asana"].transport, servers["asana"].url) == (Transport.SSE, "https://mcp.asana.example/sse")
    assert (servers["stock"].command, servers["stock"].cwd) == ("./stock-server", "/home/ada/shop")


def test_vs_code_with_comments_inputs_and_trailing_commas(home: Path) -> None:
    servers = of(home, ".config/Code/User/mcp.json")
    assert servers["perplexity"].args == ("perplexity-mcp==1.4.0", "--region", "eu")
    assert dict(servers["perplexity"].env) == {"PERPLEXITY_KEY": "perplexity-key-1", "WHO": "ada"}
    assert dict(servers["gateway"].headers) == {"X-Trace": "//no comment"}


def test_vs_code_in_a_project(tmp_path: Path) -> None:
    project = copied(DATA / "project", tmp_path / "project")
    (server,) = of(project, ".vscode/mcp.json").values()
    assert (server.command, server.cwd) == (f"{project}/bin/server", str(project))
    assert server.args == ("--root", str(project))
    assert dict(server.env) == {"MODE": "production", "API_TOKEN": "token-from-a-file"}


def test_copilot(home: Path) -> None:
    assert of(home, ".copilot/mcp-config.json")["play"].transport is Transport.STDIO


def test_cursor(home: Path) -> None:
    servers = of(home, ".cursor/mcp.json")
    assert servers["figma"].transport is Transport.HTTP
    assert servers["linear"].transport is Transport.HTTP
    assert dict(servers["linear"].headers) == {"Authorization": "Bearer linear-key-12"}


def test_windsurf(home: Path) -> None:
    servers = of(home, ".codeium/windsurf/mcp_config.json")
    assert servers["notes"].url == "https://notes.example/mcp"
    assert dict(servers["notes"].headers) == {"X-API-Key": "windsurf-notes-key"}
    assert servers["asleep"].skip == "disabled"


def test_zed(home: Path) -> None:
    servers = of(home, ".config/zed/settings.json")
    assert servers["postgres"].command == "postgres-mcp"
    assert (servers["old"].command, servers["old"].args, servers["old"].env) == (
        "old-server",
        ("--stdio",),
        (("LEVEL", "3"),),
    )
    assert servers["mcp-server-github"].skip == "started by an extension of its editor; there is no command here"


def test_continue(home: Path) -> None:
    servers = of(home, ".continue/config.yaml", ".continue/mcpServers/browser.yaml")
    assert servers["sqlite"].args == ("mcp-server-sqlite", "--db-path", "/srv/test.db")
    assert dict(servers["sqlite"].env) == {"LIMIT": "10"}
    assert dict(servers["wiki"].headers) == {"Authorization": "Bearer wiki-token-123"}
    assert servers["browser"].transport is Transport.SSE


def test_gemini(home: Path) -> None:
    servers = of(home, ".gemini/settings.json")
    assert servers["weather-sse"].transport is Transport.SSE
    assert servers["weather-http"].transport is Transport.HTTP
    assert dict(servers["weather-http"].headers) == {"X-Key": "weather-key-1"}
    assert dict(servers["python"].env) == {"KEY": "weather-key-1", "PRICE": "5$"}
    assert servers["python"].cwd == str(home / "servers")


def test_codex(home: Path) -> None:
    servers = of(home, ".codex/config.toml")
    assert (servers["docs"].cwd, servers["docs"].server_seconds) == ("/srv/docs", 60)
    assert dict(servers["issues"].headers) == {
        "X-Team": "core",
        "X-Region": "eu-west",
        "Authorization": "Bearer issues-token-1",
    }
    assert servers["off"].skip == "disabled"


@pytest.mark.parametrize("word", ["http", "streamable-http", "streamableHttp", "streamable_http", "Streamable-HTTP"])
def test_aliases_of_streamable_http(word: str, loaded: Callable[..., Config]) -> None:
    config = loaded(json.dumps({"mcpServers": {"a": {"type": word, "url": "http://localhost/"}}}))
    assert config.servers[0].transport is Transport.HTTP


# --- variables ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${TOKEN}", "env X: the variable TOKEN is not set"),
        ("${env:TOKEN}", "env X: the variable TOKEN is not set"),
        ("${{ secrets.TOKEN }}", "env X: the variable TOKEN is not set"),
        ("${input:api-key}", "env X: the input api-key is asked for by its editor; set the variable INPUT_API_KEY"),
        ("${file:/nowhere/key}", "env X: the file /nowhere/key cannot be read"),
        ("${command:pick}", "env X: ${command:pick} has a value only inside its editor"),
    ],
)
def test_a_variable_without_value_is_that_server_s_problem(
    text: str, problem: str, loaded: Callable[..., Config]
) -> None:
    config = loaded(json.dumps({"mcpServers": {"a": {"command": "a", "env": {"X": text}}, "b": {"command": "b"}}}))
    assert [server.problem for server in config.servers] == [problem, None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A:-x}${B:-}", "1"),
        ("${B:-/srv/${A}", "/srv/${A"),
        ("$A ${1} $ {A} ${}", "$A ${1} $ {A} ${}"),
        ("${userHome}", "HOME"),
        ("pa$$word", "pa$$word"),
    ],
)
def test_what_is_a_variable_and_what_is_not(
    text: str, value: str, loaded: Callable[..., Config], tmp_path: Path
) -> None:
    config = loaded(json.dumps({"mcpServers": {"a": {"command": "a", "args": [text]}}}), environ={"A": "1"})
    assert config.servers[0].args == (value.replace("HOME", str(tmp_path / "nobody")),)


def test_systemd_credentials_are_variables_too(loaded: Callable[..., Config], tmp_path: Path) -> None:
    (tmp_path / "TOKEN").write_text("from-the-manager\n")
    text = json.dumps({"mcpServers": {"a": {"url": "http://localhost/", "headers": {"X": "${TOKEN}"}}}})
    config = loaded(text, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert config.servers[0].headers == (("X", "from-the-manager"),)
    assert "from-the-manager" in config.secrets


# --- bad entries ----------------------------------------------------------------------------------------------------

PROBLEMS: list[tuple[Any, str]] = [
    ("text", "its entry is not an object"),
    ({}, "it has neither `command` nor `url`"),
    ({"command": 5}, "`command` is not a string"),
    ({"command": "a", "args": "b"}, "`args` is not a list of strings"),
    ({"command": "a", "args": [["b"]]}, "`args` is not a list of strings"),
    ({"command": "a", "env": ["b"]}, "`env` is not an object of strings"),
    ({"command": "a", "env": {"A=B": "c"}}, "env A=B: is not the name of a variable"),
    ({"command": "a\0b"}, "command: holds a character that no process can be given (NUL or a lone surrogate)"),
    (
        {"command": "a", "args": ["\ud800"]},
        "args: holds a character that no process can be given (NUL or a lone surrogate)",
    ),
    ({"url": 5}, "`url` is not a string"),
    ({"url": "file:///etc/passwd"}, "`url` does not begin with http:// or https://"),
    ({"url": "http://"}, "`url` names no host"),
    ({"url": "http://[::1"}, "`url` is not an address"),
    ({"url": "http://a:99999/"}, "`url` is not an address"),
    ({"url": "http://a/\r\nX: y"}, "`url` holds a space or a control character"),
    ({"url": "http://a/", "headers": {"X": "a\r\nY: b"}}, "header X: holds a character that no header may have"),
    ({"url": "http://a/", "headers": {"X Y": "a"}}, "header X Y: is not the name of a header"),
    ({"url": "http://a/", "type": "websocket"}, "its type is not one of stdio, http, streamable-http, sse"),
    ({"url": "http://a/", "type": "stdio"}, "its type says stdio, and it has a `url`"),
    ({"command": "a", "type": "http"}, "its type says remote, and it has no `url`"),
    ({"command": "a", "envFile": "/nowhere/.env"}, "envFile: /nowhere/.env: no such file; name one that is there"),
]


@pytest.mark.parametrize(("entry", "problem"), PROBLEMS)
def test_one_bad_entry_never_hurts_the_others(entry: Any, problem: str, loaded: Callable[..., Config]) -> None:
    config = loaded(json.dumps({"mcpServers": {"bad": entry, "good": {"command": "good"}}}))
    assert [(server.id, server.problem) for server in config.servers] == [("bad", problem), ("good", None)]


# --- properties -----------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        "mcpServers",
        "servers",
        "projects",
        "inputs",
        "command",
        "args",
        "env",
        "url",
        "httpUrl",
        "type",
        "headers",
        "name",
        "x",
        "disabled",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=12)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=4)
)
ENTRY = st.dictionaries(KEYS, JSON, max_size=4)


@settings(deadline=None, max_examples=60)
@given(
    st.one_of(JSON, st.fixed_dictionaries({"mcpServers": st.dictionaries(st.text(st.characters()), ENTRY, max_size=4)}))
)
def test_any_json_is_servers_or_a_message(tmp_path_factory: pytest.TempPathFactory, document: Any) -> None:
    file = tmp_path_factory.mktemp("any") / "any.json"
    file.write_text(json.dumps(document))
    told = ""
    try:
        servers = load(Options(mcp_config=(file,)), {}, file.parent).servers
    except UsageError as error:
        told, servers = str(error), ()
    assert not told or told.startswith(f"{file}:")
    ids = [server.id for server in servers]
    slugs = [server.slug for server in servers]
    assert len(set(ids)) == len(ids) == len(set(slugs))
    assert slugs == [slug(each) for each in ids]
    for server in servers:
        json.dumps(server.id, ensure_ascii=False).encode()


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_entries_or_a_message(text: str) -> None:
    for name in ("a.json", "a.yaml", "a.toml"):
        told = ""
        try:
            read_entries(Path(name), text)
        except UsageError as error:
            told = str(error)
        assert not told or told.startswith(f"{name}:")


@settings(deadline=None)
@given(JSON, st.booleans())
def test_comments_and_trailing_commas_change_nothing(document: Any, indented: bool) -> None:
    from caelum_report.config.files import parse_json

    text = json.dumps(document, indent=2 if indented else None, allow_nan=False) if _finite(document) else "0"
    lines = [f"{line} // , ]\n" for line in text.split("\n")]
    commented = (
        "/* { */" + "".join(lines).replace("]", ", ]").replace("}", ",/**/}") if '"' not in text else "".join(lines)
    )
    assert parse_json(Path("a"), commented.replace("[, ]", "[]").replace("{,/**/}", "{}")) == json.loads(text)


def _finite(document: Any) -> bool:
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return False
    return True
