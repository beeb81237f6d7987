"""The commands about alerts and ways out as they are typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from caelum_report import store
from caelum_report.model import Failure
from tests.deliver.receivers import receiver
from tests.test_cli import run

from .fleet import HOUR, Course, config, server, snapshot

TOML = """# our fleet
database = "history.sqlite"
find_configurations = false

[[server]]
name = "a"
url = "http://127.0.0.1:9/mcp"

[[deliver]]
name = "hook"
kind = "webhook"
url = "URL"
"""


def at_home(tmp_path: Path, url: str = "http://127.0.0.1:9/") -> tuple[Path, str]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    file = home / "caelum.toml"
    file.write_text(TOML.replace("URL", url))
    file.chmod(0o600)
    return home, str(file)


def lived(home: Path) -> None:
    """Two days to now, with an outage that goes on."""
    from caelum_report.cli.options import now

    course = Course(config(server("a")), home / "history.sqlite")
    with store.open_store(str(course.path)) as database:
        for hour in range(-48, 0):
            failing = {"a": Failure.TIMEOUT} if hour in {-30, -3, -2, -1} else {}
            course.lived(database, snapshot(course.settings, now() + hour * HOUR, failing))


def test_alerts_are_listed_acknowledged_and_replayed(tmp_path: Path) -> None:
    home, file = at_home(tmp_path)
    lived(home)
    listed = run(home, "alerts", "list", "--config", file)
    assert "a is down: connection refused" in listed.stdout
    number = listed.stdout.split()[0]
    known = run(home, "alerts", "ack", number, "--reason", "new cable", "--author", "me", "--config", file)
    assert re.fullmatch(r"Acknowledged until .* \(\+00:00\): a is down: connection refused\n", known.stdout)
    listed = run(home, "alerts", "list", "--config", file)
    assert "known to me until" in listed.stdout
    assert "new cable (silence 1)" in listed.stdout
    with store.open_store(str(home / "history.sqlite")) as database:
        assert [(s.author, s.reason, s.alert) for s in store.silences(database)] == [("me", "new cable", int(number))]
    replayed = run(home, "alerts", "test", "down", "--since", "30d", "--config", file)
    assert replayed.stdout.startswith("down: would have fired 2 times in 47\u00a0h (48 runs)")
    wrong = run(home, "alerts", "test", "donw", "--config", file)
    assert (wrong.returncode, "did you mean 'down'?" in wrong.stderr) == (2, True)


def test_the_dead_mans_switch_is_listed_and_tested_like_a_way_out(tmp_path: Path) -> None:
    with receiver() as there:
        home, file = at_home(tmp_path)
        assert "dead-man" not in run(home, "deliver", "list", "--config", file).stdout
        environ = {"CAELUM_PING_URL": f"{there.url}/uuid-0123456789"}
        listed = run(home, "deliver", "list", "--config", file, **environ)
        assert "dead-man                 ping     every published report\n" in listed.stdout
        shown = run(home, "deliver", "test", "dead-man", "--config", file, **environ)
        assert (shown.stdout, there.got) == (f"POST {there.url}/…\n\ntest\n", [])
        done = run(home, "deliver", "test", "dead-man", "--send", "--config", file, **environ)
        assert done.stdout == "dead-man: told.\n"
        assert [(path, body) for path, _, body in there.got] == [("/uuid-0123456789", b"test")]


def test_a_silence_is_listed_ended_and_refused_for_a_rule_that_is_not_there(tmp_path: Path) -> None:
    home, file = at_home(tmp_path)
    lived(home)
    wrong = run(home, "alerts", "silence", "--rule", "donw", "--reason", "x", "--config", file)
    assert (wrong.returncode, "did you mean 'down'?" in wrong.stderr) == (2, True)
    odd = run(home, "alerts", "silence", "--subject", "aa", "--reason", "x", "--author", "me", "--config", file)
    assert (odd.returncode, odd.stderr) == (
        0,
        "note: no server and nothing that is open is called aa; did you mean a?\n",
    )
    told = json.loads(run(home, "alerts", "list", "--json", "--config", file).stdout)
    assert [(one["id"], one["subject"], one["author"]) for one in told["silences"]] == [(1, "aa", "me")]
    ended = run(home, "alerts", "unsilence", "1", "--config", file)
    assert ended.stdout == "Ended: every rule about aa.\n"
    assert json.loads(run(home, "alerts", "list", "--json", "--config", file).stdout)["silences"] == []
    again = run(home, "alerts", "unsilence", "1", "--config", file)
    assert (again.returncode, "no silence that holds now" in again.stderr) == (2, True)


def test_a_rule_is_set_in_the_file_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    home, file = at_home(tmp_path)
    done = run(home, "alerts", "set", "slow", "metric=latency", "above=800ms", "for=3 checks", "--config", file)
    assert done.stdout == f"Added the rule slow in {file}.\n"
    assert Path(file).read_text().startswith("# our fleet\n")
    wrong = run(home, "alerts", "set", "slow", "above=2 GB", "--config", file)
    assert wrong.returncode == 2
    assert "`rule[1].above`: expected a duration" in wrong.stderr
    everything = run(home, "alerts", "silence", "--reason", "holiday", "--config", file)
    assert (everything.returncode, "--rule or --subject" in everything.stderr) == (2, True)


def test_a_way_out_is_tested_by_a_message_to_it(tmp_path: Path) -> None:
    with receiver() as there:
        home, file = at_home(tmp_path, f"{there.url}/hook")
        shown = run(home, "deliver", "test", "hook", "--config", file)
        assert there.got == []
        assert shown.stdout.startswith(f"POST {there.url}/…\n")
        assert '"test":true' in shown.stdout
        done = run(home, "deliver", "test", "hook", "--send", "--config", file)
        assert done.stdout == "hook: delivered by webhook.\n"
        there.answers = [500]
        failed = run(home, "deliver", "test", "hook", "--send", "--config", file)
    assert (failed.returncode, failed.stderr) == (5, "caelum-report: the webhook answered HTTP 500: no such room\n")
    assert len(there.got) == 2


def test_a_kill_while_a_message_goes_out_loses_none_and_repeats_it_once_with_its_own_key(tmp_path: Path) -> None:
    with receiver() as there:
        home, file = at_home(tmp_path, f"{there.url}/hang")
        clean = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        command = [sys.executable, "-m", "caelum_report", "collect", "--config", file]
        with subprocess.Popen(command, env=clean, cwd=home) as process:
            for _ in range(1200):
                if there.got:
                    break
                time.sleep(0.05)
            process.kill()  # the transition is committed, the receiver has the message, nobody noted it
        assert len(there.got) == 1
        Path(file).write_text(Path(file).read_text().replace("/hang", "/hook"))
        for _ in range(2):
            done = run(home, "collect", "--config", file)
            assert (done.returncode, done.stderr) == (0, "")
    assert [path for path, _, _ in there.got] == ["/hang", "/hook"]
    assert len({headers["Idempotency-Key"] for _, headers, _ in there.got}) == 1
