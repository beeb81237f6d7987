"""E-mail by SMTP: TLS or STARTTLS with a checked certificate, a login, several recipients, one message."""

from __future__ import annotations

import hashlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, localtime, parseaddr
from typing import Any, Final
from urllib.parse import quote

from caelum_report.alerting import Channel
from caelum_report.errors import DeliveryError, MessageRefusedError
from caelum_report.mail import Mail
from caelum_report.text import brief
from caelum_report.wire.unreachable import unreachable

_PORTS: Final = {"tls": 465, "starttls": 587, "none": 25}


def send_email(channel: Channel, mail: Mail) -> None:
    """Raises `DeliveryError`. Its Message-ID is made of what it tells, so that a repeat is known as one."""
    options = channel.options
    if not options["pdf"]:
        mail = replace(mail, attachments=())
    message = envelope(mail, options["sender"], options["to"])
    try:
        with _connected(*where(options), channel.timeout_seconds) as server:
            if options["user"] is not None:
                server.login(options["user"], options["password"] or "")
            refused = server.send_message(message, to_addrs=mail.only or None)
    except TimeoutError:
        raise DeliveryError(f"the mail server did not answer within {channel.timeout_seconds:g} s") from None
    except smtplib.SMTPAuthenticationError as error:
        raise DeliveryError(f"the mail server refuses the login ({error.smtp_code})") from None
    except smtplib.SMTPRecipientsRefused as error:
        said = f"the mail server refuses every recipient ({len(error.recipients)}): {_first(error.recipients)}"
        raise MessageRefusedError(said, tuple(error.recipients)) from None
    except smtplib.SMTPDataError as error:
        raise MessageRefusedError(f"the mail server does not take it: {_words(error)}") from None
    except smtplib.SMTPNotSupportedError as error:
        raise DeliveryError(f"the mail server cannot do what is asked: {brief(str(error), 100)}") from None
    except ssl.SSLError as error:
        raise DeliveryError(f"no TLS that we can trust: {brief(str(error.reason or error), 100)}") from None
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"the mail server cannot be used: {_words(error)}") from None
    if refused:
        said = f"the mail server refuses {len(refused)} of {len(options['to'])} recipients: {_first(refused)}"
        raise MessageRefusedError(f"{said}; the others have it", tuple(refused))


def where(options: Mapping[str, Any]) -> tuple[str, int, str]:
    """Host, port, and how it is encrypted."""
    security = options["security"] or "starttls"
    return options["host"], options["port"] or _PORTS[security], security


def _words(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPException):
        return brief(str(error) or type(error).__name__, 100)
    return unreachable(error).reason


def _first(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return _answer(*next(iter(refused.values())))


def _answer(code: int, said: bytes | str) -> str:
    """550 no such mailbox"""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {brief(text, 100)}"


@contextmanager
def _connected(host: str, port: int, security: str, seconds: float) -> Iterator[smtplib.SMTP]:
    """TimeoutError when the whole conversation takes longer, whatever trickles in meanwhile: the connection is then cut."""
    context = ssl.create_default_context()
    server = _TlsAtOnce(host, seconds, context) if security == "tls" else _Plain(host, seconds)
    late = threading.Event()

    def cut() -> None:
        late.set()
        if server.sock is not None:
            with suppress(OSError):
                server.sock.shutdown(socket.SHUT_RDWR)

    limit = threading.Timer(seconds, cut)
    limit.start()
    try:
        server.connect(host, port)
        if security == "starttls":
            server.starttls(context=context)
        yield server
        with suppress(smtplib.SMTPException):  # it has the message
            server.quit()
    except (smtplib.SMTPException, OSError) as error:
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        limit.cancel()
        server.close()


class _Plain(smtplib.SMTP):
    """Not connected yet, but it knows whose certificate it will check."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(timeout=seconds)
        self._host = host


class _TlsAtOnce(smtplib.SMTP_SSL):
    def __init__(self, host: str, seconds: float, context: ssl.SSLContext) -> None:
        super().__init__(timeout=seconds, context=context)
        self._host = host


def envelope(mail: Mail, sender: str, to: list[str]) -> EmailMessage:
    """The message: plain text, HTML beside it with its images, attachments. Header text is one line, whatever it holds."""
    message = EmailMessage()
    message["Subject"] = brief(mail.title, 250)
    message["From"] = _address(sender)
    message["To"] = [_address(one) for one in to]
    message["Date"] = format_datetime(localtime())
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    message["Message-ID"] = f"<{hashlib.sha256(mail.id.encode()).hexdigest()[:40]}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"  # Exchange answers for who is away, but not to this
    if mail.report:
        stop = f"mailto:{parseaddr(sender)[1]}?subject={quote('Stop these reports')}"
        message["List-Unsubscribe"] = f"<{stop}>"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    page = message.get_payload()[1]  # type: ignore[index]
    for cid, png in mail.images:
        page.add_related(png, "image", "png", cid=f"<{cid}>")  # type: ignore[union-attr]
    for name, kind, content in mail.attachments:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return message


def _address(text: str) -> Address:
    name, spec = parseaddr(text)
    try:
        return Address(name, addr_spec=spec)
    except (ValueError, IndexError) as error:
        raise DeliveryError(f"not a mail address: {brief(text, 80)}") from error
