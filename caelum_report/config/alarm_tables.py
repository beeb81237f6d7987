"""[[rule]], [[window]], [[objective]] and [[deliver]] as pydantic checks them, and what no single key of them shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parseaddr
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from caelum_report.mail import WORDS
from caelum_report.metrics import METRICS
from caelum_report.nearest import nearest
from caelum_report.periods import PeriodName
from caelum_report.words import listing

from . import units
from .fields import Count, Days, Seconds, Share, Table, Text, zone_name
from .places import Keys, Mistake

_CHECKS: Final = re.compile(r"(\d{1,4}) checks?")
StateWord = Literal["up", "degraded", "down", "auth-walled", "unknown"]


def _patience(value: object) -> tuple[int, float]:
    """`2 checks` or `10m` as checks and seconds."""
    if isinstance(value, str) and (match := _CHECKS.fullmatch(value)) and int(match[1]) > 0:
        return int(match[1]), 0.0
    try:
        return 1, units.seconds(value)
    except ValueError:
        raise ValueError('a number of checks such as "2 checks", or a duration such as "10m"') from None


def _amount(value: object) -> float | str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise ValueError('a number in the metric\'s unit, or with one: 0.8, "800ms", "2 GiB", "90 %"')


def _mail_address(value: object) -> str:
    """One person; who has no @ is somebody of this machine. What a variable will hold is seen when it is sent."""
    if isinstance(value, str):
        _, address = parseaddr(value)
        whole = value.strip() == address or value.rstrip().endswith(f"<{address}>")  # else parseaddr left something out
        if "${" in value or (whole and re.fullmatch(r"[^\s@<>,;:]+(@[^\s@<>,;:]+)?", address)):
            return value
    raise ValueError('one mail address, such as "ops@example.org" or "Ops <ops@example.org>"')


def _service(value: object) -> str:
    if not isinstance(value, str) or not ("://" in value or value.startswith("${")):
        raise ValueError('an address as Apprise has them, such as "ntfys://host/topic"')
    return value


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


Periods = Annotated[list[PeriodName], BeforeValidator(_one_or_more)]
States = Annotated[list[StateWord], BeforeValidator(_one_or_more)]
Zone = Annotated[str, BeforeValidator(zone_name)]
Patience = Annotated[tuple[int, float], BeforeValidator(_patience)]
Amount = Annotated[float | str, BeforeValidator(_amount)]
MailAddress = Annotated[str, BeforeValidator(_mail_address)]
Service = Annotated[str, BeforeValidator(_service)]


class RuleTable(Table):
    name: Text = Field(description="the rule's name; that of a built-in rule takes its place")
    state: States | None = Field(default=None, description="a server in one of these states")
    metric: Text | None = Field(default=None, description="a figure: one of the metrics below, or one of `source`")
    source: Text | None = Field(default=None, description="the name of the source that gives the metric")
    above: Amount | None = Field(default=None, description="bad above it, in the metric's unit")
    below: Amount | None = Field(default=None, description="bad below it")
    clear: Amount | None = Field(default=None, description="good again only from here on (hysteresis)")
    change: Share | None = Field(default=None, description="bad when it differs so much from the median of `over`")
    over: Seconds = Field(default=86_400.0, description="how far back `change` looks")
    absent: bool = Field(default=False, description="bad when the metric is not measured")
    anomaly: bool = Field(default=False, description="bad when the last hours are anomalous; judged by `build`")
    reaches: Amount | None = Field(default=None, description="bad when it is forecast to get there; judged by `build`")
    within: Seconds = Field(default=604_800.0, description="how far ahead `reaches` looks")
    finding: Text | None = Field(default=None, description="a finding's kind or id, as a pattern; judged by `build`")
    subjects: list[Text] = Field(
        default_factory=list, description="patterns of servers, hosts, mount points or interfaces; empty: all"
    )
    groups: list[Text] = Field(default_factory=list, description="patterns of servers' groups; empty: all")
    for_: Patience = Field(default=(1, 0.0), alias="for", description='how long it must last: "10m" or "2 checks"')
    recover_for: Patience = Field(default=(2, 0.0), description="how long it must be good before it is over")
    flapping: bool = Field(default=True, description="what comes and goes stays open until it is calm")
    severity: Literal["critical", "warning", "info"] = Field(default="warning", description="how bad it is")
    owner: Text | None = Field(default=None, description="whom it concerns; without it, the server's owner")
    runbook: Text | None = Field(default=None, description="what to do: an address or a sentence")
    disabled: bool = Field(default=False, description="switched off; the way to do without a built-in rule")


class WindowTable(Table):
    name: Text = Field(description="what is done then; shown in the report")
    start: datetime = Field(description="when it begins; without an offset, by the clock of `zone`")
    end: datetime = Field(description="when it ends")
    repeat: Literal["once", "daily", "weekly"] = Field(
        default="once", description="by the clock of `zone`, over DST too"
    )
    until: datetime | None = Field(default=None, description="no repetition begins from here on")
    zone: Zone | None = Field(default=None, description="the zone of its clock; without it, the report's")
    servers: list[Text] = Field(default_factory=list, description="patterns of servers' names")
    groups: list[Text] = Field(default_factory=list, description="patterns of servers' groups; with neither: all")


class ObjectiveTable(Table):
    name: Text = Field(description="the objective's name")
    target: Share = Field(description="share of the measured time to be up, the mean of its servers")
    period: Days = Field(default=30, description="over how long")
    servers: list[Text] = Field(default_factory=list, description="patterns of servers' names")
    groups: list[Text] = Field(default_factory=list, description="patterns of servers' groups")


class ChannelTable(Table):
    name: Text = Field(description="the way's name, in the record and for `deliver test`")
    kind: Literal["email", "webhook", "apprise", "mcp", "command"] = Field(description="what it is")
    alerts: bool = Field(default=True, description="tells when alerts fire and when they are over")
    reports: Literal["never", "always", "on-change", "needs-action"] = Field(
        default="never", description="which published reports it sends"
    )
    quiet: Seconds | None = Field(default=None, description="after so long without a report: a word that all is quiet")
    digest: Periods = Field(
        default_factory=list, description="day, week, month: a digest of each calendar period of `zone` when it is over"
    )
    severity: Literal["critical", "warning", "info"] = Field(default="info", description="the least that it tells")
    owners: list[Text] = Field(default_factory=list, description="patterns of owners whose alerts it tells; empty: all")
    edition: Text | None = Field(
        default=None, description="the [[edition]] that its readers may see: its names, words, pages and PDF"
    )
    timeout: Seconds = Field(default=20.0, description="for one message")
    host: Text | None = Field(default=None, description="email: the SMTP server")
    port: Count | None = Field(
        default=None, description="email: its port; 465 with tls, 587 with starttls, 25 with none"
    )
    security: Literal["tls", "starttls", "none"] | None = Field(default=None, description="email: starttls unless said")
    user: str | None = Field(default=None, description="email: to log in; ${VAR} and ${file:PATH} are replaced")
    password: str | None = Field(default=None, description="email: to log in")
    sender: MailAddress | None = Field(default=None, description="email: From")
    to: list[MailAddress] = Field(default_factory=list, description="email: To")
    pdf: bool = Field(default=True, description="email: attach report.pdf to a report")
    url: str | None = Field(default=None, description="webhook: the address; a redirect is not followed")
    secret: str | None = Field(default=None, description="webhook: signs the body, X-Caelum-Signature: sha256=HMAC")
    headers: dict[str, str] = Field(default_factory=dict, description="webhook: sent with every request")
    template: str | None = Field(
        default=None, description="webhook: the body, {title} {text} {state} {severity} {url} {json} … filled in"
    )
    urls: list[Service] = Field(default_factory=list, description="apprise: addresses of its services")
    server: Text | None = Field(default=None, description="mcp: the configured server to call")
    tool: Text | None = Field(default=None, description="mcp: its tool")
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="mcp: arguments, {title} {text} {severity} … filled in in strings"
    )
    command: list[str] = Field(
        default_factory=list, description="command: an argument list, {site} {report} … filled in; no shell"
    )


OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("host", "port", "security", "user", "password", "sender", "to", "pdf"),
    "webhook": ("url", "secret", "headers", "template"),
    "apprise": ("urls",),
    "mcp": ("server", "tool", "arguments"),
    "command": ("command",),
}
_NEEDED: Final = {
    "email": ("host", "sender", "to"),
    "webhook": ("url",),
    "apprise": ("urls",),
    "mcp": ("server", "tool"),
    "command": ("command",),
}


def amount(value: float | str, unit: str) -> float:
    """What `above = "800ms"` means in the metric's unit."""
    if not isinstance(value, str):
        return value
    if unit == "seconds":
        return units.seconds(value)
    if unit in {"bytes", "bytes/s"}:
        return float(units.size(value.removesuffix("/s")))
    if unit in {"percent", "ratio"} and (match := re.fullmatch(r"(\d{1,4}(?:\.\d+)?)\s*%", value)):
        return float(match[1]) if unit == "percent" else float(match[1]) / 100
    raise ValueError(f"a number ({unit})")


