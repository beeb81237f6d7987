"""What goes wrong on the wire, as one exception with a class that is a public contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from caelum_report.model import Failure

if TYPE_CHECKING:
    from datetime import datetime


class Fault(Exception):  # noqa: N818 - the trade's word; an error is what JSON-RPC has
    """A conversation ended. `reason` is a sentence for a person, with the server's own words in it unredacted."""

    def __init__(self, failure: Failure, reason: str, stage: str | None = None) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason
        self.stage = stage  # where it happened, when the wire knows better than its caller
        self.detail = ""  # for who looks into this one probe; too long for a sentence that other pages repeat
        self.certificate_expires_at: datetime | None = None
        self.seconds: dict[str, float] = {}  # of the steps to a connection, the failed one included


class HttpFault(Fault):
    """An HTTP status that is no answer."""

    def __init__(self, status: int, reason: str) -> None:
        if status in (401, 403):
            super().__init__(Failure.AUTH_REQUIRED, reason, "auth")
        else:
            super().__init__(Failure.HTTP_4XX if status < 500 else Failure.HTTP_5XX, reason, "http")
        self.status = status


def excerpt(data: bytes, limit: int = 120) -> str:
    """The start of what was received, as text whatever it is. Hidden characters are marked at the boundary."""
    text = data[: limit * 2].decode("utf-8", "backslashreplace").strip()
    return f"“{text[:limit]}…”" if len(text) > limit or len(data) > limit * 2 else f"“{text}”"
