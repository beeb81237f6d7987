"""Does asking the whole fleet at once distort what is measured? Each server's p50 within the fleet against its p50 alone.

    python bench/fleet_latency.py FLEET_DIR [ROUNDS]

FLEET_DIR is what tests/install-fleet.sh wrote, with its HTTP servers started. Rounds alternate: one run over the whole fleet, then every server
alone. Prints the ratio of the medians of all timings per server and the worst; a ratio above 1.5 breaks our promise.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from caelum_report.collect import collect
from caelum_report.config import Options, load
from caelum_report.model import Failure, Remembered, Snapshot


def timings(snapshot: Snapshot, into: dict[str, list[float]]) -> None:
    for probe in snapshot.probes:
        if probe.failure is Failure.OK and probe.timings_seconds:
            into[probe.server].extend(probe.timings_seconds)


def main(folder: str, rounds: str = "5") -> None:
    files = (Path(folder) / "fleet.mcp.json", Path(folder) / "http.mcp.json")
    config = replace(load(Options(mcp_config=files), os.environ, Path.home()), stdio_every_seconds=0)
    together: dict[str, list[float]] = defaultdict(list)
    alone: dict[str, list[float]] = defaultdict(list)
    for _ in range(int(rounds)):
        timings(collect(config, Remembered(), datetime.now(UTC)), together)
        for server in config.servers:
            if server.id in together:
                timings(collect(replace(config, servers=(server,)), Remembered(), datetime.now(UTC)), alone)
    ratios = {name: statistics.median(together[name]) / statistics.median(alone[name]) for name in alone}
    for name, ratio in sorted(ratios.items(), key=lambda item: item[1]):
        print(
            f"{name:24} alone {statistics.median(alone[name]) * 1e3:8.3f} ms   in the fleet {statistics.median(together[name]) * 1e3:8.3f} ms   ratio {ratio:.2f}"
        )
    print(f"worst ratio {max(ratios.values()):.2f} of {len(ratios)} servers, {rounds} rounds")


if __name__ == "__main__":
    main(*sys.argv[1:])
