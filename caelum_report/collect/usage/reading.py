"""What a reader of usage gives, and how it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from caelum_report.counts import bucket_of
from caelum_report.model import Bookmark, Usage

_HOUR: Final = 3600
_LONGEST: Final = 7 * 86400.0  # s; a longer call is a clock that was set


@dataclass(frozen=True, slots=True)
class Read:
    rows: tuple[Usage, ...] = ()
    bookmarks: tuple[Bookmark, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Hour:
    calls: int = 0
    errors: int = 0
    seconds: float = 0.0
    longest: float = 0.0
    buckets: Counter[int] = field(default_factory=Counter)


class Tally:
    """Calls by hour, server and tool. A call may be counted first and timed when its answer comes."""

    def __init__(self) -> None:
        self._hours: dict[tuple[int, str, str], _Hour] = {}

    def call(self, at: float, server: str, tool: str) -> None:
        self._hour(at, server, tool).calls += 1

    def add(  # noqa: PLR0917 - what one counter added
        self,
        at: float,
        server: str,
        tool: str,
        calls: int,
        errors: int,
        seconds: float,
        durations: Iterable[tuple[float, int]],
    ) -> None:
        """Calls that somebody else has counted; `durations` are of those whose time is known, with how many took it."""
        hour = self._hour(at, server, tool)
        hour.calls += calls
        hour.errors += errors
        hour.seconds += seconds
        for one, many in durations:
            hour.longest = max(hour.longest, one)
            hour.buckets[bucket_of(one)] += many

    def answer(self, at: float, server: str, tool: str, *, seconds: float | None, failed: bool) -> None:
        """Of a call that began `at`; `seconds` is None where nobody knows how long it took."""
        hour = self._hour(at, server, tool)
        hour.errors += failed
        if seconds is not None and 0 <= seconds <= _LONGEST:
            hour.seconds += seconds
            hour.longest = max(hour.longest, seconds)
            hour.buckets[bucket_of(seconds)] += 1

    def _hour(self, at: float, server: str, tool: str) -> _Hour:
        return self._hours.setdefault((int(at // _HOUR), server, tool), _Hour())

    def rows(self, source: str) -> tuple[Usage, ...]:
        return tuple(
            Usage(
                datetime.fromtimestamp(hour * _HOUR, UTC),
                server,
                tool,
                source,
                seen.calls,
                seen.errors,
                seen.seconds,
                seen.longest,
                tuple(sorted(seen.buckets.items())),
            )
            for (hour, server, tool), seen in sorted(self._hours.items())
        )


def unix_of(stamp: object) -> float | None:
    """Of an ISO 8601 time with its offset; None for anything else."""
    try:
        at = datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None
    return at.timestamp() if at is not None and at.tzinfo is not None and 1970 < at.year < 3000 else None


def told(what: str, failures: Iterable[OSError]) -> tuple[str, ...]:
    """One sentence for all files that could not be read; their paths are nobody's business."""
    reasons = [error.strerror or type(error).__name__ for error in failures]
    if not reasons:
        return ()
    files = "1 file" if len(reasons) == 1 else f"{len(reasons)} files"
    return (f"{what}: {files} could not be read ({reasons[0]})",)
