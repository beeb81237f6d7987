"""What differs between two moments or two periods: states, answers, tools, latency and memory, each line with its evidence.

The same tests as of "changed since the report before": Mann-Whitney with the checks' own dependence, false findings held to
one in twenty over all that was tested, and no difference below a tenth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal

import numpy as np

from caelum_report import periods, text, words
from caelum_report.configured import Config
from caelum_report.difference import Contrast, Difference
from caelum_report.history import History
from caelum_report.model import Server, Status, Surface
from caelum_report.periods import PeriodName, Span

from .changes import LEAST_EFFECT, LEAST_N, NEW, direction_of, p_text, rank_test, within_a_sentence
from .discoveries import FALSE_SHARE, adjusted
from .facts import Facts
from .latency import Checks, checks
from .surface import compare
from .times import DAY, Floats, learned_interval, run_interval, server_interval
from .tracks import Rollups, rollups
from .uptime import STATUSES, UNASKED, Ledger, ledger, status_at

DIFFERENCE_METRICS: Final = ("latency", "rss")
_WHATS: Final = ("State", "Answered", "Tools", "Answer time, p50", "Memory", "Fleet")
_DIRECTIONS: Final = ("worse", "better", "method")
_MOST_SAMPLES: Final = 2_000  # of one server's answers in a span: a month by the minute says no more


Fleets = tuple[frozenset[str] | None, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the servers, in arrays that any span can be cut from."""

    servers: tuple[tuple[str, str], ...]  # id and slug, in the ledger's order
    history: History
    intervals: tuple[float, ...]
    book: Ledger
    seen: Checks
    rolled: Rollups
    elsewhere: frozenset[str] = frozenset()  # ids that other hosts ask, of whom no run of this machine tells


def past_of(history: History, config: Config, now: float) -> Past:
    """From the store's frames alone, for two spans that somebody asks about."""
    run = run_interval(config, history)
    elsewhere = tuple(server for other in history.others for server in other.servers)
    configured: dict[str, Server] = {server.id: server for server in (*elsewhere, *config.servers)}
    gone = sorted({str(name) for name in history.states["server"].astype(object)} - configured.keys())
    names = [*configured, *gone]
    seen = checks(history, names)

    def interval(i: int, name: str) -> float:
        at = seen.time[seen.bounds[i] : seen.bounds[i + 1]]
        if name in configured:
            return server_interval(configured[name], config, run, at)
        return run or learned_interval(at) or DAY / 24

    intervals = {name: interval(i, name) for i, name in enumerate(names)}
    return Past(
        tuple((name, configured[name].slug if name in configured else text.slug(name)) for name in names),
        history,
        tuple(intervals.values()),
        ledger(history.states, names, intervals, now, history.left),
        seen,
        rollups(history, DIFFERENCE_METRICS),
        frozenset(server.id for server in elsewhere),
    )


def past_of_facts(facts: Facts) -> Past:
    """The same of a run that has worked it out already."""
    servers = tuple((standing.id, standing.slug) for standing in facts.standings)
    intervals = tuple(facts.intervals[name] for name, _ in servers)
    return Past(servers, facts.history, intervals, facts.ledger, facts.checks, facts.rolled)


def whole_periods(facts: Facts) -> tuple[Difference, ...]:
    """The last whole day and week, each against the one before, where both were seen."""
    begun = facts.history.first_snapshot_at
    past, found = past_of_facts(facts), []
    kinds: tuple[PeriodName, ...] = ("day", "week")
    for kind in kinds:
        after = periods.last(kind, facts.at, facts.zone)
        before = periods.before(kind, after, facts.zone)
        if begun is not None and begun < before.end:
            found.append(difference(past, before, after))
    return tuple(found)


