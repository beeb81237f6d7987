"""Runs that travel from host to host: each once, each under its own name; and files that are no bundles."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from caelum_report import analyse, bundle, imports, store
from caelum_report.document import Report
from caelum_report.errors import UsageError
from caelum_report.model import (
    Bookmark,
    Failure,
    LoggedError,
    Note,
    Reading,
    Sample,
    Server,
    Snapshot,
    Status,
    Transport,
)
from caelum_report.text import Redactor
from tests.store.given import NOON, config, hours, probe, snapshot, surface
from tests.store.given import host_sample as sample

SECRET = "hunter2-hunter2"
SERVERS = (
    Server("github", "github", Transport.STDIO, "npx", ("--token", SECRET), env=(("KEY", SECRET),), owner="Ada"),
    Server(
        "files",
        "files",
        Transport.HTTP,
        url=f"https://u:{SECRET}@x/",
        endpoint="https://x:443/",
        depends_on=("github",),
    ),
)


def there(at: Any = NOON, failure: Failure = Failure.OK, host: str = "there", **more: Any) -> Snapshot:
    """What the other host's run saw."""
    seen = probe("github", at=at, surface=surface("search"), notes=(Note("banner", "it greets"),))
    readings = (Reading("cache", "redis", Failure.OK, samples=(Sample("cache", "ping_seconds", 0.001, "seconds"),)),)
    whole = snapshot(at, seen, probe("files", failure, at), host=replace(sample(at), host=host), readings=readings)
    return replace(whole, host=host, **more)


def written(folder: Path, seen: Snapshot | None = None, servers: tuple[Server, ...] = SERVERS) -> Path:
    return bundle.write(folder / "bundle.gz", seen or there(), servers)


def test_a_bundle_moves_no_bookmark_of_this_machine(tmp_path: Path) -> None:
    """How far the other host's logs were read is nobody else's business; a hostile one would have ours passed over."""
    theirs = (Bookmark("log app", "1:2", "[999]"),)
    whole = written(tmp_path, replace(there(), bookmarks=theirs))
    assert read(whole).snapshot.bookmarks == ()
    forged = rewritten(
        whole, lambda lines: lines[3]["snapshot"].update(bookmarks=[{"source": "a", "name": "b", "value": "c"}])
    )
    assert read(forged).snapshot.bookmarks == ()


def read(file: Path, *secrets: str) -> bundle.Bundle:
    return bundle.read(file, Redactor(secrets))


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def rewritten(file: Path, change: Callable[[list[dict[str, Any]]], Any]) -> Path:
    lines = lines_of(file)
    lines = change(lines) or lines
    file.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    return file


def test_what_was_written_is_read_without_what_starts_or_reaches_a_server(tmp_path: Path) -> None:
    found = read(written(tmp_path))
    assert SECRET.encode() not in gzip.decompress((tmp_path / "bundle.gz").read_bytes())
    assert found.host == "there"
    assert [(server.id, server.owner, server.depends_on) for server in found.servers] == [
        ("github", "Ada", ()),
        ("files", None, ("github",)),
    ]
    assert [server.command or server.url or server.env or server.args for server in found.servers] == [(), ()]
    seen = there()
    assert found.snapshot.readings == seen.readings
    assert found.snapshot.host_sample == seen.host_sample
    for read_probe, wrote in zip(found.snapshot.probes, seen.probes, strict=True):
        assert replace(read_probe, surface=None) == replace(wrote, surface=None)


def test_the_same_run_is_the_same_file_and_a_folder_gets_one_a_run(tmp_path: Path) -> None:
    assert written(tmp_path).read_bytes() == written(tmp_path).read_bytes()
    folder = tmp_path / "out"
    folder.mkdir()
    names = {bundle.write(folder, there(NOON + hours(n)), SERVERS).name for n in range(2)}
    assert names == {"there-20261122T120000Z.jsonl.gz", "there-20261122T130000Z.jsonl.gz"} == set(os.listdir(folder))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with store.open_store(str(tmp_path / "history.db")) as connection:
        yield connection


def take_in(database: sqlite3.Connection, folder: Path, seen: Snapshot, at: Any = NOON) -> str:
    return store.add_bundle(database, read(written(folder, seen)), config("github"), at)


def test_each_run_is_stored_once_and_a_host_goes_forward_only(database: sqlite3.Connection, tmp_path: Path) -> None:
    later = there(NOON + hours(1))
    assert take_in(database, tmp_path, later, NOON + hours(1)) == "new"
    assert take_in(database, tmp_path, later, NOON + hours(2)) == "known"
    assert take_in(database, tmp_path, there(NOON), NOON + hours(2)) == "late"
    assert database.execute("SELECT count(*) FROM snapshots").fetchone() == (1,)
    assert database.execute("SELECT count(*) FROM probes").fetchone() == (2,)


