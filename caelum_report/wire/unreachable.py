"""Why no connection came about, from what lies below an HTTP library's own exception; in words that name no address."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator

from caelum_report.model import Failure

from .fault import Fault


def unreachable(error: BaseException) -> Fault:
    """TLS or the host name where one of them failed; else that nobody accepts, with the system's own word for it."""
    why = ""
    for cause in _below(error):
        if isinstance(cause, ssl.SSLError):
            return Fault(
                Failure.TLS_ERROR, f"no encrypted connection: {getattr(cause, 'verify_message', '') or cause.reason}"
            )
        if isinstance(cause, socket.gaierror):
            return Fault(Failure.DNS_ERROR, f"its host name has no address: {cause.strerror}")
        if isinstance(cause, OSError) and cause.errno:
            why = why or f": {os.strerror(cause.errno)}"
    return Fault(Failure.CONNECT_ERROR, f"nothing accepts connections at its address{why}")


def _below(error: BaseException) -> Iterator[BaseException]:
    """An exception and its causes; of several attempts, the first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        several = cause.exceptions if isinstance(cause, BaseExceptionGroup) else ()
        cause = several[0] if several else cause.__cause__ or cause.__context__
