"""Publishing elsewhere: the examples of deploy/README.md with the real rsync and the real git."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from caelum_report import deliver, telling
from caelum_report.alerting import Channel
from caelum_report.config import Options, load
from caelum_report.configured import Config
from caelum_report.errors import DeliveryError
from caelum_report.site import Site

from .test_ways import AT, a_mail

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
EXAMPLES = "\n".join(re.findall(r"```toml\n(.*?)```", (DEPLOY / "README.md").read_text(), re.DOTALL))


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    file = tmp_path / "caelum.toml"
    file.write_text(f'output = "{tmp_path}/a site/reports"\n{EXAMPLES}')
    file.chmod(0o600)
    return load(Options(config=file), {"HOME": str(tmp_path)}, tmp_path)


def publish(settings: Config, *paths: str) -> None:
    files = {path: path.encode() for path in ("index.html", *paths)}
    deliver.publish(Site("r-1", files), Path(settings.output), "auto")


def elsewhere(settings: Config, name: str, said: str, here: str, script: str = "") -> None:
    """Runs an example with another target."""
    channel = next(one for one in settings.channels if one.name == name)
    command = [word.replace(said, here) for word in channel.options["command"]]
    assert command != channel.options["command"]
    if script:
        command[0] = script
    telling.send(Channel(name, "command", options={"command": command}), a_mail(), settings, AT)


def shown(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_examples_are_ways_out_for_every_report(settings: Config) -> None:
    assert [(one.name, one.kind, one.alerts, one.reports, one.problem) for one in settings.channels] == [
        (name, "command", False, "always", None) for name in ("mirror", "pages", "bucket")
    ]


@pytest.mark.skipif(shutil.which("rsync") is None, reason="apt-get install rsync")
def test_rsync_makes_the_other_folder_the_same(settings: Config, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    for paths in (("old.html", "servers/a.html"), ("new.html",)):
        publish(settings, *paths)
        elsewhere(settings, "mirror", "web@www.example.org:/srv/www/fleet/", f"{there}/")
        assert shown(there) == {"index.html", *paths}


def test_a_branch_of_pages_holds_the_last_site_and_no_other(settings: Config, tmp_path: Path) -> None:
    repository, script = tmp_path / "fleet.git", str(DEPLOY / "publish-git.sh")
    subprocess.run(["git", "init", "--quiet", "--bare", repository], check=True)

    def git(*words: str) -> list[str]:
        run = subprocess.run(["git", "-C", repository, *words], check=True, capture_output=True, text=True)
        return run.stdout.splitlines()

    for paths in (("old.html", "servers/a.html"), ("new.html",)):
        publish(settings, *paths)
        elsewhere(settings, "pages", "git@git.example.org:ops/fleet.git", str(repository), script)
        held = set(git("ls-tree", "-r", "--name-only", "pages"))
        assert held == {"index.html", *paths, ".caelum-report.json"}
    assert git("rev-list", "--count", "pages") == ["1"]
    assert not (Path(settings.output) / ".git").exists()


def test_a_branch_that_cannot_be_pushed_is_said(settings: Config, tmp_path: Path) -> None:
    publish(settings)
    script, nowhere = str(DEPLOY / "publish-git.sh"), str(tmp_path / "nothing.git")
    with pytest.raises(DeliveryError, match="ended with status 128"):
        elsewhere(settings, "pages", "git@git.example.org:ops/fleet.git", nowhere, script)
    with pytest.raises(DeliveryError, match=r"status 2.*holds no site"):
        elsewhere(
            replace(settings, output=str(tmp_path)), "pages", "git@git.example.org:ops/fleet.git", nowhere, script
        )