def test_a_bundle_of_our_own_name_or_of_the_future_is_refused(database: sqlite3.Connection, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="as this one is or was"):
        take_in(database, tmp_path, there(host="here"))
    store.add_snapshot(database, replace(there(), host="formerly"), config("github", "files"))
    with pytest.raises(UsageError, match="as this one is or was"):
        take_in(database, tmp_path, there(host="formerly"))
    with pytest.raises(UsageError, match="set the clock there"):
        take_in(database, tmp_path, there(NOON + timedelta(minutes=61)))


def reported(database: sqlite3.Connection, at: Any, *, ours: Failure = Failure.OK) -> Report:
    seen = snapshot(at, probe("github", ours, at), host=sample(at))
    number = store.add_snapshot(database, seen, config("github"))
    history = store.history(database, number, analyse.ROLLED_UP)
    return analyse.report(seen, number, history, config("github"), ())


def test_one_report_over_all_hosts(database: sqlite3.Connection, tmp_path: Path) -> None:
    take_in(database, tmp_path, there(NOON, Failure.TIMEOUT))
    report = reported(database, NOON + timedelta(minutes=5))
    known = {server.id: server for server in report.servers}
    assert {name: (server.host, server.status) for name, server in known.items()} == {
        "github": ("here", Status.UP),
        "github@there": ("there", Status.UP),
        "files@there": ("there", Status.DOWN),
    }
    assert known["files@there"].depends_on == ("github@there",)
    assert [tool.tool.name for tool in known["github@there"].tools] == ["search"]
    assert known["github"].tools == ()
    assert len({server.slug for server in report.servers}) == 3
    assert [host.name for host in report.hosts] == ["here", "there"]
    assert {node.id for node in report.architecture.nodes} >= {"host:here", "host:there", "server:files@there"}
    down = next(finding for finding in report.findings if finding.server == "files@there")
    assert down.command == "ssh there caelum-report probe files"


