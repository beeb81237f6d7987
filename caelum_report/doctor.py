"""What works here and what is missing, with the command that mends it. Starts no server; every look has an end."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

from . import schedule, words
from .configured import Config
from .errors import CaelumError
from .model import Transport
from .text import visible

State = Literal["ok", "warn", "fail"]

_CRON_PATH: Final = "/usr/bin:/bin"
_LAUNCHERS: Final = ("npx", "node", "uvx", "uv", "docker")
_SECONDS: Final = 5.0
_PDF_SECONDS: Final = 30.0
_LITTLE_BYTES: Final = 1 << 30
_TOO_LITTLE_BYTES: Final = 100 << 20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `warn` costs a part of the report, `fail` the report."""

    name: str
    state: State
    text: str
    mend: str | None = None  # one shell command, or what to ask a package manager for


Look = Callable[[Config | None, Mapping[str, str]], Iterator[Check]]


def checks(config: Config | None, environ: Mapping[str, str], looks: Sequence[Look] | None = None) -> list[Check]:
    """Everything that can be said of this machine. Without a configuration that loads, what needs one is left out."""
    if sys.platform == "win32":
        looks = (_system, _python)
    return [check for look in looks or LOOKS for check in look(config, environ)]


def line(check: Check) -> str:
    """For a terminal: the state as a word, what was seen, and below it the command."""
    mend = f"\n      → {check.mend}" if check.mend else ""
    return f"{check.state:<5} {check.name}: {check.text}{mend}"


# --- this machine ---------------------------------------------------------------------------------------------------


def _system(_: Config | None, __: Mapping[str, str]) -> Iterator[Check]:
    if sys.platform == "win32":
        yield Check(
            "system",
            "fail",
            "Windows is not supported: file locks, process groups and the swap of a whole site are missing there. "
            "Everything works in the Windows Subsystem for Linux",
            "wsl --install -d Debian",
        )
    elif os.geteuid() == 0:
        yield Check("user", "warn", "root: every MCP server that is started here has all rights; an own user is better")


def _python(_: Config | None, __: Mapping[str, str]) -> Iterator[Check]:
    good = sys.version_info >= (3, 11)
    yield Check("Python", "ok" if good else "fail", platform.python_version() + ("" if good else "; 3.11 is needed"))


def _sqlite(_: Config | None, __: Mapping[str, str]) -> Iterator[Check]:
    yield Check("SQLite", "ok", f"{sqlite3.sqlite_version}, with a rollback journal (no WAL)")


def _dot(_: Config | None, __: Mapping[str, str]) -> Iterator[Check]:
    done = _output_of("dot", "-V")
    if done is None:
        yield Check("dot", "warn", "not found: diagrams become tables", _packages("graphviz", "graphviz"))
    else:
        yield Check("dot", "ok", done.removeprefix("dot - ").removesuffix(" (0)") or "present")


def _pdf(_: Config | None, __: Mapping[str, str]) -> Iterator[Check]:
    program = "import weasyprint; weasyprint.HTML(string='<p>x').write_pdf(); print(weasyprint.__version__)"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=_PDF_SECONDS
        )
    except subprocess.TimeoutExpired:
        yield Check(
            "PDF", "warn", f"WeasyPrint took more than {words.seconds(_PDF_SECONDS)} for an empty page; use --no-pdf"
        )
        return
    if done.returncode == 0:
        yield Check("PDF", "ok", f"WeasyPrint {done.stdout.strip()}")
        return
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    mend = _packages("libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0", "pango")
    yield Check("PDF", "warn", f"no report.pdf: {visible(reason, 160)}", mend)


def _fonts(_: Config | None, __: Mapping[str, str]) -> Iterator[Check]:
    listed = _output_of("fc-list", ":", "family")
    if listed is None:
        folders = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts")
        listed = "\n".join(str(font) for folder in folders for font in Path(folder).glob("**/*.[to]t[fc]"))
    number = len(set(listed.splitlines()))
    if number:
        yield Check("fonts", "ok", words.plural(number, "family", "families"))
    else:
        yield Check(
            "fonts",
            "warn",
            "none: text in the PDF and in diagrams is missing",
            _packages("fonts-dejavu-core", "font-dejavu"),
        )


