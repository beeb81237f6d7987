"""Real services for the tests that need one: started on a free port of loopback, ended with the test module."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def need(program: str, package: str) -> str:
    """The program's path, or the line that installs it as the reason of a skip."""
    if (found := shutil.which(program)) is None:
        pytest.skip(f"apt-get install -y --no-install-recommends {package}")
    return found


@contextmanager
def running(arguments: list[str], ready: str, folder: Path) -> Iterator[None]:
    """The process, from when `ready` answers over HTTP."""
    with (folder / "log").open("wb") as log, subprocess.Popen(arguments, stdout=log, stderr=log, cwd=folder) as process:
        try:
            _wait(process, ready, folder / "log")
            yield
        finally:
            process.terminate()
            process.wait(20)


def _wait(process: subprocess.Popen[bytes], ready: str, log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"{process.args} ended: {log.read_text('utf-8', 'replace')[-2000:]}")
        try:
            with urllib.request.urlopen(ready, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    pytest.fail(f"{ready} does not answer: {log.read_text('utf-8', 'replace')[-2000:]}")
