"""What a whole cycle costs: N idle local HTTP servers with a history by the hour, then three real builds.

    python bench/build_cpu.py [SERVERS=20] [DAYS=365] [--pdf]

Prints processor seconds and the peak of memory as `os.wait4` reports them; the servers run in a process of their own. Budgets: 4 s
for 20 servers with a year, 30 s and 1,000 MB for 1,000 servers with a month: `bench/build_cpu.py 1000 30`. Exits with 1 beyond one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measured import cost, idle_fleet, lived, program, told


def main(servers: int, days: int, *, pdf: bool) -> bool:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with idle_fleet(servers, folder) as (config, seen):
            lived(config, seen, days)
            words = ["--mcp-config", folder / "mcp.json", "--db", folder / "h.sqlite", "--output", folder / "site"]
            costs = [cost(program("build", *words, "--quiet", *([] if pdf else ["--no-pdf"]))) for _ in range(3)]
        what = f"{servers} servers, {days} days"
        print(f"{what}: database {(folder / 'h.sqlite').stat().st_size / 1e6:.0f} MB")
        well = told("a build, processor time", [one.seconds for one in costs], 4.0 if servers <= 20 else 0.03 * servers)
        return well & told("a build, memory", [one.megabytes for one in costs], 1000, "MB")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    kept = main(numbers[0] if numbers else 20, numbers[1] if len(numbers) > 1 else 365, pdf="--pdf" in sys.argv)
    sys.exit(not kept)
