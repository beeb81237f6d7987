"""A dry run: what a way out would send, for a person to read. Nothing goes anywhere, and no secret is shown."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from caelum_report.alerting import Channel
from caelum_report.configured import Config
from caelum_report.mail import Mail
from caelum_report.text import Redactor

from . import hook, services, smtp, webhook
from .filling import filled

_MOST: Final = 100_000  # characters


def preview(channel: Channel, mail: Mail, config: Config) -> str:
    """Raises `DeliveryError` where the message cannot be made."""
    lines = {"email": _email, "webhook": _webhook, "apprise": _apprise, "mcp": _mcp, "command": _command}[channel.kind]
    return Redactor(config.secrets).clean("\n".join(lines(channel, mail, config)), _MOST, lines=True)


def _email(channel: Channel, mail: Mail, _config: Config) -> Iterator[str]:
    options = channel.options
    host, port, security = smtp.where(options)
    login = ", with a login" if options["user"] is not None else ""
    yield f"by {host}, port {port}, {'without encryption' if security == 'none' else security}{login}"
    message = smtp.envelope(mail, options["sender"], options["to"])
    yield from (f"{name}: {message[name]}" for name in ("Subject", "From", "To", "Message-ID"))
    yield ""
    yield mail.text
    for part in message.walk():
        if not part.is_multipart() and part.get_content_type() != "text/plain":
            name = part.get_filename() or part.get("Content-ID") or ""
            yield f"+ {part.get_content_type()}, {len(part.get_payload(decode=True)):,} bytes {name}".rstrip()


def _webhook(channel: Channel, mail: Mail, _config: Config) -> Iterator[str]:
    headers, body = webhook.request(channel, mail)
    own = channel.options["headers"]
    yield posted(
        channel.options["url"], {name: "…" if name in own else value for name, value in headers.items()}, body.decode()
    )


def posted(address: str, headers: Mapping[str, str], body: str) -> str:
    """A POST as it would go out; of the address, which may hold a key, only the host."""
    url = urlsplit(address)
    first = f"POST {url.scheme}://{url.hostname}{f':{url.port}' if url.port else ''}/…"
    return "\n".join((first, *(f"{name}: {value}" for name, value in headers.items()), "", body))


def _apprise(channel: Channel, mail: Mail, _config: Config) -> Iterator[str]:
    yield f"by Apprise: {', '.join(url.partition('://')[0] for url in channel.options['urls'])}"
    yield f"Title: {mail.title}"
    yield f"Type: {services.kind(mail)}"
    yield ""
    yield services.body(mail)


def _mcp(channel: Channel, mail: Mail, config: Config) -> Iterator[str]:
    said = channel.options
    yield f"the tool {said['tool']} of the server {said['server']}, with"
    yield json.dumps(filled(said["arguments"], mail, config.output), indent=2, ensure_ascii=False)


def _command(channel: Channel, mail: Mail, config: Config) -> Iterator[str]:
    yield f"$ {shlex.join(hook.arguments(channel, mail, config))}"
    yield "with this on its standard input:"
    yield mail.json
