"""Rules, windows, objectives and ways out: what they mean, what a wrong one is told, and the file that a command edits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caelum_report.alerting import Hold, Severity
from caelum_report.config import Options, load, remove_rule, set_rule, show
from caelum_report.configured import Config
from caelum_report.default_rules import DEFAULT_RULES
from caelum_report.errors import UsageError

Toml = Callable[[str], Path]
RULE = '[[rule]]\nname = "x"\n'
WAY = '[[deliver]]\nname = "x"\n'
BAD = {
    RULE: "2:1: `rule[1].name`: expected one of `state`, `above`, `below`, `change`, `absent`, `anomaly`, `reaches`, `finding` beside it",
    f'{RULE}state = "downn"': '3:1: `rule[1].state[1]`: expected "up", "degraded", "down", "auth-walled" or "unknown"; did you mean "down"?',
    f'{RULE}metric = "latensy"\nabove = 1': "3:1: `rule[1].metric`: expected a metric; did you mean `latency`?",
    f'{RULE}metric = "queue"\nabove = 1': "3:1: `rule[1].metric`: expected a metric, or `source` beside it",
    f'{RULE}metric = "latency"\nabove = "2 GB"': '4:1: `rule[1].above`: expected a duration such as "90s", "15m", "1h" or "1d"',
    f'{RULE}metric = "latency"\nabove = 1\nclear = 2': "5:1: `rule[1].clear`: expected on the good side of the threshold",
    f"{RULE}above = 1": "3:1: `rule[1].above`: expected `metric` beside it",
    f'{RULE}state = "down"\nfor = "a while"': '4:1: `rule[1].for`: expected a number of checks such as "2 checks", or a duration such as "10m"',
    f'{RULE}state = "down"\nfro = "10m"': "4:1: `rule[1].fro` is not a key here; did you mean `for`?",
    f'{RULE}state = "down"\n{RULE}state = "down"': "5:1: `rule[2].name`: expected another name; [[rule]] number 1 has this one",
    '[[window]]\nname = "w"\nstart = 2026-01-01T02:00:00\nend = 2026-01-01T01:00:00': "4:1: `window[1].end`: expected a time after `start`",
    '[[window]]\nname = "w"\nstart = 2026-01-01T02:00:00\nend = 2026-01-03T01:00:00\nrepeat = "daily"': "4:1: `window[1].end`: expected before it repeats (daily)",
    '[[window]]\nname = "w"\nstart = 2026-01-01T02:00:00\nend = 2026-01-01T03:00:00\nzone = "Mars/Base"': '5:1: `window[1].zone`: expected a time zone such as "Europe/Berlin" or "UTC"',
    f'{WAY}kind = "pigeon"': '3:1: `deliver[1].kind`: expected "email", "webhook", "apprise", "mcp" or "command"',
    f'{WAY}kind = "webhook"\nurl = "https://a.example/"\nto = ["a@b.example"]': '5:1: `deliver[1].to`: expected only beside kind = "email"',
    f'{WAY}kind = "mcp"\nserver = "a"': "3:1: `deliver[1].kind`: expected `tool` beside it",
    f'{RULE}metric = "latency"\nabove = 1\nabsent = true': "2:1: `rule[1].name`: expected one of `state`, `above`, `below`, `change`, `absent`, `anomaly`, `reaches`, `finding` beside it, not `absent` and `above`",
    f'{WAY}kind = "email"\nhost = "m"\nsender = "a@b.example"\nto = ["a b c"]': '6:7: `deliver[1].to[1]`: expected one mail address, such as "ops@example.org" or "Ops <ops@example.org>"',
    f'{WAY}kind = "apprise"\nurls = ["nonsense"]': '4:9: `deliver[1].urls[1]`: expected an address as Apprise has them, such as "ntfys://host/topic"',
    f'{WAY}kind = "webhook"\nurl = "https://a.example/"\ntemplate = "{{titel}} {{other}}"': "5:1: `deliver[1].template`: {titel} is no word of a message; did you mean {title}?",
    f'{WAY}kind = "command"\ncommand = ["true"]\nalerts = false': "5:1: `deliver[1].alerts`: expected `reports` or `digest` beside it, or it never sends anything",
    '[[objective]]\nname = "all"\ntarget = "99 %"': "2:1: `objective[1].name`: expected `servers` or `groups` beside it",
}  # fmt: skip


def settings(file: Path, **environ: str) -> Config:
    return load(Options(config=file), environ, file.parent)


@pytest.mark.parametrize("text", BAD)
def test_a_wrong_block_is_told_where_and_what(text: str, toml: Toml) -> None:
    file = toml(text)
    with pytest.raises(UsageError) as caught:
        settings(file)
    assert str(caught.value) == f"{file}:{BAD[text]}"


def test_the_built_in_rules_hold_until_one_of_their_name_comes(toml: Toml) -> None:
    assert settings(toml("")).rules == DEFAULT_RULES
    file = toml(
        '[[rule]]\nname = "down"\nstate = "down"\nfor = "10m"\n[[rule]]\nname = "disk"\ndisabled = true\n'
        '[[rule]]\nname = "mine"\nmetric = "rss"\nabove = "2 GiB"\nseverity = "info"\nrecover_for = "3 checks"\n'
    )
    rules = {rule.name: rule for rule in settings(file).rules}
    assert list(rules) == [rule.name for rule in DEFAULT_RULES if rule.name != "disk"] + ["mine"]
    assert rules["down"].hold == Hold(1, 600)
    assert (rules["mine"].above, rules["mine"].severity, rules["mine"].recover) == (2.0**31, Severity.INFO, Hold(3, 0))


def test_a_window_is_that_of_the_servers_that_it_names_by_the_clock_of_its_zone(toml: Toml) -> None:
    file = toml(
        '[[server]]\nname = "a"\nurl = "https://a.example/"\ngroup = "Storage"\n[[server]]\nname = "b"\nurl = "https://b.example/"\n'
        '[[window]]\nname = "backup"\nstart = 2026-03-22T02:30:00\nend = 2026-03-22T04:00:00\nrepeat = "weekly"\n'
        'zone = "Europe/Berlin"\ngroups = ["Stor*"]\n'
    )
    first, second = settings(file).servers
    assert second.maintenance == ()
    (window,) = first.maintenance
    assert window.start.astimezone(UTC) == datetime(2026, 3, 22, 1, 30, tzinfo=UTC)
    assert (window.end - window.start, window.weekly, window.reason) == (timedelta(minutes=90), True, "backup")


def test_who_is_named_and_not_there_is_told_with_place_and_nearest_name(toml: Toml) -> None:
    file = toml(
        '[[server]]\nname = "api-gateway"\nurl = "https://a.example/"\ngroup = "Platform"\n'
        f'{RULE}metric = "latency"\nabove = 1\nsubjects = ["api-*", "api-gatway"]\n'
        '[[rule]]\nname = "y"\nmetric = "disk_used"\nabove = 1\nsubjects = ["/srv"]\n'
        '[[window]]\nname = "w"\nstart = 2026-01-01T02:00:00\nend = 2026-01-01T03:00:00\ngroups = ["Platfrom"]\n'
        '[[objective]]\nname = "o"\ntarget = 0.99\nservers = ["elsewhere@other", "nobody"]\n'
        f'{WAY}kind = "mcp"\nserver = "notify"\ntool = "t"\n'
    )
    notes = {note.code: note.text for note in settings(file).notes if note.code.endswith("-of-nobody")}
    assert notes == {
        "rule-of-nobody": f"{file}:9:22: no server is called api-gatway; did you mean api-gateway?",
        "window-of-nobody": f"{file}:19:11: no group is called Platfrom; did you mean Platform?",
        "objective-of-nobody": f"{file}:23:31: no server is called nobody",
        "deliver-of-nobody": f"{file}:27:1: no server is called notify",
    }


def test_a_way_out_without_its_variable_is_said_and_the_others_go_on(toml: Toml) -> None:
    file = toml(
        f'{WAY}kind = "webhook"\nurl = "https://a.example/${{HOOK_TOKEN}}"\n'
        '[[deliver]]\nname = "chat"\nkind = "apprise"\nurls = ["slack://${CHAT_TOKEN}"]\n'
    )
    config = settings(file, CHAT_TOKEN="tok-0123456789abcdef")
    assert [channel.problem for channel in config.channels] == ["the variable HOOK_TOKEN is not set", None]
    assert "nothing goes out by x, messages wait: the variable HOOK_TOKEN is not set" in [
        note.text for note in config.notes
    ]
    assert "slack://tok-0123456789abcdef" in config.secrets
    shown = show(Options(config=file), {"CHAT_TOKEN": "tok-0123456789abcdef"}, file.parent)
    assert "tok-0123456789abcdef" not in shown


def test_the_secrets_of_the_service_manager_are_variables_of_ways_out_and_of_the_switch(
    toml: Toml, tmp_path: Path
) -> None:
    for name, value in (("SMTP_PASSWORD", "correct horse"), ("CAELUM_PING_URL", "https://ping.example/0123456789")):
        (tmp_path / name).write_text(f"{value}\n")
    file = toml(
        f'{WAY}kind = "email"\nhost = "mail.example"\nsender = "a@b.example"\nto = ["c@d.example"]\n'
        'user = "caelum"\npassword = "${SMTP_PASSWORD}"\n'
    )
    config = settings(file, CREDENTIALS_DIRECTORY=str(tmp_path))
    assert [(channel.problem, channel.options["password"]) for channel in config.channels] == [(None, "correct horse")]
    assert config.ping_url == "https://ping.example/0123456789"
    assert {"correct horse", "https://ping.example/0123456789"} <= set(config.secrets)
    assert (
        settings(file, CREDENTIALS_DIRECTORY="/nowhere").channels[0].problem == "the variable SMTP_PASSWORD is not set"
    )


TOML = """# our fleet
every = "1h"  # as the timer

[[rule]]
name = "slow"  # agreed with the platform team
metric = "latency"
above = "800ms"

[retention]
raw = "14d"
"""


def test_a_command_edits_the_file_and_keeps_its_comments(toml: Toml) -> None:
    file = toml(TOML)
    assert set_rule(file, "slow", {"above": "1s", "severity": "critical"}).startswith("Changed")
    assert set_rule(file, "down", {"disabled": True}).startswith("Added")
    text = file.read_text()
    for comment in ("# our fleet", "# as the timer", "# agreed with the platform team"):
        assert comment in text
    rules = {rule.name: rule for rule in settings(file).rules}
    assert (rules["slow"].above, "down" in rules) == (1.0, False)
    remove_rule(file, "down")
    set_rule(file, "slow", {"above": "800ms", "severity": None})
    assert file.read_text() == TOML
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_rule_that_would_be_wrong_is_never_written(toml: Toml) -> None:
    file = toml(TOML)
    with pytest.raises(UsageError, match="expected a metric"):
        set_rule(file, "slow", {"metric": "latensy"})
    with pytest.raises(UsageError, match="has no rule 'other'"):
        remove_rule(file, "other")
    assert file.read_text() == TOML
    assert [one.name for one in file.parent.iterdir()] == [file.name]
