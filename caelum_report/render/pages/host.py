"""host.html: what the machines under the servers have left."""

from __future__ import annotations

from typing import Any, Final

from caelum_report import document, grafana, words
from caelum_report.document import HostReport

from .panels import Panel, beside
from .view import RANGE_WORDS, Page, View, host_slug, slow_times

_IN_LEDE: Final = 2


def _head(view: View) -> dict[str, Any]:
    hosts = view.report.hosts
    if not hosts:
        return {"heading": "No host was read.", "lede": "This run could not read processors, memory or disks."}
    if len(hosts) == 1:
        return {"heading": hosts[0].name, "lede": hosts[0].lede}
    more = f" {words.plural(len(hosts) - _IN_LEDE, 'more host')} below." if len(hosts) > _IN_LEDE else ""
    told = " ".join(f"{host.name}: {host.lede[:1].lower()}{host.lede[1:]}" for host in hosts[:_IN_LEDE])
    return {"heading": f"{words.plural(len(hosts), 'host')}.", "lede": f"{told}{more}"}


def _parts(view: View) -> dict[str, Any]:
    return {
        "hosts": [(host, _panels(view, host), _dashboard(view, host)) for host in view.report.hosts],
        "slow": slow_times(view.report, None),
    }


def _dashboard(view: View, host: HostReport) -> str | None:
    links = view.report.grafana
    return grafana.link(links, links.host, view.report.at, host=host.name) if links and links.host else None


def _panels(view: View, host: HostReport) -> list[Panel]:
    csv = f"api/v1/metrics/hosts/{host_slug(host)}.csv"
    ranged = ((name, [chart for chart in host.charts if chart.range == name]) for name in document.RANGES)
    return [Panel(name, RANGE_WORDS[name], (), beside(view, mine, csv, "", {}), None) for name, mine in ranged if mine]


PAGE: Final = Page("host.html", "Host", (("page_head.html", _head), ("host/hosts.html", _parts)))
