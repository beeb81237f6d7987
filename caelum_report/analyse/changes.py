"""What changed since the report before: states and recoveries, tools, latency where a test stands behind it, and the method."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from caelum_report import words
from caelum_report.document import Change
from caelum_report.model import METHOD_VERSION, Status

from .discoveries import FALSE_SHARE, adjusted
from .facts import PROBLEMS, Facts, Standing
from .states import chance_of
from .times import DAY, Floats, moment
from .uptime import STATUSES, UNASKED, run_before, status_at

LEAST_EFFECT: Final = 0.10
LEAST_N: Final = 12
NEW: Final = "new"  # a state before the first
TESTED: Final = (("latency_p50", "Answer time, p50", "seconds", "latency"), ("rss", "Memory", "bytes", "latency"))


# --- states ---------------------------------------------------------------------------------------------------------


def states(facts: Facts) -> Iterator[Change]:
    """Every server whose state is another than at the baseline; those that one cause explains share a line."""
    if facts.baseline is None:
        return
    start = facts.baseline.timestamp()
    grouped: dict[tuple[bool, str, str, str], list[Standing]] = {}
    for standing in facts.current:
        before = status_at(facts.ledger, standing.index, start)
        if standing.run is None or before is standing.status or (before is None and standing.run.start <= start):
            continue
        before_text = before.value if before else NEW if _first(facts, standing) > start else "no data"
        explained = standing.id in facts.roots
        key = (explained, facts.roots.get(standing.id, standing.id), before_text, standing.status.value)
        grouped.setdefault(key, []).append(standing)
    for (explained, root, before_text, after), standings in grouped.items():
        first = standings[0]
        yield Change(
            direction=direction_of(before_text, first.status),
            servers=tuple(standing.id for standing in standings),
            what="State",
            before=before_text,
            after=after,
            detail=_when(facts, first, before_text),
            evidence=f"same cause as {facts.by_id[root].name}" if explained else _probes(facts, first),
            page=f"{first.page}#states",
        )


def _first(facts: Facts, standing: Standing) -> float:
    rows = facts.ledger.rows(standing.index)
    return float(facts.ledger.start[rows[0]]) if rows else facts.now


def direction_of(before: str, after: Status) -> Literal["worse", "better", "method"]:
    order = [status.value for status in STATUSES]
    if before not in order or after in {Status.UNKNOWN, Status.MAINTENANCE}:
        return "worse" if after in PROBLEMS else "method"
    if before in {Status.UNKNOWN.value, Status.MAINTENANCE.value}:
        return "worse" if after in PROBLEMS else "better"
    return "worse" if order.index(after.value) < order.index(before) else "better"


def _when(facts: Facts, standing: Standing, before: str) -> str:
    at = words.moment(standing.since, facts.at, facts.zone) if standing.since else words.clock(facts.at, facts.zone)
    last = run_before(facts.ledger, standing.index)
    if standing.status is Status.UP and last is not None and last[0] in PROBLEMS and last[0].value == before:
        return f"at {at}, after {words.duration(last[2] - last[1])}"
    return f"at {at}"


def _probes(facts: Facts, standing: Standing) -> str:
    """How many checks say so; of a failure also how often so many in a row would fail at the server's own past rate."""
    if standing.failure in UNASKED:
        return f"not asked: {standing.reason}"
    n = standing.run.checks if standing.run else 1
    told = f"{n} of {words.plural(n, 'probe')}"
    chance = chance_of(facts, standing) if standing.status in PROBLEMS else None
    return f"{told}, {p_text(chance)}" if chance else told


def comings(facts: Facts) -> Iterator[Change]:
    """Servers that left the configuration since the report before."""
    told = facts.history.previous_report
    if told is None:
        return
    current = {standing.id for standing in facts.current}
    for server in told.servers:
        if not server.retired and server.id not in current:
            yield Change(
                direction="method",
                servers=(server.id,),
                what="Fleet",
                before="asked",
                after="retired" if server.id in facts.history.retired else "not configured",
                detail="",
                evidence="from this report on",
                page=f"servers/{server.slug}.html",
            )


# --- tools ----------------------------------------------------------------------------------------------------------


