"""What the store hands to the analysis: frames, as of one snapshot. No I/O here; pandas only for the types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .document import Report, ReportRef, RunReport
from .model import OtherHost, Surface

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


@dataclass(frozen=True, slots=True)
class SurfaceVersion:
    """A tool surface from the snapshot in which it was first seen."""

    server: str
    at: datetime
    snapshot: int
    surface: Surface


@dataclass(frozen=True, slots=True)
class Pin:
    """What people agreed to of a server's offer, and when; the latest word counts."""

    server: str
    at: datetime
    surface: Surface | None  # None: the pin was taken away


@dataclass(frozen=True, slots=True)
class SourceHistory:
    """What sources gave: beside what our own probes measured, never mixed with it. Times are `datetime64[ns, UTC]`.

    sources   host, source, kind, endpoint, first_seen_at, succeeded_at, failing_since: as they stand
    readings  one row a source and run (raw retention): snapshot, at, host, source, failure, reason, seconds, figures, notes
    series    indexed by number: host, source, kind, subject, server (the subject where it is a server, else None),
              metric, labels (JSON object, "" for none), unit (of the figure; a counter's rate is that a second), counter
    samples   series, at, value, raw (raw retention), by series and time; `value` of a counter is its rate since the
              sample before, `raw` what it showed
    rollups   level (hour, day), series, at, n, min, mean, max, p5, p50, p95: of rates where it is a counter;
              31 days of hours and two years of days
    errors    one row a kind of error that a log had: host, source, subject, server (as in `series`), text, count (ever),
              day (the last 24 hours), first_at, last_at (of its lines), met_at (the first run that read it)
    """

    sources: pd.DataFrame
    readings: pd.DataFrame
    series: pd.DataFrame
    samples: pd.DataFrame
    rollups: pd.DataFrame
    errors: pd.DataFrame

    def of(self, source: str, subject: str, metric: str) -> pd.DataFrame:
        """at, value, raw and labels of a figure of a subject, by series and time."""
        named = self.series[["source", "subject", "metric"]] == [source, subject, metric]
        return self.samples.join(self.series.loc[named.all(axis=1), ["labels"]], on="series", how="inner")


@dataclass(frozen=True, slots=True)
class History:
    """All that is known up to one snapshot. Times are `datetime64[ns, UTC]`, durations float seconds, NaN = not measured.

    Frames are ordered by time. `server` is `Server.id`, `name@host` for one that came by another host's bundle; every row
    has its `host`.

    snapshots     of this machine: id, at, host, program_version, method_version, seconds, network_down (raw retention)
    probes        one row per snapshot and checked server (raw retention): snapshot, at, host, server, status, failure,
                  stage, reason, era, protocol_version, seconds, one column of seconds per stage (dns … canary), latency_p50,
                  latency_min, latency_max, latency_n, rss, cpu_seconds, threads, open_files,
                  processes, instances, instances_rss, instances_oldest, tools, resources, prompts, tokens, surface
                  (sha256), stderr_lines, certificate_expires_at, timings (how many of `History.timings` are
                  its own), details (JSON: stages without their
                  times, notes, capabilities, supported_versions, server_name, server_version, timing_method, stderr_tail, exit_status)
    states        one row per stretch of one status and failure, for ever: host, server, start, end (last check that
                  confirmed it), status, failure, stage, reason, checks. A hole in the checks ends a stretch.
    rollups       level (hour, day), host, subject (server, "" for the host, mount point, interface), metric (a name of
                  metrics.METRICS), at (start of the hour or UTC day), n, min, mean, max, p5, p50, p95, first (of its
                  buckets in `History.pairs`), pairs (how many it has). The first four are categorical. Only hours and days that had closed:
                  184 days of hours, fewer where a fleet is large, and two years of days; of the metrics asked for.
    host_samples  snapshot, at, host, boot_at, cpus, cpu_percent, iowait_percent, steal_percent, load_1, load_5, load_15,
                  memory_total, memory_available, swap_total, swap_used, swap_in, swap_out (counters), temperature
    disks         snapshot, at, host, name, device, total, used, read, write (counters)
    networks      snapshot, at, host, name, sent, received, errors (counters)
    marks         at, text
    usage         hour, host, server, tool, source, calls, errors, seconds (together), max, buckets (bytes, of seconds): real
                  calls of 92 days by the hour in which they began. Sources are never added up.
    forecasts     id, subject, metric, made_at, due_at, level, lower, mean, upper, limit, naive, widened, judged (whether a
                  report has), held (1, 0, NaN: could not be judged), actual: all that wait, and the last 20,000 judged
    """

    snapshot: int
    snapshots: pd.DataFrame
    probes: pd.DataFrame
    timings: npt.NDArray[np.float64]  # seconds: every short request of every row of `probes`, in their order
    states: pd.DataFrame
    rollups: pd.DataFrame
    pairs: npt.NDArray[Any]  # of `buckets.PAIR`
    host_samples: pd.DataFrame
    disks: pd.DataFrame
    networks: pd.DataFrame
    marks: pd.DataFrame
    usage: pd.DataFrame
    forecasts: pd.DataFrame
    surfaces: tuple[SurfaceVersion, ...]  # ascending
    retired: tuple[str, ...]
    next_number: int
    previous: ReportRef | None
    previous_report: Report | None
    previous_run: RunReport | None
    snapshot_count: int
    first_snapshot_at: datetime | None
    database_bytes: int
    pins: tuple[Pin, ...] = ()  # ascending
    sources: SourceHistory | None = None  # None: none was ever asked
    left: Mapping[str, datetime] = field(
        default_factory=dict
    )  # server that is gone -> since when nobody meant to ask it
    others: tuple[OtherHost, ...] = ()  # in the order of their names
