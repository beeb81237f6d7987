"""What storing one run costs, in a database that has a day of history.

    python bench/write_ms.py [SERVERS ...]

Prints milliseconds of processor time of one transaction; the default is 20 servers (budget 2 ms) and 1,000 (50 ms). Exits with 1 beyond a budget.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from measured import at_hour, idle_fleet, lived, told

from caelum_report import store

ROUNDS = 15


def main(servers: int) -> bool:
    chance, found = random.Random(2), []
    with tempfile.TemporaryDirectory() as name, idle_fleet(servers, Path(name)) as (config, seen):
        lived(config, seen, 1)
        with store.open_store(config.database) as database:
            for hour in range(ROUNDS):
                snapshot = at_hour(seen, seen.at + timedelta(hours=hour), chance)
                begun = time.process_time()
                store.add_snapshot(database, snapshot, config)
                found.append(1000 * (time.process_time() - begun))
    return told(f"hourly write, {servers} servers", found, 2.0 if servers <= 20 else 0.05 * servers, "ms")


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:]] or [20, 1000]
    kept = [main(size) for size in sizes]
    sys.exit(not all(kept))
