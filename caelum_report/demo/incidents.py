"""What the simulated month holds: planted, so that a test can ask whether the analysis found it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from caelum_report.model import Window

Kind = Literal[
    "outage",  # connections refused
    "dependants",  # answers, but its canary fails while what it needs is down
    "auth-wall",
    "slow",  # `size` times slower; the canary call fails
    "leak",  # `size` GiB a day
    "drift",  # latency grows by this share over the period, evenly
    "shift",  # latency is this multiple from the first moment on
    "noisy-neighbour",  # the host's processors are taken; local servers `size` times slower
    "contract",  # the tool surface changes at the beginning
    "asleep",  # no snapshot at all
    "flapping",  # every other check fails
    "config-error",
    "maintenance",
    "certificate",  # ends in `size` days
    "disk",  # fills by `size` percent points a day
]


@dataclass(frozen=True, slots=True)
class Planted:
    """Something that happens in checks from `begins_hours` (the first) until before `ends_hours`, both counted back from
    the end of the demonstration; `ends_hours` 0 or below lasts to the end.
    """

    kind: Kind
    subjects: tuple[str, ...]  # servers; a host or a mount point where there is one
    begins_hours: float
    ends_hours: float
    size: float
    text: str

    def begins_at(self, at: datetime) -> datetime:
        return at - timedelta(hours=self.begins_hours)

    def ends_at(self, at: datetime) -> datetime | None:
        return at - timedelta(hours=self.ends_hours) if self.ends_hours > 0 else None


HOST: Final = "caelum-01"
ZONE: Final = "Europe/Berlin"
DAY: Final = 24.0
UNSET: Final = "the variable VOICE_INTERFACE_TOKEN is not set"

PINNED: Final = (("deployment-infrastructure", 15 * DAY),)  # agreed to what they offer, so many hours before the end

# What people noted: hours before the end, text.
NOTED: Final = ((11 * DAY + 5.2, "opportunity-discovery 3.0 released"), (4 + 2 / 60, "Keys rotated"))

PLANTED: Final = (
    Planted("outage", ("api-gateway",), 2, 0, 1, "Port 3000 of caelum-01 refuses connections; it lasts."),
    Planted("dependants", ("device-orchestration", "workflow-orchestration"), 2, 0, 1, "They need api-gateway: their canary calls fail."),
    Planted("auth-wall", ("user-profile",), 4, 0, 1, "A key was rotated; every request gets HTTP 401."),
    Planted("slow", ("ollama-pool-integration",), 1, 0, 4.3, "The host swaps: it answers four times slower than usual, and its canary call fails."),
    Planted("leak", ("ollama-pool-integration",), 14 * DAY, 0, 0.3, "Its memory grows by 0.3 GiB a day."),
    Planted("drift", ("code-analysis",), 30 * DAY, 0, 0.6, "Its index grows; answers take 60 % longer after 30 days."),
    Planted("shift", ("opportunity-discovery",), 11 * DAY + 5, 0, 1.45, "Answers take 45 % longer since a release."),
    Planted("shift", ("analytics-metrics",), 6 * DAY, 0, 0.74, "Answers take 26 % less since an index was added."),
    Planted("noisy-neighbour", (HOST,), 5 * DAY + 2, 5 * DAY - 4, 1.9, "A batch job takes all processors for six hours; every local server is slower."),
    Planted("contract", ("project-intelligence",), 1, 0, 1, "Breaking: search_symbols and list_symbols are gone, find_symbols is new."),
    Planted("contract", ("ollama-pool-integration",), 19 * DAY + 4, 0, 1, "Breaking: `model` of generate became required."),
    Planted("contract", ("deployment-infrastructure",), 16 * DAY, 0, 1, "Additive: preview_rollback, diff_deployment and pin_image are new."),
    Planted("contract", ("knowledge-management",), 10 * DAY + 3, 0, 1, "Cosmetic: the description of search_notes is reworded."),
    Planted("asleep", (HOST,), 8 * DAY + 16, 8 * DAY + 7, 1, "The host sleeps for a night: nine checks are missing."),
    Planted("flapping", ("cluster-communication",), 13 * DAY, 13 * DAY - 14, 1, "Every other check fails for fourteen hours."),
    Planted("outage", ("cluster-communication",), 1, 0.5, 1, "Down for one check; up again in the last."),
    Planted("outage", ("team-integration",), 22 * DAY + 6, 22 * DAY + 1, 1, "Down for five hours."),
    Planted("config-error", ("voice-interface",), 4 * DAY, 0, 1, "Its entry names a variable that is not set."),
    Planted("maintenance", ("integration-testing",), 2, -4, 1, "Every week for six hours, now too."),
    Planted("certificate", ("business-intelligence-aggregation",), 0, 0, 7.4, "Its certificate ends in a week."),
    Planted("disk", ("/var",), 30 * DAY, 0, 0.55, "It fills by half a percent point a day."),
)  # fmt: skip


@cache
def planted_for(kind: Kind, subject: str) -> tuple[Planted, ...]:
    return tuple(planted for planted in PLANTED if planted.kind == kind and subject in planted.subjects)


def during(kind: Kind, subject: str, age: float) -> bool:
    """Whether a check `age` hours before the end is within such an incident."""
    return any(
        planted.begins_hours >= age and (planted.ends_hours <= 0 or age > planted.ends_hours)
        for planted in planted_for(kind, subject)
    )


def maintenance(at: datetime) -> Window:
    """The weekly window that is open at the end; it began to repeat before the month."""
    planted = next(planted for planted in PLANTED if planted.kind == "maintenance")
    start, end = (
        (at - timedelta(hours=hours)).astimezone(ZoneInfo(ZONE)) - timedelta(weeks=104)
        for hours in (planted.begins_hours, planted.ends_hours)
    )
    return Window(start, end, "weekly test of all integrations", weekly=True)


def open_at(window: Window, moment: datetime) -> bool:
    """Whether the weekly window is open; by the wall clock, so that a change of the offset moves nothing."""
    here = moment.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)
    start, end = window.start.replace(tzinfo=None), window.end.replace(tzinfo=None)
    return (here - start) % timedelta(days=7) < end - start
