"""The archive's folder: written once, let go with age and by room, never half there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from caelum_report.archived import Keeping, Kept
from caelum_report.store import keep, kept, make_room
from caelum_report.store.archive import archive_folder, worth
from tests.render import sample_reports

AT = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
PAGE = '<meta name="caelum-status" content="down">\n<meta name="description" content="One is down &amp; out."><p>{}</p>'


def files(text: str = "", size: int = 0) -> dict[str, bytes]:
    return {"json": b"{}", "html": (PAGE.format(text) + "x" * size).encode()}


def entry(number: int, at: datetime, size: int = 1) -> Kept:
    return Kept(f"r-{at:%Y%m%dT%H%M}Z-{number}", number, at, "up", "", (), size)


def test_a_report_is_there_as_it_was_put(tmp_path: Path) -> None:
    database = str(tmp_path / "h.sqlite")
    keep(database, "r-20261122T1200Z-7", files())
    places = keep(database, "r-20261122T1300Z-8", files())
    (first,) = kept(database, "r-20261122T1300Z-8")
    assert (first.number, first.at, first.status) == (7, AT - timedelta(hours=1), "down")
    assert first.verdict == "One is down & out."
    assert [kind for kind, _ in first.files] == ["html", "json"]
    assert first.bytes == sum(len(content) for content in files().values())
    assert places["html"].stat().st_mode & 0o777 == 0o644
    assert archive_folder(database).stat().st_mode & 0o777 == 0o700


def test_what_is_kept_is_never_written_again(tmp_path: Path) -> None:
    database = str(tmp_path / "h.sqlite")
    place = keep(database, "r-20261122T1300Z-8", files("first"))["html"]
    again = keep(database, "r-20261122T1300Z-8", {**files("second"), "pdf": b"%PDF"})
    assert b"first" in place.read_bytes()
    assert sorted(again) == ["html", "json"]


def test_hours_thin_to_days_and_days_to_months() -> None:
    hours = [entry(9999 - n, AT - timedelta(hours=n)) for n in range(1, 24 * 400)]
    stays = worth(hours, AT, "Europe/Berlin", Keeping(3, 92))
    ages = [(AT - one.at) / timedelta(days=1) for one in stays]
    assert sum(age < 3 for age in ages) == 71
    assert sum(3 <= age < 92 for age in ages) == 89
    assert (
        Counter(f"{one.at:%Y-%m}" for one, age in zip(stays, ages, strict=True) if age >= 93).most_common(1)[0][1] == 1
    )
    assert {one.at.hour for one, age in zip(stays, ages, strict=True) if age > 3} == {
        22,
        21,
    }  # 23:00 in Berlin, both zones


def test_of_runs_every_minute_the_last_of_each_hour_stays() -> None:
    minutes = [entry(n, AT - timedelta(minutes=600 - n)) for n in range(600)]
    stays = worth(minutes, AT, "UTC", Keeping())
    assert [one.at.minute for one in stays] == [59] * 10


def test_where_room_is_short_the_hours_go_first_and_then_the_days() -> None:
    hours = [entry(9999 - n, AT - timedelta(hours=n), size=10) for n in range(1, 24 * 100)]
    room = 10 * 90
    stays = worth(hours, AT, "UTC", Keeping(3, 92, room))
    assert sum(one.bytes for one in stays) <= room
    assert {f"{one.at:%Y-%m}" for one in stays} >= {"2026-10", "2026-09", "2026-08"}
    assert len([one for one in stays if one.at.hour == 23]) >= 85
    assert worth(hours, AT, "UTC", Keeping(3, 92, 1)) == []


def test_a_new_report_makes_room_and_a_killed_run_leaves_nothing(tmp_path: Path) -> None:
    database = str(tmp_path / "h.sqlite")
    for hour, number in ((9, 1), (12, 2)):
        keep(database, f"r-20261120T{hour:02}00Z-{number}", files())
    keep(database, "r-20270101T0000Z-9", files())  # a clock that went back
    (archive_folder(database) / "r-20261122T0100Z-3.json").write_bytes(b"{")
    (archive_folder(database) / "r-20261122T0100Z-3.unfinished").write_bytes(b"<")
    report = replace(sample_reports.first_report(), id="r-20261122T1300Z-4", at=AT, zone="UTC")
    stood = make_room(database, report, Keeping(1, 30))
    assert (stood.reports, stood.first_at) == (1, datetime(2026, 11, 20, 12, 0, tzinfo=UTC))
    assert sorted({file.stem for file in archive_folder(database).iterdir()}) == [
        "r-20261120T1200Z-2",
        "r-20270101T0000Z-9",
    ]


@pytest.mark.parametrize("name", ["r-x-1.html", "index.html", "r-20269999T9999Z-1.html"])
def test_other_files_in_the_folder_are_no_reports(tmp_path: Path, name: str) -> None:
    database = str(tmp_path / "h.sqlite")
    keep(database, "r-20261122T1200Z-7", files())
    (archive_folder(database) / name).write_bytes(b"?")
    assert len(kept(database, "r-20261122T1300Z-8")) == 1
