"""A chart goes with a mail as a picture that the mail itself carries."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from caelum_report.document import Chart, Points
from caelum_report.render import report_mail
from tests.render import sample_reports

from .receivers import smtp
from .test_ways import email, send


def test_the_picture_is_in_the_mail_and_has_a_text_in_its_place() -> None:
    report = sample_reports.fleet_report()
    end = datetime(2026, 11, 22, 13, tzinfo=UTC)
    at = tuple(int(end.timestamp()) - 3600 * n for n in range(48, 0, -1))
    points = Points(at, (0.05,) * 48, (0.02,) * 48, (0.09,) * 48)
    chart = Chart("latency-week", "latency", "The fleet", "Answer time", "It holds at 50 ms.", "week",
                  end - timedelta(days=7), end, points)  # fmt: skip
    mail = report_mail(replace(report, fleet_charts=(chart,)), None)
    ((cid, png),) = mail.images
    assert png.startswith(b"\x89PNG")
    assert f'src="cid:{cid}"' in mail.html
    assert 'alt="Answer time of the fleet: It holds at 50 ms."' in mail.html
    with smtp() as box:
        send(email(box.port), mail)
    ((_, _, message),) = box.got
    pictures = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert [part["Content-ID"] for part in pictures] == [f"<{cid}>"]
    assert report_mail(replace(report, fleet_charts=()), None).images == ()
