"""Hostile HTTP servers: every row of the promises' table that has a wire, through the real collect."""

import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from caelum_report.collect import collect
from caelum_report.model import Canary, Era, Failure, Outcome, Remembered, Status, Transport

from .fleet import AT, BUDGETS, HASTE, SECRET, ask, config, remote, stdio

OK = Failure.OK


@pytest.mark.parametrize(
    ("path", "failure", "words", "notes"),
    [
        ("good", OK, "", ""),
        ("sessions", OK, "", ""),
        ("streamed", OK, "", ""),
        ("flood", Failure.OVERSIZED, "", ""),
        ("declared-huge", Failure.OVERSIZED, "", ""),
        ("event-flood", Failure.OVERSIZED, "", ""),
        ("huge-event", Failure.OVERSIZED, "", ""),
        ("huge-header", Failure.OVERSIZED, "header", ""),
        ("endless-header", Failure.OVERSIZED, "header", ""),
        ("gzip-bomb", Failure.OVERSIZED, "gzip", ""),
        ("small-brotli", Failure.OVERSIZED, "br", ""),
        ("endless-pages", Failure.OVERSIZED, "pages", ""),
        ("huge-list", Failure.OVERSIZED, "tools", ""),
        ("html", Failure.PROTOCOL_ERROR, "text/html|Please sign in", ""),
        ("html-as-json", Failure.PROTOCOL_ERROR, "oops", ""),
        ("truncated", Failure.PROTOCOL_ERROR, "", ""),
        ("truncated-list", Failure.PROTOCOL_ERROR, "", ""),
        ("bad-chunk", Failure.PROTOCOL_ERROR, "", ""),
        ("not-http", Failure.PROTOCOL_ERROR, "SSH-2.0", ""),
        ("two-lengths", Failure.PROTOCOL_ERROR, "", ""),
        ("bad-utf-8", Failure.PROTOCOL_ERROR, "UTF-8", ""),
        ("nan", Failure.PROTOCOL_ERROR, "NaN", ""),
        ("twice", OK, "", "duplicate-answer"),
        ("status/401", Failure.AUTH_REQUIRED, "401", ""),
        ("status/403", Failure.AUTH_REQUIRED, "403", ""),
        ("status/404", Failure.HTTP_4XX, "404", ""),
        ("status/429", Failure.HTTP_4XX, "429", ""),
        ("status/500", Failure.HTTP_5XX, "500", ""),
        ("status/503", Failure.HTTP_5XX, "503", ""),
        ("redirect-same/3", OK, "", ""),
        ("half-closes", OK, "", ""),
        ("redirect-loop", Failure.REDIRECT_REFUSED, "", ""),
    ],
)
def test_each_fault_has_its_class_and_its_reason(zoo, path, failure, words, notes):
    seen = ask(remote(f"{zoo.url}/{path}"))
    assert seen.probe.failure is failure, (seen.probe.reason, seen.probe.stage, seen.notes)
    assert all(word in seen.probe.reason for word in words.split("|")), seen.probe.reason
    assert set(notes.split()) <= seen.notes, seen.probe.notes
    assert (seen.probe.stage is None) == (failure is OK)
    assert bool(seen.probe.reason) == (failure is not OK)
    assert len(seen.probe.reason) < 1_500
    if failure is OK:
        assert seen.tools == ["echo"]
        assert len(seen.probe.timings_seconds) == BUDGETS.timings


SILENT = (
    "silence",
    "slow-head",
    "slow-body",
    "endless-comments",
    "endless-interim",
    "progress-for-ever",
    "only-202",
    "sse-silent",
    "sse-deaf",
)


@pytest.fixture(scope="module")
def silent(zoo):
    """One run over all who don't answer, so that their deadlines pass together."""
    servers = [
        remote(f"{zoo.url}/{path}", Transport.SSE if path.startswith("sse") else Transport.HTTP, name=path)
        for path in (*SILENT, "good")
    ]
    snapshot = collect(config(*servers, budgets=HASTE), Remembered(), AT)
    return {probe.server: probe for probe in snapshot.probes}


