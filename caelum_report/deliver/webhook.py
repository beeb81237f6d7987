"""A webhook: one POST, signed where there is a secret, no redirect followed, its answer bounded by time."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Final

from caelum_report import __version__
from caelum_report.alerting import Channel
from caelum_report.configured import Config
from caelum_report.errors import DeliveryError, MessageRefusedError
from caelum_report.mail import Mail
from caelum_report.text import Redactor

from . import posting
from .filling import filled

_NOT_THIS: Final = {400, 409, 413, 422}  # the message is at fault, not the way


def post(channel: Channel, mail: Mail, config: Config) -> None:
    """Raises `DeliveryError`, with the beginning of what an unwilling receiver said."""
    headers, content = request(channel, mail)
    answer = posting.post(channel.options["url"], content, headers, channel.timeout_seconds)
    if answer.problem:
        said = f": {Redactor(config.secrets).clean(answer.said, 160)}" if answer.said else ""
        refused = MessageRefusedError if answer.status in _NOT_THIS else DeliveryError
        raise refused(f"the webhook {answer.problem}{said}")


def request(channel: Channel, mail: Mail) -> tuple[dict[str, str], bytes]:
    """Headers and body. `Idempotency-Key` names what the message tells, so that a repeat is known as one."""
    options = channel.options
    body = mail.json if options["template"] is None else filled_body(options["template"], mail)
    headers = {
        "User-Agent": f"caelum-report/{__version__}",
        "Content-Type": "application/json"
        if options["template"] is None or _is_json(body)
        else "text/plain; charset=utf-8",
        "Idempotency-Key": hashlib.sha256(mail.id.encode()).hexdigest()[:40],
        **options["headers"],
    }
    content = body.encode()
    if options["secret"]:
        headers["X-Caelum-Signature"] = f"sha256={signature(options['secret'], content)}"
    return headers, content


def filled_body(template: str, mail: Mail) -> str:
    """The template filled in; in one that is JSON, each word is a string of it, whatever it holds."""
    try:
        document = json.loads(template)
    except ValueError:
        return str(filled(template, mail, ""))
    return json.dumps(filled(document, mail, ""))


def _is_json(body: str) -> bool:
    return body.lstrip()[:1] in {"{", "["}


def signature(secret: str, content: bytes) -> str:
    """HMAC-SHA256 of the body, as hexadecimal digits."""
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
