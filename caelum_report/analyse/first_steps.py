"""The steps from a first page to a full report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from caelum_report import words
from caelum_report.document import Finding

from .facts import Facts


def setup(facts: Facts) -> Iterator[Finding]:
    """The steps from a first page to a full report."""
    config = facts.config
    if config.demo:
        return
    configured = {standing.id for standing in facts.current}
    found = {name for each in config.found for name in each.servers} - configured
    chosen = any(standing.server and standing.server.sources for standing in facts.current)
    if found and not chosen:
        files = sum(1 for each in config.found if each.servers)
        yield Finding(
            id="setup:servers",
            kind="setup",
            word="Set-up",
            status=None,
            title="Choose the servers to ask",
            server=None,
            page="method.html#configurations",
            evidence=f"{words.plural(len(found), 'server is', 'servers are')} named in "
            f"{words.plural(files, 'configuration')} on this machine. None was started: that takes your consent.",
            impact=_found(facts),
            cause="Shows each entry, asks, writes caelum.toml.",
            command="caelum-report init",
        )
    if not config.scheduled and facts.learned_seconds is None:
        yield Finding(
            id="setup:schedule",
            kind="setup",
            word="Set-up",
            status=None,
            title="Have it made every hour",
            server=None,
            page="method.html",
            impact="Without a timer this page stays as it is.",
            cause="Prints the timer, to be read first; its help says how to install it.",
            command="caelum-report schedule",
            needs_action=facts.history.next_number <= 3,
        )


def _found(facts: Facts) -> str:
    counts: dict[str, int] = defaultdict(int)
    for each in facts.config.found:
        counts[each.host] += len(each.servers)
    return words.listing([f"{host} {count}" for host, count in counts.items() if count], 5)