@pytest.mark.parametrize("path", SILENT)
def test_whoever_does_not_answer_ends_at_the_deadline(silent, path):
    probe = silent[path]
    assert probe.failure is Failure.TIMEOUT, probe.reason
    assert probe.stage in {"http", "handshake"}
    assert "no answer" in probe.reason or "endpoint" in probe.reason
    if not path.startswith("sse"):
        assert next(stage for stage in probe.stages if stage.name == probe.stage).seconds is not None
    assert probe.seconds <= HASTE.server_seconds + 1


def test_nobody_waits_for_those_who_do_not_answer(silent):
    assert silent["good"].failure is OK


def test_a_connection_closed_without_a_word(zoo):
    probe = ask(remote(f"{zoo.url}/closes")).probe
    assert probe.failure in {Failure.PROTOCOL_ERROR, Failure.CONNECT_ERROR}
    assert "closed" in probe.reason


def test_a_tool_is_called_once_whatever_becomes_of_the_connection(zoo):
    """A canary that sends a message sent it twice when its server hung up."""
    probe = ask(remote(f"{zoo.url}/drops-calls", canary=Canary("echo"))).probe
    assert probe.stage == "canary"
    assert "closed the connection without an answer" in probe.reason
    assert zoo.requests("called") == ["echo"]


