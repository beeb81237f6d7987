"""Which layer wins, where caelum.toml is looked for, and what check, show and explain say of it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from caelum_report.config import (
    Options,
    check,
    explain,
    find_configurations,
    initial_file,
    initial_toml,
    load,
    show,
    system_zone,
    write_initial,
)
from caelum_report.config.settings import VARIABLES
from caelum_report.config.units import duration, seconds
from caelum_report.errors import UsageError
from caelum_report.model import FoundConfiguration

Write = Callable[..., Path]


# --- where it is looked for -----------------------------------------------------------------------------------------


def test_the_order_in_which_caelum_toml_is_looked_for(toml: Write, tmp_path: Path) -> None:
    places = {
        name: toml(f'fleet = "{name}"\n', f"{folder}/caelum.toml")
        for name, folder in (
            ("option", "a"),
            ("variable", "b"),
            ("systemd", "c"),
            ("xdg", "d/caelum-report"),
            ("home", "home/.config/caelum-report"),
        )
    }
    home = tmp_path / "home"
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "d")}
    assert load(Options(), {}, home).fleet == "home"
    assert load(Options(), environ, home).fleet == "xdg"
    environ["CONFIGURATION_DIRECTORY"] = str(tmp_path / "c")
    assert load(Options(), environ, home).fleet == "systemd"
    environ["CAELUM_CONFIG"] = str(places["variable"])
    assert load(Options(), environ, home).fleet == "variable"
    config = load(Options(config=places["option"]), environ, home)
    assert (config.fleet, config.file) == ("option", str(places["option"]))


def test_never_in_the_working_folder(toml: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toml('fleet = "trap"\n').parent)
    toml("CAELUM_FLEET=trap\n", "etc/.env")
    config = load(Options(), {}, tmp_path)
    assert (config.fleet, config.file) == (config.host, None)
    assert config.output == str(tmp_path / "etc" / "reports")


def test_a_dotenv_beside_it_is_weaker_than_the_environment(toml: Write, tmp_path: Path) -> None:
    file = toml('[[server]]\nname = "a"\ncommand = "a"\nenv = { A = "${A}", B = "${B}" }\n')
    toml("# ours\nexport A=\"1 # 2\"\nB=old # or new\nCAELUM_FLEET='x'\n", "etc/.env")
    config = load(Options(config=file), {"B": "new"}, tmp_path)
    assert dict(config.servers[0].env) == {"A": "1 # 2", "B": "new"}
    assert config.fleet == "x"


def test_a_dotenv_line_that_is_none_is_told_by_its_number(toml: Write, tmp_path: Path) -> None:
    toml("A=1\nhunter22secret\n", "etc/.env")
    with pytest.raises(UsageError) as caught:
        load(Options(config=toml("")), {}, tmp_path)
    assert str(caught.value) == f"{tmp_path}/etc/.env:2:1: expected NAME=value"


# --- layers ---------------------------------------------------------------------------------------------------------


def test_option_over_environment_over_file_over_default(toml: Write, tmp_path: Path) -> None:
    file = toml('output = "site"\npdf = true\nfail_on = "down"\nevery = "1h30m"\n')
    environ = {"CAELUM_FAIL_ON": "needs-action", "CAELUM_PDF": "no", "CAELUM_ZONE": "", "CAELUM_EVERY": "2h"}
    config = load(Options(config=file), environ, tmp_path)
    assert (config.output, config.pdf, config.fail_on) == (str(file.parent / "site"), False, "needs-action")
    assert (config.every_seconds, config.scheduled) == (7200, True)
    config = load(Options(config=file, output=tmp_path / "x", pdf=True, fail_on="never"), environ, tmp_path)
    assert (config.output, config.pdf, config.fail_on) == (str(tmp_path / "x"), True, "never")


def test_the_history_is_in_the_state_folder(tmp_path: Path) -> None:
    for environ, database in (
        ({}, tmp_path / ".local/state/caelum-report/history.sqlite"),
        ({"XDG_STATE_HOME": "/x"}, Path("/x/caelum-report/history.sqlite")),
        ({"STATE_DIRECTORY": "/var/lib/caelum-report:/y"}, Path("/var/lib/caelum-report/history.sqlite")),
        ({"STATE_DIRECTORY": "/z", "CAELUM_DATABASE": "/h.sqlite"}, Path("/h.sqlite")),
    ):
        assert load(Options(), environ, tmp_path).database == str(database)


def test_the_zone_is_the_system_s(tmp_path: Path) -> None:
    nowhere = tmp_path / "localtime"
    assert system_zone({"TZ": ":Asia/Tokyo"}, nowhere) == "Asia/Tokyo"
    assert system_zone({"TZ": "nonsense"}, nowhere) == "UTC"
    (tmp_path / "timezone").write_text("Europe/Rome\n")
    assert system_zone({}, nowhere) == "Europe/Rome"
    nowhere.symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    assert system_zone({}, nowhere) == "Europe/Berlin"


def test_debug_is_the_word_of_the_original_design(tmp_path: Path) -> None:
    assert [load(Options(), {"DEBUG": word}, tmp_path).debug for word in ("true", "1", "0", "app:*")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_static_site_needs_neither_host_nor_port(tmp_path: Path) -> None:
    config = load(Options(), {"CAELUM_ANALYTICS_HOST": "0.0.0.0", "CAELUM_ANALYTICS_PORT": "8000"}, tmp_path)
    (note,) = (note for note in config.notes if note.code == "variable-unneeded")
    assert note.text.startswith("CAELUM_ANALYTICS_HOST and CAELUM_ANALYTICS_PORT: accepted and not needed")


@pytest.mark.parametrize(
    ("text", "value"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("1.5 h", 5400), ("250ms", 0.25), ("2w", 1_209_600)]
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value
    assert seconds(duration(value)) == value


@pytest.mark.parametrize("text", ["", "0s", "-1s", "1", "1y", "s", "1h 30", "1e9h", "٣s1"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="a duration such as"):
        seconds(text)


# --- words ----------------------------------------------------------------------------------------------------------

SHOWN = """
fleet = "Shop"
every = "1h"
[[server]]
name = "a"
command = "/opt/a"
args = ["--key", "hunter22secret"]
env = { TOKEN = "hunter22secret" }
[[server]]
name = "b"
url = "https://u:hunter22secret@x.example/?key=hunter22secret"
headers = { Authorization = "hunter22secret" }
disabled = true
"""


def test_show_masks_every_value_that_may_be_secret(toml: Write, tmp_path: Path) -> None:
    file = toml(SHOWN)
    text = show(Options(config=file), {"CAELUM_EVERY": "2h", "INFLUXDB_TOKEN": "hunter22secret"}, tmp_path)
    assert "hunter22secret" not in text
    for line in (
        'fleet = "Shop"  # file',
        'every = "2h"  # environment',
        'stdio_every = "15m"  # default',
        'raw = "14d"  # default',
        "# runs /opt/a --key '[redacted]'",
        "# with the variables TOKEN",
        "# asks https://x.example:443/ over http",
        "# with the headers Authorization",
        "# disabled",
    ):
        assert line in text.splitlines()


def test_check_says_what_is_in_use(toml: Write, tmp_path: Path) -> None:
    file = toml(SHOWN)
    lines = check(Options(config=file), {}, tmp_path)[0].splitlines()
    assert lines[0] == f"{file}: good"
    assert lines[1].startswith("2 servers, history in ")
    assert "  b: disabled" in lines
    assert not any("hunter22secret" in line for line in lines)


def test_explain_says_which_layer_won(toml: Write, tmp_path: Path) -> None:
    file = toml(SHOWN)
    options = Options(config=file)
    assert explain("every", options, {"CAELUM_EVERY": "2h"}, tmp_path).splitlines() == [
        'every = "2h"',
        "  how often a report is meant to be made; gaps are judged by it",
        "  from: environment CAELUM_EVERY",
        '  environment  CAELUM_EVERY: "2h"',
        f'  file         {file}:3: "1h"',
        "  default      learned from history",
    ]
    assert f"  from: {file}:3:1" in explain("every", options, {}, tmp_path).splitlines()
    assert "  from: default" in explain("retention.raw", options, {}, tmp_path).splitlines()
    assert explain("CAELUM_EVERY", options, {}, tmp_path) == explain("every", options, {}, tmp_path)
    assert explain("server.canary.tool", options, {}, tmp_path).startswith("server.canary.tool: the tool to call")
    assert explain("server.a", options, {}, tmp_path).startswith('[[server]]\nname = "a"')


@pytest.mark.parametrize("name", VARIABLES)
def test_explain_knows_every_variable_and_keeps_secrets(name: str, tmp_path: Path) -> None:
    values = {
        "CAELUM_EVERY": "1h",
        "CAELUM_STDIO_EVERY": "1h",
        "CAELUM_ZONE": "UTC",
        "CAELUM_PUBLISH": "auto",
        "CAELUM_PAPER": "letter",
        "CAELUM_PDF": "1",
    }
    values |= {"CAELUM_SITE_URL": "https://x.example/", "CAELUM_FAIL_ON": "down"}
    value = values.get(name, "https://u:hunter22secret@x.example/")
    environ = {name: value} if name not in {"MCP_SERVERS_CONFIG_PATH", "CAELUM_CONFIG"} else {}
    if VARIABLES[name].secret:
        environ[name] = "hunter22secret"
    text = explain(name, Options(), environ, tmp_path)
    assert VARIABLES[name].text in text
    assert VARIABLES[name].key is not None or "hunter22secret" not in text


def test_explain_names_the_entries_that_miss_a_variable(toml: Write, tmp_path: Path) -> None:
    options = Options(
        config=toml('[[server]]\nname = "a"\nurl = "https://x.example/mcp"\nheaders = { A = "${WANTED}" }\n')
    )
    assert explain("WANTED", options, {}, tmp_path).startswith("WANTED: not set, and needed by a")
    assert "hidden" not in explain("WANTED", options, {"WANTED": "hidden"}, tmp_path)


def test_explain_helps_with_a_wrong_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="evry: is not a key; did you mean `every`"):
        explain("evry", Options(), {}, tmp_path)
    with pytest.raises(UsageError, match=r"conect: is not a key; did you mean `budgets\.connect`"):
        explain("conect", Options(), {}, tmp_path)


# --- init -----------------------------------------------------------------------------------------------------------


def test_init_writes_a_file_that_load_understands(home: Path, tmp_path: Path) -> None:
    found = find_configurations({}, home)
    file = initial_file({"XDG_CONFIG_HOME": str(tmp_path / "xdg")}, home)
    text = initial_toml(found, fleet='Ada\'s "fleet"\x7f\n', zone="Europe/Berlin", path="/opt/\\bin:/bin")
    write_initial(text, file)
    assert file == tmp_path / "xdg/caelum-report/caelum.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    environ = {"SENTRY_TOKEN": "", "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    config = load(Options(), environ, home)
    assert (config.fleet, config.zone, config.path) == (
        'Ada\'s "fleet"<U+007F><U+000A>',
        "Europe/Berlin",
        "/opt/\\bin:/bin",
    )
    assert {"files", "sentry", "weather-sse", "docs"} <= {server.id for server in config.servers}
    assert all(server.watched for server in config.servers)
    assert not [each for each in config.found if each.path.startswith(str(home))]


def test_init_never_replaces_a_file(toml: Write) -> None:
    file = toml('fleet = "mine"\n')
    with pytest.raises(UsageError, match="is there already"):
        write_initial("", file)
    assert file.read_text() == 'fleet = "mine"\n'


def test_the_examples_in_the_first_file_are_valid(toml: Write, tmp_path: Path) -> None:
    hostile = FoundConfiguration("Cursor", '/x/"\n]\ufeff', ("a\nb = 1",), "broken\n]")
    text = initial_toml((hostile,), fleet="a", zone="UTC", path="")
    commented = [line.removeprefix("# ") for line in text.splitlines() if line.startswith(("# ", "#\n"))]
    start = next(number for number, line in enumerate(commented) if line.startswith("[[server]]"))
    settings = [line for line in commented[:start] if " = " in line.split("#")[0] and line[0].islower()]
    file = toml("\n".join([*settings, *commented[start:]]))
    config = load(Options(config=file), {"GATEWAY_TOKEN": "x"}, tmp_path)
    assert {server.id for server in config.servers} == {"github", "gateway"}
    assert load(Options(config=toml(text, "b/caelum.toml")), {}, tmp_path).fleet == "a"


# --- cost -----------------------------------------------------------------------------------------------------------


def test_importing_config_imports_nothing_heavy() -> None:
    code = "import sys, caelum_report.config; print([m for m in ('pydantic', 'yaml', 'typer', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout == "[]\n"
