"""What is started, and with whose consent; who may write the files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from caelum_report.config import Options, consent, describe, load, pending
from caelum_report.configured import Config
from caelum_report.errors import UsageError

Write = Callable[..., Path]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def watched(toml: Write, entry: dict[str, object], extra: str = "", environ: dict[str, str] | None = None) -> Config:
    mcp = toml(json.dumps({"mcpServers": {"a": entry}}), "etc/mcp.json")
    file = toml(f"mcp_configs = [{json.dumps(str(mcp))}]\n{extra}")
    return load(Options(config=file), environ or {}, file.parent)


def test_a_new_server_of_a_watched_file_waits(toml: Write) -> None:
    config = watched(toml, {"command": "a"})
    (server,) = consent(config, {}).servers
    assert server.skip == "not approved: new in a watched file; caelum-report approve shows it"
    assert pending(config, {}) == config.servers


def test_an_approved_server_runs_until_it_changes(toml: Write) -> None:
    config = watched(toml, {"command": "a"})
    approved = {server.id: server.fingerprint for server in config.servers}
    assert consent(config, approved) == config
    changed = consent(watched(toml, {"command": "a", "args": ["-x"]}), approved)
    assert changed.servers[0].skip == "not approved: changed since it was approved; caelum-report approve shows it"


def test_a_file_named_for_this_run_is_approved_by_that(loaded: Callable[..., Config]) -> None:
    config = loaded('{"mcpServers": {"a": {"command": "a"}}}')
    assert consent(config, {}) == config


def test_a_server_block_is_approved_by_being_written(toml: Write) -> None:
    config = load(Options(config=toml('[[server]]\nname = "a"\ncommand = "a"\n')), {}, Path("/nowhere"))
    assert consent(config, {}) == config


def test_trust_in_the_file_turns_waiting_off(toml: Write) -> None:
    config = watched(toml, {"command": "a"}, 'trust = "file"\n')
    assert consent(config, {}).servers[0].skip is None


def test_the_variable_of_the_original_design_names_a_watched_file(toml: Write, tmp_path: Path) -> None:
    mcp = toml('{"mcpServers": {"a": {"command": "a"}}}', "etc/mcp.json")
    config = load(Options(), {"MCP_SERVERS_CONFIG_PATH": str(mcp)}, tmp_path)
    assert config.servers[0].watched


def test_facts_in_caelum_toml_do_not_approve_the_command(toml: Write) -> None:
    config = watched(toml, {"command": "a"}, '[[server]]\nname = "a"\nowner = "ada"\n')
    assert (config.servers[0].owner, config.servers[0].watched) == ("ada", True)


@pytest.mark.parametrize(
    ("entry", "same"),
    [
        ({"command": "a", "env": {"X": "2"}}, True),  # values rotate
        ({"command": "a", "env": {"X": "1", "LD_PRELOAD": "/tmp/x.so"}}, False),
        ({"command": "a", "env": {"X": "1", "Y": ""}}, False),
        ({"command": "a", "env": {"X": "1"}, "cwd": "/tmp"}, False),
        ({"command": "b", "env": {"X": "1"}}, False),
        ({"url": "https://a/", "headers": {"X": "1"}}, False),
        ({"command": "a", "env": {"X": "1"}, "type": "stdio", "timeout": 5}, True),
    ],
)
def test_what_consent_is_given_to(entry: dict[str, object], same: bool, toml: Write) -> None:
    before = watched(toml, {"command": "a", "env": {"X": "1"}}).servers[0].fingerprint
    assert (watched(toml, entry).servers[0].fingerprint == before) is same


def test_a_variable_that_steers_the_loader_is_approved_with_its_value(toml: Write) -> None:
    one = watched(toml, {"command": "a", "env": {"NODE_OPTIONS": "--require a"}}).servers[0]
    other = watched(toml, {"command": "a", "env": {"NODE_OPTIONS": "--require b"}}).servers[0]
    assert one.fingerprint != other.fingerprint


def test_a_rotated_token_behind_a_variable_is_no_change(toml: Write) -> None:
    entry: dict[str, object] = {"url": "https://a/?key=${KEY}"}
    one, two = (watched(toml, entry, environ={"KEY": key}).servers[0] for key in ("1", "2"))
    assert (one.url, one.fingerprint) == ("https://a/?key=1", two.fingerprint)


def test_what_is_shown_for_approval_holds_no_secret(toml: Write) -> None:
    entry = {
        "command": "/opt/a",
        "args": ["--token", "hunter22secret", "--db=postgres://u:hunter22secret@db/x"],
        "env": {"K": "v"},
    }
    config = watched(toml, dict(entry))
    assert describe(config.servers[0], config) == (
        "runs /opt/a --token '[redacted]' '--db=postgres://[redacted]@db/x'",
        "with the variables K",
    )


# --- who may write --------------------------------------------------------------------------------------------------


def test_a_file_that_everybody_can_write_is_refused(toml: Write, tmp_path: Path) -> None:
    file = toml('fleet = "a"\n')
    file.chmod(0o666)
    with pytest.raises(UsageError, match=r"everybody can write .*chmod o-w"):
        load(Options(config=file), {}, tmp_path)


@pytest.mark.parametrize("name", ["etc/mcp.json", "etc/.env"])
def test_so_is_one_beside_it(name: str, toml: Write, tmp_path: Path) -> None:
    file = toml(f"mcp_configs = [{json.dumps(str(tmp_path / 'etc/mcp.json'))}]\n")
    toml("{}", "etc/mcp.json")
    toml("A=b\n", name).chmod(0o666) if name.endswith(".env") else (tmp_path / name).chmod(0o666)
    with pytest.raises(UsageError, match="refused, because everybody can write"):
        load(Options(config=file), {}, tmp_path)


def test_a_folder_in_which_everybody_can_replace_it_is_refused(toml: Write, tmp_path: Path) -> None:
    file = toml('fleet = "a"\n')
    file.parent.chmod(0o777)
    with pytest.raises(UsageError, match="everybody can write"):
        load(Options(config=file), {}, tmp_path)
    file.parent.chmod(0o1777)
    assert load(Options(config=file), {}, tmp_path).fleet == "a"


def test_a_group_without_other_members_is_nobody_else(toml: Write, tmp_path: Path) -> None:
    file = toml('fleet = "a"\n')
    file.chmod(0o664)
    assert load(Options(config=file), {}, tmp_path).fleet == "a"


@as_root
def test_somebody_else_s_file_is_refused(toml: Write, tmp_path: Path) -> None:
    file = toml('fleet = "a"\n')
    os.chown(file, 65_534, -1)
    with pytest.raises(UsageError, match="belongs to nobody"):
        load(Options(config=file), {}, tmp_path)


@as_root
def test_root_runs_with_a_note_and_never_what_others_can_write(toml: Write, tmp_path: Path) -> None:
    program = toml("#!/bin/sh\n", "bin/server")
    program.chmod(0o755)
    blocks = f'[[server]]\nname = "a"\ncommand = {json.dumps(str(program))}\n[[server]]\nname = "b"\ncommand = "sh"\nargs = [{json.dumps(str(program))}]\n'
    config = load(Options(config=toml(blocks)), {"PATH": os.defpath}, tmp_path)
    assert [server.problem for server in config.servers] == [None, None]
    assert [note.code for note in config.notes] == ["root"]
    os.chown(program, 65_534, -1)
    config = load(Options(config=toml(blocks)), {"PATH": os.defpath}, tmp_path)
    assert [str(server.problem)[:16] for server in config.servers] == ["refused as root:"] * 2