def difference(
    past: Past, before: Span, after: Span, only: Sequence[str] = (), fleets: Fleets = (None, None)
) -> Difference:
    """`before` against `after`; of the servers `only`, or of all. `fleets` are whom runs were about at the end of each."""
    first, second = windows(before, after)
    chosen = [i for i, (name, _) in enumerate(past.servers) if not only or name in only]
    samples = list(_samples(past, chosen, first, second))
    share = adjusted([one.p for one in samples])
    found = [
        _told(past, one)
        for one, chance in zip(samples, share, strict=True)
        if chance <= FALSE_SHARE and one.moved >= one.figure.least
    ]
    moved = _comings_and_goings(past, chosen, before, after, fleets)
    if before.moment and after.moment:
        found += _states(past, [server for server in chosen if server not in moved], before, after)
    found += _tools(past, chosen, before, after)
    found += moved.values()
    ranked = tuple(sorted(found, key=_rank))
    return Difference(
        before, after, ranked, len(samples), _sentence(ranked, len(samples)), _how(first, second) if samples else ""
    )


def windows(before: Span, after: Span) -> tuple[Span, Span]:
    """Of which times figures are compared. A moment stands for the day that ends there; two of one day for what lies
    between them against the same hours of the day before, because hours differ.
    """
    day = timedelta(days=1)
    if before.moment and after.moment:
        if after.end - before.end >= day:
            return replace(before, start=before.end - day), replace(after, start=after.end - day)
        return replace(before, start=before.end - day, end=after.end - day), replace(after, start=before.end)
    if before.moment:
        return replace(before, start=before.end - (after.end - after.start)), after
    if after.moment:
        return before, replace(after, start=after.end - (before.end - before.start))
    return before, after


# --- figures --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Figure:
    """Something measured of a server, and how far it has to move to be told."""

    what: str
    unit: str
    part: str  # of the server's page
    least: float  # a share of the value before; of shares points / 100
    lower_is_better: bool = True
    metric: str = ""  # of the roll-ups
    column: str = ""  # of the checks


_ANSWERED: Final = _Figure("Answered", "ratio", "states", 0.001, lower_is_better=False)
_FIGURES: Final = (
    _Figure("Answer time, p50", "seconds", "latency", LEAST_EFFECT, metric="latency", column="latency_p50"),
    _Figure("Memory", "bytes", "latency", LEAST_EFFECT, metric="rss", column="rss"),
)


@dataclass(frozen=True, slots=True)
class _Sample:
    """One figure of one server in both spans."""

    server: int
    figure: _Figure
    before: float
    after: float
    n_before: int
    n_after: int
    p: float

    @property
    def moved(self) -> float:
        if self.figure.unit == "ratio":
            return abs(self.after - self.before)
        return abs(self.after / self.before - 1) if self.before > 0 else 0.0


def _samples(past: Past, chosen: Sequence[int], first: Span, second: Span) -> Iterator[_Sample]:
    for server in chosen:
        measured = [(_ANSWERED, [_answers(past, server, span) for span in (first, second)])]
        measured += [(figure, _values(past, server, figure, (first, second))) for figure in _FIGURES]
        for figure, (was, now) in measured:
            if len(was) >= LEAST_N and len(now) >= LEAST_N:
                before, after = (float(np.mean(v) if figure is _ANSWERED else np.median(v)) for v in (was, now))
                yield _Sample(server, figure, before, after, len(was), len(now), rank_test(was, now).p)


def _answers(past: Past, server: int, span: Span) -> Floats:
    """1 where it answered and 0 where it was down, once a check's interval; what counts as neither is left out."""
    start, end = span.start.timestamp(), span.end.timestamp()
    step = max(past.intervals[server], (end - start) / _MOST_SAMPLES)
    at = np.arange(start + step / 2, end, step)
    rows = past.book.rows(server)
    if not rows or not len(at):
        return np.empty(0)
    begun = past.book.start[rows.start : rows.stop]
    row = np.searchsorted(begun, at, "right") - 1
    inside = (row >= 0) & (at <= past.book.held[rows.start : rows.stop][np.maximum(row, 0)])
    states = past.book.status[rows.start : rows.stop][row[inside]]
    good, bad = (np.isin(states, [STATUSES.index(one) for one in some]) for some in (_GOOD, (Status.DOWN,)))
    return np.asarray(good[good | bad], np.float64)


