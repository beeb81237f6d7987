"""Every way out against a real receiver, the unwilling ones included."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import ssl
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from caelum_report import telling
from caelum_report.alerting import Alert, Channel, Line, Notice, Phase, Severity
from caelum_report.configured import Config
from caelum_report.errors import DeliveryError, MessageRefusedError
from caelum_report.mail import Mail
from caelum_report.model import Server, Transport
from caelum_report.render import notice_mail, quiet_mail, report_mail
from caelum_report.render.mail_report import LARGEST_HTML
from tests.alerts.fleet import config
from tests.render import sample_reports

from .receivers import receiver, smtp, trickling_smtp

AT = datetime(2026, 11, 22, 13, tzinfo=UTC)


def a_notice(title: str = "api-gateway is down → 9 dependants.") -> Notice:
    alert = Alert(7, "down", "api-gateway", "api-gateway", Severity.CRITICAL, Phase.FIRING, AT, AT, text=title)
    line = Line(alert, True, title, "With it: a and b.", "servers/api-gateway.html", ("a", "b"))
    return Notice("Caelum", AT, "Europe/Berlin", (line,), "https://status.example.org/mcp/")


def a_mail(title: str = "api-gateway is down → 9 dependants.") -> Mail:
    return notice_mail(a_notice(title), "alerts:7+")


EMAIL = {"security": "none", "user": None, "password": None, "sender": "Caelum <caelum@example.org>",
         "to": ["Ops <ops@example.org>", "boss@example.org"], "pdf": True, "port": None, "host": "localhost"}  # fmt: skip
WEBHOOK = {"secret": None, "headers": {}, "template": None}


def email(port: int, **said: Any) -> Channel:
    return Channel("mail", "email", timeout_seconds=5, options={**EMAIL, "port": port, **said})


def webhook(url: str, **said: Any) -> Channel:
    return Channel("hook", "webhook", timeout_seconds=0.5, options={**WEBHOOK, "url": url, **said})


def send(channel: Channel, mail: Mail | None = None, settings: Config | None = None) -> None:
    telling.send(channel, mail or a_mail(), settings or config(), AT)


@pytest.fixture
def certificate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """A server's certificate for localhost, of an authority that this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


# --- what an alert says ---------------------------------------------------------------------------------------------


def test_an_alert_says_the_zone_of_its_clock_and_what_to_type() -> None:
    text = a_mail().text
    assert text.startswith("Caelum, Sunday 22 November 2026, 14:00 (+01:00)\n")
    assert "down, critical, alert 7, since 14:00\n" in text
    assert "  Ask it now: caelum-report probe api-gateway\n" in text
    assert 'caelum-report alerts ack 7 --reason "…"' in text
    mail = a_mail()
    assert (mail.state, mail.severity) == ("firing", "critical")


def test_what_is_over_says_from_when_to_when_and_nothing_to_type() -> None:
    notice = a_notice()
    over = replace(notice.lines[0].alert, phase=Phase.RESOLVED, began_at=AT - timedelta(days=2), resolved_at=AT)
    mail = notice_mail(replace(notice, lines=(replace(notice.lines[0], alert=over, fires=False),)), "alerts:7-")
    assert "down, critical, alert 7, 20\u00a0Nov 14:00 to 14:00\n" in mail.text
    assert "caelum-report alerts" not in mail.text + mail.html
    assert (mail.state, mail.severity) == ("resolved", "critical")


def test_a_command_that_nobody_could_type_is_not_offered() -> None:
    notice = a_notice()
    odd = replace(notice.lines[0].alert, server="a\u202eb", subject="a\u202eb")
    mail = notice_mail(replace(notice, lines=(replace(notice.lines[0], alert=odd),)), "alerts:7+")
    assert "caelum-report probe" not in mail.text
    assert "\u202e" not in mail.text + mail.html


def test_a_night_on_which_everything_fails_is_a_mail_that_is_not_cut() -> None:
    notice = a_notice()
    lines = tuple(
        replace(
            notice.lines[0], title=f"server-{n} is down.", detail="x" * 1500, alert=replace(notice.lines[0].alert, id=n)
        )
        for n in range(1, 400)
    )
    mail = notice_mail(replace(notice, lines=lines), "alerts:all")
    assert len(mail.html.encode()) < LARGEST_HTML
    assert "399 firing" in mail.title
    for said in (mail.text, mail.html):
        assert "379 more alerts on the page of alerts." in said
    assert len(json.loads(mail.json)["alerts"]) == 399


# --- e-mail ---------------------------------------------------------------------------------------------------------


def test_a_mail_says_the_same_as_html_and_as_text_to_every_recipient() -> None:
    with smtp() as box:
        send(email(box.port))
    ((sender, to, message),) = box.got
    assert (sender, to) == ("caelum@example.org", ["ops@example.org", "boss@example.org"])
    assert message["Subject"] == "[Caelum] 1 firing: api-gateway is down → 9 dependants"
    assert message["Auto-Submitted"] == "auto-generated"
    for part in ("plain", "html"):
        body = message.get_body((part,))
        assert body is not None
        assert "api-gateway is down → 9 dependants." in body.get_content()
        assert "https://status.example.org/mcp/servers/api-gateway.html" in body.get_content()