def tools(facts: Facts) -> Iterator[Change]:
    """Changes of tool surfaces since the baseline, one line for each server, by its gravest change."""
    if facts.baseline is None:
        return
    seen: set[str] = set()
    versions: dict[str, list[int]] = {}
    for version in facts.history.surfaces:
        versions.setdefault(version.server, []).append(len(version.surface.tools))
    severity = {"suspicious": 0, "breaking": 1, "additive": 2, "cosmetic": 3}
    fresh = [c for c in facts.contract if c.at > facts.baseline and c.server in facts.by_id]
    for change in sorted(fresh, key=lambda c: (severity[c.severity], c.server)):
        standing = facts.by_id[change.server]
        if change.server in seen or standing.retired:
            continue
        seen.add(change.server)
        counts = versions[change.server]
        others = sum(1 for c in fresh if c.server == change.server) - 1
        yield Change(
            direction="better"
            if change.severity == "additive"
            else "method"
            if change.severity == "cosmetic"
            else "worse",
            servers=(change.server,),
            what="Tools",
            before=str(counts[-2]) if len(counts) > 1 else "none",
            after=str(counts[-1]),
            detail=f"; {within_a_sentence(change.title)}"
            + (f"; {words.plural(others, 'more change')}" if others else ""),
            evidence=f"{change.severity}, certain",
            page=f"{standing.page}#contract",
        )


def within_a_sentence(title: str) -> str:
    """`Tools removed: a` begins small; a title that begins with a tool's own name stays as it is."""
    return (
        title[0].lower() + title[1:]
        if title.startswith(("Tool removed", "Tools removed", "Tool added", "Tools added", "Reworded"))
        else title
    )


# --- figures --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RankTest:
    """Whether one sample tends to be larger than another."""

    p: float  # two-sided
    larger: float  # share of pairs in which the second is larger, ties half: 0.5 is no difference


