"""Who may run now."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from caelum_report import store
from caelum_report.errors import LockedError


def test_the_second_run_gives_up_with_its_own_exit_status(path: Path) -> None:
    with store.run_lock(str(path)):
        with pytest.raises(LockedError, match="another run") as refused, store.run_lock(str(path), 0.1):
            pass
        assert refused.value.exit_status == 75
    with store.run_lock(str(path), 0):
        pass


def test_collecting_and_publishing_do_not_wait_for_each_other(path: Path) -> None:
    with store.publish_lock(str(path)), store.run_lock(str(path), 0):
        pass


def test_a_lock_dies_with_its_process(path: Path) -> None:
    code = """if True:
        import sys
        from caelum_report import store
        with store.run_lock(sys.argv[1]):
            print("held", flush=True)
            sys.stdin.read()
    """
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockedError), store.run_lock(str(path), 0):
            pass
        os.kill(holder.pid, signal.SIGKILL)
    with store.run_lock(str(path), 5):
        pass


def test_a_lock_is_not_inherited_by_servers_that_a_run_starts(path: Path) -> None:
    with store.run_lock(str(path)):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    with child:
        with store.run_lock(str(path), 0):
            pass
        assert child.stdin is not None
        child.stdin.close()
