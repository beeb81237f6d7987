"""Asking the sources of a run, all at once, each bounded in time and bytes and each failing alone."""

from __future__ import annotations

import asyncio
import importlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from caelum_report.collect.look import Run
from caelum_report.collect.room import Clock
from caelum_report.configured import Config
from caelum_report.errors import as_bug
from caelum_report.model import Bookmark, CallCount, Failure, LoggedError, Note, Reading, Remembered, Sample, Source
from caelum_report.text import Redactor
from caelum_report.wire import Allowance, Fault
from caelum_report.words import listing

from .call_figures import in_figures

_MOST_SAMPLES: Final = 1_000
_AHEAD: Final = timedelta(minutes=5)  # clocks differ by less
_LEAST_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Asking:
    """One source in one run: all that its collector may look at."""

    source: Source
    run: Run
    remembered: Remembered
    allowance: Allowance

    @property
    def subject(self) -> str:
        """Whom figures are about that name nobody themselves."""
        return str(self.source.options.get("server") or self.source.name)

    @property
    def now(self) -> float:
        """Seconds since 1970. Not the run's time, which is that of its beginning: sources wait for all servers, minutes maybe."""
        return self.run.at.timestamp() + self.run.elapsed()


@dataclass(frozen=True, slots=True)
class Answer:
    samples: tuple[Sample, ...] = ()
    notes: tuple[Note, ...] = ()
    errors: tuple[LoggedError, ...] = ()
    bookmarks: tuple[Bookmark, ...] = ()  # those that moved; stored with what was read up to there, or not at all
    calls: tuple[CallCount, ...] | None = None  # real calls of MCP tools; None: it counts none


def without_number(names: Iterable[str], why: str) -> tuple[Note, ...]:
    """Silence is said: a mistyped name gives nothing and is no failure."""
    missing = list(names)
    return (Note("figure-missing", f"{why} for {listing(missing, 10)}."),) if missing else ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run got of all its sources."""

    readings: tuple[Reading, ...]
    bookmarks: tuple[Bookmark, ...]
    calls: Mapping[str, tuple[CallCount, ...]]  # of the sources that count them and answered


Ask = Callable[[Asking], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Kind:
    """How sources of one kind are asked."""

    ask: Ask
    libraries: tuple[str, ...] = ()  # imported before anybody is asked: a tenth of a second is not the other side's
    timed: bool = False  # it tells how fast the other side is, and so is asked while nobody else is


async def ask_all(sources: Iterable[Source], run: Run, remembered: Remembered, kinds: Mapping[str, Kind]) -> Asked:
    """A reading of every source, in their order. Never raises for what a source does.

    Those that are timed go first, one at a time and none for longer than a second alone; then all others at once.
    """
    listed = tuple(sources)
    _load({library for source in listed for library in kinds[source.kind].libraries})
    timed_first = sorted(range(len(listed)), key=lambda place: not kinds[listed[place].kind].timed)
    found = await asyncio.gather(*(_reading(listed[place], run, remembered, kinds) for place in timed_first))
    asked = [answer for _, answer in sorted(zip(timed_first, found, strict=True), key=lambda pair: pair[0])]
    return Asked(
        readings=tuple(reading for reading, _ in asked),
        bookmarks=tuple(mark for _, answer in asked for mark in answer.bookmarks),
        calls={reading.source: calls for reading, answer in asked if (calls := _calls(reading, answer)) is not None},
    )


def _load(libraries: Iterable[str]) -> None:
    for library in sorted(libraries):
        with suppress(ModuleNotFoundError):  # whoever needs it says so
            importlib.import_module(library)


def _calls(reading: Reading, answer: Answer) -> tuple[CallCount, ...] | None:
    in_samples = in_figures(reading.samples)
    return None if answer.calls is None and in_samples is None else (*(answer.calls or ()), *(in_samples or ()))


async def _reading(
    source: Source, run: Run, remembered: Remembered, kinds: Mapping[str, Kind]
) -> tuple[Reading, Answer]:
    kind, answer, failure, reason = kinds[source.kind], Answer(), Failure.OK, ""
    since = time.perf_counter()
    try:
        async with _turn(run, timed=kind.timed):
            since = time.perf_counter()
            answer = await _bounded(source, run, remembered, kind.ask)
    except Fault as fault:
        failure, reason = fault.failure, fault.reason
    except ModuleNotFoundError as error:
        failure = Failure.CONFIG_ERROR
        reason = f"it needs the library {error.name}: pip install 'caelum-report[sources]'"
    except Exception as error:  # noqa: BLE001 - a bug of ours is this source's internal-error, and the run goes on
        failure = Failure.INTERNAL_ERROR
        reason = f"a bug of caelum-report, please report it: {as_bug(error)}"
    samples, notes = _kept(answer, source, run)
    reason = run.redactor.clean(" ".join(reason.split()), 500)
    seconds = time.perf_counter() - since
    errors = _errors(answer, run)
    reading = Reading(source.name, source.kind, failure, reason, seconds, samples, notes, errors, source.endpoint)
    return reading, answer


@asynccontextmanager
async def _turn(run: Run, *, timed: bool) -> AsyncIterator[None]:
    """Waiting for it is not the source's time."""
    if timed:
        async with run.room.timing(Clock(0)):
            yield
    else:
        await run.room.hush(Clock(0))
        yield


