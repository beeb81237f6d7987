"""The instances that people really run: processes with the same command as a configured stdio server, counted in passing."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import Final

import psutil

from caelum_report.model import Instances, Server, Transport

_INTERPRETER_WORDS: Final = 4  # `#!/usr/bin/env -S python3 -u` leaves so many words before the script, at most
_NPX_FLAGS: Final = {"-y", "--yes", "-q", "--quiet", "--"}


def count(servers: Iterable[Server], at: datetime) -> dict[str, Instances]:
    """By `Server.id`, in one pass over all processes. Our own children are test instances and don't count.

    An instance is its topmost process with everything below it: `npx` and the node it starts are one.
    """
    wanted = [server for server in servers if server.transport is Transport.STDIO and server.command]
    if not wanted:
        return {}
    processes = {process.pid: process for process in psutil.process_iter(["ppid", "cmdline", "create_time"])}
    children: dict[int, list[int]] = defaultdict(list)
    for pid, process in processes.items():
        children[process.info["ppid"] or 0].append(pid)
    ours = set(_tree(os.getpid(), children))
    candidates = {pid: process.info["cmdline"] for pid, process in processes.items() if pid not in ours}
    return {server.id: _instances(server, candidates, processes, children, at) for server in wanted}


def _instances(
    server: Server,
    candidates: dict[int, list[str] | None],
    processes: dict[int, psutil.Process],
    children: dict[int, list[int]],
    at: datetime,
) -> Instances:
    matching = {
        pid for pid, words in candidates.items() if words and runs(server, words) and _at_home(server, processes[pid])
    }
    below = {pid for match in matching for child in children[match] for pid in _tree(child, children)}
    tops = matching - below
    started = [processes[pid].info["create_time"] for pid in tops]
    return Instances(
        count=len(tops),
        rss_bytes=sum(_rss(processes[pid]) for top in tops for pid in _tree(top, children)),
        oldest_seconds=max(0.0, at.timestamp() - min(filter(None, started), default=at.timestamp())),
    )


def runs(server: Server, words: Sequence[str]) -> bool:
    """Whether a command line is this server's: its command, perhaps behind an interpreter, and exactly its arguments."""
    if not server.command:
        return False
    name, args = PurePath(server.command).name, list(server.args)
    title = " ".join(words).split()
    if name == "npx" and title[:2] == ["npm", "exec"]:  # npm writes its title, in one piece, over its command line
        return _without_flags(title[2:]) == _without_flags(" ".join(args).split())
    first = len(words) - len(args) - 1
    return 0 <= first <= _INTERPRETER_WORDS and PurePath(words[first]).name == name and list(words[first + 1 :]) == args


def _without_flags(words: Sequence[str]) -> list[str]:
    return [word for word in words if word not in _NPX_FLAGS]


def _at_home(server: Server, process: psutil.Process) -> bool:
    """`node server.js` is many servers: where a working folder is configured, it has to be that one, if it may be seen."""
    if not server.cwd:
        return True
    try:
        return os.path.realpath(process.cwd()) == os.path.realpath(server.cwd)
    except (psutil.Error, OSError):
        return True


def _tree(pid: int, children: dict[int, list[int]]) -> list[int]:
    found, queue = [], [pid]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue.extend(child for child in children.get(pid, ()) if child != pid)
    return found


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # gone, or somebody else's
        return 0