@pytest.mark.parametrize("reset", [False, True])
def test_an_answer_that_comes_before_the_question_is_read(reset):
    """A gateway refuses by the head alone and hangs up; its word counts, not the broken connection."""

    def refuse(listener):
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                return
            visitor.sendall(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            if reset:
                visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                visitor.shutdown(socket.SHUT_WR)
            visitor.recv(1)
            visitor.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse, args=(listener,), daemon=True).start()
        probe = ask(remote(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp")).probe
    assert probe.failure is Failure.AUTH_REQUIRED, probe.reason


def test_a_server_on_ipv6_alone():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    program = Path(__file__).with_name("zoo_http.py")
    with subprocess.Popen(
        [sys.executable, "-IS", str(program), "::1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        probe = ask(remote(f"http://[::1]:{int(process.stdout.readline())}/good")).probe
        process.stdin.close()
    assert probe.failure is OK, probe.reason


def test_no_proxy_is_asked_for_the_way_to_a_server(zoo, elsewhere, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{elsewhere.port}")
    assert ask(remote(f"{zoo.url}/good")).probe.failure is OK
    assert elsewhere.visits == 0


# --- finding the way ------------------------------------------------------------------------------------------------


def test_a_port_where_nobody_listens(zoo):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    probe = ask(remote(f"http://127.0.0.1:{port}/mcp")).probe
    assert (probe.failure, probe.stage) == (Failure.CONNECT_ERROR, "connect")
    stages = {stage.name: stage for stage in probe.stages}
    assert stages["dns"].outcome is Outcome.OK
    assert stages["connect"].seconds is not None
    assert "refused" in probe.reason


def test_a_name_that_is_no_host():
    probe = ask(remote("http://zoo.invalid/mcp")).probe
    assert (probe.failure, probe.stage) == (Failure.DNS_ERROR, "dns")
    assert "zoo.invalid" in probe.reason


def test_when_every_remote_fails_on_the_way_it_is_our_network():
    snapshot = collect(
        config(*(remote(f"http://{n}.invalid/mcp", name=n) for n in "ab"), stdio("good")), Remembered(), AT
    )
    assert snapshot.network_down
    assert {probe.server: probe.failure for probe in snapshot.probes} == {
        "a": Failure.DNS_ERROR,
        "b": Failure.DNS_ERROR,
        "good": OK,
    }
    assert {probe.server: probe.status for probe in snapshot.probes} == {
        "a": Status.UNKNOWN,
        "b": Status.UNKNOWN,
        "good": Status.UP,
    }


def test_one_lost_remote_is_its_own_fault(zoo):
    lost, found = remote("http://zoo.invalid/mcp", name="lost"), remote(f"{zoo.url}/good", name="found")
    snapshot = collect(config(lost, found), Remembered(), AT)
    assert not snapshot.network_down
    assert {probe.server: probe.status for probe in snapshot.probes} == {"lost": Status.DOWN, "found": Status.UP}


# --- redirects and outside addresses --------------------------------------------------------------------------------


def test_a_redirect_to_another_origin_is_refused_and_never_followed(zoo, elsewhere):
    probe = ask(remote(f"{zoo.url}/redirect-away/{elsewhere.port}")).probe
    assert probe.failure is Failure.REDIRECT_REFUSED
    assert str(elsewhere.port) in probe.reason
    assert elsewhere.visits == 0


def test_a_fourth_redirect_is_one_too_many(zoo):
    assert ask(remote(f"{zoo.url}/redirect-same/4")).probe.failure is Failure.REDIRECT_REFUSED


def test_an_endpoint_in_another_origin_is_refused_and_never_asked(zoo, elsewhere):
    probe = ask(remote(f"{zoo.url}/sse-away/{elsewhere.port}", Transport.SSE)).probe
    assert probe.failure is Failure.REDIRECT_REFUSED
    assert elsewhere.visits == 0


def test_what_a_server_names_is_never_fetched(zoo, elsewhere):
    assert ask(remote(f"{zoo.url}/outside-links/{elsewhere.port}")).probe.failure is OK
    assert elsewhere.visits == 0


def test_a_wall_is_no_invitation_to_discover_how_to_pass_it(zoo):
    before = len(zoo.requests(""))
    probe = ask(remote(f"{zoo.url}/status/401")).probe
    assert (probe.status, probe.stage) == (Status.AUTH_WALLED, "auth")
    assert len(zoo.requests("")) == before  # nothing under /.well-known


def test_a_secret_header_goes_to_its_server_and_into_no_report(zoo):
    headers = (("Authorization", f"Bearer {SECRET}"),)
    for path in ("echoes-header", "secret-status"):
        seen = ask(remote(f"{zoo.url}/{path}", headers=headers))
        assert zoo.requests(path)[-1][2]["authorization"] == f"Bearer {SECRET}"
        assert SECRET not in repr(seen.snapshot)
        assert "[redacted]" in repr(seen.snapshot)
        assert "echoes-secret" in seen.notes


def test_a_secret_in_the_address_is_in_no_report(zoo):
    seen = ask(remote(f"{zoo.url}/status/500?key={SECRET}"))
    assert SECRET not in repr(seen.snapshot)


# --- manners --------------------------------------------------------------------------------------------------------


def test_a_session_is_kept_and_ended(zoo):
    before = len(zoo.requests("sessions"))
    assert ask(remote(f"{zoo.url}/sessions")).probe.failure is OK
    requests = zoo.requests("sessions")[before:]
    after = requests[next(n for n, (_, _, headers) in enumerate(requests) if "mcp-session-id" in headers) :]
    assert all(headers["mcp-session-id"] == "s-1" for _, _, headers in after)
    assert requests[-1][0] == "DELETE"
    lacking = [method for method, _, headers in after if "mcp-protocol-version" not in headers]
    assert lacking == []


def test_we_ask_for_what_we_can_read(zoo):
    ask(remote(f"{zoo.url}/good"))
    for method, _, headers in zoo.requests("good"):
        assert headers.get("accept-encoding", "identity") == "identity"
        if method == "POST":
            assert {"application/json", "text/event-stream"} <= {kind.strip() for kind in headers["accept"].split(",")}


def test_a_remote_server_is_seen_whole(zoo):
    probe = ask(remote(f"{zoo.url}/good")).probe
    assert (probe.failure, probe.status, probe.era) == (OK, Status.UP, Era.LEGACY)
    stages = {stage.name: stage for stage in probe.stages}
    assert all(
        stages[name].outcome is Outcome.OK for name in ("dns", "connect", "http", "auth", "handshake", "list", "ping")
    )
    assert all(stages[name].outcome is Outcome.UNUSED for name in ("tls", "spawn", "canary"))
    assert stages["connect"].seconds > 0
    assert probe.process is None
    assert probe.instances is None


def test_the_deprecated_transport_works(zoo):
    seen = ask(remote(f"{zoo.url}/sse-good", Transport.SSE))
    assert (seen.probe.failure, seen.tools) == (OK, ["echo"]), seen.probe.reason