def rank_test(first: Floats, second: Floats) -> RankTest:
    """Mann-Whitney's U with mid-ranks, tie correction, continuity correction and the normal approximation.

    H. B. Mann and D. R. Whitney 1947; the approximation is good from eight values each. The checks of a server are not
    independent, so the variance is inflated by (1 + r) / (1 - r), r their lag-1 autocorrelation (Bayley and Hammersley 1946):
    weak for cycles that are longer than the sample, therefore the callers compare the same hours. Cost: one sort.
    """
    n, m = len(first), len(second)
    if not n or not m:
        return RankTest(1.0, 0.5)
    both = np.concatenate([first, second])
    _, group, counts = np.unique(both, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[group]
    u = float(ranks[n:].sum()) - m * (m + 1) / 2
    total = n + m
    ties = float((counts.astype(np.float64) ** 3 - counts).sum()) / (total * (total - 1)) if total > 1 else 0.0
    variance = n * m / 12 * (total + 1 - ties)
    r = _autocorrelation(ranks[:n], ranks[n:])
    variance *= (1 + r) / (1 - r)
    if variance <= 0:
        return RankTest(1.0, 0.5)
    z = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
    return RankTest(math.erfc(z / math.sqrt(2)), u / (n * m))


def _autocorrelation(*samples: Floats) -> float:
    """Lag-1, pooled over samples, each about its own mean; 0 to 0.9, for a negative one would make the test bolder."""
    over = under = 0.0
    for sample in samples:
        centred = sample - sample.mean()
        over += float((centred[1:] * centred[:-1]).sum())
        under += float((centred**2).sum())
    return min(max(over / under, 0.0), 0.9) if under > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Tested:
    """One figure of one server: the last 24 hours against the same hours of the day before."""

    standing: Standing
    what: str
    unit: str
    part: str  # of the server's page
    before: float
    after: float
    n_before: int
    n_after: int
    p: float


def samples(facts: Facts, now: float) -> Iterator[tuple[Standing, tuple[str, str, str], Floats, Floats]]:
    """Answer times and memory of the servers with at least 12 values on each side, one value a check; what they are, in
    which unit, and which part of the server's page shows them.
    """
    past = facts.checks
    for column, *said in TESTED:
        values = past.rows[column].to_numpy(np.float64)
        for standing in facts.current:
            before, after = (
                values[past.between(standing.index, start, start + DAY)] for start in (now - 2 * DAY, now - DAY)
            )
            before, after = before[~np.isnan(before)], after[~np.isnan(after)]
            if len(before) >= LEAST_N and len(after) >= LEAST_N:
                yield standing, (said[0], said[1], said[2]), before, after


def tested(facts: Facts, now: float) -> list[Tested]:
    return [
        Tested(
            standing,
            *said,
            float(np.median(before)),
            float(np.median(after)),
            len(before),
            len(after),
            rank_test(before, after).p,
        )
        for standing, said, before, after in samples(facts, now)
    ]


def significant(those: Sequence[Tested]) -> list[Tested]:
    """Those that stand out: Benjamini-Hochberg over all that were tested, and a tenth of difference or more."""
    share = adjusted([one.p for one in those])
    passed = [one for one, chance in zip(those, share, strict=True) if chance <= FALSE_SHARE]
    passed = [one for one in passed if one.before > 0 and abs(one.after / one.before - 1) >= LEAST_EFFECT]
    return sorted(passed, key=lambda one: one.p)


def figures(facts: Facts) -> Iterator[Change]:
    """Changes of answer times and memory, recoveries too, that stand out now and did not at the baseline."""
    if facts.baseline is None:
        return
    known = {
        (one.standing.id, one.what, one.after > one.before)
        for one in significant(tested(facts, facts.baseline.timestamp()))
    }
    for one in significant(tested(facts, facts.now)):
        more = one.after > one.before
        if (one.standing.id, one.what, more) in known:
            continue
        share = (one.after / one.before - 1) * 100
        yield Change(
            direction="worse" if more else "better",
            servers=(one.standing.id,),
            what=one.what,
            before=words.quantity(one.before, one.unit),
            after=words.quantity(one.after, one.unit),
            detail=f"{'+' if more else '−'}{abs(share):.0f}{words.NBSP}%",
            evidence=f"n = {one.n_after} and {one.n_before}, {p_text(one.p)}",
            page=f"{one.standing.page}#{one.part}",
        )


def p_text(p: float) -> str:
    said = "<\u00a00.001" if p < 0.001 else f"=\u00a0{words.significant(p, 2)}"
    return f"p\u00a0{said}"


# --- method ---------------------------------------------------------------------------------------------------------


def method(facts: Facts) -> Iterator[Change]:
    """A new program, method, host or cadence measures differently; that is said before somebody explains it otherwise."""
    told = facts.history.previous_report
    if told is None:
        return
    pairs = (
        ("Program", told.program_version, facts.snapshot.program_version),
        ("Method", f"version {told.method_version}", f"version {METHOD_VERSION}"),
        ("Host", told.host, facts.snapshot.host),
        ("Cadence", _every(told.interval_seconds), _every(facts.run_seconds)),
    )
    for what, before, after in pairs:
        if before != after:
            yield Change("method", (), what, before, after, "", "from this report on", "method.html")


def _every(seconds: float | None) -> str:
    return f"every {words.duration(seconds)}" if seconds else "not scheduled"


# --- order ----------------------------------------------------------------------------------------------------------

_DIRECTIONS: Final = ("worse", "better", "method")
_WHATS: Final = ("State", "Tools", "Answer time, p50", "Memory", "Fleet")


def rank(changes: list[Change], facts: Facts) -> tuple[Change, ...]:
    """Worse before better before method; states, then tools, then latency; the gravest state first."""

    def key(change: Change) -> tuple[object, ...]:
        what = _WHATS.index(change.what) if change.what in _WHATS else len(_WHATS)
        standing = facts.by_id.get(change.servers[0]) if change.servers else None
        gravity = STATUSES.index(standing.status) if standing and change.what == "State" else 0
        explained = bool(change.servers) and change.servers[0] in facts.roots
        return (_DIRECTIONS.index(change.direction), what, gravity, explained, -len(change.servers), change.servers)

    return tuple(sorted(changes, key=key))


def since(facts: Facts) -> str:
    """What the changes are since, for a sentence."""
    if facts.history.previous is not None:
        return f"report #{facts.history.previous.number}"
    return words.moment(facts.baseline or moment(facts.now), facts.at, facts.zone)
