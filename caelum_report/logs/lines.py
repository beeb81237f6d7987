"""A line of a log, whatever wrote it: what it says, when, about whom, and whether it calls itself an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

_LONGEST: Final = 8_000  # characters of a line that are looked at
_ERROR_LEVELS: Final = {
    *("error", "err", "fatal", "critical", "crit", "panic", "severe", "alert", "emerg", "emergency"),
}
_LEVELS: Final = {*_ERROR_LEVELS, *("trace", "debug", "info", "notice", "warn", "warning")}
_PINO_ERROR: Final = 50  # Node's pino counts: 50 error, 60 fatal
_SYSLOG_ERROR: Final = 3  # journald's PRIORITY: 3 and less
_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")
_HEAD: Final = re.compile(rf"({_STAMP.pattern}) ((?:\[[^\]\n]{{0,200}}\] )*+)(.*)", re.DOTALL)
_FROM_SERVER: Final = re.compile(r"Message from server: (\{.*)", re.DOTALL)
_SPEAKERS: Final = {"editor -> server", "Client Says"}
_ANSWERERS: Final = {"server -> editor", "Server Says"}

# Of lines that name no level: a level's own word where nobody uses it in a sentence, or an exception's name before its text.
CALLS_ITSELF_ERROR: Final = re.compile(
    r"\b(?:ERROR|FATAL|CRITICAL|PANIC|SEVERE|EMERG(?:ENCY)?)\b|\[(?:error|fatal|critical)\]|\blevel=\"?(?:error|fatal|critical|panic)"
    r"|^(?:error|fatal|panic)(?:\[\w{1,20}\])?: |^(?:\w{1,60}\.){0,8}\w{0,60}(?:Error|Exception): |^npm ERR!"
)

_ERROR_WORDS: Final = (
    *("ERROR", "FATAL", "CRITICAL", "PANIC", "SEVERE", "EMERG", "ERR!"),
    *("rror", "fatal", "critical", "panic", "Exception"),
)
_IN_TEXT: Final = object()


class Line(NamedTuple):
    """A tuple, and its time read when it is asked for: there may be millions, and few of them are errors."""

    text: str
    stamp: object = None  # its time as it says it
    about: str = ""  # the server, where the line says
    is_error: bool | None = None  # None: it does not say
    said: Any = None  # of a line of JSON

    @property
    def at(self) -> float | None:
        """Seconds since 1970, where it says."""
        return _time(_found(self.text) if self.stamp is _IN_TEXT else self.stamp)


def calls_itself_error(text: str) -> bool:
    """The pattern is asked only where one of its words stands."""
    return any(word in text for word in _ERROR_WORDS) and CALLS_ITSELF_ERROR.search(text) is not None


def of_file(raw: bytes, *, host_log: bool) -> Line:
    text = raw[: 4 * _LONGEST].decode("utf-8", "replace")[:_LONGEST].rstrip("\r\n")
    if host_log:
        return _of_host(text)
    if text.startswith("{"):
        with suppress(ValueError, RecursionError):
            said = json.loads(raw)
            if isinstance(said, dict):
                return _of_json(said, text)
    return Line(text, _IN_TEXT)


def of_journal(said: Mapping[str, Any]) -> Line:
    """An entry of `journalctl -o json`; a message that is no text comes as its bytes."""
    message = said.get("MESSAGE")
    if isinstance(message, list):
        message = bytes(part for part in message if isinstance(part, int) and 0 <= part < 256).decode(
            "utf-8", "replace"
        )
    priority = said.get("PRIORITY")
    is_error = int(priority) <= _SYSLOG_ERROR if isinstance(priority, str) and priority.isdigit() else None
    return Line(str(message or "")[:_LONGEST], _seconds(said.get("__REALTIME_TIMESTAMP"), 1e6), "", is_error, said)


def _of_json(said: Mapping[str, Any], text: str) -> Line:
    level = next((said[key] for key in ("level", "severity", "lvl", "log.level", "levelname") if key in said), None)
    message = next((said[key] for key in ("message", "msg", "error", "event") if isinstance(said.get(key), str)), text)
    stamp = next((said[key] for key in ("time", "timestamp", "@timestamp", "ts", "at") if key in said), None)
    is_error = None
    if isinstance(level, str):
        is_error = level.lower() in _ERROR_LEVELS
    elif isinstance(level, int):
        is_error = level >= _PINO_ERROR
    return Line(message[:_LONGEST], stamp, "", is_error, said)


def _of_host(text: str) -> Line:
    """Claude Desktop's and VS Code's shapes. What clients and servers say to each other is looked at only for errors of the
    protocol; a line without a head is what the server wrote to stderr.
    """
    head = _HEAD.fullmatch(text)
    if head is None:
        return Line(text)
    stamp, brackets, rest = head.groups()
    words = re.findall(r"\[([^\]]*)\]", brackets)
    about = next(
        (word for word in words if word.lower() not in _LEVELS | _SPEAKERS | _ANSWERERS and " " not in word), ""
    )
    answer = _FROM_SERVER.match(rest)
    if answer or _ANSWERERS & set(words):
        return _answer(answer[1] if answer else rest, stamp, about)
    if _SPEAKERS & set(words) or rest.startswith("Message from client: "):
        return Line("", stamp, about, is_error=False)
    level = next((word.lower() for word in words if word.lower() in _LEVELS), "")
    return Line(rest, stamp, about, True if level in _ERROR_LEVELS else None)


def _answer(text: str, stamp: object, about: str) -> Line:
    said: Any = None
    with suppress(ValueError, RecursionError):
        said = json.loads(text)
    error = said.get("error") if isinstance(said, dict) else None
    if not isinstance(error, dict):
        return Line("", stamp, about, is_error=False)
    return Line(f"JSON-RPC error: {error.get('message')}"[:_LONGEST], stamp, about, is_error=True)


# --- times ----------------------------------------------------------------------------------------------------------


def _found(text: str) -> str | None:
    match = _STAMP.search(text[:80])
    return match[0] if match else None


def _time(stamp: object) -> float | None:
    """Of ISO 8601 (without an offset: this machine's time), or of seconds or milliseconds since 1970."""
    if isinstance(stamp, str):
        try:
            return datetime.fromisoformat(stamp.replace(",", ".")).timestamp()
        except (ValueError, OverflowError, OSError):
            return None
    return _seconds(stamp, 1000.0 if isinstance(stamp, int | float) and stamp > 1e11 else 1.0)


def _seconds(count: object, a_second: float) -> float | None:
    try:
        seconds = float(count) / a_second  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < 1e11 else None