# --- what no single key shows ---------------------------------------------------------------------------------------


def _ways(rule: RuleTable) -> list[str]:
    """The keys that say what the rule looks for."""
    found = [key for key in ("state", "change", "reaches", "finding") if getattr(rule, key) is not None]
    found += [key for key in ("absent", "anomaly") if getattr(rule, key)]
    return found + (["above"] if rule.above is not None else ["below"] if rule.below is not None else [])


def wrong_rule(rule: RuleTable, at: Keys) -> Iterator[Mistake]:
    ways = _ways(rule)
    if rule.disabled and not ways:  # it only takes a built-in rule's place
        return
    if len(ways) != 1:
        said = "one of `state`, `above`, `below`, `change`, `absent`, `anomaly`, `reaches`, `finding` beside it"
        found = f", not {listing([f'`{way}`' for way in ways], 9)}" if ways else ""
        yield (*at, "name"), f"expected {said}{found}"
        return
    if rule.above is not None and rule.below is not None:
        yield (*at, "below"), "expected either `above` or `below`; write two rules for both"
    needs = ways[0] not in {"state", "finding"}
    if needs and rule.metric is None:
        yield (*at, ways[0]), "expected `metric` beside it"
    if not needs and rule.metric is not None:
        yield (*at, "metric"), f"expected only without `{ways[0]}`"
    if rule.metric is None or not needs:
        return
    if rule.source is None and rule.metric not in METRICS:
        near = nearest(rule.metric, METRICS)
        hint = f"; did you mean `{near}`?" if near else ", or `source` beside it"
        yield (*at, "metric"), f"expected a metric{hint}"
        return
    if ways[0] == "change" and (rule.source is not None or METRICS[rule.metric].subject not in {"server", "host"}):
        yield (*at, "change"), "expected a metric of servers or of the host"
    if ways[0] in {"anomaly", "reaches"} and rule.source is not None:
        yield (*at, "source"), f"expected only without `{ways[0]}`"
    unit = METRICS[rule.metric].unit if rule.source is None else "ratio"
    values = {}
    for key in ("above", "below", "clear", "reaches"):
        value = getattr(rule, key)
        try:
            values[key] = None if value is None else amount(value, unit)
        except ValueError as error:
            yield (*at, key), f"expected {error}"
            return
    yield from _wrong_clear(values, at)


