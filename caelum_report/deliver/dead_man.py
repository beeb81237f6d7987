"""The dead man's switch: a service that raises the alarm when our reports stop coming."""

from __future__ import annotations

import httpx

from caelum_report import __version__
from caelum_report.errors import DeliveryError


def ping(url: str, report: str, seconds: float = 10.0) -> None:
    """Tell the service behind `url` that `report` is published. DeliveryError where it does not say 2xx in time.

    The address is a secret and stands in no message; a redirect is not followed.
    """
    agent = f"caelum-report/{__version__}"
    try:
        answer = httpx.post(url, content=report, timeout=seconds, headers={"User-Agent": agent}, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise DeliveryError(f"the dead man's switch (CAELUM_PING_URL) cannot be told: {type(error).__name__}") from None
    if not answer.is_success:
        raise DeliveryError(f"the dead man's switch (CAELUM_PING_URL) answered HTTP {answer.status_code}")