def _schedule(_: Config | None, environ: Mapping[str, str]) -> Iterator[Check]:
    known = schedule.found(environ)
    if known is None:
        yield Check(
            "schedule",
            "warn",
            "none found: reports are made only when you ask",
            "caelum-report schedule --install",
        )
    elif known.endswith("not enabled"):
        user = " --user" if "this user" in known else ""
        yield Check("schedule", "warn", known, f"systemctl{user} enable --now {schedule.TIMER}")
    else:
        yield Check("schedule", "ok", known)


# --- this configuration ---------------------------------------------------------------------------------------------


def _configuration(config: Config | None, _: Mapping[str, str]) -> Iterator[Check]:
    if config is None:
        yield Check("configuration", "fail", "it cannot be used; the last line says why")
        return
    broken = [server for server in config.servers if server.problem]
    if config.servers:
        yield Check("configuration", "ok", f"valid, {words.plural(len(config.servers), 'server')}")
    else:
        yield Check("configuration", "warn", "valid, no server is named", "caelum-report init")
    for server in broken:
        yield Check(f"server {visible(server.id, 60)}", "warn", str(server.problem))
    for found in config.found:
        what = found.problem or f"{words.plural(len(found.servers), 'server')}, not asked"
        mend = None if found.problem else "caelum-report init"
        yield Check(found.host, "warn" if found.problem else "ok", f"{visible(found.path, 200)}: {what}", mend)


def _database(config: Config | None, _: Mapping[str, str]) -> Iterator[Check]:
    if config is None:
        return
    path = Path(config.database)
    place = visible(str(path), 300)
    if not os.path.exists(path):  # noqa: PTH110  a folder that we may not enter is no error here
        folder = _nearest(path.parent)
        if os.access(folder, os.W_OK | os.X_OK):
            yield Check("history", "ok", f"{place}: begins with the first run")
        else:
            yield Check("history", "fail", f"{visible(str(folder), 300)} cannot be written to; set `database`")
        return
    try:
        problem = _damage(path)
    except sqlite3.Error as error:
        problem = str(error)
    if problem:
        yield Check("history", "fail", f"{place}: {visible(problem, 160)}", "caelum-report build --rescue")
        return
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK):
        yield Check("history", "fail", f"{place} or its folder cannot be written to by this user")
        return
    for each, wanted in ((path, 0o600), (path.parent, 0o700)):
        if stat.S_IMODE(each.stat().st_mode) & 0o077:
            mend = f"chmod {wanted:o} {shlex.quote(str(each))}"
            yield Check("history", "warn", f"{visible(str(each), 300)} can be read by others", mend)
            return
    yield Check("history", "ok", f"{place}, {words.size(path.stat().st_size)}")


