"""A real WebSocket server that says what a test wants, and one bounded look at it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from caelum_report.model import Failure, Reading
from tests.collect.fleet import SECRET

from .conftest import Service, asked, source

Speech = Callable[[ServerConnection], Awaitable[None]]


@contextmanager
def speaking(speech: Speech) -> Iterator[str]:
    """The address of a server that does so with every visitor."""
    ready, over = threading.Event(), asyncio.Event()
    address: list[Any] = []

    async def run() -> None:
        async with serve(speech, "127.0.0.1", 0, close_timeout=0.1) as server:
            address.extend((asyncio.get_running_loop(), next(iter(server.sockets)).getsockname()[1]))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    ready.wait()
    try:
        yield f"ws://127.0.0.1:{address[1]}"
    finally:
        address[0].call_soon_threadsafe(over.set)
        thread.join()


def listen(speech: Speech, **options: Any) -> Reading:
    with speaking(speech) as url:
        (reading,) = asked(source("websocket", url=url, **{"window": "300ms", **options}))
        return reading


async def events(stream: ServerConnection) -> None:
    for number in range(6):
        await stream.send(json.dumps({"type": "tick" if number % 3 else "tock", "load": number / 2}))
        await asyncio.sleep(0.01)
    await stream.wait_closed()


def test_events_are_counted_timed_and_the_last_value_kept() -> None:
    reading = listen(events, event="type", metric=[{"name": "load", "value": "load"}])
    assert reading.failure is Failure.OK, reading.reason
    found = {(sample.metric, sample.labels): sample.value for sample in reading.samples}
    assert found["events", (("event", "tick"),)] == 4
    assert found["events", (("event", "tock"),)] == 2
    assert found["load", ()] == 2.5
    assert found["event_interval_seconds", ()] > 0.005
    assert [note.text for note in reading.notes] == ["A sample: 6 events in a window of 0.3 s."]


def test_a_source_with_little_time_hears_what_is_said_at_once() -> None:
    reading = listen(events, timeout=1.0)
    assert reading.failure is Failure.OK, reading.reason
    assert reading.samples[0].value == 6


def test_a_silent_stream_is_a_count_of_nothing() -> None:
    reading = listen(lambda stream: stream.wait_closed(), event="type")
    assert [(sample.metric, sample.value) for sample in reading.samples] == [("events", 0)]


def test_what_it_is_to_send_first_is_sent_with_who_asks() -> None:
    heard: list[str] = []

    async def echo(stream: ServerConnection) -> None:
        assert stream.request is not None
        heard.append(stream.request.headers["Authorization"])
        async for message in stream:
            heard.append(str(message))
            await stream.send('{"ok": true}')

    reading = listen(echo, send='{"subscribe": "all"}', token="t0ken-of-mine")
    assert heard == ["Bearer t0ken-of-mine", '{"subscribe": "all"}']
    assert reading.samples[0].value == 1


def test_messages_that_are_no_json_are_counted_and_noted() -> None:
    async def words(stream: ServerConnection) -> None:
        for message in ("hello", b"\xff\x00", '{"half": ', json.dumps({"type": f"{SECRET}\u202e"})):
            await stream.send(message)
        await stream.wait_closed()

    reading = listen(words, event="type")
    assert [sample.labels for sample in reading.samples if sample.metric == "events"] == [
        (("event", "[redacted]<U+202E>"),)
    ]
    assert [note.code for note in reading.notes] == ["window", "not-json"]


async def one_huge(stream: ServerConnection) -> None:
    await stream.send("x" * 900_000)
    await stream.wait_closed()


async def endless(stream: ServerConnection) -> None:
    while True:
        await stream.send("x" * 100_000)


async def hangs_up(stream: ServerConnection) -> None:
    await stream.close(1011, "no")


@pytest.mark.parametrize(
    ("speech", "failure"),
    [
        (one_huge, Failure.OVERSIZED),
        (endless, Failure.OVERSIZED),
        (hangs_up, Failure.PROTOCOL_ERROR),
    ],
)
def test_a_fault_has_its_class(speech: Speech, failure: Failure) -> None:
    assert listen(speech, window="3s").failure is failure


def test_what_is_no_stream(service: Service) -> None:
    for status, failure in ((200, Failure.PROTOCOL_ERROR), (401, Failure.AUTH_REQUIRED), (503, Failure.HTTP_5XX)):
        url = service.says("/ws", "hello", status).replace("http:", "ws:")
        (reading,) = asked(source("websocket", url=url, window="300ms"))
        assert reading.failure is failure, reading
    wrong = source("websocket", url="ws://127.0.0.1:1/", window="300ms")
    tls = replace(wrong, options={**wrong.options, "url": service.url.replace("http:", "wss:")})
    http = replace(wrong, options={**wrong.options, "url": "http://127.0.0.1:1/"})
    assert [reading.failure for reading in asked(wrong, tls, http)] == [
        Failure.CONNECT_ERROR,
        Failure.TLS_ERROR,
        Failure.CONFIG_ERROR,
    ]
