"""Ports for services that cannot be told to take any: of loopback, and each of one worker of the test run alone."""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import suppress

_PER_WORKER = 1500
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
# Below the range from which the kernel gives ports to everybody: between our asking and the service's taking it, nobody else gets one.
_ports = itertools.cycle(range(10_000 + _worker % 14 * _PER_WORKER, 10_000 + (_worker % 14 + 1) * _PER_WORKER))


def free_port() -> int:
    """The next port of this worker that nobody listens on."""
    while True:
        port = next(_ports)
        with socket.socket() as taken, suppress(OSError):
            taken.bind(("127.0.0.1", port))
            return port
