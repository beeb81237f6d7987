"""When tokens of a configuration end: read where a token says it, and nothing of the token is kept."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caelum_report import bundle
from caelum_report.config.tokens import token_end
from caelum_report.configured import Config
from caelum_report.model import Server, Transport

END = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def jwt(**claims: Any) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return f"{head}.{body}.c2lnbmF0dXJlLXRoYXQtbm9ib2R5LWNoZWNrcw"


def ends(*headers: tuple[str, str], env: dict[str, str] | None = None) -> tuple[datetime, str] | None:
    return token_end(Server("a", "a", Transport.HTTP, headers=headers, env=tuple((env or {}).items())))


def test_a_bearer_token_has_its_end() -> None:
    token = jwt(exp=int(END.timestamp()), iat=int(END.timestamp()) - 90 * 86_400, sub="somebody")
    assert ends(("Authorization", f"Bearer {token}")) == (END, "header Authorization")
    assert ends(env={"SERVICE_KEY": token}) == (END, "variable SERVICE_KEY")


def test_of_several_the_first_to_end_counts() -> None:
    later, first = (jwt(exp=int(END.timestamp()) + extra) for extra in (1000, 0))
    assert ends(("X-A", later), ("X-B", first)) == (END, "header X-B")


@pytest.mark.parametrize(
    "value",
    [
        jwt(sub="no end"),
        jwt(exp="tomorrow"),
        jwt(exp=True),
        jwt(exp=1e300),
        jwt(exp=-5),
        jwt(exp=END.timestamp(), iat=END.timestamp() - 3600),  # a program renews it
        "Bearer ghp_0123456789abcdef0123456789",
        "eyJhbGciOiJIUzI1NiJ9.eyJub3QganNvbg.x",
        "",
    ],
)
def test_what_says_no_end_has_none(value: str) -> None:
    assert ends(("Authorization", value)) is None


@settings(deadline=None, max_examples=60)
@given(st.text(), st.binary())
def test_no_value_breaks_it(value: str, body: bytes) -> None:
    odd = f"eyJhbGciOiJub25lIn0.eyJ{base64.urlsafe_b64encode(body).decode()}."
    ends(("Authorization", value), ("X", odd))


def test_a_configured_server_keeps_the_time_only(loaded: Callable[..., Config]) -> None:
    token = jwt(exp=int(END.timestamp()))
    entry = {"url": "https://x.example/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}}
    (server,) = loaded(json.dumps({"mcpServers": {"a": entry}}), environ={"TOKEN": token}).servers
    assert (server.token_expires_at, server.token_place) == (END, "header Authorization")
    shown = json.dumps(dataclasses.asdict(bundle._shown(server)), default=str)
    assert token not in shown
    assert token.split(".")[1] not in shown
