"""Everything that pours at once, under the budgets that users have: our own memory stays flat, the good ones are well."""

import json
import subprocess
import sys
from pathlib import Path

RUN = """
import json, resource, sys
from dataclasses import replace
from caelum_report.collect import collect
from caelum_report.model import Budgets, Remembered
from tests.collect.fleet import AT, config, remote, stdio

url = sys.argv[1]
stdio_faults = ["flood", "endless-line", "garbage-flood", "huge-list", "many-values", "deeper-json", "stderr-flood"]
http_faults = ["flood", "declared-huge", "event-flood", "huge-event", "endless-header", "gzip-bomb"]
good = [replace(stdio("good"), id="good"), remote(f"{url}/good", name="good-http")]
servers = [stdio(fault) for fault in stdio_faults] + [remote(f"{url}/{fault}", name=f"http-{fault}") for fault in http_faults]


def peak():
    # Largest resident size in kB. On Linux `ru_maxrss` would begin with that of the process which started us.
    if sys.platform == "linux":
        return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


before = peak()
snapshot = collect(config(*servers, *good, budgets=Budgets()), Remembered(), AT)
after = peak()
print(json.dumps([before, after, {probe.server: probe.failure for probe in snapshot.probes}]))
"""


def test_floods_cost_us_no_memory_and_the_others_nothing(zoo):
    run = subprocess.run(
        [sys.executable, "-c", RUN, zoo.url],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert run.returncode == 0, run.stderr
    before, after, failures = json.loads(run.stdout)
    kilobytes_a_megabyte = 1024 if sys.platform == "linux" else 1024 * 1024
    assert after / kilobytes_a_megabyte < 300
    assert (after - before) / kilobytes_a_megabyte < 150
    assert failures.pop("good") == failures.pop("good-http") == failures.pop("stderr-flood") == "ok"
    assert set(failures.values()) == {"oversized"}, failures
