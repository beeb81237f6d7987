"""Docker containers (Podman's too) by the engine's API: state, health, restarts, OOM kills, processor, memory. Reading only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from caelum_report.model import Failure, Note, Sample
from caelum_report.patterns import matches
from caelum_report.wire import Fault, HttpFault
from caelum_report.wire.jsontext import parse

from .asking import Answer, Asking
from .fetch import fetch_timed
from .mapping import dig, number

_MOST: Final = 50
_ID: Final = re.compile(r"[0-9a-f]{12,64}")


async def ask(asking: Asking) -> Answer:
    """The containers whose names match `containers`; at most 50, in the order of their names."""
    listed, answered = await _get(asking, "/containers/json?all=1")
    if not isinstance(listed, list):
        raise Fault(Failure.PROTOCOL_ERROR, "it does not answer as Docker: no list of containers")
    wanted = asking.source.options["containers"] or ["*"]
    found = sorted(_named(listed, wanted))
    samples = [
        Sample(asking.subject, "answer_seconds", answered, "seconds"),
        Sample(asking.subject, "containers", float(len(found)), "count"),
    ]
    for name, identifier in found[:_MOST]:
        samples += await _container(asking, name, identifier)
    missing = [name for name in wanted if "*" not in name and name not in dict(found)]
    notes = [Note("container-missing", f"There is no container {name}.") for name in missing[:_MOST]]
    if len(found) > _MOST:
        notes.append(Note("containers-cut", f"{len(found) - _MOST} more containers were not asked."))
    return Answer(tuple(samples), tuple(notes))


async def _get(asking: Asking, path: str) -> tuple[Any, float]:
    """JSON, and the seconds that it took. Read-only: nothing but GET is ever sent.

    `unix:///run/docker.sock` is an engine behind a socket of the file system.
    """
    url = urlsplit(asking.source.options["url"])
    if url.scheme == "unix":
        return await _json(asking, f"http://docker{path}", unix=unquote(url.path))
    secured = asking.source.options["ca"] or asking.source.options["cert"]
    scheme = ("https" if secured else "http") if url.scheme == "tcp" else url.scheme
    return await _json(asking, f"{scheme}://{url.netloc}{url.path.rstrip('/')}{path}")


async def _json(asking: Asking, url: str, **how: Any) -> tuple[Any, float]:
    found = await fetch_timed(asking, url, accept="application/json", **how)
    return parse(found.body, asking.allowance), found.seconds


def _named(listed: list[Any], wanted: list[str]) -> Iterator[tuple[str, str]]:
    for each in listed:
        names, identifier = dig(each, "Names"), dig(each, "Id")
        if not isinstance(names, list) or not names or not isinstance(identifier, str) or not _ID.fullmatch(identifier):
            raise Fault(Failure.PROTOCOL_ERROR, "it does not answer as Docker: a container without name or id")
        name = str(names[0]).removeprefix("/")
        if matches(name, wanted):
            yield name, identifier


async def _container(asking: Asking, name: str, identifier: str) -> list[Sample]:
    """None where it was removed a moment ago."""
    labels = (("container", name),)
    try:
        about, _ = await _get(asking, f"/containers/{identifier}/json")
        running = dig(about, "State", "Running") is True
        stats = f"/containers/{identifier}/stats?stream=false&one-shot=true"
        usage = (await _get(asking, stats))[0] if running else {}
    except HttpFault as fault:
        if fault.status == 404:
            return []
        raise
    figures = [*_state(about), *_usage(usage)]
    return [Sample(asking.subject, metric, value, unit, counter, labels) for metric, value, unit, counter in figures]


Figure = tuple[str, float, str, bool]


def _state(about: Any) -> Iterator[Figure]:
    yield "running", float(dig(about, "State", "Running") is True), "count", False
    health = dig(about, "State", "Health", "Status")
    if health in ("healthy", "unhealthy"):
        yield "unhealthy", float(health == "unhealthy"), "count", False
    yield "oom_killed", float(dig(about, "State", "OOMKilled") is True), "count", False
    if (restarts := number(dig(about, "RestartCount"))) is not None:
        yield "restarts", restarts, "count", True


def _usage(usage: Any) -> Iterator[Figure]:
    """As `docker stats` counts: memory without the page cache that can be given back."""
    if (used := number(dig(usage, "cpu_stats", "cpu_usage", "total_usage"))) is not None:
        yield "cpu_seconds", used / 1e9, "seconds", True
    memory = number(dig(usage, "memory_stats", "usage"))
    if memory is None:
        return
    details = dig(usage, "memory_stats", "stats")
    cache = number(dig(details, "inactive_file")) or number(dig(details, "total_inactive_file")) or 0.0
    yield "memory_bytes", max(0.0, memory - cache), "bytes", False
    if limit := number(dig(usage, "memory_stats", "limit")):
        yield "memory_limit_bytes", limit, "bytes", False
        yield "memory_percent", 100 * max(0.0, memory - cache) / limit, "percent", False
