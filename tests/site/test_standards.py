"""Independent judges of the published pages: html-validate and the Nu checker for the markup, pa11y and axe for who reads it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.site.conftest import CHROMIUM

pytestmark = pytest.mark.slow

_UNKNOWN_TO_NU = ".*(vector-effect|paint-order).*"  # properties of SVG 2, which its CSS checker does not know
_DARK, _LIGHT = 0, 1  # Chromium's numbers for prefers-color-scheme


@pytest.fixture(scope="module")
def checkers() -> Path:
    """The folder that install-checkers.sh filled."""
    folder = os.environ.get("CAELUM_CHECKERS")
    if folder is None or shutil.which("node") is None:
        pytest.skip("needs CAELUM_CHECKERS=DIR after tests/install-checkers.sh DIR")
    return Path(folder) / "node_modules"


def pages(site: Path) -> list[Path]:
    """Every page but most of those that are made alike: servers and incidents differ in data only."""
    alike = ("servers", "incidents")
    found = [page for page in sorted(site.rglob("*.html")) if page.relative_to(site).parts[0] not in alike]
    return found + [page for folder in alike for page in sorted((site / folder).rglob("*.html"))[:3]]


def test_html_validate_finds_no_error(demo_site: Path, checkers: Path, tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text('{"root": true, "extends": ["html-validate:recommended"]}')
    command = [str(checkers / ".bin/html-validate"), "--config", str(settings), f"{demo_site}/**/*.html"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_nu_checker_finds_no_error(demo_site: Path, checkers: Path) -> None:
    if shutil.which("java") is None:
        pytest.skip("needs Java: apt-get install -y default-jre-headless")
    jar = checkers / "vnu-jar/build/dist/vnu.jar"
    everything = [str(page) for page in sorted(demo_site.rglob("*.html"))]
    command = [
        "java",
        "-jar",
        str(jar),
        "--errors-only",
        "--filterpattern",
        _UNKNOWN_TO_NU,
        "--format",
        "json",
        *everything,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert json.loads(done.stderr)["messages"] == []


@pytest.fixture(params=[(_LIGHT, 1280), (_DARK, 360)], ids=["light-1280", "dark-360"])
def pa11y(request: pytest.FixtureRequest, checkers: Path, tmp_path: Path) -> list[str]:
    """The command that judges one address in one colour scheme and width."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install -y chromium")
    scheme, width = request.param
    settings = {
        "standard": "WCAG2AA",
        "runners": ["htmlcs", "axe"],
        "timeout": 120_000,
        "viewport": {"width": width, "height": 900},
        "chromeLaunchConfig": {
            "executablePath": CHROMIUM,
            "args": ["--no-sandbox", f"--blink-settings=preferredColorScheme={scheme}"],
        },
    }
    file = tmp_path / "pa11y.json"
    file.write_text(json.dumps(settings))
    return [str(checkers / ".bin/pa11y"), "--config", str(file), "--reporter", "json"]


def test_pa11y_and_axe_find_no_error(demo_site: Path, site_url: str, pa11y: list[str]) -> None:
    found = {}
    for page in pages(demo_site):
        address = f"{site_url}/{page.relative_to(demo_site)}"
        done = subprocess.run([*pa11y, address], capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode in {0, 2}, done.stderr  # 2: it found something
        issues = [issue for issue in json.loads(done.stdout) if not _undecided(issue)]
        if issues:
            found[address] = [(issue["code"], issue["selector"]) for issue in issues]
    assert found == {}


def _undecided(issue: dict[str, Any]) -> bool:
    """axe could not tell, of the contrast over a drawing or in a table's narrow form; HTML_CodeSniffer judges it too."""
    return bool(issue["runnerExtras"].get("needsFurtherReview"))
