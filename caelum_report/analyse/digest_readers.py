"""A digest for readers of an edition: servers and objectives by their aliases, incidents in new words, no change and no forecast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from caelum_report import words
from caelum_report.configured import Config
from caelum_report.digest import Digest, Outage
from caelum_report.document import IncidentReport, Report
from caelum_report.editions import WAS_DISTURBED, Edition
from caelum_report.patterns import selects

from .digest import lede, own_objective, verdict

_PAGE: Final = "index.html"


def for_readers(digest: Digest, edition: Edition, latest: Report | None, config: Config) -> Digest | None:
    """None where no server that they may know of was measured."""
    aliases = dict(edition.aliases)
    shown = [(one, aliases[one.server]) for one in digest.servers if one.server in aliases]
    servers = tuple(replace(one, server=alias, name=alias, page=_PAGE) for one, alias in shown)
    if not any(one.measured_seconds for one in servers):
        return None
    incidents = {f"incidents/{one.id}.html": one for one in (latest.alarms.incidents if latest else ())}
    outages = tuple(_outages(digest, incidents, aliases))
    names = _objective_names(config, aliases)
    return replace(
        digest,
        fleet=edition.fleet,
        site_url=edition.site_url,
        edition=edition.kind,
        verdict=verdict(servers, digest.kind, digest.label),
        lede=lede(servers, outages, digest.kind, begun_within=False),
        servers=servers,
        outages=outages,
        difference=None,
        looming=(),
        objectives=tuple(one._replace(name=names[one.name]) for one in digest.objectives if one.name in names),
    )


def _outages(digest: Digest, incidents: dict[str, IncidentReport], aliases: dict[str, str]) -> Iterator[Outage]:
    for one in digest.outages:
        told = incidents.get(one.page)
        shown = [aliases[server] for server in told.servers if server in aliases] if told else []
        if shown:
            title = f"{words.listing(shown)} {WAS_DISTURBED[len(shown) > 1]}."
            yield replace(one, title=title, impact="", page=_PAGE)


def _objective_names(config: Config, aliases: dict[str, str]) -> dict[str, str]:
    """By the internal name what is shown; one whose servers do not all have an alias is left out."""
    found = {own_objective(s): aliases[s.id] for s in config.servers if s.objective is not None and s.id in aliases}
    for one in config.objectives:
        members = [server.id for server in config.servers if selects(one, server.id, server.group)]
        if one.name in aliases and members and all(member in aliases for member in members):
            found[one.name] = aliases[one.name]
    return found
