"""The timer: what `cron/` holds, with this installation's own path, printed or installed.

The files in `cron/` are the only source; they name `/usr/local/bin/caelum-report` and `%h`, and both are replaced here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from .errors import UsageError
from .text import visible

PACKAGE: Final = Path(__file__).parent
CRON: Final = next(folder for folder in (PACKAGE / "cron", PACKAGE.parent / "cron") if folder.is_dir())
PROGRAM: Final = "/usr/local/bin/caelum-report"  # as the files in `cron/` name it
TIMER: Final = "caelum-report.timer"
STATE: Final = "/var/lib/caelum-report"
SITE: Final = "/var/cache/caelum-report/reports"


def program(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The command that runs this installation, with absolute paths: neither cron nor systemd knows a person's PATH."""
    started = Path(sys.argv[0])
    beside = Path(sys.executable).with_name("caelum-report")
    found = shutil.which("caelum-report", path=environ.get("PATH"))
    for candidate in (started, beside, Path(found) if found else started):
        if candidate.name == "caelum-report" and candidate.is_file() and os.access(candidate, os.X_OK):
            return (str(candidate.absolute()),)
    return (sys.executable, "-m", "caelum_report")


def units(
    command: Sequence[str], folder: Path | None = None, carried: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Unit files by name. Without `folder` those of the system; with it a user's own, whose runs start in `folder`, with
    the variables `carried`.
    """
    service = _read("caelum-report.user.service" if folder else "caelum-report.service")
    service = service.replace(f"ExecStart={PROGRAM} ", f"ExecStart={' '.join(map(_unit_word, command))} ")
    if folder:
        service = service.replace("WorkingDirectory=%h", f"WorkingDirectory={_unit_path(folder)}")
        settings = "".join(f"Environment={_unit_variable(f'{name}={value}')}\n" for name, value in carried.items())
        service = service.replace("ExecStart=", f"{settings}ExecStart=", 1)
    return {"caelum-report.service": service, TIMER: _read(TIMER)}


def crontab(command: Sequence[str], folder: Path, carried: Mapping[str, str] = MappingProxyType({})) -> str:
    """Lines for `crontab -e`: a PATH, and a command that leaves the work to systemd where it runs; runs start in `folder`,
    with the variables `carried`.
    """
    if carried:
        command = ("env", *(f"{name}={value}" for name, value in carried.items()), *command)
    lines = _read("caelum-report.crontab").replace('cd "$HOME"', f"cd {_cron_word(str(folder))}")
    return lines.replace(PROGRAM, " ".join(map(_cron_word, command)))


def install(
    environ: Mapping[str, str],
    carried: Mapping[str, str] = MappingProxyType({}),
    *,
    user: bool,
    root: Path = Path("/"),
) -> Iterator[str]:
    """Write the units and start the timer, saying each thing once it is done. A user's runs have the variables `carried`. `root`
    is a folder to install into instead of this system; nothing is then started. Raises UsageError on the first thing that
    does not work.
    """
    command = program(environ)
    files = _files(environ, command, carried, user=user, root=root)
    for path, content in files.items():
        _write(path, content)
        yield f"wrote {visible(str(path), 500)}"
    if not user:
        yield from _run(environ, ("systemd-sysusers",), user=False, root=root)
    for arguments in (("daemon-reload",), ("enable", "--now", TIMER)):
        yield from _run(environ, ("systemctl", *arguments), user=user, root=root)
    if user:
        yield f"the site will be in {visible(str(Path.cwd() / 'reports'), 500)}, unless the configuration says otherwise"
        yield "to have it run while you are not logged in: loginctl enable-linger"
    else:
        yield f"the site will be in {SITE}; point a web server there"
        yield f"approve servers: sudo -u caelum-report env STATE_DIRECTORY={STATE} {' '.join(command)} approve"


def uninstall(environ: Mapping[str, str], *, user: bool, root: Path = Path("/")) -> Iterator[str]:
    """Stop the timer and remove the units. History and site stay."""
    files = [path for path in _files(environ, program(environ), {}, user=user, root=root) if path.exists()]
    if not files:
        yield "nothing is installed" + (" for this user" if user else "")
        return
    yield from _run(environ, ("systemctl", "disable", "--now", TIMER), user=user, root=root)
    for path in files:
        path.unlink()
        yield f"removed {visible(str(path), 500)}"
    yield from _run(environ, ("systemctl", "daemon-reload"), user=user, root=root)


def found(environ: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """The schedule that is set up here, in words; None where there is none that we can see."""
    for user, words in ((True, "a systemd timer of this user"), (False, "a systemd timer of the system")):
        folder = _unit_folder(environ, user=user, root=root)
        if (folder / TIMER).exists():
            wanted = (folder / "timers.target.wants" / TIMER).is_symlink()
            return words if wanted else f"{words}, not enabled"
    tables = [root / "etc/crontab", *sorted((root / "etc/cron.d").glob("*"))]
    if any("caelum-report" in _text(table) for table in tables):
        return "a line in /etc/crontab or /etc/cron.d"
    if root == Path("/") and "caelum-report" in _crontab_of_user(environ):
        return "a line in this user's crontab"
    return None


# --- writing and running --------------------------------------------------------------------------------------------


def _files(
    environ: Mapping[str, str], command: Sequence[str], carried: Mapping[str, str], *, user: bool, root: Path
) -> dict[Path, str]:
    folder = _unit_folder(environ, user=user, root=root)
    if user:
        return {folder / name: content for name, content in units(command, Path.cwd(), carried).items()}
    if root == Path("/"):
        _refuse_a_persons_own(command)
        if os.geteuid() != 0:
            raise UsageError(
                "a system unit is installed by root: use sudo, or `caelum-report schedule --install --user`"
            )
    files = {folder / name: content for name, content in units(command).items()}
    return {**files, root / "etc/sysusers.d/caelum-report.conf": _read("caelum-report.sysusers")}


def _refuse_a_persons_own(command: Sequence[str]) -> None:
    """The system unit sees no home; what lies there, or is linked or run from there, would not start."""
    for place in (*command, *map(os.path.realpath, command), sys.prefix):
        if place.startswith(("/home/", "/root/", "/run/user/", "/tmp/")):  # noqa: S108
            raise UsageError(
                f"{visible(place, 500)} is a person's own installation, which a system unit must not see. "
                "Install caelum-report for everybody (pipx install --global caelum-report), or use `caelum-report schedule --install --user`"
            )


def _unit_folder(environ: Mapping[str, str], *, user: bool, root: Path) -> Path:
    if not user:
        return root / "etc/systemd/system"
    return Path(environ.get("XDG_CONFIG_HOME") or _home(environ) / ".config") / "systemd/user"


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home())


def _write(path: Path, content: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(content, "utf-8")
        fresh.chmod(0o644)
        fresh.replace(path)
    except OSError as error:
        raise UsageError(f"{visible(str(path), 500)}: {error.strerror}") from error


def _run(environ: Mapping[str, str], command: tuple[str, ...], *, user: bool, root: Path) -> Iterator[str]:
    if command[0] == "systemctl" and user:
        command = ("systemctl", "--user", *command[1:])
    words = " ".join(command)
    tool = shutil.which(command[0], path=environ.get("PATH"))
    runs = tool is not None and (command[0] != "systemctl" or Path("/run/systemd/system").is_dir())
    if root != Path("/") or not runs:
        yield f"not run, systemd is not at work here: {words}"
        return
    done = subprocess.run([str(tool), *command[1:]], check=False, capture_output=True, text=True, env=dict(environ))
    if done.returncode:
        raise UsageError(f"{words}: {visible(done.stderr.strip() or f'exit status {done.returncode}', 500)}")
    yield f"ran {words}"


def _crontab_of_user(environ: Mapping[str, str]) -> str:
    tool = shutil.which("crontab", path=environ.get("PATH"))
    if tool is None:
        return ""
    try:
        return subprocess.run([tool, "-l"], check=False, capture_output=True, text=True, timeout=5).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _read(name: str) -> str:
    return (CRON / name).read_text("utf-8")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


# --- quoting --------------------------------------------------------------------------------------------------------


def _unit_word(word: str) -> str:
    """A word of ExecStart=: % is expanded, blanks and semicolons end it. systemd takes no program with a quote in its path."""
    _refuse_line_breaks(word)
    if any(character in word for character in "\"'\\"):
        raise UsageError(f"{visible(word, 500)}: systemd starts no program with a quote or a backslash in its path")
    word = word.replace("%", "%%")
    return f'"{word}"' if any(character in word for character in " \t;") else word


def _unit_variable(setting: str) -> str:
    """A value of Environment=: one word, in which % is expanded and a backslash escapes."""
    _refuse_line_breaks(setting)
    escaped = setting.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _unit_path(path: Path) -> str:
    """A path as the whole of a setting: not split, but % is expanded."""
    _refuse_line_breaks(str(path))
    return str(path).replace("%", "%%")


def _cron_word(word: str) -> str:
    """A word for sh within a crontab, where an unescaped % would end the command."""
    import shlex

    _refuse_line_breaks(word)
    return shlex.quote(word).replace("%", "\\%")


def _refuse_line_breaks(word: str) -> None:
    if "\n" in word or "\r" in word:
        raise UsageError(f"{visible(word, 500)}: a path with a line break cannot be scheduled")
