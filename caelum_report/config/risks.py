"""Facts about an entry that its owner may want to change. Facts, not verdicts; and never a value."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from caelum_report.model import Note, Server
from caelum_report.text import SECRET_NAME, visible
from caelum_report.words import listing

from .endpoint import path_segments

_NPX: Final = {("npx",), ("bunx",), ("pnpx",), ("pnpm", "dlx"), ("yarn", "dlx"), ("bun", "x"), ("npm", "exec")}
_UVX: Final = {("uvx",), ("pipx", "run"), ("uv", "tool", "run")}
_PACKAGE_FLAGS: Final = {"-p", "--package", "--from", "--spec"}
_VALUE_FLAGS: Final = {
    "--with", "--python", "--index-url", "--index", "--default-index", "--extra-index-url", "--registry", "--cache-dir",
    "--directory", "--with-editable", "--with-requirements", "--constraints", "--pip-args", "--cache", "--userconfig",
}  # fmt: skip
_CONTAINERS: Final = (
    ("docker", "run"),
    ("docker", "container", "run"),
    ("podman", "run"),
    ("podman", "container", "run"),
    ("nerdctl", "run"),
)
_CONTAINER_VALUE_FLAGS: Final = {
    "-a", "--attach", "--add-host", "--annotation", "--blkio-weight", "--cap-add", "--cap-drop", "--cgroup-parent", "--cgroupns",
    "--cidfile", "-c", "--cpu-shares", "--cpus", "--cpuset-cpus", "--device", "--dns", "--dns-option", "--dns-search",
    "--entrypoint", "-e", "--env", "--env-file", "--expose", "--gpus", "--group-add", "--health-cmd", "-h", "--hostname",
    "--ip", "--ip6", "--ipc", "--isolation", "-l", "--label", "--label-file", "--link", "--log-driver", "--log-opt",
    "--mac-address", "-m", "--memory", "--memory-reservation", "--memory-swap", "--mount", "--name", "--net", "--network",
    "--network-alias", "--oom-score-adj", "--pid", "--pids-limit", "--platform", "-p", "--publish", "--pull", "--restart",
    "--runtime", "--security-opt", "--shm-size", "--stop-signal", "--stop-timeout", "--storage-opt", "--sysctl", "--tmpfs",
    "--ulimit", "-u", "--user", "--userns", "--uts", "-v", "--volume", "--volume-driver", "--volumes-from", "-w", "--workdir",
}  # fmt: skip
_NPM_PINNED: Final = re.compile(r".+@v?\d+\.\d+\.\d+[\w.+-]*|.+#(?:semver:=)?[0-9a-f]{40}")
_PYPI_PINNED: Final = re.compile(r".+===?\s*[\w.!+-]+|[^@]+@\d[\w.!+-]*|.+@[0-9a-f]{40}(?:#.*)?")


def risks_of(server: Server, literal_secrets: Sequence[str], writers: str | None = None) -> tuple[Note, ...]:
    """`literal_secrets`: names whose secret value stands in the file itself; `writers`: who else can change its program."""
    found: list[Note] = []
    if (launcher := _unpinned(server)) is not None:
        text = f"{launcher} runs whatever version is newest at each start; name an exact version"
        found.append(Note("unpinned-launcher", text))
    if literal_secrets:
        names = listing([visible(name, 60) for name in literal_secrets])
        text = f"{names}: the value stands in the file in plain text; put it in a variable"
        found.append(Note("plain-text-secret", text))
    if writers is not None:
        found.append(Note("writable-program", f"what it runs can be changed by others: {writers}"))
    if server.url is not None:
        found += _remote(server, server.url)
    return tuple(found)


def _remote(server: Server, url: str) -> list[Note]:
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return []
    if _is_loopback(host):
        return []
    found = []
    if parts.scheme == "http":
        found.append(Note("plain-http", "plain http beyond this machine: whoever is on the way can read and change it"))
    names = [*(name for name, _ in server.headers), *(name for name, _ in urllib.parse.parse_qsl(parts.query))]
    knows_a_secret = any(masked for _, masked in path_segments(parts.path)) or "@" in parts.netloc
    if not knows_a_secret and not any(SECRET_NAME.search(name) for name in names):
        text = "no authentication is sent: if it answers us, it answers everybody who can reach it"
        found.append(Note("no-authentication", text))
    return found


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _unpinned(server: Server) -> str | None:
    """`npx -y`, `uvx`, …, where the package that it runs has no exact version."""
    words = [Path(server.command or "").name, *server.args]
    if words[0] in {"cmd", "cmd.exe", "env"}:  # cmd /c npx …
        words = [word for word in words[1:] if not word.startswith("/") and "=" not in word] or words
    words[0] = re.sub(r"\.(?:cmd|exe)$", "", words[0])
    if (container := _moving_image(words)) is not None:
        return container
    for launchers, pinned in ((_NPX, _NPM_PINNED), (_UVX, _PYPI_PINNED)):
        for launcher in launchers:
            if tuple(words[: len(launcher)]) == launcher:
                package = _package(words[len(launcher) :])
                local = package is None or package.startswith((".", "/", "~", "file:"))
                return None if local or package is None or pinned.fullmatch(package) else " ".join(launcher)
    return None


def _moving_image(words: Sequence[str]) -> str | None:
    """`docker run`, where the image that it runs has no digest and no tag with a number in it: `latest`, `main`, none."""
    launcher = next((each for each in _CONTAINERS if tuple(words[: len(each)]) == each), None)
    if launcher is None:
        return None
    waiting = False
    for word in words[len(launcher) :]:
        if waiting:
            waiting = False
        elif word.startswith("-"):
            waiting = "=" not in word and word in _CONTAINER_VALUE_FLAGS
        else:
            tag = word.rpartition("/")[2].partition(":")[2]
            pinned = re.search(r"@sha256:[0-9a-f]{64}$", word) or any(character.isdigit() for character in tag)
            return None if pinned else " ".join(launcher)
    return None


def _package(args: Sequence[str]) -> str | None:
    """What a launcher's arguments tell it to run."""
    waiting = ""
    for arg in args:
        if waiting:
            if waiting in _PACKAGE_FLAGS:
                return arg
            waiting = ""
        elif arg.startswith("-"):
            flag, equals, value = arg.partition("=")
            if equals and flag in _PACKAGE_FLAGS:
                return value
            waiting = "" if equals or flag not in _PACKAGE_FLAGS | _VALUE_FLAGS else flag
        else:
            return arg
    return None
