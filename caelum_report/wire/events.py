"""Server-sent events: a bounded incremental parser."""

from __future__ import annotations

from collections.abc import Iterator

from .limits import Allowance


class EventParser:
    """Bytes in, (event name, data) out. Comments, ids and retry times are not for us."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._line = bytearray()
        self._data: list[bytes] = []
        self._held = 0
        self._name = b""
        self._after_return = False

    def feed(self, chunk: bytes) -> Iterator[tuple[str, bytes]]:
        """Lines end with LF, CR or CRLF, wherever the network cut them."""
        if self._after_return and chunk:
            chunk, self._after_return = chunk.removeprefix(b"\n"), False
        if chunk.endswith(b"\r"):
            self._after_return = True
        lines = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines[:-1]:
            if self._line:
                self._line += line
                line = bytes(self._line)  # noqa: PLW2901 - the line, now whole
                self._line.clear()
            yield from self._take(line)
        self._line += lines[-1]
        self._allowance.check_line(self._held + len(self._line), "event")

    def _take(self, line: bytes) -> Iterator[tuple[str, bytes]]:
        if not line:
            if self._data:
                yield self._name.decode("utf-8", "replace") or "message", b"\n".join(self._data)
            self._data, self._held, self._name = [], 0, b""
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._held += len(value) + 1
            self._allowance.check_line(self._held, "event")
        elif name == b"event":
            self._name = value[:100]
