"""What sources can say of the past, for `import`: the same queries over days, or a file of figures."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from caelum_report.collect.look import Run
from caelum_report.collect.room import Room
from caelum_report.configured import Config
from caelum_report.errors import UsageError
from caelum_report.model import Failure, Remembered, Sample, Source
from caelum_report.text import Redactor
from caelum_report.wire import Allowance, Fault, Pool

from . import csv_file, influxdb, prometheus
from .asking import Asking, cleaned

BackFill = Callable[[Asking, datetime, datetime], AsyncIterator[Sample]]
BACK_FILLS: Final[Mapping[str, BackFill]] = {"prometheus": prometheus.back_fill, "influxdb": influxdb.back_fill}
_BYTES: Final = 500_000_000  # of one import; each answer of it is read whole
_VALUES: Final = 20_000_000


def of_source(config: Config, source: Source, start: datetime, at: datetime) -> list[tuple[str, str, Sample]]:
    """Host, source and sample of its queries between `start` and now. Raises `UsageError` with the class of what went wrong."""
    budgets = replace(config.budgets, probe_bytes=_BYTES, inflight_bytes=_BYTES, json_values=_VALUES)
    try:
        return asyncio.run(_of_source(replace(config, budgets=budgets), source, start, at))
    except Fault as fault:
        reason = Redactor(config.secrets).clean(" ".join(fault.reason.split()), 500)
        raise UsageError(f"{source.name}: {fault.failure}: {reason}") from None


async def _of_source(config: Config, source: Source, start: datetime, at: datetime) -> list[tuple[str, str, Sample]]:
    if source.problem:
        raise Fault(Failure.CONFIG_ERROR, source.problem)
    if source.options.get("presets") and not source.options["query"]:
        raise Fault(Failure.CONFIG_ERROR, "its presets count from the first run on; only [[source.query]] has a past")
    pool = Pool(config.budgets)
    run = Run(config, at, Room(config.budgets, 1), pool, Redactor(config.secrets), "", lambda: 0.0)
    asking = Asking(source, run, Remembered(), Allowance(config.budgets, pool))
    found = BACK_FILLS[source.kind](asking, start, at)
    return [(config.host, source.name, sample) for sample in _kept([each async for each in found], config, at)]


def of_file(
    config: Config, path: Path, at: datetime, source: str, metric: str | None
) -> Iterator[tuple[str, str, Sample]]:
    """Host, source and sample of each line of a CSV file."""
    defaults = csv_file.Defaults(config.host, source, metric, config.zone)
    clean = Redactor(config.secrets).clean
    for host, name, sample in csv_file.read(path, defaults):
        for kept in _kept([sample], config, at):
            yield clean(host, 80), clean(name, 80), kept


def _kept(samples: Iterable[Sample], config: Config, at: datetime) -> Iterator[Sample]:
    """Those that are numbers of the past."""
    redactor = Redactor(config.secrets)
    for sample in samples:
        if math.isfinite(sample.value) and (sample.at is None or sample.at <= at):
            yield cleaned(sample, redactor, config, at)