async def _bounded(source: Source, run: Run, remembered: Remembered, ask: Ask) -> Answer:
    if source.problem:
        raise Fault(Failure.CONFIG_ERROR, source.problem)
    left = run.config.budgets.run_seconds - run.elapsed()
    if left < _LEAST_SECONDS:
        raise Fault(Failure.SKIPPED, f"the run's {run.config.budgets.run_seconds:g} s were spent")
    seconds = min(left, source.timeout_seconds)
    allowance = Allowance(run.config.budgets, run.pool)
    try:
        async with asyncio.timeout(seconds):
            return await ask(Asking(source, run, remembered, allowance))
    except TimeoutError:
        raise Fault(Failure.TIMEOUT, f"no answer within its {seconds:g} s") from None
    finally:
        allowance.release()


# --- what is kept of an answer --------------------------------------------------------------------------------------


def _kept(answer: Answer, source: Source, run: Run) -> tuple[tuple[Sample, ...], tuple[Note, ...]]:
    """Samples across the border of `text`: cleaned, finite, not of the future, each once; and what had to be left out."""
    clean = run.redactor.clean
    notes = [Note(note.code, clean(note.text, 500)) for note in answer.notes]
    found: dict[tuple[object, ...], Sample] = {}
    ahead = not_finite = twice = 0
    for sample in answer.samples:
        if not math.isfinite(sample.value):
            not_finite += 1
            continue
        if sample.at is not None and sample.at > run.at + _AHEAD:
            ahead += 1
            continue
        kept = cleaned(sample, run.redactor, run.config, run.at)
        key = (kept.subject, kept.metric, kept.labels, kept.at)
        twice += key in found
        found.setdefault(key, kept)
    samples = tuple(found.values())
    if ahead:
        notes.append(Note("clock-ahead", f"{ahead} figures lie in the future and are not kept: its clock is ahead."))
    if not_finite:
        notes.append(Note("not-finite", f"{not_finite} figures are no finite numbers and are not kept."))
    if twice:
        notes.append(Note("same-figure", f"{twice} figures were given more than once; the first counts."))
    if len(samples) > _MOST_SAMPLES:
        text = f"It gave {len(samples)} figures; the first {_MOST_SAMPLES} are kept. Ask {source.name} for less."
        notes.append(Note("too-many-figures", text))
    return samples[:_MOST_SAMPLES], tuple(notes)


def _errors(answer: Answer, run: Run) -> tuple[LoggedError, ...]:
    clean = run.redactor.clean
    return tuple(
        replace(
            error,
            subject=error.subject if _is_known(error.subject, run.config) else clean(error.subject, 120),
            text=clean(error.text, 300),
        )
        for error in answer.errors
    )


def _is_known(subject: str, config: Config) -> bool:
    return any(server.id == subject for server in config.servers)


def cleaned(sample: Sample, redactor: Redactor, config: Config, at: datetime) -> Sample:
    """Its texts across the border of `text`; a server's own id is known already. Never later than now."""
    clean = redactor.clean
    return replace(
        sample,
        subject=sample.subject if _is_known(sample.subject, config) else clean(sample.subject, 120),
        metric=clean(sample.metric, 100),
        unit=clean(sample.unit, 40),
        labels=tuple(sorted((clean(name, 60), clean(value, 120)) for name, value in sample.labels)),
        at=None if sample.at is None else min(sample.at, at),
    )
