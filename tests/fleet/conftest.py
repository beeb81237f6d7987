"""Sixteen published MCP servers over stdio and eight addresses over HTTP, installed from npm and PyPI.

Set CAELUM_FLEET to the folder of an earlier `tests/install-fleet.sh` to spare the installation.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

INSTALL = Path(__file__).parent.parent / "install-fleet.sh"
PORTS = (18001, 18002, 18004, 18006, 18009)


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that holds fleet.mcp.json and http.mcp.json; the HTTP servers run."""
    if not (shutil.which("npm") and shutil.which("git")):
        pytest.skip("needs npm and git: apt-get install -y nodejs npm git")
    folder = Path(os.environ.get("CAELUM_FLEET") or tmp_path_factory.mktemp("fleet"))
    if not (folder / "http.mcp.json").exists():
        subprocess.run(["bash", str(INSTALL), str(folder)], check=True, timeout=900)
    started = not listening(PORTS[0])
    if started:
        subprocess.run([str(folder / "start-http.sh")], check=True, timeout=30)
    try:
        for port in PORTS:
            await_port(port)
        yield folder
    finally:
        if started:
            subprocess.run([str(folder / "stop-http.sh")], check=True, timeout=30)


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return any(_connects(host, port) for host in ("127.0.0.1", "::1"))


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def await_port(port: int) -> None:
    deadline = time.monotonic() + 60
    while not listening(port):
        if time.monotonic() > deadline:
            pytest.fail(f"nothing listens on port {port} after a minute")
        time.sleep(0.2)
