"""What more than one room's tests need."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parent.parent

hypothesis.settings.register_profile("no timing", deadline=None)  # a busy machine is no fault of the code
hypothesis.settings.load_profile("no timing")


@pytest.fixture(scope="session")
def demo_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration site, built once by the real command for all workers; its editions lie beside it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    site = shared / "demo"
    with (shared / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (site / "index.html").exists():
            command = [sys.executable, "-m", "caelum_report", "demo", "--editions", "--output", str(site)]
            subprocess.run(command, check=True, timeout=300)
    return site
