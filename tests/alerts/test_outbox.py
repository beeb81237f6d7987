"""Messages leave through the outbox only: what fails waits for the next run, and nothing goes out twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from caelum_report import pipeline, store, telling
from caelum_report.alerting import Channel
from caelum_report.configured import Config
from caelum_report.errors import DeliveryError
from caelum_report.model import Failure
from tests.deliver.receivers import Receiver, receiver, smtp

from .fleet import HOUR, START, Course, config, server, snapshot


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as at:
        yield at


def way(there: Receiver, name: str = "hook", **said: object) -> Channel:
    options = {"url": f"{there.url}/{name}", "secret": None, "headers": {}, "template": "{title}"}
    return Channel(name, "webhook", timeout_seconds=5, options=options, **said)  # type: ignore[arg-type]


def course(path: Path, *ways: Channel) -> Course:
    settings = config(server("a"), channels=ways, database=str(path / "history.sqlite"), output=str(path / "site"))
    return Course(settings, path / "history.sqlite")


def bodies(there: Receiver) -> list[str]:
    return [f"{path[1:]}: {body.decode()}" for path, _, body in there.got]


def test_what_could_not_be_sent_is_sent_by_the_next_run_in_order(there: Receiver, tmp_path: Path) -> None:
    lived = course(tmp_path, way(there))
    lived.run(snapshot(lived.settings, START, {"a": Failure.TIMEOUT}))
    there.answers = [500]
    with pytest.raises(DeliveryError, match="the next run tries again: hook: the webhook answered HTTP 500"):
        telling.send_out(lived.settings, START)
    for hour in (1, 2):
        lived.run(snapshot(lived.settings, START + hour * HOUR))
    there.got.clear()
    assert telling.send_out(lived.settings, START + 2 * HOUR) == 2
    assert telling.send_out(lived.settings, START + 3 * HOUR) == 0
    assert bodies(there) == ["hook: [Caelum] 1 firing: a is down", "hook: [Caelum] 1 resolved: a: down is over"]
    with store.open_store(lived.settings.database) as database:
        assert [(e.tries, e.error) for e in store.errands_since(database, START)] == [(1, ""), (2, "")]


def test_one_way_that_fails_holds_up_no_other(there: Receiver, tmp_path: Path) -> None:
    broken = replace(way(there, "broken"), options={**way(there).options, "url": "http://127.0.0.1:9/"})
    lived = course(tmp_path, broken, way(there))
    lived.run(snapshot(lived.settings, START, {"a": Failure.TIMEOUT}))
    with pytest.raises(DeliveryError, match="broken: the webhook cannot be reached: nothing accepts connections"):
        telling.send_out(lived.settings, START)
    assert bodies(there) == ["hook: [Caelum] 1 firing: a is down"]


def test_a_way_that_cannot_be_used_loses_nothing(there: Receiver, tmp_path: Path) -> None:
    """Cron without the password: the message waits, each run says so, and the first one that has it sends it."""
    lived = course(tmp_path, way(there, problem="the variable HOOK_TOKEN is not set"))
    lived.run(snapshot(lived.settings, START, {"a": Failure.TIMEOUT}))
    for _ in range(2):
        with pytest.raises(DeliveryError, match="hook: the variable HOOK_TOKEN is not set"):
            telling.send_out(lived.settings, START)
    assert there.got == []
    mended = replace(lived.settings, channels=(way(there),))
    assert telling.send_out(mended, START + HOUR) == 1
    assert bodies(there) == ["hook: [Caelum] 1 firing: a is down"]


def test_a_message_that_is_refused_holds_up_no_later_one(there: Receiver, tmp_path: Path) -> None:
    lived = course(tmp_path, way(there))
    for hour in range(3):
        lived.run(snapshot(lived.settings, START + hour * HOUR, {"a": Failure.TIMEOUT} if hour == 0 else {}))
    there.answers = [422]
    with pytest.raises(DeliveryError, match="hook: the webhook answered HTTP 422"):
        telling.send_out(lived.settings, START + 2 * HOUR)
    assert [line.partition(": ")[2] for line in bodies(there)] == [
        "[Caelum] 1 firing: a is down",
        "[Caelum] 1 resolved: a: down is over",
    ]
    there.got.clear()
    assert telling.send_out(lived.settings, START + 3 * HOUR) == 1
    assert bodies(there) == ["hook: [Caelum] 1 firing: a is down"]


def test_who_has_a_mail_does_not_get_it_again_because_another_was_refused(tmp_path: Path) -> None:
    with smtp() as box:
        options = {"security": "none", "user": None, "password": None, "sender": "c@example.org", "host": "localhost",
                   "to": ["ops@example.org", "gone@example.org"], "pdf": False, "port": box.port}  # fmt: skip
        lived = course(tmp_path, Channel("mail", "email", timeout_seconds=5, options=options))
        box.refused.add("gone@example.org")
        for hour in range(3):
            lived.run(snapshot(lived.settings, START + hour * HOUR, {"a": Failure.TIMEOUT} if hour == 0 else {}))
            with pytest.raises(DeliveryError, match="refuses"):
                telling.send_out(lived.settings, START + hour * HOUR)
        box.refused.clear()
        assert telling.send_out(lived.settings, START + 4 * HOUR) == 2
    assert [(to, message["Subject"].rpartition(" ")[2]) for _, to, message in box.got] == [
        (["ops@example.org"], "down"),
        (["ops@example.org"], "over"),
        (["gone@example.org"], "down"),
        (["gone@example.org"], "over"),
    ]


def test_a_run_that_finds_another_one_sending_leaves_it_to_that(there: Receiver, tmp_path: Path) -> None:
    lived = course(tmp_path, way(there))
    lived.run(snapshot(lived.settings, START, {"a": Failure.TIMEOUT}))
    with store.deliver_lock(lived.settings.database):
        assert telling.send_out(lived.settings, START) == 0
    assert there.got == []


def test_what_waited_for_days_is_given_up_but_kept_on_record(there: Receiver, tmp_path: Path) -> None:
    lived = course(tmp_path, way(there))
    lived.run(snapshot(lived.settings, START, {"a": Failure.TIMEOUT}))
    assert telling.send_out(lived.settings, START + timedelta(days=4)) == 0
    with store.open_store(lived.settings.database) as database:
        assert [errand.sent_at for errand in store.errands_since(database, START)] == [None]


# --- reports --------------------------------------------------------------------------------------------------------


def built(settings: Config, hour: int) -> pipeline.Built:
    return pipeline.build(replace(settings, servers=()), START + hour * HOUR)


def test_a_published_report_goes_out_by_its_policy_and_silence_is_broken_by_a_word(
    there: Receiver, tmp_path: Path
) -> None:
    ways = (
        way(there, "each", reports="always"),
        way(there, "urgent", reports="needs-action", quiet_seconds=7200),
        way(there, "none", reports="never"),
    )
    settings = course(tmp_path, *ways).settings
    settings = replace(settings, pdf=False, rules=())
    for hour in range(4):
        built(settings, hour)
    said = bodies(there)
    assert sum(line.startswith("each: [Caelum]") for line in said) == 4
    assert [line for line in said if line.startswith("urgent")] == [
        "urgent: [Caelum] all quiet · report #1",
        "urgent: [Caelum] all quiet · report #3",
    ]
    assert not any(line.startswith("none") for line in said)


def test_a_report_that_cannot_be_delivered_is_published_and_waits(there: Receiver, tmp_path: Path) -> None:
    settings = replace(course(tmp_path, way(there, "each", reports="always")).settings, pdf=False)
    there.answers = [503]
    with pytest.raises(DeliveryError) as raised:
        built(settings, 0)
    assert raised.value.exit_status == 5
    assert (tmp_path / "site/index.html").is_file()
    there.got.clear()
    built(settings, 1)
    assert [line.rpartition(" ")[2] for line in bodies(there)] == ["#1", "#2"]