def _damage(path: Path) -> str:
    """What SQLite finds wrong within a few seconds; a large history is checked as far as that goes."""
    end = time.monotonic() + _SECONDS
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_SECONDS)
    try:
        connection.set_progress_handler(lambda: time.monotonic() > end, 10_000)
        tables = connection.execute("select count(*) from sqlite_master where name = 'snapshots'").fetchone()[0]
        if not tables:
            return "this is not a history of caelum-report"
        verdict = str(connection.execute("pragma quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return ""
        raise
    finally:
        connection.close()
    return "" if verdict == "ok" else verdict


def _output(config: Config | None, _: Mapping[str, str]) -> Iterator[Check]:
    if config is None:
        return
    from .deliver.publish import follow, refuse_foreign, way

    try:
        output = follow(Path(config.output))
        refuse_foreign(output)
    except CaelumError as error:
        yield Check("site", "fail", str(error))
        return
    place = visible(str(output), 300)
    if not output.parent.is_dir():
        folder = _nearest(output.parent)
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            yield Check("site", "ok", f"{place}: will be made by the first run")
        else:
            yield Check("site", "fail", f"{visible(str(folder), 300)} cannot be written to; choose another --output")
        return
    how = way(output, config.publish)
    if how == "in-place" and not os.access(output, os.W_OK | os.X_OK):
        user = shlex.quote(_user_name())
        mend = f"sudo install -d -o {user} {shlex.quote(str(output))}"
        yield Check("site", "fail", f"{place} cannot be written to by this user", mend)
        return
    said = {
        "exchange": "swapped in at once",
        "symlink": "a link that is swung at once",
        "in-place": "replaced file by file, for a whole folder cannot be swapped here",
    }
    yield Check("site", "ok", f"{place}: {said[how]} ({how})")


def _user_name() -> str:
    """The name of the user who runs this, for a command that somebody else types."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _space(config: Config | None, _: Mapping[str, str]) -> Iterator[Check]:
    if config is None:
        return
    places = dict.fromkeys(_nearest(Path(path)) for path in (config.database, config.output))
    devices = {place.stat().st_dev: place for place in reversed(places)}
    for place in reversed(devices.values()):
        free = shutil.disk_usage(place).free
        state: State = "fail" if free < _TOO_LITTLE_BYTES else "warn" if free < _LITTLE_BYTES else "ok"
        yield Check("disk", state, f"{words.size(free)} free at {visible(str(place), 300)}")


def _zone(config: Config | None, environ: Mapping[str, str]) -> Iterator[Check]:
    if config is None:
        return
    wanted = environ.get("TZ", "").removeprefix(":")
    if wanted and wanted != config.zone and not _is_zone(wanted):
        yield Check("zone", "warn", f"TZ={visible(wanted, 60)} is no zone; times are shown in {config.zone}")
    elif _is_zone(config.zone):
        yield Check("zone", "ok", f"times are shown in {config.zone}")
    else:
        yield Check("zone", "fail", f"{visible(config.zone, 60)} is not known here", _packages("tzdata", "tzdata"))


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a folder, a path that leaves the database, an unknown name
        return False
    return True


def _launchers(config: Config | None, environ: Mapping[str, str]) -> Iterator[Check]:
    """Whether what starts the stdio servers is found with the PATH that a scheduled run has."""
    if config is None:
        return
    scheduled, here = config.path or _CRON_PATH, environ.get("PATH", os.defpath)
    used = {server.command for server in config.servers if server.transport is Transport.STDIO and server.command}
    names = sorted(used or {name for name in _LAUNCHERS if shutil.which(name, path=here)})
    lost, fine = [], []
    for name in names:
        shown = visible(Path(name).name, 60)
        if shutil.which(name, path=scheduled):
            fine.append(shown)
        elif shutil.which(name, path=here):
            lost.append(shown)
        elif name in used:
            mend = {"npx": _packages("npm", "node"), "node": _packages("nodejs", "node"), "uvx": "pipx install uv"}.get(
                shown
            )
            yield Check("launcher", "warn", f"{shown} is not found: its servers are spawn-failed", mend)
    if lost:
        which = "the recorded PATH" if config.path else "cron's PATH"
        text = f"{words.listing(lost, 6)}: found here, not with {which} ({visible(scheduled, 200)})"
        yield Check("launcher", "warn", f"{text}; `init` records the PATH", "caelum-report init")
    elif fine:
        yield Check("launcher", "ok", f"{words.listing(fine, 6)}: found by a scheduled run too")


LOOKS: Final[tuple[Look, ...]] = (
    _system,
    _python,
    _sqlite,
    _configuration,
    _database,
    _output,
    _space,
    _zone,
    _launchers,
    _dot,
    _pdf,
    _fonts,
    _schedule,
)


# --- looking --------------------------------------------------------------------------------------------------------


def _output_of(*command: str) -> str | None:
    """What a program prints on either stream; None where it is missing, fails or takes too long."""
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace", timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout + done.stderr).strip() if done.returncode == 0 else None


def _nearest(path: Path) -> Path:
    """The path itself or the first folder above it that exists."""
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if os.path.exists(folder))  # noqa: PTH110  a folder that we may not enter is no error here


def _packages(debian: str, homebrew: str) -> str:
    if sys.platform == "darwin":
        return f"brew install {homebrew}"
    if not shutil.which("apt-get"):
        return f"your system's package manager; Debian calls it {debian}"
    sudo = "" if os.geteuid() == 0 else "sudo "
    return f"{sudo}apt-get install -y --no-install-recommends {debian}"