_GOOD: Final = (Status.UP, Status.DEGRADED)


def _values(past: Past, server: int, figure: _Figure, both: tuple[Span, Span]) -> list[Floats]:
    """One value a check where the checks of both spans are still there, else one an hour, else one a day."""
    spans = [(span.start.timestamp(), span.end.timestamp()) for span in both]
    low, high = past.seen.bounds[server], past.seen.bounds[server + 1]
    times = past.seen.time[low:high]
    raw = past.seen.rows[figure.column].to_numpy(np.float64)
    values = [raw[past.seen.between(server, *span)] for span in spans]
    values = [some[~np.isnan(some)] for some in values]
    if len(times) and times[0] <= spans[0][0] + 3_600:
        return values
    for level in ("hour", "day"):
        track = past.rolled.of(level, past.servers[server][0], figure.metric)
        rolled = [track.between(*span).mid for span in spans]
        if min(map(len, rolled)) >= LEAST_N:
            return rolled
    return values


def _told(past: Past, one: _Sample) -> Contrast:
    name, slug = past.servers[one.server]
    worse = (one.after > one.before) is one.figure.lower_is_better
    if one.figure.unit == "ratio":
        before, after = words.percent(one.before), words.percent(one.after)
        detail = f"{_signed((one.after - one.before) * 100)} points"
    else:
        before, after = words.quantity(one.before, one.figure.unit), words.quantity(one.after, one.figure.unit)
        detail = f"{_signed((one.after / one.before - 1) * 100)}{words.NBSP}%"
    return Contrast(
        "worse" if worse else "better",
        (name,),
        one.figure.what,
        before,
        after,
        detail,
        f"n = {words.count(one.n_before)} and {words.count(one.n_after)}, {p_text(one.p)}",
        f"servers/{slug}.html#{one.figure.part}",
        one.n_before,
        one.n_after,
        one.p,
    )


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else '−'}{words.significant(abs(value), 2)}"


# --- what needs no test ---------------------------------------------------------------------------------------------


def _states(past: Past, chosen: Sequence[int], before: Span, after: Span) -> Iterator[Contrast]:
    for server in chosen:
        was, now = (status_at(past.book, server, span.end.timestamp()) for span in (before, after))
        if now is not None and was is not now:
            yield _state(past, server, was.value if was else "no data", now, after)


def _state(past: Past, server: int, said: str, now: Status, after: Span) -> Contrast:
    name, slug = past.servers[server]
    n = _checks_of_state(past.book, server, after.end.timestamp())
    evidence = _not_asked(past.book, server, after.end.timestamp()) or f"{n} of {words.plural(n, 'probe')}"
    page = f"servers/{slug}.html#states"
    return Contrast(direction_of(said, now), (name,), "State", said, now.value, "", evidence, page, None, n)


def _stretch_at(book: Ledger, server: int, when: float) -> int | None:
    return max((row for row in book.rows(server) if book.start[row] <= when), default=None)


def _not_asked(book: Ledger, server: int, when: float) -> str | None:
    """Why nobody looked, where a state comes from that."""
    row = _stretch_at(book, server, when)
    if row is None or book.failures[row] not in {failure.value for failure in UNASKED}:
        return None
    return f"not asked: {book.reasons[row]}"


def _checks_of_state(book: Ledger, server: int, when: float) -> int:
    """How many checks in a row had said so by then."""
    row = _stretch_at(book, server, when)
    if row is None:
        return 0
    span = max(float(book.end[row] - book.start[row]), 1e-9)
    return max(1, round(float(book.checks[row]) * min(1.0, (when - float(book.start[row])) / span)))


