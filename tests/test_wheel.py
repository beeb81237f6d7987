"""The wheel, installed in an empty environment, away from the checkout, makes a report."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
UV = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def run(*command: str | Path, cwd: Path, **environ: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    result = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.skipif(UV is None, reason="needs uv: pip install uv")
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_an_installed_package_builds_a_report(kind: str, tmp_path: Path) -> None:
    assert UV is not None
    run(UV, "build", f"--{kind}", "--out-dir", tmp_path / "dist", ROOT, cwd=tmp_path)
    package = next(path for path in (tmp_path / "dist").iterdir() if path.suffix in {".whl", ".gz"})
    run(UV, "venv", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    run(UV, "pip", "install", package, cwd=tmp_path, VIRTUAL_ENV=str(tmp_path / "venv"))
    home = {
        "HOME": str(tmp_path / "home"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    (tmp_path / "home").mkdir()
    run(tmp_path / "venv/bin/caelum-report", "build", "--verbose", "--output", tmp_path / "site", cwd=tmp_path, **home)
    assert "caelum-report" in (tmp_path / "site/index.html").read_text("utf-8")
    assert (tmp_path / "site/report.pdf").read_bytes().startswith(b"%PDF")
    assert run(tmp_path / "venv/bin/caelum-report", "schedule", cwd=tmp_path, **home)
