"""The program: see the package."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from .exchange import Request
from .reading import read


def main() -> None:
    answer = read(Request(**json.load(sys.stdin.buffer)))
    sys.stdout.write(json.dumps(asdict(answer)))


if __name__ == "__main__":
    main()
