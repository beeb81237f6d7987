"""Real calls, where somebody counts them: by server, tool and hour. Probe results are never mixed with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from caelum_report.history import History

from .times import Floats, unix

_PRECEDENCE: Final = ("metrics", "tap", "host-log", "claude-code")  # of sources; one counts, they are never added up


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of a period, by server, tool and hour."""

    server: tuple[str, ...]
    tool: tuple[str, ...]
    hour: Floats  # unix seconds of its start
    calls: Floats
    seconds: Floats  # of waiting, together

    def __len__(self) -> int:
        return len(self.server)


def real_calls(history: History, start: float, end: float) -> Calls:
    """Those between two instants, of one source a server; nothing where no usage is measured."""
    frame = history.usage
    if not len(frame):
        return Calls((), (), np.empty(0), np.empty(0), np.empty(0))
    at = unix(frame["hour"])
    rows = frame[(at >= start) & (at < end)]
    place = {source: rank for rank, source in enumerate(_PRECEDENCE)}
    rank = rows["source"].astype(object).map(lambda source: place.get(source, len(place)))
    rows = rows[rank == rank.groupby(rows["server"].astype(object)).transform("min")]
    return Calls(
        tuple(rows["server"].astype(object)),
        tuple(rows["tool"].astype(object)),
        unix(rows["hour"]),
        rows["calls"].to_numpy(np.float64),
        rows["seconds"].to_numpy(np.float64),
    )
