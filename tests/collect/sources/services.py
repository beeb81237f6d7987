"""Real services of this machine, each on a port of its own, ended with the test that started it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port

POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path("/nowhere"))
PASSWORD = "geheim-und-lang-7"

needs_redis = pytest.mark.skipif(not shutil.which("redis-server"), reason="apt-get install redis-server")
needs_postgres = pytest.mark.skipif(not POSTGRES.is_dir(), reason="apt-get install postgresql")


@contextmanager
def running(command: list[str | Path], ready: Callable[[], bool], **how: object) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how) as process:
        try:
            until = time.monotonic() + 30
            while not ready():
                assert process.poll() is None, f"{command[0]} ended at once"
                assert time.monotonic() < until, f"{command[0]} does not come up"
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def redis_server(folder: Path, *more: str) -> Iterator[int]:
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with running([*command, "--requirepass", PASSWORD, *more], lambda: accepts(port)):
        yield port


@contextmanager
def postgres(folder: Path, *settings: str) -> Iterator[int]:
    """As an ordinary user: it refuses to run as root."""
    port, data = free_port(), folder / "data"
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    if who:
        for above in (folder, *folder.parents):
            if above.stat().st_uid == 0 and not above.stat().st_mode & 0o001:
                above.chmod(above.stat().st_mode | 0o011)
        shutil.chown(folder, "postgres", "postgres")
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    make = [POSTGRES / "initdb", "-D", data, "-A", "scram-sha-256", "--pwfile", secret, "-U", "caelum", "--no-sync"]
    subprocess.run([*make, "--locale=C"], check=True, capture_output=True, cwd=folder, **who)
    options = [
        f"port={port}",
        "listen_addresses=127.0.0.1",
        f"unix_socket_directories={folder}",
        "fsync=off",
        *settings,
    ]
    command = [POSTGRES / "postgres", "-D", data, *(part for option in options for part in ("-c", option))]
    is_ready = [POSTGRES / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    with running(command, lambda: subprocess.run(is_ready, check=False).returncode == 0, cwd=folder, **who):
        yield port


@contextmanager
def speaking(says: bytes, *, first: bool = False, times: int = 1) -> Iterator[int]:
    """A port where somebody says the same to everybody, before being asked or after; then silence, or a flood."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                return
            with visitor:
                visitor.settimeout(20)
                try:
                    if not first:
                        visitor.recv(4096)
                    for _ in range(times):
                        visitor.sendall(says)
                    while visitor.recv(4096):
                        pass
                except OSError:
                    continue

    import threading

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
