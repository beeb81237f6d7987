"""The hundred services of Apprise, in a child process: its plug-ins' time and words stay there."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import Final

from caelum_report.alerting import Channel
from caelum_report.errors import DeliveryError
from caelum_report.mail import Mail

_PROGRAM: Final = """
import json, sys, apprise
said = json.load(sys.stdin)
way = apprise.Apprise()
if not all([way.add(url) for url in said["urls"]]):
    sys.exit(3)
told = way.notify(
    title=said["title"], body=said["body"], notify_type=said["type"], body_format=apprise.NotifyFormat.TEXT
)
sys.exit(0 if told else 4)
"""


def notify(channel: Channel, mail: Mail) -> None:
    """Raises `DeliveryError`. The addresses go by standard input: they are secrets, and a command line is not."""
    if importlib.util.find_spec("apprise") is None:
        raise DeliveryError("Apprise is not installed: pip install 'caelum-report[notify]'")
    said = json.dumps({"urls": channel.options["urls"], "title": mail.title, "body": body(mail), "type": kind(mail)})
    try:
        child = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=said.encode(),
            capture_output=True,
            timeout=channel.timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeliveryError(f"Apprise did not finish within {channel.timeout_seconds:g} s") from None
    if child.returncode == 3:
        raise DeliveryError("Apprise does not understand every one of its addresses")
    if child.returncode != 0:
        raise DeliveryError("Apprise could not deliver to every service")


def kind(mail: Mail) -> str:
    """What Apprise calls the type of a message; its services make a colour, a picture or a priority of it."""
    if mail.state == "resolved":
        return "success"
    return {"critical": "failure", "warning": "warning"}.get(mail.severity, "info")


def body(mail: Mail) -> str:
    return f"{mail.text}\n\n{mail.url}" if mail.url else mail.text
