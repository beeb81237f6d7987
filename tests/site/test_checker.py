"""The site checker finds nothing in the demonstration: escaping, links, JSON, CSV, file names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKER = Path(__file__).parent.parent / "check_site.py"


def test_the_checker_finds_nothing(demo_site: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(CHECKER), str(demo_site)], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout
