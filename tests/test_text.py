"""The boundary: text becomes visible, secrets become `[redacted]`, identifiers become file names."""

from __future__ import annotations

import base64
import html
import json
import sqlite3
import subprocess
import sys
import unicodedata
import urllib.parse
from collections.abc import Callable
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caelum_report.text import REDACTED, Redactor, brief, has_hidden, looks_secret, slug, visible

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=400)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain é 日本 🎉", "plain é 日本 🎉"),
        ("a\x00b\x1b[31m", "a<U+0000>b<U+001B>[31m"),
        ("evil\u202egnp.exe", "evil<U+202E>gnp.exe"),
        ("tag\U000e0041\u200bend", "tag<U+E0041><U+200B>end"),
        ("half \ud800 pair", "half <U+D800> pair"),
        ("one\r\ntwo", "one<U+000D><U+000A>two"),
        ("joined\u034f here", "joined<U+034F> here"),
        ("not given away yet \U000e0081\u2065\ufff3", "not given away yet <U+E0081><U+2065><U+FFF3>"),
        ("bytes in selectors a\ufe01\ufe0f", "bytes in selectors a<U+FE01><U+FE0F>"),
        ("many after one \u26a0\ufe0f\ufe0f", "many after one \u26a0\ufe0f<U+FE0F>"),
        ("emoji \u26a0\ufe0f \u203c\ufe0f 1\ufe0f\u20e3", "emoji \u26a0\ufe0f \u203c\ufe0f 1\ufe0f\u20e3"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),  # one picture
        (
            "\U0001f469\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f468",
            "\U0001f469\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f468",
        ),
        ("\u2764\ufe0f\ufe0f\u200d\U0001f468", "\u2764\ufe0f<U+FE0F><U+200D>\U0001f468"),
        ("a\u200db \U0001f469\u200d \u200d\U0001f680", "a<U+200D>b \U0001f469<U+200D> <U+200D>\U0001f680"),
        ("\U0001f469\u200d\u200d\U0001f680", "\U0001f469<U+200D><U+200D>\U0001f680"),
    ],
)
def test_what_cannot_be_seen_is_marked(raw: str, shown: str) -> None:
    assert visible(raw) == shown


def test_line_breaks_may_stay() -> None:
    assert visible("one\r\n\ttwo\x0b", lines=True) == "one\n two<U+000B>"


def test_a_cell_is_cut_with_a_plain_ellipsis() -> None:
    assert brief("needs a key to answer", 11) == "needs a key…"
    assert brief("needs a\u202ekey", 40) == "needs a<U+202E>key"


def test_long_texts_that_differ_stay_different() -> None:
    first, second = visible("x" * 5000 + "a"), visible("x" * 5000 + "b")
    assert first != second
    assert len(first) < 400
    assert "5001 characters" in first


@given(any_text)
def test_visible_text_can_be_stored_encoded_and_read(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    with closing(sqlite3.connect(":memory:")) as database:
        assert database.execute("select ?", (shown,)).fetchone() == (shown,)
    assert all(unicodedata.category(c) not in {"Cc", "Cs", "Cf", "Zl", "Zp"} for c in shown)
    assert not has_hidden(shown)


SECRET = "zq-9f8b/7c+6d5e_4a3b"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        SECRET.upper(),
        SECRET[::-1],
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(b"user:" + SECRET.encode()).decode(),
        urllib.parse.quote(SECRET, safe=""),
        json.dumps(SECRET),
        SECRET.encode().hex(),
        SECRET[:-3],
    ],
)
def test_a_secret_is_found_in_every_form(form: str) -> None:
    redactor = Redactor([SECRET])
    cleaned = redactor.clean(f"the server said {form} to us")
    assert REDACTED in cleaned
    assert SECRET[:10].lower() not in cleaned.lower()
    assert redactor.echoes(form)


def _slashes(text: str) -> str:
    return text.replace("/", r"\/")


def _in_an_address(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _as_go_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1].replace("<", r"\u003c").replace("&", r"\u0026")


@pytest.mark.parametrize(
    "secret", [SECRET, "a\"b\\c'd&e<f>g=12", "p\u00e4 ss\nw\u00f6rt\u20ac\U0001f389", r"\begins/with\it"]
)
@pytest.mark.parametrize(
    "escapes",
    [
        [_as_json],
        [_as_json, _as_json],
        [_as_json, _as_json, _as_json],
        [_as_go_json],
        [_slashes],
        [html.escape],
        [html.escape, html.escape],
        [_as_json, html.escape],
        [_in_an_address],
        [_in_an_address, _in_an_address],
        [urllib.parse.quote_plus],
        [_as_json, _in_an_address],
        ["\0".join],
        ["\0".join, _as_json],
        ["\0".join, visible],
        [visible],
    ],
    ids=lambda escapes: " then ".join(getattr(escape, "__name__", "?") for escape in escapes),
)
def test_a_secret_is_found_however_often_it_was_escaped(secret: str, escapes: list[Callable[[str], str]]) -> None:
    told = secret
    for escape in escapes:
        told = escape(told)
    assert Redactor([secret]).redact(f"it said {told} to us") == f"it said {REDACTED} to us"


@pytest.mark.parametrize("beginning", ["eyJ-", "eyJhbGciOiJ9.-", "\\", "%25", "&amp;", "&#0", "://a:", "-----BEGIN "])
def test_no_text_keeps_us_busy(beginning: str) -> None:
    """Text that begins like a secret tens of thousands of times, within the processor time of a child."""
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_CPU, (12, 12))
from caelum_report.text import Redactor
Redactor(["/zq-9f8b/7c+6d5e_4a3b"]).clean({beginning!r} * (300_000 // {len(beginning)}))
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    "token",
    [
        "ghp_" + "a1B2" * 9,
        "sk-" + "abcd1234" * 4,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc_def-123",
        "xoxb-123456789012-abcdef",
    ],
)
def test_token_shapes_are_redacted_whatever_their_origin(token: str) -> None:
    assert token not in Redactor().clean(f"failed with {token}, sorry")


def test_ordinary_configuration_is_not_a_secret() -> None:
    assert not looks_secret("NODE_ENV", "production")
    assert not looks_secret("PORT", "8080")
    assert not looks_secret("API_KEY", "short")
    assert not looks_secret("GIT_AUTHOR_NAME", "Ada Lovelace")
    assert looks_secret("Authorization", "Basic YWRhOmxvdmU=")
    assert looks_secret("API_KEY", "long-enough-1")
    assert looks_secret("ARGUMENT", "ghp_" + "a1B2" * 9)
    assert Redactor(["abc"]).redact("abc") == "abc"


def test_slugs_of_difficult_names_differ_on_every_file_system() -> None:
    names = [
        "api-gateway",
        "index",
        "con",
        "..",
        "",
        "Api-Gateway",
        "API-GATEWAY",
        "e\u0301",
        "\u00e9",
        "a" * 300,
        "a" * 299,
        "a/b",
        "a\\b",
        "com1",
    ]
    slugs = [slug(name) for name in names]
    assert len({one.casefold() for one in slugs}) == len(names)
    assert slugs[0] == "api-gateway"
    assert not {"index", "con", "com1"} & set(slugs)


@given(any_text, any_text)
def test_different_names_have_different_plain_slugs(first: str, second: str) -> None:
    assert (slug(first) == slug(second)) == (first == second)
    assert slug(first).isascii()
    assert 1 <= len(slug(first)) <= 51
    assert slug(first).replace("-", "a").isalnum()
    assert slug(first) == slug(first).lower()
