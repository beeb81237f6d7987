"""A command of the operator's, for publishing elsewhere: an argument list, no shell, a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

from caelum_report.alerting import Channel
from caelum_report.configured import Config
from caelum_report.errors import DeliveryError
from caelum_report.mail import Mail
from caelum_report.text import Redactor

from .filling import filled


def run(channel: Channel, mail: Mail, config: Config) -> None:
    """Raises `DeliveryError`. `{site}` and the others are filled in; the message as JSON comes by standard input."""
    try:
        child = subprocess.Popen(
            arguments(channel, mail, config),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise DeliveryError(f"its command cannot be started: {error.strerror or type(error).__name__}") from None
    try:
        _, said = child.communicate(mail.json.encode(), timeout=channel.timeout_seconds)
    except subprocess.TimeoutExpired:
        _end(child)
        raise DeliveryError(f"its command did not finish within {channel.timeout_seconds:g} s") from None
    except BaseException:
        _end(child)
        raise
    if child.returncode != 0:
        lines = said.decode("utf-8", "replace").strip().splitlines()
        last = f": {Redactor(config.secrets).clean(lines[-1], 160)}" if lines else ""
        raise DeliveryError(f"its command ended with status {child.returncode}{last}")


def arguments(channel: Channel, mail: Mail, config: Config) -> list[str]:
    return [filled(one, mail, config.output) for one in channel.options["command"]]


def _end(child: subprocess.Popen[bytes]) -> None:
    """With all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