def test_what_another_hosts_sources_gave_is_in_the_report_under_its_name(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    gone = Reading(
        "queue", "redis", Failure.CONNECT_ERROR, "nothing accepts connections at its address", endpoint="redis://q:6379"
    )
    wrong = LoggedError("github", "ERROR no route to #", 4, NOON, NOON)
    log = Reading("app", "log", Failure.OK, errors=(wrong,), notes=(Note("more-to-read", "There is more."),))
    for hour in range(2):
        seen = there(NOON + hours(hour))
        take_in(database, tmp_path, replace(seen, readings=(*seen.readings, gone, log)), NOON + hours(hour))
    report = reported(database, NOON + hours(1))
    assert [(one.name, one.kind, str(one.failure)) for one in report.sources] == [
        ("app@there", "log", "ok"),
        ("cache@there", "redis", "ok"),
        ("queue@there", "redis", "connect-error"),
    ]
    assert [one.endpoint for one in report.sources] == ["", "", "redis://q:6379"]
    assert report.sources[0].notes == (Note("more-to-read", "There is more."),)
    (ping,) = report.series
    assert (ping.source, ping.subject, ping.value, ping.n) == ("cache@there", "cache@there", 0.001, 2)
    (error,) = report.errors
    assert (error.source, error.server, error.count) == ("app@there", "github@there", 8)
    (finding,) = (finding for finding in report.findings if finding.kind == "source")
    assert finding.title.startswith("The source queue@there does not answer as asked: nothing accepts connections")


def test_a_host_that_falls_silent_is_unknown_and_not_down(database: sqlite3.Connection, tmp_path: Path) -> None:
    for hour in range(3):
        take_in(database, tmp_path, there(NOON + hours(hour)), NOON + hours(hour))
    report = reported(database, NOON + hours(8))
    (github,) = (server for server in report.servers if server.id == "github@there")
    assert (github.status, github.reason) == (Status.UNKNOWN, "no bundle of there since then")
    (finding,) = (finding for finding in report.findings if finding.id == "silent-host:there")
    assert finding.title.startswith("The host there has sent no bundle for")


def test_a_clock_that_is_ahead_is_said(database: sqlite3.Connection, tmp_path: Path) -> None:
    take_in(database, tmp_path, there(NOON + timedelta(minutes=7)))
    report = reported(database, NOON + timedelta(minutes=8))
    assert "its clock is 7\u00a0min ahead of ours" in report.hosts[1].lede


def test_our_own_memory_is_not_theirs(database: sqlite3.Connection, tmp_path: Path) -> None:
    take_in(database, tmp_path, there())
    assert store.remember(database, NOON).servers == {}


def test_bundles_are_taken_in_one_by_one_and_a_broken_one_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    files = [bundle.write(tmp_path / "in", there(NOON + hours(n)), SERVERS) for n in range(2)]
    broken = tmp_path / "in" / "broken.jsonl.gz"
    broken.write_bytes(b"no")
    settings = config("github", database=str(tmp_path / "h.db"))
    found = imports.import_bundles(settings, [broken, *files], NOON + hours(2))
    assert [one.result for one in found] == ["refused", "new", "new"]
    assert found[0].problem == f"{broken}: it is not gzip, or it is cut off"


# --- files that are none --------------------------------------------------------------------------------------------


def without(key: str) -> Callable[[list[dict[str, Any]]], Any]:
    return lambda lines: [line for line in lines if key not in line]


def with_(index: int, **changes: Any) -> Callable[[list[dict[str, Any]]], Any]:
    def change(lines: list[dict[str, Any]]) -> None:
        (value,) = lines[index].values()
        value.update(changes)

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [{"hello": 1}], "this is no bundle"),
        (lambda lines: [[]], "line 1 is nothing"),
        (lambda lines: lines[0].update(version=2), "update caelum-report here"),
        (lambda lines: lines[0].update(version="1"), "update caelum-report there"),
        (lambda lines: lines[0].update(host=""), "this is no bundle"),
        (lambda lines: lines[0].update(host={"a": 1}), "this is no bundle"),
        (without("end"), "it is not whole"),
        (without("snapshot"), "it is not whole"),
        (lambda lines: [*lines[:-1], lines[-2], lines[-1]], "it is not whole"),
        (lambda lines: [*lines, lines[-1]], "stands behind the end"),
        (lambda lines: [*lines[:-1], {"run": "rm -rf /"}, lines[-1]], "is nothing that a bundle has"),
        (without("server"), "it is not whole"),
        (lambda lines: [*lines[:1], lines[2], *lines[2:]], "names a server twice"),
        (with_(4, server="nobody"), "does not name"),
        (with_(4, status="splendid"), "line 5: status"),
        (with_(4, seconds="soon"), "line 5: seconds"),
        (with_(4, stderr_lines=10**25), "out of range"),
        (with_(4, started_at="2026-11-22T12:00:00"), "without its offset"),
        (with_(3, at="0001-01-01T00:00:00Z"), "without its offset"),
        (with_(3, seconds=1e300), "out of range"),
    ],
)
def test_a_hostile_bundle_is_refused_and_says_why(tmp_path: Path, change: Any, said: str) -> None:
    file = rewritten(written(tmp_path), change)
    with pytest.raises(UsageError, match=said) as refused:
        read(file)
    assert str(refused.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not whole"),
        (b"\x1f\x8b", "cut off"),
        (gzip.compress(b"{"), "not JSON"),
        (gzip.compress(b'{"a": ' + b"[" * 5000), "JSON"),
        (gzip.compress(b"\xff\xfe\n"), "not UTF-8"),
        (gzip.compress(b" " * 9_000_000), "more than a bundle may"),
        (gzip.compress(b"{}\n" * 20_000), "nothing|more than a bundle may|no bundle"),
    ],
    ids=["empty", "head only", "half", "deep", "not text", "long line", "many lines"],
)
def test_what_is_no_file_of_ours(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "bundle.gz"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read(file)


def test_nobody_waits_for_a_pipe_and_a_missing_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("pipe", "not an ordinary file"), ("none", "No such file"), (".", "ordinary|directory")):
        with pytest.raises(UsageError, match=said):
            read(tmp_path / name)


def test_texts_of_a_bundle_cross_the_boundary(tmp_path: Path) -> None:
    token = "ghp_" + "a" * 30

    def change(lines: list[dict[str, Any]]) -> None:
        lines[0]["host"] = "th\u202eere"
        lines[4]["probe"]["reason"] = f"\x1b[31m {token} {SECRET}\u2028"

    found = read(rewritten(written(tmp_path), change), SECRET)
    assert found.host == found.snapshot.host == found.snapshot.host_sample.host == "th<U+202E>ere"
    assert found.snapshot.probes[0].reason == "<U+001B>[31m [redacted] [redacted]<U+2028>"


def test_a_surface_cannot_come_under_the_hash_of_another(tmp_path: Path) -> None:
    def forge(lines: list[dict[str, Any]]) -> None:
        lines[4]["probe"]["surface"]["sha256"] = "f" * 64

    honest, forged = read(written(tmp_path)), read(rewritten(written(tmp_path), forge))
    assert forged.snapshot.probes[0].surface == honest.snapshot.probes[0].surface
