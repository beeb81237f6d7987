"""The dry run: it shows what would be sent, sends nothing, and gives no secret away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from caelum_report import deliver, telling
from caelum_report.alerting import Channel
from caelum_report.configured import Config
from caelum_report.errors import DeliveryError
from tests.alerts.fleet import Course, config, server
from tests.alerts.test_reported import reported

from .test_ways import AT, EMAIL, WEBHOOK, a_mail

SECRET = "zq9f8b7c6d5e4a3b"
WAYS = {
    "email": ({**EMAIL, "user": "caelum", "password": SECRET, "security": "starttls"},
              ("by localhost, port 587, starttls, with a login\n", "Subject: [Caelum] 1 firing: api-gateway is down",
               "To: Ops <ops@example.org>, boss@example.org\n", "\n+ text/html, ")),
    "webhook": ({**WEBHOOK, "url": f"https://hooks.example.org:8443/T0/{SECRET}", "secret": SECRET, "headers": {"X-Key": SECRET},
                 "template": '{"text": "{title}"}'},
                ("POST https://hooks.example.org:8443/…\n", "\nX-Key: …\n", "\nX-Caelum-Signature: sha256=", '\n\n{"text": "[Caelum] 1 firing')),
    "apprise": ({"urls": [f"slack://{SECRET}/b/c", "ntfy://topic"]}, ("by Apprise: slack, ntfy\n", "Title: [Caelum] 1 firing: api-gateway")),
    "mcp": ({"server": "notify", "tool": "send_alert", "arguments": {"title": "{title}", "key": SECRET}},
            ("the tool send_alert of the server notify, with\n", '"title": "[Caelum] 1 firing: api-gateway is down')),
    "command": ({"command": ["rsync", "-a", "{site}/", f"host:{SECRET}"]}, ("$ rsync -a '/srv/a site/' ", '"subject":"api-gateway"')),
}  # fmt: skip


def settings() -> Config:
    return config(output="/srv/a site", secrets=(SECRET,))


@pytest.mark.parametrize("kind", WAYS)
def test_every_way_out_shows_what_it_would_send_and_no_secret(kind: str) -> None:
    options, parts = WAYS[kind]
    shown = deliver.preview(Channel("way", kind, options=options), a_mail(), settings())
    for part in parts:
        assert part in shown
    assert SECRET not in shown


def test_control_characters_of_a_server_do_not_reach_the_terminal() -> None:
    shown = deliver.preview(
        Channel("way", "command", options={"command": ["echo", "{title}"]}), a_mail("\x1b[2J."), config()
    )
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("reports", "said"), [("always", "report #"), ("never", "Somebody asked for this message; nothing happened.")]
)
def test_a_way_for_reports_shows_the_latest_and_one_for_alerts_the_test_message(
    tmp_path: Path, reports: str, said: str
) -> None:
    way = Channel("mail", "email", reports=reports, options=EMAIL)  # type: ignore[arg-type]
    course = Course(config(server("a"), channels=(way,), pdf=False), tmp_path / "history.sqlite")
    reported(course, {})
    whole = replace(course.settings, database=str(course.path))
    shown = telling.test_way(whole, "mail", AT, really=False)
    assert said in shown


def test_a_way_out_that_lacks_something_says_so() -> None:
    whole = replace(settings(), channels=(Channel("mail", "email", problem="the variable X is not set"),))
    with pytest.raises(DeliveryError, match="the variable X is not set"):
        telling.test_way(whole, "mail", AT, really=False)
