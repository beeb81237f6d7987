"""Editions by the real command: each in its own folder; a leak publishes nothing and ends with 4."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from caelum_report.config import Options, load, show
from caelum_report.errors import UsageError

TOKEN = "s3cr3t-t0ken-value"
SERVERS = f"""
pdf = false
find_configurations = false
database = "state/history.sqlite"
output = "site"
[[server]]
name = "payments-core"
command = "/bin/true"
disabled = true
env = {{ API_TOKEN = "{TOKEN}" }}
"""


def edition(output: str, fleet: str = "Our services", kind: str = "public") -> str:
    return f'[[edition]]\nkind = "{kind}"\noutput = "{output}"\nfleet = "{fleet}"\naliases = {{ payments-core = "Payments" }}\n'


def written(folder: Path, *parts: str) -> Path:
    file = folder / "caelum.toml"
    file.write_text("".join((SERVERS, *parts)))
    file.chmod(0o600)
    return file


def build(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "caelum_report", "build", "--config", str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=file.parent)


@pytest.mark.slow
def test_each_edition_lies_in_its_own_folder(tmp_path: Path) -> None:
    done = build(written(tmp_path, edition("public"), edition("board", "The service", "executive")))
    assert done.returncode == 0, done.stderr
    assert "payments-core" in (tmp_path / "site/index.html").read_text()
    for folder, fleet in (("public", "Our services"), ("board", "The service")):
        page = (tmp_path / folder / "index.html").read_text()
        assert fleet in page
        assert "Payments" in page
        whole = b"".join(file.read_bytes() for file in (tmp_path / folder).rglob("*") if file.is_file())
        assert b"payments-core" not in whole


def test_a_leak_publishes_nothing_and_says_where_it_is(tmp_path: Path) -> None:
    done = build(written(tmp_path, edition("public", f"Ours {TOKEN}")))
    assert done.returncode == 4
    assert "the public edition is not published" in done.stderr
    assert "badges/index.svg holds a secret" in done.stderr
    assert TOKEN not in done.stderr + done.stdout
    assert not (tmp_path / "public").exists()
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize("output", ["site", "site/public", "."])
def test_editions_lie_in_no_other_folder_of_ours(tmp_path: Path, output: str) -> None:
    with pytest.raises(UsageError, match="lies within another edition's folder"):
        load(Options(config=written(tmp_path, edition(output))), {}, tmp_path)


def test_an_alias_of_nobody_is_told_the_nearest_name(tmp_path: Path) -> None:
    text = edition("public").replace("payments-core", "payment-core")
    notes = [note.text for note in load(Options(config=written(tmp_path, text)), {}, tmp_path).notes]
    assert "edition public: no server, group or objective is called payment-core; did you mean payments-core?" in notes


def test_show_says_the_editions(tmp_path: Path) -> None:
    shown = show(Options(config=written(tmp_path, edition("public"))), {}, tmp_path)
    assert 'aliases = { "payments-core" = "Payments" }' in shown


WAY = '[[deliver]]\nname = "w"\nkind = "webhook"\nurl = "https://hook.example/"\nedition = "{}"\n'


@pytest.mark.parametrize(
    ("word", "editions", "said"),
    [
        ("publik", ["public"], "expected the name of an [[edition]]; did you mean public?"),
        ("public", ["public", "other"], "several are called so, give each a `name`"),
    ],
)
def test_a_way_out_names_one_edition(tmp_path: Path, word: str, editions: list[str], said: str) -> None:
    text = [edition(folder) for folder in editions]
    with pytest.raises(UsageError, match=re.escape(said)):
        load(Options(config=written(tmp_path, *text, WAY.format(word))), {}, tmp_path)


def test_a_way_out_finds_its_edition_by_kind_or_by_name(tmp_path: Path) -> None:
    named = edition("other").replace("fleet =", 'name = "customers"\nfleet =')
    for word in ("public", "customers"):
        made = load(Options(config=written(tmp_path, edition("public"), named, WAY.format(word))), {}, tmp_path)
        assert (made.channels[0].edition, [one.name for one in made.editions]) == (word, ["public", "customers"])


def test_two_servers_cannot_share_an_alias(tmp_path: Path) -> None:
    text = edition("public").replace("}", ', other = "Payments" }')
    with pytest.raises(UsageError, match="expected another alias"):
        load(Options(config=written(tmp_path, text)), {}, tmp_path)
