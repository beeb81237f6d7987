"""deliver: the site onto the disk and messages out of the house. It only sends; `render` has made what is sent.

Each way out is one module with one function. It has a time limit and raises `DeliveryError` with a sentence that gives
nothing away: ways are named by their name, never by an address that may hold a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from caelum_report.alerting import Channel
from caelum_report.configured import Config
from caelum_report.mail import Mail

from .publish import check, holds_site, publish

__all__ = ["check", "holds_site", "ping", "preview", "publish", "send", "shown_post"]

Call = Callable[[str, str, dict[str, Any], float], None]  # server, tool, arguments, seconds


def ping(url: str, report: str) -> None:
    """Tell a dead man's switch that a report is published; see `dead_man`. HTTP is imported only here."""
    from . import dead_man

    dead_man.ping(url, report)


def preview(channel: Channel, mail: Mail, config: Config) -> str:
    """What a way out would send, as text; see `dry_run`."""
    from . import dry_run

    return dry_run.preview(channel, mail, config)


def shown_post(url: str, headers: Mapping[str, str], body: str) -> str:
    """A POST as `preview` shows it."""
    from . import dry_run

    return dry_run.posted(url, headers, body)


def send(channel: Channel, mail: Mail, config: Config, call: Call) -> None:
    """One message on one way out. Raises `DeliveryError`. `call` asks a tool of a configured MCP server."""
    match channel.kind:
        case "email":
            from .smtp import send_email

            send_email(channel, mail)
        case "webhook":
            from .webhook import post

            post(channel, mail, config)
        case "apprise":
            from .services import notify

            notify(channel, mail)
        case "mcp":
            from .filling import filled

            said = channel.options
            arguments = filled(said["arguments"], mail, config.output)
            call(said["server"], said["tool"], arguments, channel.timeout_seconds)
        case "command":
            from .hook import run

            run(channel, mail, config)
