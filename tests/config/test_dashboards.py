"""[[dashboard]]: what it means, and what a wrong name is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from caelum_report.config import Options, load, show
from caelum_report.configured import Config
from caelum_report.dashboards import Dashboard, Panel
from caelum_report.errors import UsageError

Toml = Callable[[str], Path]
HEAD = '[[dashboard]]\nname = "ops"\ntitle = "Operations"\n'
PANEL = "[[dashboard.panel]]\n"
SERVERS = (
    '[[server]]\nname = "api-gateway"\ncommand = "/bin/true"\ngroup = "Platform"\n'
    '[[server]]\nname = "api-cache"\ncommand = "/bin/true"\n'
)
BAD = {
    f'{HEAD}{PANEL}metric = "latensy"': "5:1: `dashboard[1].panel[1].metric`: expected `state` or a metric; did you mean `latency`?",
    f'{HEAD}{PANEL}metric = "queue"': "5:1: `dashboard[1].panel[1].metric`: expected `state` or a metric; or `source` beside it",
    f'{HEAD}{PANEL}metric = "latency"\nchart = "togehter"': "6:1: `dashboard[1].panel[1].chart`: expected one of line, together, states, heat-map, distribution, numbers; did you mean `together`?",
    f'{HEAD}{PANEL}metric = "rss"\nchart = "heat-map"': "6:1: `dashboard[1].panel[1].chart`: expected line or together or numbers for `rss`",
    f'{HEAD}range = "weak"\n{PANEL}metric = "rss"': "4:1: `dashboard[1].range`: expected one of day, week, month, quarter, year; did you mean `week`?",
    f'{HEAD}{PANEL}metric = "rss"\nsrevers = ["a"]': "6:1: `dashboard[1].panel[1].srevers` is not a key here; did you mean `servers`?",
    f"{HEAD}panel = []": "4:1: `dashboard[1].panel`: expected at least one",
    '[[dashboard]]\nname = "../x"\ntitle = "x"\n[[dashboard.panel]]\nmetric = "state"': "2:1: `dashboard[1].name`: expected the name of its page in small letters, digits and hyphens, such as operations",
    f'{HEAD}{PANEL}metric = "rss"\n{HEAD}{PANEL}metric = "rss"': "7:1: `dashboard[2].name`: expected another name; [[dashboard]] number 1 has this one",
}  # fmt: skip


def settings(file: Path) -> Config:
    return load(Options(config=file), {}, file.parent)


@pytest.mark.parametrize("text", BAD)
def test_a_wrong_dashboard_is_told_where_and_what(text: str, toml: Toml) -> None:
    file = toml(text)
    with pytest.raises(UsageError) as caught:
        settings(file)
    assert str(caught.value) == f"{file}:{BAD[text]}"


def test_a_dashboard_is_what_the_file_says(toml: Toml) -> None:
    text = (
        f'{HEAD}audience = "whoever is on duty"\nrange = "month"\npdf = true\n{PANEL}metric = "state"\n'
        f'{PANEL}metric = "latency"\nchart = "together"\ngroups = ["Plat*"]\ntitle = "Speed"\n'
    )
    assert settings(toml(SERVERS + text)).dashboards == (
        Dashboard(
            "ops",
            "Operations",
            "whoever is on duty",
            "month",
            (Panel("state", "states"), Panel("latency", "together", "Speed", groups=("Plat*",))),
            pdf=True,
        ),
    )


def test_a_name_that_nobody_has_gets_the_nearest_right_one_with_its_place(toml: Toml) -> None:
    panels = f'{PANEL}metric = "rss"\nservers = ["api-*", "api-gatway"]\n{PANEL}metric = "rss"\ngroups = ["Platfrom"]\n'
    file = toml(f"{SERVERS}{HEAD}{panels}")
    notes = [note.text for note in settings(file).notes if note.code == "dashboard-of-nobody"]
    assert notes == [
        f"{file}:13:21: no server is called api-gatway; did you mean api-gateway?",
        f"{file}:16:11: no group is called Platfrom; did you mean Platform?",
    ]


def test_show_says_the_dashboards(toml: Toml) -> None:
    assert "ops" in show(Options(config=toml(f'{HEAD}{PANEL}metric = "rss"\n')), {}, Path("/nowhere"))
