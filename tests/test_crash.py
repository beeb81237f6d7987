"""kill -9 at random moments: the history and the published site stay whole, and no process is left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOOP = Path(__file__).parent / "crash_loop.py"


@pytest.mark.parametrize(
    "rounds", [pytest.param(6, id="a few"), pytest.param(100, id="a hundred", marks=pytest.mark.slow)]
)
def test_killed_runs_lose_nothing(rounds: int, tmp_path: Path) -> None:
    database, site = tmp_path / "state/history.sqlite", tmp_path / "site"
    build = f"{sys.executable} -m caelum_report build --no-pdf --db {database} --output {site}"
    environ = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "xdg"),
    }
    loop = [
        sys.executable,
        str(LOOP),
        "--cmd",
        build,
        "--db",
        str(database),
        "--site",
        str(site),
        "--rounds",
        str(rounds),
        "--reader",
    ]
    loop += ["--overlap", "5", "--ok-codes", "0,75", "--build-regex", r'<meta name="caelum-report" content="([^"]+)"']
    result = subprocess.run(loop, env=environ, capture_output=True, text=True, timeout=1500, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
