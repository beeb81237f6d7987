"""Digests of calendar periods: when they are due, that they are sent once, and what they say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import html5lib
import pytest
from typer.testing import CliRunner

from caelum_report import codec, periods, pipeline, store, telling
from caelum_report.alerting import Channel
from caelum_report.cli import app
from caelum_report.configured import Config
from caelum_report.digest import Digest, ObjectiveShare, ServerShare
from caelum_report.errors import DeliveryError, UsageError
from caelum_report.model import Failure
from caelum_report.render import digest_mail, digest_paper
from caelum_report.render.digest import _objectives
from caelum_report.render.mail_report import LARGEST_HTML
from tests.alerts.fleet import HOUR, START, config, server, snapshot
from tests.deliver.receivers import Mailbox, smtp

MIDNIGHT = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)  # in Berlin; a day of 25 hours begins
NIGHT_AFTER = MIDNIGHT + timedelta(hours=25)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with smtp() as mailbox:
        yield mailbox


def mail(port: int, *digests: periods.PeriodName) -> Channel:
    options = {
        "security": "none", "user": None, "password": None, "sender": "caelum@example.org", "to": ["ops@example.org"],
        "pdf": True, "port": port, "host": "localhost",
    }  # fmt: skip
    return Channel("mail", "email", alerts=False, digests=digests, timeout_seconds=5, options=options)


def settings_of(folder: Path, *ways: Channel) -> Config:
    here = config(server("a"), server("b"), channels=ways, rules=(), pdf=False)
    return replace(here, database=str(folder / "h.sqlite"), output=str(folder / "site"))


def live(
    settings: Config, first: datetime, last: datetime, failing: Callable[[datetime], bool] = lambda _: False
) -> None:
    """Hourly runs from `first` up to before `last`; `a` is down where `failing` says so."""
    with store.open_store(settings.database) as database, store.batch(database):
        at = first
        while at < last:
            store.add_snapshot(
                database, snapshot(settings, at, {"a": Failure.TIMEOUT} if failing(at) else {}), settings
            )
            at += HOUR


def build(settings: Config, at: datetime) -> None:
    pipeline.build(replace(settings, servers=()), at)


def subjects(box: Mailbox) -> list[str]:
    return [str(message["Subject"]).strip() for _, _, message in box.got]


def test_a_day_is_told_once_when_it_is_over_by_the_clock_of_the_zone(box: Mailbox, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, mail(box.port, "day"))
    live(settings, MIDNIGHT, NIGHT_AFTER - HOUR, lambda at: at.hour in {10, 11})
    build(settings, NIGHT_AFTER - HOUR)  # 23:00 in Berlin, where UTC has a new day at 01:00 only
    assert box.got == []
    build(settings, NIGHT_AFTER)
    build(settings, NIGHT_AFTER + HOUR)
    assert subjects(box) == ["[Caelum] 25 October 2026: one of 2 servers was down"]
    ((_, _, message),) = box.got
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "a: answered 91.67\u00a0%; down 2\u00a0h in 1 outage" in text  # 2 of 24 h: the run at 23:00 was about nobody
    assert "Sun 25\u00a0Oct 00:00 to Mon 26\u00a0Oct 00:00, Europe/Berlin" in text


def test_one_that_could_not_be_sent_is_sent_by_the_next_run_and_says_when_it_is_late(
    box: Mailbox, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, mail(box.port, "day"))
    live(settings, MIDNIGHT, NIGHT_AFTER)
    box.refused.add("ops@example.org")
    with pytest.raises(DeliveryError) as raised:
        build(settings, NIGHT_AFTER)
    assert raised.value.exit_status == 5
    box.refused.clear()
    build(settings, NIGHT_AFTER + HOUR)
    build(settings, NIGHT_AFTER + 2 * HOUR)
    assert subjects(box) == ["[Caelum] 25 October 2026: both servers answered at every check"]
    live(settings, NIGHT_AFTER + 3 * HOUR, NIGHT_AFTER + 24 * HOUR)
    build(settings, NIGHT_AFTER + 30 * HOUR)  # the machine slept over midnight
    assert subjects(box)[1:] == ["[Caelum] late: 26 October 2026: both servers answered at every check"]
    page = box.got[1][2].get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "Late by 6\u00a0h: it was due on Tuesday 27 October 2026, 00:00." in page


def test_weeks_and_months_are_told_when_they_are_over(box: Mailbox, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, mail(box.port, "week", "month"))
    live(settings, START - timedelta(days=9), START + timedelta(days=4))
    build(settings, START + timedelta(days=1))
    assert [subject.partition(":")[0] for subject in subjects(box)] == ["[Caelum] late", "[Caelum] late"]
    assert sorted(one.partition("late: ")[2].partition(":")[0] for one in subjects(box)) == [
        "September 2026",
        "week 39 of 2026",
    ]
    build(settings, datetime(2026, 10, 4, 22, 0, tzinfo=UTC))
    assert subjects(box)[2:] == ["[Caelum] week 40 of 2026: both servers answered at every check"]


def test_a_period_in_which_nobody_looked_is_not_told(box: Mailbox, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, mail(box.port, "day", "week", "month"))
    live(settings, MIDNIGHT, MIDNIGHT + 5 * HOUR)
    build(settings, MIDNIGHT + 6 * HOUR)
    assert box.got == []


def test_a_day_of_25_hours_is_measured_whole(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    live(settings, MIDNIGHT - timedelta(days=1), NIGHT_AFTER + 2 * HOUR)
    span = periods.period("day", date(2026, 10, 25), "Europe/Berlin")
    digest = telling.digest_of(settings, "day", span, NIGHT_AFTER + HOUR)
    assert digest is not None
    assert {one.measured_seconds for one in digest.servers} == {25 * 3600}
    assert digest.difference is not None
    assert digest.difference.contrasts == ()
    assert codec.digest_from_json(codec.digest_to_json(digest)) == digest


def large(count: int, name: str = "server") -> Digest:
    shares = tuple(
        ServerShare(f"{name}-{n}", f"{name}-{n}", f"servers/{n}.html", 0.5, 0.9, 43_200.0, 86_400.0, 3)
        for n in range(count)
    )
    return Digest(
        "day", "2026-11-21", "21 November 2026", START, START + timedelta(days=1), START + timedelta(days=1), 7200.0,
        "Caelum", "UTC", "https://status.example.org/", "0.1", demo=False, verdict="All were down.", lede="Half.",
        servers=shares, outages=(), difference=None, looming=(), objectives=(ObjectiveShare("Platform", 0.99, 0.5),),
    )  # fmt: skip


def test_a_mail_stays_under_what_mail_programs_show() -> None:
    made = digest_mail(large(1000, "x" * 70), None, START)
    assert len(made.html.encode()) < LARGEST_HTML
    assert "980 more in the PDF" in made.html
    assert len(json.loads(made.json)["servers"]) == 1000


def test_what_servers_are_called_stays_text() -> None:
    made = digest_mail(large(1, '"><script>alert(1)</script>\r\nBcc: x@y'), None, START)
    tree = html5lib.parse(made.html, namespaceHTMLElements=False)
    assert list(tree.iter("script")) == []
    assert "\n" not in made.title


def test_on_paper_objectives_that_were_missed_come_first_and_those_met_are_counted() -> None:
    goals = tuple(ObjectiveShare(f"goal {number}", 0.99, 1.0) for number in range(20))
    missed, unknown = ObjectiveShare("slow", 0.99, 0.5), ObjectiveShare("new", 0.99, None)
    placed = _objectives(replace(large(2), objectives=(*goals, missed, unknown)))
    assert [one.name for one in placed["objectives"]] == ["slow", "new", "goal 0", "goal 1", "goal 2", "goal 3"]
    assert placed["met"] == "16 more"


def test_the_pdf_holds_all_servers() -> None:
    made = digest_paper(large(120), 120)
    assert isinstance(made, bytes), made
    assert made.startswith(b"%PDF-")
    assert len(made) < 2_000_000


@pytest.mark.parametrize("how", ["unconfigured", "not due, then unconfigured", "retired", "not asked again"])
def test_time_after_a_server_left_is_no_down_time(tmp_path: Path, how: str) -> None:
    """It was down for 42 s when it left, and the digest counted on: 2 min, 4 min, 6 min."""
    settings = settings_of(tmp_path)
    alone = replace(settings, servers=tuple(one for one in settings.servers if one.id == "b"))
    fell, left = MIDNIGHT + 5 * HOUR, MIDNIGHT + 5 * HOUR + timedelta(seconds=42)
    with store.open_store(settings.database) as database:
        for n in range(5):
            store.add_snapshot(database, snapshot(settings, MIDNIGHT + n * HOUR), settings)
        store.add_snapshot(database, snapshot(settings, fell, {"a": Failure.TIMEOUT}), settings)
        if how == "not due, then unconfigured":
            at = left - timedelta(seconds=20)
            store.add_snapshot(database, replace(snapshot(alone, at), not_due=("a",)), settings)
        if how == "retired":
            store.retire_server(database, "a", left)
        elif how != "not asked again":
            store.add_snapshot(database, snapshot(alone, left), alone)
    span = periods.period("day", date(2026, 10, 25), "Europe/Berlin")
    made = telling.digest_of(alone, "day", span, left + timedelta(minutes=6))
    assert made is not None
    shares = {one.server: one for one in made.servers}
    assert shares["a"].down_seconds == (360 + 42 if how == "not asked again" else 42)
    assert shares["a"].outages == 1
    later = telling.digest_of(alone, "day", span, NIGHT_AFTER)
    assert later is not None
    lasted = next(one.down_seconds for one in later.servers if one.server == "a")
    assert lasted == (1.5 * 3600 if how == "not asked again" else 42)


# --- on the command line --------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    live(settings_of(tmp_path), MIDNIGHT, NIGHT_AFTER, lambda at: at.hour == 10)
    (tmp_path / "caelum.toml").write_text(
        'database = "h.sqlite"\nfleet = "F"\nzone = "Europe/Berlin"\nfind_configurations = false\npdf = false\n'
        '[[server]]\nname = "a"\nurl = "http://127.0.0.1:9/"\n'
    )
    (tmp_path / "caelum.toml").chmod(0o600)
    return tmp_path


def test_the_command_prints_sends_once_and_says_so(folder: Path, box: Mailbox) -> None:
    words = ["digest", "--config", str(folder / "caelum.toml"), "--period", "day", "--at", "2026-10-26T09:00"]
    assert "One of 2 servers was down on 25 October 2026." in CliRunner().invoke(app, words).output
    assert json.loads(CliRunner().invoke(app, [*words, "--json"]).output)["key"] == "2026-10-25"
    refused = CliRunner().invoke(app, [*words, "--send"]).exception
    assert isinstance(refused, UsageError)
    with (folder / "caelum.toml").open("a") as file:
        file.write(
            f'[[deliver]]\nname = "mail"\nkind = "email"\nhost = "localhost"\nport = {box.port}\nsecurity = "none"\n'
            'sender = "caelum@example.org"\nto = ["ops@example.org"]\ndigest = "day"\n'
        )
    assert CliRunner().invoke(app, [*words, "--send"]).output == "mail: sent\n"
    assert CliRunner().invoke(app, [*words, "--send"]).output.startswith("mail: sent already, ")
    assert len(box.got) == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--period", "weak"], "did you mean 'week'?"),
        (["--period", "month", "--at", "2020-01-01"], "December 2019: nothing was measured"),
        (["--period", "day", "--at", "soon"], "is not a time"),
    ],
)
def test_what_cannot_be_told_is_said(folder: Path, words: list[str], why: str) -> None:
    error = CliRunner().invoke(app, ["digest", "--config", str(folder / "caelum.toml"), *words]).exception
    assert isinstance(error, UsageError)
    assert why in str(error)


def test_a_day_that_is_not_over_has_no_digest(folder: Path) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    words = ["digest", "--config", str(folder / "caelum.toml"), "--period", "day", "--at", ahead]
    refused = CliRunner().invoke(app, words).exception
    assert isinstance(refused, UsageError)
    assert "is not over before" in str(refused)
