"""One bad file for each rule, and what it is told: file, line, column, key, what is expected; never what stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from caelum_report.config import Options, load
from caelum_report.config.source_tables import SOURCE_TABLES
from caelum_report.errors import UsageError

from .conftest import DATA, copied

BAD = {
    "boolean.toml": "1:1: `pdf`: expected true or false",
    "canary.toml": "3:9: `server[1].canary.tool` is missing: the tool to call; refused where it says destructiveHint\n"
    "4:1: `server[1].canary.tol` is not a key here; did you mean `tool`?",
    "choice.toml": '1:1: `publish`: expected "auto", "exchange", "symlink" or "in-place"',
    "command-and-url.toml": "4:1: `server[1].url`: expected either `command` or `url`, not both",
    "days.toml": '2:1: `retention.raw`: expected a duration of whole days such as "14d" or "52w"',
    "duration.toml": '1:1: `every`: expected a duration such as "90s", "15m", "1h" or "1d"',
    "env-number.toml": "6:1: `server[1].env.TOKEN`: expected a string in quotes",
    "env-of-remote.toml": "4:1: `server[1].env`: expected only beside `command`",
    "key-of-another-table.toml": "2:1: `budgets.fleet` is not a key here; it belongs to the top of the file",
    "list.toml": "1:1: `mcp_configs`: expected a list in square brackets",
    "maintenance-order.toml": "5:1: `server[1].maintenance[1].end`: expected a time after `start`",
    "maintenance-time.toml": "4:1: `server[1].maintenance[1].start`: expected a date and time such as 2026-12-24T22:00:00",
    "no-name.toml": "1:1: `server[1].name` is missing: the server's name; the same as in an mcp.json adds facts to that one",
    "not-utf-8.toml": "1:13: not UTF-8; save the file as UTF-8",
    "objective.toml": '3:1: `server[1].objective`: expected a share such as "99.5 %" or 0.995',
    "one-bracket.toml": "1:2: `server`: expected [[server]], with two pairs of brackets",
    "retention-order.toml": "2:1: `retention.raw`: expected at most as long as `retention.hourly`",
    "same-name.toml": "5:1: `server[2].name`: expected another name; [[server]] number 1 has this one",
    "several.toml": '1:1: `every`: expected a duration such as "90s", "15m", "1h" or "1d"\n'
    "3:1: `budgets.conect` is not a key here; did you mean `connect`?",
    "site-url.toml": '1:1: `site_url`: expected the address of the published site, such as "https://status.example.org/mcp/"',
    "size.toml": '2:1: `budgets.probe_bytes`: expected a size such as "8 MB" or a number of bytes',
    "source-brackets.toml": "1:1: `source`: expected [[source]], with two pairs of brackets",
    "source-key-of-another-kind.toml": "5:1: `source[1].query` is not a key here; it belongs to sources of the kinds "
    "prometheus and influxdb",
    "source-key.toml": "4:1: `source[1].ulr` is not a key here; did you mean `url`?",
    "source-kind.toml": "3:1: `source[1].kind` is not a kind of source; did you mean `http-json`?",
    "source-metric.toml": "7:1: `source[1].metric[1].value`: expected a JMESPath expression such as "
    '"servers[].name" (https://jmespath.org)\n'
    "9:1: `source[1].metric[2].name`: expected a name in small letters, digits and underscores, such as queue_length\n"
    "11:1: `source[1].metric[2].uint` is not a key here; did you mean `unit`?",
    "source-no-metric.toml": "6:1: `source[1].metric`: expected at least one",
    "source-twice.toml": "7:1: `source[2].name`: expected another name; [[source]] number 1 has this one",
    "source-window.toml": "1:1: `source[1]`: expected a `window` shorter than `timeout`; they are 20 s and 10 s",
    "source-without-kind.toml": f"1:1: `source[1].kind` is missing: one of {', '.join(SOURCE_TABLES)}",
    "syntax.toml": "4:34: not TOML: Illegal character '\\n'",
    "transport.toml": '4:1: `server[1].transport`: expected "http" or "sse" beside `url`',
    "twice.toml": "2:12: not TOML: Cannot overwrite a value",
    "unknown-key.toml": "2:1: `evry` is not a key here; did you mean `every`?",
    "variable-with-value.toml": "1:21: `pass_env[2]`: expected the name of an environment variable, without its value",
    "zone.toml": '1:1: `zone`: expected a time zone such as "Europe/Berlin" or "UTC"',
}
BAD_MCP = {
    "alias.yaml": "3:18: not YAML",
    "bare.toml": "2:11: not TOML: Invalid value",
    "list.json": "1:1: expected an object with `mcpServers`",
    "root-key.json": "2:3: `mcpservers` is not a key; did you mean `mcpServers`?",
    "root-type.json": "2:3: `mcpServers`: expected an object of servers by name",
    "syntax.json": "3:27: not JSON: Expecting ',' delimiter",
}


def test_every_bad_file_has_its_message() -> None:
    assert {file.name for file in (DATA / "bad").iterdir()} == set(BAD)
    assert {file.name for file in (DATA / "bad-mcp").iterdir()} == set(BAD_MCP)


@pytest.mark.parametrize("name", BAD)
def test_bad_toml(name: str, tmp_path: Path) -> None:
    file = copied(DATA / "bad" / name, tmp_path / name)
    with pytest.raises(UsageError) as caught:
        load(Options(config=file), {}, tmp_path)
    assert str(caught.value) == "\n".join(f"{file}:{line}" for line in BAD[name].splitlines())
    assert "hunter22secret" not in str(caught.value)


@pytest.mark.parametrize("name", BAD_MCP)
def test_bad_mcp_file(name: str, tmp_path: Path) -> None:
    file = copied(DATA / "bad-mcp" / name, tmp_path / name)
    with pytest.raises(UsageError) as caught:
        load(Options(mcp_config=(file,)), {}, tmp_path)
    assert str(caught.value) == f"{file}:{BAD_MCP[name]}"
    assert "hunter22secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"CAELUM_EVERY": "hunter22secret"},
            'CAELUM_EVERY: `every`: expected a duration such as "90s", "15m", "1h" or "1d"',
        ),
        ({"CAELUM_PDF": "perhaps"}, "CAELUM_PDF: `pdf`: expected true or false"),
        (
            {"CAELUM_ZONE": "../../etc/passwd"},
            'CAELUM_ZONE: `zone`: expected a time zone such as "Europe/Berlin" or "UTC"',
        ),
    ],
)
def test_a_bad_variable_is_named_and_not_printed(environ: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(Options(), environ, tmp_path)
    assert str(caught.value) == message


def test_a_bad_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'^--fail-on: expected "never", "down" or "needs-action"$'):
        load(Options(fail_on="always"), {}, tmp_path)
    with pytest.raises(UsageError, match=r'^--fail-on: expected .*; did you mean "down"\?$'):
        load(Options(fail_on="dwon"), {}, tmp_path)


@pytest.mark.parametrize("option", ["config", "mcp_config"])
def test_a_missing_file_is_named(option: str, tmp_path: Path) -> None:
    missing = tmp_path / "gone.json"
    options = Options(config=missing) if option == "config" else Options(mcp_config=(missing,))
    with pytest.raises(UsageError, match=r"gone\.json: no such file"):
        load(options, {}, tmp_path)


def test_a_folder_is_not_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load(Options(mcp_config=(tmp_path,)), {}, tmp_path)


def test_nesting_ends_as_a_message(tmp_path: Path) -> None:
    for name, text in (
        ("deep.json", "[" * 200_000),
        ("deep.toml", "a = " + "[" * 50_000),
        ("digits.json", "9" * 5_000),
    ):
        file = tmp_path / name
        file.write_text(text)
        with pytest.raises(UsageError, match=r"not (a configuration|TOML|JSON)"):
            load(Options(mcp_config=(file,)), {}, tmp_path)


def test_history_never_lies_in_the_published_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lies in the published folder"):
        load(Options(output=tmp_path / "site", db=tmp_path / "site" / "history.sqlite"), {}, tmp_path)
