"""The stage ladder of one probe: each rung timed, the failed one named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from caelum_report.model import STAGES, Outcome, Server, Stage, Transport

from .room import Clock

_LOCAL = ("spawn",)
_REMOTE = ("dns", "connect", "tls", "http", "auth")


class Ladder:
    def __init__(self, server: Server, clock: Clock) -> None:
        self._clock = clock
        unused = set(_LOCAL if server.remote else _REMOTE)
        if server.remote and not (server.url or "").startswith("https:"):
            unused.add("tls")
        if server.canary is None:
            unused.add("canary")
        self._rungs = {name: Stage(name, Outcome.UNUSED if name in unused else Outcome.NOT_REACHED) for name in STAGES}
        self.fell_after_seconds: dict[str, float] = {}  # of the stages that something was raised in
        self.current = "spawn" if server.transport is Transport.STDIO else "http"

    @contextmanager
    def climb(self, name: str) -> Iterator[None]:
        """The time that a stage takes, without what was waited for a turn; it is good when nothing is raised."""
        self.current, since = name, self._clock.spent
        try:
            yield
        except BaseException:
            self.fell_after_seconds[name] = self._clock.spent - since
            raise
        self.good(name, self._clock.spent - since)

    def good(self, name: str, seconds: float | None, detail: str = "") -> None:
        self._rungs[name] = Stage(name, Outcome.OK, seconds, detail)

    def passed(self, seconds: Mapping[str, float]) -> None:
        """Stages that the wire has timed."""
        for name, value in seconds.items():
            if self._rungs[name].outcome is not Outcome.UNUSED:
                self.good(name, value)

    def failed(self, name: str, detail: str, seconds: float | None) -> None:
        self._rungs[name] = Stage(name, Outcome.FAILED, seconds, detail)

    def seconds(self, name: str) -> float | None:
        return self._rungs[name].seconds

    def left_out(self, name: str, detail: str) -> None:
        self._rungs[name] = Stage(name, Outcome.UNUSED, None, detail)

    @property
    def stages(self) -> tuple[Stage, ...]:
        return tuple(self._rungs.values())