def _tools(past: Past, chosen: Sequence[int], before: Span, after: Span) -> Iterator[Contrast]:
    """Of what each server offered at the end of both spans, the gravest difference."""
    wanted = {past.servers[server][0]: past.servers[server][1] for server in chosen}
    versions: dict[str, tuple[Surface | None, Surface | None]] = {}
    for version in past.history.surfaces:
        if version.server in wanted and version.at <= after.end:
            was, _ = versions.get(version.server, (None, None))
            versions[version.server] = (version.surface if version.at <= before.end else was, version.surface)
    severity = ("suspicious", "breaking", "additive", "cosmetic")
    for name, (old, new) in sorted(versions.items()):
        if old is None or new is None or old.sha256 == new.sha256:
            continue
        deltas = sorted(compare(old, new), key=lambda delta: severity.index(delta.severity))
        if not deltas:
            continue
        direction: Literal["worse", "better", "method"] = "worse"
        if deltas[0].severity in {"additive", "cosmetic"}:
            direction = "better" if deltas[0].severity == "additive" else "method"
        more = f"; {words.plural(len(deltas) - 1, 'more change')}" if len(deltas) > 1 else ""
        yield Contrast(
            direction,
            (name,),
            "Tools",
            str(len(old.tools)),
            str(len(new.tools)),
            f"; {within_a_sentence(deltas[0].title)}{more}",
            f"{deltas[0].severity}, certain",
            f"servers/{wanted[name]}.html#contract",
        )


def _comings_and_goings(
    past: Past, chosen: Sequence[int], before: Span, after: Span, fleets: Fleets
) -> dict[int, Contrast]:
    """Servers that were configured at the end of one span only, with how those that came are now: one line each."""
    found = {}
    for server in chosen:
        came, went, word = _moved(past, server, before, after, fleets)
        name, slug = past.servers[server]
        now = status_at(past.book, server, after.end.timestamp()) if came else None
        if now is not None:
            seen = past.book.start[past.book.rows(server)[0]] <= before.end.timestamp()
            found[server] = _state(past, server, f"not {word}" if seen else NEW, now, after)
        elif came or went:
            said = (f"not {word}", word) if came else (word, f"not {word}")
            found[server] = Contrast("method", (name,), "Fleet", *said, "", "certain", f"servers/{slug}.html")
    return found


def _moved(past: Past, server: int, before: Span, after: Span, fleets: Fleets) -> tuple[bool, bool, str]:
    """Whether it came, whether it left, and what of: where nobody knows who was configured, who was asked."""
    name, _ = past.servers[server]
    rows = past.book.rows(server)
    if not rows:
        return False, False, ""
    was, now = fleets
    if was is not None and now is not None and (name in was | now or name not in past.elsewhere):
        return name in now - was, name in was - now, "configured"
    first, last = float(past.book.start[rows[0]]), float(past.book.held[rows[-1]])
    came = before.end.timestamp() < first <= after.end.timestamp()
    return came, before.start.timestamp() <= last < after.start.timestamp(), "asked"


# --- words ----------------------------------------------------------------------------------------------------------


def _rank(one: Contrast) -> tuple[object, ...]:
    """Worse first; states, answers, tools, figures; of these the surest."""
    gravity = [status.value for status in STATUSES].index(one.after) if one.what == "State" else 0
    return _DIRECTIONS.index(one.direction), _WHATS.index(one.what), gravity, one.p or 0.0, one.servers


def _sentence(found: Sequence[Contrast], tested: int) -> str:
    worse, better = (sum(one.direction == word for one in found) for word in ("worse", "better"))
    of = f"{words.plural(tested, 'figure')} tested" if tested else "no figure could be tested"
    if not found:
        return f"Nothing stands out from chance: {of}." if tested else "Nothing differs, and no figure could be tested."
    return f"{words.balance(worse, better)}; {of}."


def _how(first: Span, second: Span) -> str:
    hours = [(span.end - span.start).total_seconds() for span in (first, second)]
    alike = words.duration(hours[0]) if abs(hours[0] - hours[1]) < 60 else " and ".join(map(words.duration, hours))
    return f"Figures of {alike} on each side, by Mann-Whitney's test; at most one in twenty of what is told is expected to be nothing."
