"""The site checker finds nothing in the demonstration and its editions: escaping, links, JSON, CSV, file names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKER = Path(__file__).parent.parent / "check_site.py"


@pytest.mark.parametrize("beside", ["", "-public", "-executive"])
def test_the_checker_finds_nothing(demo_site: Path, beside: str) -> None:
    site = demo_site.with_name(f"{demo_site.name}{beside}")
    assert (site / "index.html").is_file()
    result = subprocess.run(
        [sys.executable, str(CHECKER), str(site)], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout
