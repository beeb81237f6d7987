"""Who may run now. A lock dies with its process, so a killed run leaves nothing to clean up."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final

from caelum_report.errors import LockedError, StoreError

from .database import private_folder

_ASK_AGAIN_SECONDS: Final = 0.05


def run_lock(path: str, wait_seconds: float = 5.0) -> AbstractContextManager[None]:
    """Held by the one run that collects into the database at `path`; raises `LockedError` after `wait_seconds`."""
    return _hold(f"{path}.lock", wait_seconds, "another run is collecting")


def publish_lock(path: str, wait_seconds: float = 5.0) -> AbstractContextManager[None]:
    """Held by the one run that builds the site, so that others may collect meanwhile."""
    return _hold(f"{path}.publish-lock", wait_seconds, "another run is building the site")


def deliver_lock(path: str, wait_seconds: float = 0.0) -> AbstractContextManager[None]:
    """Held by the one run that empties the outbox, so that nothing goes out twice."""
    return _hold(f"{path}.deliver-lock", wait_seconds, "another run is sending")


@contextmanager
def _hold(path: str, wait_seconds: float, who: str) -> Iterator[None]:
    private_folder(Path(path).parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"cannot lock {path}: {error.strerror}") from error
    try:
        until = time.monotonic() + wait_seconds
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() >= until:
                raise LockedError(f"{who} ({path} is locked)")
            time.sleep(_ASK_AGAIN_SECONDS)
        yield
    finally:
        os.close(descriptor)
