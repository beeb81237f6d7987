"""How long the asking of many servers takes, and whether each is timed as though it were alone.

    python bench/asking.py [SERVERS=1000] [MILLISECONDS=25]

The servers answer after so many milliseconds. Prints seconds by the clock and of the processor (budget 60 s by the clock), and the median of the
timings within the fleet against that of servers asked alone, before and after (promise 1.2). Exits with 1 beyond one.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from measured import idle_fleet, told

from caelum_report.collect import collect
from caelum_report.configured import Config
from caelum_report.model import Probe, Remembered, Server

_ALONE = 10


def main(servers: int, milliseconds: float) -> bool:
    with tempfile.TemporaryDirectory() as name, idle_fleet(servers, Path(name), milliseconds / 1000) as (config, _):
        some = random.Random(1).sample(config.servers, min(_ALONE, servers))
        alone = asked_alone(config, some)
        since, spent = time.perf_counter(), time.process_time()
        together = collect(config, Remembered(), datetime.now(UTC)).probes
        seconds, of_processor = time.perf_counter() - since, time.process_time() - spent
        alone += asked_alone(config, some)
    print(
        f"{sum(probe.failure == 'ok' for probe in together)} of {servers} answered; {of_processor:.1f} s of the processor"
    )
    return told("asking, by the clock", [seconds], 60) & told(
        "p50 in the fleet / alone", [p50(together) / p50(alone)], 1.2, ""
    )


def asked_alone(config: Config, servers: Iterable[Server]) -> list[Probe]:
    return [
        collect(replace(config, servers=(server,)), Remembered(), datetime.now(UTC)).probes[0] for server in servers
    ]


def p50(probes: Iterable[Probe]) -> float:
    return statistics.median(seconds for probe in probes for seconds in probe.timings_seconds)


if __name__ == "__main__":
    numbers = [float(word) for word in sys.argv[1:]]
    kept = main(int(numbers[0]) if numbers else 1000, numbers[1] if len(numbers) > 1 else 25.0)
    sys.exit(not kept)
