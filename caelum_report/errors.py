"""What can go wrong, and the exit status that says so.

    CaelumError
    ├── UsageError      2  the command line or the configuration; nothing was probed
    ├── StoreError      3  the database cannot be used
    ├── PublishError    4  stored, not published; the old site stays
    ├── DeliveryError   5  published, not delivered
    └── LockedError    75  another run holds the lock (silent)

Status 0 is a published report, 1 a bug with its traceback, 6 a `--fail-on` condition that holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import ClassVar, Final

EXIT_FAIL_ON: Final = 6


class CaelumError(Exception):
    """The root. Its text is one line for a person: what happened, and what to do about it."""

    exit_status: ClassVar[int] = 1


class UsageError(CaelumError):
    """The command line or the configuration is wrong; nothing was probed."""

    exit_status = 2


class StoreError(CaelumError):
    """The database cannot be used: full disk, damage, a newer schema, somebody else's file."""

    exit_status = 3


class PublishError(CaelumError):
    """The snapshot is stored, the site could not be replaced; the old one is still served."""

    exit_status = 4


class DeliveryError(CaelumError):
    """The site is published, a message could not be delivered; the next run tries again."""

    exit_status = 5


class MessageRefusedError(DeliveryError):
    """The receiver is well and does not take this one message; others may pass. `left`: who of several has it not yet."""

    def __init__(self, text: str, left: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.left = tuple(left)


class LockedError(CaelumError):
    """Another run holds the lock."""

    exit_status = 75


def as_bug(error: BaseException) -> str:
    """`TypeError: what it says (module.py:12)`: all that is kept of the traceback of a bug that a run outlives."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    place = f" ({PurePath(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno})" if frame else ""
    return f"{type(error).__name__}: {error}{place}"
