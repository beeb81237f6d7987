"""`caelum-report tap` between a client and real servers: what passes, what is written down, and what never is."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report.tap_log import LOG_BYTES, Calls, Log, Message, Skim

SDK_SERVER = Path(__file__).parent / "collect" / "sdk_server.py"
ECHO = "import os\nwhile data := os.read(0, 65536):\n    while data: data = data[os.write(1, data):]\n"


def tapped(log: Path | str, *command: str, name: str = "zoo") -> list[str]:
    return [sys.executable, "-m", "caelum_report", "tap", "--log", str(log), "--server", name, "--", *command]


def start(command: list[str], **more: Any) -> subprocess.Popen[bytes]:
    """As a client does, also where the shell that runs the tests ignores signals (SIGINT behind `&`, SIGHUP under nohup)."""
    return subprocess.Popen(
        ["env", "--default-signal", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more
    )


def lines_of(log: Path, count: int) -> list[dict[str, Any]]:
    """The scribe writes behind the client's back: it is waited for."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        if len(lines) >= count:
            return [json.loads(line) for line in lines]
        time.sleep(0.02)
    raise AssertionError(f"{len(lines)} of {count} lines")


def gone(pattern: str) -> bool:
    """Whether no process has the pattern on its command line any more, within a while."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if not any(pattern in words for words in _command_lines()):
            return True
        time.sleep(0.05)
    return False


def _command_lines() -> list[str]:
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(each.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return found


# --- with a real client ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["stdio", "stdio-legacy"])
def test_a_real_client_and_a_real_server_notice_nothing_and_each_call_is_a_line(tmp_path: Path, kind: str) -> None:
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    log = tmp_path / "state" / "tap.jsonl"
    command = tapped(log, sys.executable, str(SDK_SERVER), kind)

    async def talk() -> list[Any]:
        async with Client(stdio_client(StdioServerParameters(command=command[0], args=command[1:]))) as client:
            tools = await client.list_tools()
            summed = await client.call_tool("add", {"a": 20260101, "b": 1})
            fed = await client.call_tool("feed", {"animal": "Löwe-geheim 🦁", "kilograms": 2})
            wrong = await client.call_tool("add", {"a": "a word", "b": 1})
            return [sorted(tool.name for tool in tools.tools), summed, fed, wrong]

    names, summed, fed, wrong = asyncio.run(talk())
    assert names == ["add", "feed"]
    assert summed.content[0].text == "20260102"
    assert "Löwe-geheim 🦁" in fed.content[0].text
    assert wrong.is_error

    calls = [line for line in lines_of(log, 4) if line["method"] == "tools/call"]
    assert [(call["server"], call["tool"], call["outcome"]) for call in calls] == [
        ("zoo", "add", "ok"),
        ("zoo", "feed", "ok"),
        ("zoo", "add", "tool-error"),
    ]
    assert all(0 < call["seconds"] < 60 and call["request_bytes"] > 50 < call["answer_bytes"] for call in calls)
    written = log.read_text("utf-8")
    for secret in ("20260101", "geheim", "a word", "Adds two numbers"):
        assert secret not in written
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_written_of_a_call_is_this_and_nothing_else(tmp_path: Path) -> None:
    log = tmp_path / "tap.jsonl"
    with start(tapped(log, "cat")) as server:
        server.communicate(
            b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","arguments":{"key":"sk-secret"}}}\n'
        )
    assert lines_of(log, 1)[0].keys() == {
        "at", "server", "method", "tool", "seconds", "outcome", "request_bytes", "answer_bytes",
    }  # fmt: skip


# --- bytes ----------------------------------------------------------------------------------------------------------


def test_binary_garbage_and_huge_lines_pass_unchanged(tmp_path: Path) -> None:
    garbage = random.Random(7).randbytes(1_000_000) + b'"' * 1000 + b"\\" * 1001 + b"\xff\xfe{[\n\0"
    huge = json.dumps({"id": 9, "method": "tools/call", "params": {"arguments": "x" * 12_000_000, "name": "big"}})
    sent = garbage + b"\n" + huge.encode() + b"\n" + garbage
    log = tmp_path / "tap.jsonl"
    with start(tapped(log, sys.executable, "-c", ECHO)) as server:
        got, _ = server.communicate(sent, timeout=60)
    assert got == sent
    assert server.returncode == 0
    big = [line for line in lines_of(log, 1) if line.get("tool") == "big"]
    assert [line["request_bytes"] for line in big] == [len(huge)]


def test_half_a_line_passes_before_its_end_is_written(tmp_path: Path) -> None:
    with start(tapped(tmp_path / "tap.jsonl", sys.executable, "-c", ECHO)) as server:
        assert server.stdin
        assert server.stdout
        for part in (b'{"jsonrpc"', b':"2.0"', b"}\n"):
            os.write(server.stdin.fileno(), part)
            assert os.read(server.stdout.fileno(), 100) == part


def test_a_client_that_never_reads_stops_nobody_from_writing(tmp_path: Path) -> None:
    """Each direction for itself: a full pipe upwards does not stop the one downwards."""
    server = "import os, sys\nos.write(2, b'%d' % len(sys.stdin.buffer.read()))\n"
    talk = "import os, threading\nthreading.Thread(target=lambda: os.write(1, b'x' * 5_000_000), daemon=True).start()\n"
    with start(tapped(tmp_path / "tap.jsonl", sys.executable, "-c", talk + server), stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b"y" * 2_000_000)
        process.stdin.close()
        assert process.stderr.read() == b"2000000"
        process.stdout.close()


# --- beginnings and ends --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0, 1, 3, 77, 255])
def test_the_exit_status_is_the_servers(tmp_path: Path, status: int) -> None:
    with start(tapped(tmp_path / "tap.jsonl", "sh", "-c", f"echo last words; exit {status}")) as server:
        assert server.communicate(timeout=30)[0] == b"last words\n"
    assert server.returncode == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE])
def test_a_signal_ends_the_server_and_is_its_status(tmp_path: Path, number: signal.Signals) -> None:
    mark = f"{tmp_path.name}-{number}"
    log = tmp_path / f"{mark}.jsonl"
    with start(tapped(log, "cat")) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(b"ready\n")
        server.stdin.flush()
        assert server.stdout.readline() == b"ready\n"
        server.send_signal(number)
        assert server.wait(30) == -number
        assert server.stdout.read() == b""
    assert gone(mark)  # and so is what passed the bytes: the log's name is on its command line


def test_a_server_that_handles_TERM_says_its_last_words(tmp_path: Path) -> None:
    script = "trap 'echo goodbye; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    with start(tapped(tmp_path / "tap.jsonl", "sh", "-c", script), start_new_session=True) as server:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        os.killpg(server.pid, signal.SIGTERM)  # as a client does that ends the whole group
        assert server.stdout.read() == b"goodbye\n"
        assert server.wait(30) == 5


def test_end_of_input_reaches_the_server_and_a_client_that_left_breaks_its_pipe(tmp_path: Path) -> None:
    with start(tapped(tmp_path / "a.jsonl", "cat")) as server:
        assert server.stdin
        server.stdin.close()
        assert server.wait(30) == 0
    with start(tapped(tmp_path / "b.jsonl", "sh", "-c", "echo ready; exec yes"), stderr=subprocess.DEVNULL) as server:
        assert server.stdout
        server.stdout.readline()
        server.stdout.close()
        assert server.wait(30) == -signal.SIGPIPE


def test_a_server_that_ends_closes_the_clients_pipe_too(tmp_path: Path) -> None:
    with start(tapped(tmp_path / "tap.jsonl", "true")) as server:
        assert server.stdin
        assert server.wait(30) == 0
        with pytest.raises(BrokenPipeError):
            write_for_ever(server.stdin.fileno())


def write_for_ever(descriptor: int) -> None:
    for _ in range(1000):
        os.write(descriptor, b"is anybody there?\n")
        time.sleep(0.01)


def test_calls_that_wait_when_the_server_dies_are_unanswered(tmp_path: Path) -> None:
    log = tmp_path / "tap.jsonl"
    with start(tapped(log, "sh", "-c", "read line; kill -9 $$")) as server:
        server.communicate(b'{"id":1,"method":"tools/call","params":{"name":"die"}}\n', timeout=30)
    assert server.returncode == -signal.SIGKILL
    assert [(line["tool"], line["outcome"]) for line in lines_of(log, 1)] == [("die", "unanswered")]


def test_the_server_sees_its_clients_environment_descriptors_and_no_child_of_ours(tmp_path: Path) -> None:
    look = (
        "import os, json; print(json.dumps([dict(os.environ), sorted(os.listdir('/proc/self/fd'), key=int),"
        " open('/proc/self/task/%d/children' % os.getpid()).read()]))"
    )
    environment = {"PATH": os.environ["PATH"], "ONLY": "this"}
    plain, through = (
        json.loads(subprocess.check_output(command, env=environment, stdin=subprocess.DEVNULL, timeout=30))
        for command in (
            [sys.executable, "-S", "-c", look],
            tapped(tmp_path / "t.jsonl", sys.executable, "-S", "-c", look),
        )
    )
    assert through == plain


# --- a log that cannot be written -----------------------------------------------------------------------------------


@pytest.mark.parametrize("log", ["/dev/full", "/proc/nowhere/tap.jsonl", "{tmp}", "{tmp}/file/tap.jsonl"])
def test_a_server_runs_whose_calls_cannot_be_logged(tmp_path: Path, log: str) -> None:
    (tmp_path / "file").write_text("")
    log = log.format(tmp=tmp_path)
    with start(tapped(log, "cat"), stderr=subprocess.PIPE) as server:
        out, err = server.communicate(b'{"id":1,"method":"ping"}\n{"id":1,"result":{}}\n', timeout=30)
    assert out == b'{"id":1,"method":"ping"}\n{"id":1,"result":{}}\n'
    assert server.returncode == 0
    assert (b"the calls are not logged" in err) == (log != "/dev/full")


def test_a_full_disk_loses_lines_and_the_next_one_that_fits_is_whole(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the line in which it is reached goes in half."""
    log = tmp_path / "tap.jsonl"
    script = (
        "import os, resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from caelum_report.tap_log import Log\nfrom caelum_report.tap import open_log\n"
        f"log = Log({str(log)!r}, open_log({str(log)!r}), open_log)\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150, hard))\n"
        "[log.add('x' * 40) for _ in range(9)]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\nlog.add('after')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    assert log.read_text().splitlines() == ["x" * 40] * 3 + ["x" * 27, "after"]


def test_a_full_log_moves_on_and_other_taps_follow_it(tmp_path: Path) -> None:
    from caelum_report.tap import open_log

    log = tmp_path / "tap.jsonl"
    taps = [Log(str(log), open_log(str(log)), open_log) for _ in range(2)]
    line = "x" * 200_000
    for number in range(6 * LOG_BYTES // len(line)):
        taps[number % 2].add(line)
    sizes = {each.name: each.stat().st_size for each in tmp_path.iterdir()}
    assert sizes.keys() == {"tap.jsonl", "tap.jsonl.1", "tap.jsonl.2", "tap.jsonl.3"}
    assert max(sizes.values()) <= LOG_BYTES
    assert all(set(each.read_text()) == {"x", "\n"} for each in tmp_path.iterdir())


# --- the command line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "a command is missing"),
        (["--log"], "--log takes a value"),
        (["--log", "--", "cat"], "--log takes a value"),
        (["cat"], "cat is no option here"),
        (["--"], "a command is missing"),
    ],
)
def test_a_command_line_that_is_wrong_says_so(words: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "caelum_report", "tap", *words], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr


def test_a_command_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    done = subprocess.run(tapped(tmp_path / "l", "no-such-program-here"), capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (127, b"")
    assert b"no-such-program-here: No such file or directory" in done.stderr


def test_our_own_probes_are_no_usage(tmp_path: Path) -> None:
    log = tmp_path / "tap.jsonl"
    with start(tapped(log, "cat"), env=os.environ | {"CAELUM_REPORT_PROBE": "x"}) as server:
        assert server.communicate(b'{"id":1,"method":"ping"}\n', timeout=30)[0] == b'{"id":1,"method":"ping"}\n'
    assert not log.exists()


def test_nothing_heavy_is_imported_before_the_server_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", *tapped(tmp_path / "tap.jsonl", "true")[1:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    before = done.stderr.partition("caelum_report.tap\n")[0]
    assert "caelum_report.__main__" not in before.partition("caelum_report")[2]
    assert not {"typing", "typer", "json", "signal", "asyncio"} & {
        line.rpartition("|")[2].strip() for line in before.splitlines()
    }


# --- reading --------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.sampled_from(
        ["id", "method", "name", "params", "result", "isError", "error"]), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def skimmed(data: bytes, cuts: list[int]) -> list[Message]:
    skim, found, places = Skim(), [], [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        found += list(skim.feed(data[start:end]))
    return found


@settings(deadline=None, max_examples=50)
@given(
    arguments=JSON,
    name=st.text(max_size=30),
    number=st.integers() | st.text(max_size=10),
    tail=st.booleans(),
    plain=st.booleans(),
    cuts=st.lists(st.integers(0, 10_000), max_size=8),
    garbage=st.binary(max_size=40),
)
def test_a_message_is_understood_wherever_its_bytes_are_cut(
    arguments: Any, name: str, number: int | str, tail: bool, plain: bool, cuts: list[int], garbage: bytes
) -> None:
    parts = [("id", number), ("method", "tools/call"), ("params", {"arguments": arguments, "name": name, "more": [{}]})]
    request = json.dumps(dict(reversed(parts) if tail else parts), ensure_ascii=plain).encode("utf-8", "surrogatepass")
    answer = json.dumps({"result": {"x": arguments, "isError": True}, "id": number}).encode()
    error = json.dumps([{"error": {"code": 1, "data": arguments}, "id": number}, {"id": None}]).encode()
    data = garbage.replace(b"\\", b"") + b"\n" + request + b"\n" + answer + b"\r\n" + error + b"\n"
    asked, answered, failed, empty = skimmed(data, cuts)[-4:]
    assert asked.fields == {"id": json.dumps(number), "method": "tools/call", "params.name": name}
    assert answered.fields == {"id": json.dumps(number), "result.isError": "true"}
    assert (asked.bytes, answered.bytes) == (len(request), len(answer))
    assert (failed.fields, failed.failed) == ({"id": json.dumps(number)}, True)
    assert (empty.fields, empty.failed) == ({"id": "null"}, False)


def call(number: str, **fields: str) -> Message:
    return Message(10, {"id": number, "method": "tools/call", **fields})


def test_answers_find_their_requests_in_any_order_and_cancelled_ones_are_said_to_be() -> None:
    calls = Calls("zoo")
    lines = []
    for number in ("1", "2", '"1"', "3"):
        lines += calls.request(call(number, **{"params.name": f"tool {number}"}), 0.0, 1.0)
    lines += calls.answer(Message(5, {"id": '"1"'}), 2.0)
    lines += calls.answer(Message(5, {"id": "99"}), 2.0)  # nobody asked
    lines += calls.request(Message(5, {"method": "notifications/cancelled", "params.requestId": "2"}), 2.0, 3.0)
    lines += calls.answer(Message(5, {"id": "1", "method": "roots/list"}), 3.0)  # the server's own request
    lines += calls.answer(Message(5, {"id": "1"}, failed=True), 5.0)
    lines += calls.end(9.0)
    told = [(line["tool"], line["outcome"], line["seconds"]) for line in map(json.loads, lines)]
    assert told == [
        ('tool "1"', "ok", 1.0),
        ("tool 2", "cancelled", 2.0),
        ("tool 1", "error", 4.0),
        ("tool 3", "unanswered", 8.0),
    ]


def test_names_that_a_client_invents_are_visible_short_and_free_of_secrets() -> None:
    calls = Calls("zoo")
    hostile = "a\u202eb\x1b[31m ghp_aaaaaaaaaaaaaaaaaaaaaaaa " + "x" * 5000
    list(calls.request(call("1", **{"params.name": hostile}), 0.0, 0.0))
    (line,) = calls.end(1.0)
    tool = json.loads(line)["tool"]
    assert tool.startswith("a<U+202E>b<U+001B>[31m [redacted] xxx")
    assert len(tool) < 300