def test_the_same_message_twice_has_one_id() -> None:
    with smtp() as box:
        send(email(box.port))
        send(email(box.port))
    assert len({message["Message-ID"] for _, _, message in box.got}) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_tls_is_checked_and_the_login_is_sent_under_it(certificate: ssl.SSLContext, security: str) -> None:
    with smtp(certificate, starttls=security == "starttls", login=security == "starttls") as box:
        login = {"user": "caelum", "password": "correct horse"} if security == "starttls" else {}
        send(email(box.port, security=security, **login))
    assert len(box.got) == 1


def test_an_unknown_certificate_sends_nothing(certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with smtp(certificate) as box, pytest.raises(DeliveryError, match="no TLS that we can trust"):
        send(email(box.port, security="tls"))
    assert box.got == []


def test_a_server_without_starttls_gets_no_word_in_plain() -> None:
    with smtp() as box, pytest.raises(DeliveryError, match="cannot do what is asked"):
        send(email(box.port, security="starttls", user="caelum", password="correct horse"))
    assert box.got == []


def test_a_refused_login_is_said_without_the_password(certificate: ssl.SSLContext) -> None:
    with smtp(certificate, starttls=True, login=True) as box, pytest.raises(DeliveryError) as raised:
        send(email(box.port, security="starttls", user="caelum", password="battery staple"))
    assert str(raised.value) == "the mail server refuses the login (535)"
    assert box.got == []


def test_one_refused_recipient_is_said_and_the_other_has_it() -> None:
    with smtp() as box:
        box.refused.add("boss@example.org")
        with pytest.raises(MessageRefusedError, match="refuses 1 of 2 recipients: 550 no such mailbox") as raised:
            send(email(box.port))
    assert raised.value.left == ("boss@example.org",)
    assert [to for _, to, _ in box.got] == [["ops@example.org"]]


def test_a_mail_server_that_trickles_has_its_time_limit() -> None:
    with trickling_smtp() as port, pytest.raises(DeliveryError, match=r"did not answer within 0\.5 s"):
        telling.send(replace(email(port, host="127.0.0.1"), timeout_seconds=0.5), a_mail(), config(), AT)


def test_nobody_listens() -> None:
    with smtp() as box:
        port = box.port
    with pytest.raises(DeliveryError, match="cannot be used"):
        send(email(port))


def test_line_breaks_in_a_name_make_no_header() -> None:
    with smtp() as box:
        send(email(box.port), a_mail("evil\r\nBcc: thief@example.org is down."))
    ((_, to, message),) = box.got
    assert "thief@example.org" not in to
    assert message["Bcc"] is None


def test_a_report_as_mail_is_page_1_and_small_enough() -> None:
    report = sample_reports.fleet_report()
    mail = report_mail(report, b"%PDF-1.7 sample")
    assert len(mail.html.encode()) < LARGEST_HTML
    flat = mail.text.replace("\n", " ")
    for words_of_page_1 in (report.verdict.sentence, report.verdict.lede, report.coverage.sentence):
        assert words_of_page_1 in flat
    order = [
        mail.text.index(part) for part in ("NEEDS ACTION", "CHANGED", "SLO AND BUDGET", "LOOMING", "FLEET", "READ ON")
    ]
    assert order == sorted(order)
    assert "<script" not in mail.html
    with smtp() as box:
        send(email(box.port), mail)
    ((_, _, message),) = box.got
    assert [part.get_filename() for part in message.iter_attachments()] == [f"report-{report.number}.pdf"]
    assert f"report #{report.number}" in message["Subject"]
    assert "1 down" in message["Subject"]
    assert message["List-Unsubscribe"].startswith("<mailto:")
    assert "all quiet" in quiet_mail(report).title


# --- webhook --------------------------------------------------------------------------------------------------------


def test_a_webhook_is_signed_and_says_what_it_is_about() -> None:
    with receiver() as at:
        send(webhook(f"{at.url}/x", secret="a shared secret"))
    ((path, headers, body),) = at.got
    assert path == "/x"
    digest = hmac.new(b"a shared secret", body, hashlib.sha256).hexdigest()
    assert headers["X-Caelum-Signature"] == f"sha256={digest}"
    assert len(headers["Idempotency-Key"]) == 40
    said = json.loads(body)
    assert said["alerts"][0]["subject"] == "api-gateway"
    assert said["alerts"][0]["state"] == "firing"


def test_a_template_of_json_stays_json_whatever_a_server_is_called() -> None:
    with receiver() as at:
        send(webhook(at.url, template='{"text": "{title}", "n": 1}'), a_mail('a "quoted" \\ name is down.'))
    ((_, _, body),) = at.got
    assert json.loads(body) == {"text": '[Caelum] 1 firing: a "quoted" \\ name is down', "n": 1}


@pytest.mark.parametrize(
    ("answer", "said"), [(302, "redirects (HTTP 302)"), (500, "answered HTTP 500"), (404, "answered HTTP 404")]
)
def test_an_unwilling_webhook_is_said_and_a_redirect_is_not_followed(answer: int, said: str) -> None:
    with receiver() as at:
        at.answers = [answer]
        with pytest.raises(DeliveryError) as raised:
            send(webhook(f"{at.url}/secret-path-0123456789"))
    assert said in str(raised.value)
    assert "secret-path" not in str(raised.value)
    assert len(at.got) == 1


@pytest.mark.parametrize("path", ["hang", "trickle"])
def test_a_webhook_that_hangs_or_trickles_has_its_time_limit(path: str) -> None:
    with receiver() as at, pytest.raises(DeliveryError, match=r"did not answer within 0\.5 s"):
        send(webhook(f"{at.url}/{path}"))


def test_what_an_unwilling_webhook_says_is_told_without_our_secrets() -> None:
    with receiver() as at:
        at.answers = [400]
        with pytest.raises(MessageRefusedError, match="answered HTTP 400: no such room"):
            send(webhook(at.url))
        at.answers = [400]
        with pytest.raises(MessageRefusedError, match=r"HTTP 400: \[redacted\]"):
            send(webhook(at.url), settings=config(secrets=("no such room",)))


# --- Apprise, a command, an MCP tool --------------------------------------------------------------------------------


def test_apprise_reaches_a_real_service() -> None:
    pytest.importorskip("apprise")
    with receiver() as at:
        url = at.url.replace("http://", "json://")
        send(Channel("chat", "apprise", options={"urls": [url]}))
    told = json.loads(at.got[0][2])
    assert "api-gateway is down" in told["message"]
    assert told["type"] == "failure"


def test_apprise_that_fails_names_no_address() -> None:
    pytest.importorskip("apprise")
    with pytest.raises(DeliveryError) as raised:
        send(Channel("chat", "apprise", options={"urls": ["nonsense-with-a-key"]}))
    assert "nonsense" not in str(raised.value)


def test_a_command_gets_arguments_and_the_message_without_a_shell(tmp_path: Path) -> None:
    program = "import sys, json; open(sys.argv[1], 'w').write(json.dumps([sys.argv[2], json.load(sys.stdin)['title']]))"
    target = tmp_path / "$(touch owned) said"
    settings = config(output=str(tmp_path / "site; rm -rf"))
    send(
        Channel("sync", "command", options={"command": [sys.executable, "-c", program, str(target), "{site}"]}),
        None,
        settings,
    )
    site, title = json.loads(target.read_text())
    assert site == f"{tmp_path}/site; rm -rf"
    assert "api-gateway is down" in title


def test_a_command_that_fails_says_its_last_line_and_one_that_hangs_is_ended(tmp_path: Path) -> None:
    def a_command(*words: str, seconds: float = 5) -> Channel:
        return Channel("sync", "command", timeout_seconds=seconds, options={"command": list(words)})

    with pytest.raises(DeliveryError, match="status 3: no route"):
        send(a_command(sys.executable, "-c", "import sys; sys.stderr.write('no route'); sys.exit(3)"))
    with pytest.raises(DeliveryError, match=r"did not finish within 0\.5 s"):
        send(a_command(sys.executable, "-c", "import time; time.sleep(30)", seconds=0.5))
    with pytest.raises(DeliveryError, match="cannot be started"):
        send(a_command(str(tmp_path / "nothing")))


NOTIFIED = """
import os
from mcp.server.mcpserver import MCPServer
server = MCPServer("cross-device-notification")
@server.tool()
def send_alert(title: str, body: str) -> str:
    if title == "refuse":
        raise ValueError("no device is registered")
    with open(os.environ["SAID"], "a") as file:
        file.write(title + "|" + body)
    return "sent"
server.run()
"""


@pytest.mark.parametrize(("title", "problem"), [("{title}", ""), ("refuse", "the tool send_alert failed")])
def test_an_mcp_tool_is_called_on_a_real_server(tmp_path: Path, title: str, problem: str) -> None:
    program = tmp_path / "server.py"
    program.write_text(NOTIFIED)
    said = tmp_path / "said"
    server = Server(
        "notify", "notify", Transport.STDIO, command=sys.executable, args=(str(program),), env=(("SAID", str(said)),)
    )
    settings = config(server, path=os.environ["PATH"])
    options = {"server": "notify", "tool": "send_alert", "arguments": {"title": title, "body": "{text}"}}
    channel = Channel("device", "mcp", timeout_seconds=30, options=options)
    if problem:
        with pytest.raises(DeliveryError, match=problem):
            send(channel, None, settings)
    else:
        send(channel, None, settings)
        assert said.read_text().startswith("[Caelum] 1 firing: api-gateway is down → 9 dependants|Caelum, Sunday")


def test_an_mcp_server_that_is_not_configured_is_said() -> None:
    options = {"server": "nobody", "tool": "x", "arguments": {}}
    with pytest.raises(DeliveryError, match="no server is called nobody"):
        send(Channel("device", "mcp", options=options))
