"""A WebSocket stream, listened to for a bounded window: how many events of each kind, how far apart, and last values.

A window is a sample of what goes on, not a count of all that happened between two runs.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from caelum_report.model import Failure, Note, Sample
from caelum_report.wire import Fault, HttpFault
from caelum_report.wire.jsontext import parse
from caelum_report.wire.strangers import patience
from caelum_report.wire.unreachable import unreachable
from caelum_report.words import plural

from .asking import Answer, Asking
from .extras import extra
from .fetch import another_at, authorization
from .mapping import mapped, search

_NO_ADDRESS: Final = "its `url` is not that of a WebSocket; it begins with ws:// or wss://"


@dataclass(slots=True)
class _Heard:
    """What came within the window."""

    kinds: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    last: dict[tuple[object, ...], Sample] = field(default_factory=dict)
    unread: int = 0  # messages that are no JSON
    unnamed: int = 0  # in which `event` finds nothing
    closed: str = ""


async def ask(asking: Asking) -> Answer:
    options = asking.source.options
    client = extra("websockets.asyncio.client", "websockets")
    errors = extra("websockets.exceptions", "websockets")
    headers = {**authorization(options), **options["headers"]}
    waiting = patience(asking.source.timeout_seconds)
    try:
        async with client.connect(
            options["url"],
            additional_headers=headers,
            max_size=asking.run.config.budgets.line_bytes,
            compression=None,
            proxy=None,
            close_timeout=0.5,
            open_timeout=waiting,
        ) as stream:
            if options["send"]:
                await stream.send(options["send"])
            heard = await _listen(asking, stream, errors)
    except errors.InvalidStatus as error:
        raise _refused(error.response.status_code) from None
    except TimeoutError:
        late = Fault(Failure.TIMEOUT, f"no stream within {waiting:g} s")
        raise await another_at(options["url"]) or late from None
    except OSError as error:  # one of certificates is a ValueError too
        raise await another_at(options["url"]) or unreachable(error) from None
    except errors.InvalidURI:
        raise Fault(Failure.CONFIG_ERROR, _NO_ADDRESS) from None
    except (errors.InvalidHandshake, errors.InvalidMessage) as error:
        refused = Fault(Failure.PROTOCOL_ERROR, f"no WebSocket: {error}")
        raise await another_at(options["url"]) or refused from None
    except ValueError:
        raise Fault(Failure.CONFIG_ERROR, _NO_ADDRESS) from None
    return _answer(asking, heard)


async def _listen(asking: Asking, stream: Any, errors: Any) -> _Heard:
    """Every message of the window, each booked before it is looked at."""
    heard = _Heard()
    until = time.monotonic() + asking.source.options["window"]
    while (left := until - time.monotonic()) > 0:
        try:
            message = await asyncio.wait_for(stream.recv(), left)
        except TimeoutError:
            break
        except errors.ConnectionClosed as error:
            if error.rcvd is None and error.sent is not None and error.sent.code == 1009:
                raise Fault(Failure.OVERSIZED, "a message is longer than the bound for one line") from None
            heard.closed = str(error)
            break
        data = message.encode() if isinstance(message, str) else bytes(message)
        asking.allowance.take_bytes(len(data))
        _note(asking, heard, data)
    return heard


def _note(asking: Asking, heard: _Heard, data: bytes) -> None:
    options = asking.source.options
    heard.times.append(time.monotonic())
    try:
        document = parse(data, asking.allowance)
    except Fault as fault:
        if fault.failure is Failure.OVERSIZED:
            raise
        heard.unread += 1
        return
    kind = search(options["event"], document) if options["event"] else None
    heard.unnamed += kind is None and options["event"] is not None
    heard.kinds[kind if isinstance(kind, str) else json.dumps(kind)] += 1
    for sample in mapped(asking, document, strict=False).samples:
        heard.last[sample.subject, sample.metric, sample.labels] = sample


def _answer(asking: Asking, heard: _Heard) -> Answer:
    options, window = asking.source.options, asking.source.options["window"]
    if heard.closed and not heard.times:
        raise Fault(Failure.PROTOCOL_ERROR, f"it closed the stream before it said anything: {heard.closed}")
    samples = [Sample(asking.subject, "events", len(heard.times), "count")]
    if options["event"]:
        samples = [
            Sample(asking.subject, "events", count, "count", labels=(("event", kind),))
            for kind, count in sorted(heard.kinds.items())
        ] or samples
    if len(heard.times) > 1:
        apart = (heard.times[-1] - heard.times[0]) / (len(heard.times) - 1)
        samples.append(Sample(asking.subject, "event_interval_seconds", apart, "seconds"))
    notes = [Note("window", f"A sample: {plural(len(heard.times), 'event')} in a window of {window:g} s.")]
    if heard.unread:
        notes.append(Note("not-json", f"{heard.unread} of its messages are no JSON; they are counted, not read."))
    if heard.unnamed:
        notes.append(Note("no-event", f"In {heard.unnamed} of its messages `event` finds nothing; they count as null."))
    if heard.closed:
        notes.append(Note("closed", f"It closed the stream within the window: {heard.closed}"))
    return Answer((*samples, *heard.last.values()), tuple(notes))


def _refused(status: int) -> Fault:
    reason = f"HTTP {status} instead of a stream"
    return HttpFault(status, reason) if status >= 400 else Fault(Failure.PROTOCOL_ERROR, reason)
