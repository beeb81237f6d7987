"""What a start costs, before anything is done.

    python bench/start_cpu.py [ROUNDS=9]

Prints the processor time of `caelum-report --help` (budget 0.1 s) and of a `collect` that has nobody to ask (0.2 s), beside that of Python
alone and of the library that reads the command line. Exits with 1 beyond a budget.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import median

from measured import cost, program, told


def main(rounds: int) -> bool:
    with tempfile.TemporaryDirectory() as name:
        nobody, database = Path(name) / "mcp.json", Path(name) / "h.sqlite"
        nobody.write_text(json.dumps({"mcpServers": {}}))
        commands = {
            "python": [sys.executable, "-c", "pass"],
            "typer": [sys.executable, "-c", "import typer"],
            "help": program("--help"),
            "collect": program("collect", "--mcp-config", nobody, "--db", database, "--quiet"),
        }
        for command in commands.values():
            cost(command)  # compiles what is not, and reads it from the disk
        found = {what: [cost(command).seconds for _ in range(rounds)] for what, command in commands.items()}
    print(f"of it Python alone {median(found['python']):.3f} s, with typer imported {median(found['typer']):.3f} s")
    return told("--help", found["help"], 0.1) & told("collect, nobody to ask", found["collect"], 0.2)


if __name__ == "__main__":
    sys.exit(not main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