def _wrong_clear(values: Mapping[str, float | None], at: Keys) -> Iterator[Mistake]:
    clear, above, below = values["clear"], values["above"], values["below"]
    if clear is None:
        return
    if above is None and below is None:
        yield (*at, "clear"), "expected only beside `above` or `below`"
    elif (above is not None and clear > above) or (below is not None and clear < below):
        yield (*at, "clear"), "expected on the good side of the threshold"


def wrong_times(start: datetime, end: datetime, at: Keys) -> Iterator[Mistake]:
    """Of a window of maintenance, whoever it is for."""
    if (start.tzinfo is None) != (end.tzinfo is None):
        yield (*at, "end"), "expected an offset on both of start and end, or on none"
    elif end <= start:
        yield (*at, "end"), "expected a time after `start`"


def wrong_window(window: WindowTable, at: Keys) -> Iterator[Mistake]:
    wrong = tuple(wrong_times(window.start, window.end, at))
    yield from wrong
    longest = {"daily": 86_400, "weekly": 604_800}.get(window.repeat)
    if not wrong and longest is not None and (window.end - window.start).total_seconds() >= longest:
        yield (*at, "end"), f"expected before it repeats ({window.repeat})"
    if window.until is not None and window.repeat == "once":
        yield (*at, "until"), "expected only where it repeats"


def wrong_objective(objective: ObjectiveTable, at: Keys) -> Iterator[Mistake]:
    if not objective.servers and not objective.groups:
        yield (*at, "name"), "expected `servers` or `groups` beside it"


def wrong_channel(channel: ChannelTable, at: Keys) -> Iterator[Mistake]:
    fields = type(channel).model_fields
    for kind, keys in OPTIONS.items():
        for key in keys:
            given = getattr(channel, key) != fields[key].get_default(call_default_factory=True)
            if given and kind != channel.kind and key not in OPTIONS[channel.kind]:
                yield (*at, key), f'expected only beside kind = "{kind}"'
    for key in _NEEDED[channel.kind]:
        if not getattr(channel, key):
            yield (*at, "kind"), f"expected `{key}` beside it"
    if channel.password is not None and channel.user is None:
        yield (*at, "password"), "expected `user` beside it"
    if channel.password is not None and channel.security == "none":
        yield (*at, "password"), 'expected only with security = "tls" or "starttls"'
    if not channel.alerts and channel.reports == "never" and not channel.digest:
        yield (*at, "alerts"), "expected `reports` or `digest` beside it, or it never sends anything"
    for key in ("template", "arguments", "command"):
        for word in re.findall(r"\{([a-z_]{2,20})\}", json.dumps(getattr(channel, key))):
            if word not in WORDS and (near := nearest(word, WORDS, 0.6)):
                yield (*at, key), f"{{{word}}} is no word of a message; did you mean {{{near}}}?"
    if channel.quiet is not None and channel.reports in {"never", "always"}:
        yield (*at, "quiet"), 'expected beside reports = "on-change" or "needs-action"'
