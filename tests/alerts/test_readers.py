"""Messages to readers of an edition: aliases and our own words only, whatever the way; and the last look before they go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from caelum_report import analyse, codec, pipeline, store, telling
from caelum_report.alerting import Channel, Rule
from caelum_report.configured import Config
from caelum_report.default_rules import DEFAULT_RULES
from caelum_report.editions import Edition
from caelum_report.errors import DeliveryError
from caelum_report.mail import Mail
from caelum_report.model import Failure
from caelum_report.render import Readers, reader_digest_mail, reader_report_mail
from caelum_report.render.pdf_text import text_of
from tests.deliver.receivers import Mailbox, Receiver, receiver, smtp
from tests.render import sample_reports

from .fleet import HOUR, START, Course, config, server, snapshot

DOWN = Failure.CONNECT_ERROR
ALIASES = (("payments-core", "Payments"), ("ledger-api", "Accounts"))
INTERNAL = ("payments-core", "ledger-api", "vault", "vm-internal-9", "treasury team", "fleet.internal.example", "connection refused",
            "wiki.internal.example")  # fmt: skip


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as at:
        yield at


def settings(folder: Path, *ways: Channel, **said: object) -> Config:
    edition = Edition(
        "public", str(folder / "public"), "Our services", ALIASES, "https://status.example.org", name="customers"
    )
    rules = (*DEFAULT_RULES, Rule("big", "threshold", metric="latency", above=0.5))
    runbooks = tuple(replace(rule, runbook="https://wiki.internal.example/x") for rule in rules)
    made = config(
        server("payments-core", "vault", owner="treasury team", objective=0.99),
        server("ledger-api", "vault"),
        server("vault", owner="treasury team"),
        channels=ways, editions=(edition,), rules=runbooks, database=str(folder / "history.sqlite"), output=str(folder / "site"),
        site_url="https://fleet.internal.example/", pdf=False, host="vm-internal-9",
    )  # fmt: skip
    return replace(made, **said)  # type: ignore[arg-type]


def hook(there: Receiver, **said: object) -> Channel:
    options = {"url": f"{there.url}/x", "secret": None, "headers": {}, "template": None}
    return Channel("customers", "webhook", timeout_seconds=5, options=options, edition="customers", **said)  # type: ignore[arg-type]


def told(there: Receiver, path: Path, *failing: tuple[str, ...]) -> list[list[str]]:
    """What the readers got, run by run: the titles with their details."""
    course = Course(settings(path, hook(there)), path / "history.sqlite")
    said = []
    for hour, names in enumerate(failing):
        course.run(snapshot(course.settings, START + hour * HOUR, dict.fromkeys(names, DOWN)))
        there.got.clear()
        telling.send_out(course.settings, START + hour * HOUR)
        bodies = [body.decode() for _, _, body in there.got]
        assert not any(word in body for word in INTERNAL for body in bodies)
        alerts = [alert for body in bodies for alert in json.loads(body)["alerts"]]
        pages = {"index.html", "servers/payments-632e1c5839.html"}
        assert {alert["url"] for alert in alerts} <= {f"https://status.example.org/{page}" for page in pages}
        assert {(alert["rule"], alert["owner"], alert["runbook"]) for alert in alerts} <= {("", None, None)}
        said.append([f"{alert['title']} {alert['detail']}".strip() for alert in alerts])
    return said


def test_an_alert_says_the_alias_and_nothing_of_cause_rule_and_owner(there: Receiver, tmp_path: Path) -> None:
    said = told(there, tmp_path, (), ("payments-core",), (), ())
    assert said == [[], ["Payments is down."], [], ["Payments is well again. It lasted 1\u00a0h."]]


def test_of_a_cause_without_an_alias_those_are_told_that_suffer_by_it(there: Receiver, tmp_path: Path) -> None:
    said = told(there, tmp_path, ("vault", "payments-core", "ledger-api"), (), ())
    assert said == [
        ["Accounts and Payments are disturbed."],
        [],
        ["Accounts and Payments are well again. It lasted 1\u00a0h."],
    ]


def test_who_has_no_alias_and_what_is_no_state_is_not_told(there: Receiver, tmp_path: Path) -> None:
    assert told(there, tmp_path, ("vault",), ("vault",)) == [[], []]
    course = Course(settings(tmp_path, hook(there)), tmp_path / "other.sqlite")
    course.settings = replace(course.settings, database=str(course.path))
    course.run(snapshot(course.settings, START, latency={"payments-core": 2.0}))
    with store.open_store(str(course.path)) as database:
        assert [alert.rule for alert in store.watch(database).alerts] == ["big"]
        assert store.unsent(database, START) == ()


def built(there: Mailbox, path: Path, reports: str, hours: int = 2, **said: object) -> Config:
    options = {"security": "none", "user": None, "password": None, "sender": "c@example.org", "host": "localhost",
               "to": ["customer@elsewhere.example"], "pdf": True, "port": there.port}  # fmt: skip
    ways = [
        Channel("customers", "email", alerts=False, reports=reports, options=options, edition="customers"),  # type: ignore[arg-type]
        Channel("ops", "email", alerts=False, reports=reports, options={**options, "to": ["ops@example.org"]}),  # type: ignore[arg-type]
    ]
    whole = settings(path, *ways, **said)
    for hour in range(hours):
        pipeline.build(whole, START + hour * HOUR)
    return whole


def test_a_report_to_readers_is_their_edition_with_its_pdf_and_an_id_of_its_own(tmp_path: Path) -> None:
    with smtp() as box:
        built(box, tmp_path, "always", 1, pdf=True)
    by_reader = {to[0]: message for _, to, message in box.got}
    outside, inside = by_reader["customer@elsewhere.example"], by_reader["ops@example.org"]
    assert outside["Message-ID"] != inside["Message-ID"]
    assert outside["Subject"].startswith("[Our services] ")
    parts = [part.get_content() for part in outside.walk() if part.get_content_maintype() == "text"]
    (paper,) = (part.get_content() for part in outside.walk() if part.get_content_type() == "application/pdf")
    for text in (*parts, text_of(paper)):
        assert "Payments" in text
        assert not [word for word in INTERNAL if word in text]
    assert "https://status.example.org/index.html" in parts[0]
    assert "caelum.toml" not in parts[1]
    assert "payments-core" in inside.as_string()


def test_the_policy_of_readers_is_about_what_they_are_shown(tmp_path: Path) -> None:
    hidden = server("vault", owner="treasury team")
    with smtp() as box:
        built(box, tmp_path, "needs-action", servers=(hidden,))  # it is down, and has no alias
    assert {to[0] for _, to, _ in box.got} == {"ops@example.org"}


def test_a_command_for_readers_gets_their_folder(tmp_path: Path) -> None:
    target = tmp_path / "said"
    command = ["sh", "-c", 'printf %s "$1" > "$2"', "sh", "{site}", str(target)]
    way = Channel("sync", "command", edition="customers", options={"command": command})
    whole = settings(tmp_path, way)
    telling.test_way(whole, "sync", START, really=True)
    assert target.read_text() == str(tmp_path / "public")
    assert str(tmp_path / "public") in telling.test_way(whole, "sync", START, really=False)


def test_a_digest_for_readers_has_aliases_and_new_words(tmp_path: Path) -> None:
    course = Course(settings(tmp_path), tmp_path / "history.sqlite")
    with store.open_store(str(course.path)) as database, store.batch(database):
        for hour in range(48):
            failing = {"payments-core": DOWN, "vault": DOWN} if 5 <= hour < 8 else {}
            course.lived(database, snapshot(course.settings, START + hour * HOUR, failing))
        (number,) = database.execute("SELECT max(id) FROM snapshots").fetchone()
    with store.open_store(str(course.path)) as database:
        history = store.history(database, number, analyse.ROLLED_UP)
        record = store.record(database, START + 47 * HOUR, 90)
    taken = snapshot(course.settings, START + 47 * HOUR)
    report = analyse.with_alarms(analyse.report(taken, number, history, course.settings, ()), record, course.settings)
    span = telling.periods.last("day", START + 30 * HOUR, "UTC")
    whole = analyse.digest(history, course.settings, report, "day", span, at=START + 30 * HOUR)
    assert whole is not None
    (edition,) = course.settings.editions
    made = analyse.digest_for_readers(whole, edition, report, course.settings)
    assert made is not None
    assert [(one.name, one.outages) for one in made.servers] == [("Payments", 1), ("Accounts", 0)]
    assert [one.title for one in made.outages] == ["Payments was disturbed."]
    assert [name for name, _, _ in made.objectives] == ["Payments"]
    mail = reader_digest_mail(made, Readers(edition, course.settings, report), None, START + 30 * HOUR)
    whole_text = mail.text + mail.html + mail.json
    assert "One of 2 servers was down" in mail.text
    assert not [word for word in INTERNAL if word in whole_text]
    assert codec.digest_from_json(codec.digest_to_json(made)) == made


# --- the last look --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["title", "text", "html", "json", "url"])
def test_a_mail_that_would_give_something_away_is_not_sent(tmp_path: Path, part: str) -> None:
    whole = settings(tmp_path)
    readers = Readers(whole.editions[0], whole, None)
    ours = Mail("i", "A title", "text", "<p>html</p>", "{}")
    leak = replace(ours, **{part: '{"a": "vault"}'})
    with pytest.raises(DeliveryError, match=r"readers of the customers edition what is internal: its.* holds a server"):
        readers.may_have(leak, lambda: ours)
    assert readers.may_have(ours, lambda: ours).id == "i:customers"


def test_a_secret_in_a_mail_to_readers_is_named_and_not_printed(tmp_path: Path) -> None:
    whole = settings(tmp_path, secrets=("hunter2-hunter2",))
    mail = Mail("i", "t", "hunter2-hunter2", "", "{}")
    with pytest.raises(DeliveryError, match="a secret") as raised:
        Readers(whole.editions[0], whole, None).may_have(mail, lambda: mail)
    assert "hunter2" not in str(raised.value)


def test_a_message_that_is_held_back_waits_and_is_told_to_the_operator(there: Receiver, tmp_path: Path) -> None:
    whole = settings(tmp_path, hook(there))
    course = Course(whole, tmp_path / "history.sqlite")
    course.run(snapshot(whole, START, {"payments-core": DOWN}))
    with store.open_store(str(course.path)) as database:
        database.execute("UPDATE outbox SET payload = replace(payload, 'Payments is down', 'Payments needs vault')")
    with pytest.raises(DeliveryError, match=r"customers: it would give away .* holds a server \(vault\)"):
        telling.send_out(whole, START)
    assert there.got == []


def test_every_face_of_a_large_report_passes_with_aliases_only() -> None:
    report = sample_reports.fleet_report()
    edition = Edition(
        "executive", "/nowhere", "Our services", (("api-gateway", "Gateway"), ("user-profile", "Accounts")), name="e"
    )
    mail = reader_report_mail(report, Readers(edition, config(), report), None, quiet=False)
    assert "Gateway is down" in mail.text
    internal = {one.id for one in report.servers} - {"caelum-report"}  # that is the program's own name too
    assert not [name for name in internal if name in mail.text + mail.html + mail.json]
