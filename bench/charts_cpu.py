"""What charts cost: as many as a cycle of Munin for 20 hosts of 30 values draws, each over a day, a week, a month and a year.

    python bench/charts_cpu.py

Prints the processor time of 2,400 charts, worked out of 400 days by the hour and drawn as SVG (budget 4 s), and the ratio to rrdtool where it is
installed (`apt-get install rrdtool`): the same ranges of the same values, as SVG and as PNG, one process for all. Exits with 1 beyond the budget.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measured import spent_by_children, told

from caelum_report.analyse.charts import chart
from caelum_report.analyse.tracks import Rollups, measured
from caelum_report.document import Range
from caelum_report.render.charts import svg

NOW = 1_795_353_600
HOURS = 400 * 24
SERIES = 600
RANGES: dict[Range, int] = {"day": 1, "week": 7, "month": 30, "year": 365}
PEERS = 40  # of its series: its charts cost the same each


def course(number: int) -> np.ndarray:
    """Hours of a day's rhythm with noise, another one for each series."""
    hour = np.arange(HOURS)
    noise = np.random.default_rng(number).lognormal(0, 0.15, HOURS)
    return np.asarray((0.1 + 0.03 * np.sin(2 * np.pi * hour / 24 + number)) * noise)


def ours() -> float:
    at = NOW - 3600.0 * np.arange(HOURS - 1, -1, -1)
    tracks = [measured(at, course(number)) for number in range(SERIES)]
    begun = time.process_time()
    for number, track in enumerate(tracks):
        for span in RANGES:
            made = chart(span, "latency", track, Rollups({}), NOW, subject=f"server-{number}", interval=3600.0)
            svg(made, "Europe/Berlin", "M", "css")
    return time.process_time() - begun


def rrdtool(folder: Path, kind: str) -> float:
    """Processor seconds of one of its charts."""
    files = [folder / f"{number}.rrd" for number in range(PEERS)]
    if not files[0].exists():
        for number, file in enumerate(files):
            start = NOW - 3600 * HOURS
            archives = [f"RRA:{how}:0.5:{rows}" for how in ("AVERAGE", "MIN", "MAX") for rows in ("1:9600", "24:400")]
            subprocess.run(
                [
                    "rrdtool",
                    "create",
                    file,
                    "--start",
                    str(start - 1),
                    "--step",
                    "3600",
                    "DS:v:GAUGE:7200:U:U",
                    *archives,
                ],
                check=True,
            )
            rows = [f"{start + 3600 * hour}:{value:.6f}" for hour, value in enumerate(course(number), 1)]
            for first in range(0, HOURS, 2000):
                subprocess.run(["rrdtool", "update", file, *rows[first : first + 2000]], check=True)
    lines = [
        f"graph {folder}/chart.{kind.lower()} --imgformat {kind} --start {NOW - days * 86_400} --end {NOW} --width 293 --height 120"
        f" --title server --vertical-label s DEF:a={file}:v:AVERAGE DEF:b={file}:v:MIN DEF:c={file}:v:MAX LINE1:c#cfdff0 LINE1:b#cfdff0"
        " LINE2:a#1d62ad:median GPRINT:a:LAST:%lf GPRINT:a:AVERAGE:%lf GPRINT:a:MAX:%lf"
        for file in files
        for days in RANGES.values()
    ]
    before = spent_by_children()
    subprocess.run(["rrdtool", "-"], input="\n".join(lines), text=True, stdout=subprocess.DEVNULL, check=True)
    return (spent_by_children() - before) / len(lines)


def main() -> bool:
    count = SERIES * len(RANGES)
    seconds = ours()
    well = told(f"{count} charts", [seconds], 4.0)
    each = seconds / count
    print(f"one chart {1000 * each:.2f} ms")
    if shutil.which("rrdtool"):
        with tempfile.TemporaryDirectory() as name:
            for kind in ("SVG", "PNG"):
                peer = rrdtool(Path(name), kind)
                print(f"one of rrdtool as {kind} {1000 * peer:.2f} ms: {peer / each:.1f} times as much")
    return well


if __name__ == "__main__":
    sys.exit(not main())
