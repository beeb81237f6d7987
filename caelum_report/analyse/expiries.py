"""What ends on a day that is known: certificates of servers, and the tokens that they are given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from caelum_report import words
from caelum_report.document import Finding, Looming
from caelum_report.model import Status

from .facts import Facts, Standing

CERTIFICATE_DAYS: Final = 21
TOKEN_DAYS: Final = 14
LOOMING_DAYS: Final = 30


def expiries(facts: Facts) -> Iterator[Finding | Looming]:
    """The dates are read from the certificate and the token, so they are certain."""
    for standing in facts.current:
        certificate = standing.probe.certificate_expires_at if standing.probe else None
        if certificate is not None and facts.at < certificate:
            yield from _certificate(facts, standing, certificate)
        token = standing.server.token_expires_at if standing.server else None
        if token is not None:
            yield from _token(facts, standing, token)


def _certificate(facts: Facts, standing: Standing, ends: datetime) -> Iterator[Finding | Looming]:
    if ends <= facts.at + timedelta(days=LOOMING_DAYS):
        yield _looming(facts, standing, ends, "Certificate", "certificate")
    if ends <= facts.at + timedelta(days=CERTIFICATE_DAYS):
        yield _finding(
            standing,
            id=f"certificate:{standing.id}",
            title=f"The certificate of {standing.name} ends on {words.day(ends, facts.zone)}.",
            evidence=f"in {_left(facts, ends)}, read from the certificate",
            impact="After that no client that checks certificates can connect.",
            advice="Renew it; the next report reads the new date.",
        )


def _token(facts: Facts, standing: Standing, ends: datetime) -> Iterator[Finding | Looming]:
    where = standing.server.token_place if standing.server else ""
    day = words.day(ends, facts.zone)
    if ends <= facts.at and standing.status is not Status.AUTH_WALLED:  # then it is told as the cause
        answers = standing.status in {Status.UP, Status.DEGRADED}
        yield _finding(
            standing,
            id=f"token:{standing.id}",
            title=f"The token of {standing.name} ended on {day}.",
            evidence=f"read from the token in {where}",
            impact="It answers us, so it does not check the date, or not for what we ask." if answers else "",
            advice="Put a new one in its place; the next report reads the new date.",
            needs_action=not answers,
        )
    if facts.at < ends <= facts.at + timedelta(days=LOOMING_DAYS):
        yield _looming(facts, standing, ends, "Token", "token")
    if facts.at < ends <= facts.at + timedelta(days=TOKEN_DAYS):
        yield _finding(
            standing,
            id=f"token:{standing.id}",
            title=f"The token of {standing.name} ends on {day}.",
            evidence=f"in {_left(facts, ends)}, read from the token in {where}",
            impact="After that the server may refuse whoever uses it.",
            advice="Put a new one in its place; the next report reads the new date.",
        )


def ended_token(facts: Facts, standing: Standing) -> str:
    """Why a server that no longer accepts our key may do so; "" where the token says nothing of it."""
    server = standing.server
    if server is None or server.token_expires_at is None or server.token_expires_at > facts.at:
        return ""
    return f"The token in {server.token_place} ended on {words.day(server.token_expires_at, facts.zone)}."


def _left(facts: Facts, ends: datetime) -> str:
    return words.duration((ends - facts.at).total_seconds())


def _looming(facts: Facts, standing: Standing, ends: datetime, what: str, read: str) -> Looming:
    return Looming(
        what=f"{what} of {standing.name} ends",
        earliest=ends,
        latest=ends,
        when=words.moment(ends, facts.at, facts.zone),
        record=f"read from the {read}",
        page=f"{standing.page}#stages",
    )


def _finding(standing: Standing, **said: object) -> Finding:
    return Finding(
        kind="security",
        word="Looming",
        status=Status.DEGRADED,
        server=standing.id,
        page=f"{standing.page}#stages",
        owner=standing.server.owner if standing.server else None,
        chance=0.0,
        **said,  # type: ignore[arg-type]
    )
