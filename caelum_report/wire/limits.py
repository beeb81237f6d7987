"""How much a server may make us read and hold."""

from __future__ import annotations

from caelum_report.model import Budgets, Failure

from .fault import Fault


class Pool:
    """What all probes in flight hold together."""

    def __init__(self, budgets: Budgets) -> None:
        self.limit = budgets.inflight_bytes
        self.share = budgets.inflight_bytes // budgets.children
        self.held = 0


class Allowance:
    """What one probe may still read. A full pool ends only those who took more than their share of it, so that a flood
    elsewhere never hurts a modest server.
    """

    def __init__(self, budgets: Budgets, pool: Pool | None = None) -> None:
        self.budgets = budgets
        self._pool = pool or Pool(budgets)
        self.bytes = 0
        self.values = 0

    def take_bytes(self, count: int) -> None:
        """Book what was read; raises when it was too much."""
        self.bytes += count
        self._pool.held += count
        if self.bytes > self.budgets.probe_bytes:
            raise Fault(Failure.OVERSIZED, f"it sent more than {_megabytes(self.budgets.probe_bytes)} in one probe")
        if self._pool.held > self._pool.limit and self.bytes > self._pool.share:
            raise Fault(
                Failure.OVERSIZED, f"all probes together were sent more than {_megabytes(self._pool.limit)} at a time"
            )

    def take_values(self, count: int) -> None:
        """Book parsed JSON values."""
        self.values += count
        if self.values > self.budgets.json_values:
            raise Fault(Failure.OVERSIZED, f"it sent more than {self.budgets.json_values} JSON values in one probe")

    def check_line(self, length: int, what: str = "line") -> None:
        if length > self.budgets.line_bytes:
            raise Fault(Failure.OVERSIZED, f"one {what} is longer than {_megabytes(self.budgets.line_bytes)}")

    def release(self) -> None:
        """Give back to the pool; the probe is over."""
        self._pool.held -= self.bytes
        self.bytes = 0


def _megabytes(count: int) -> str:
    return f"{count / 1e6:g} MB"
