"""URLs, addresses and certificates."""

import asyncio
import socket
import ssl
import time
from contextlib import closing

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from caelum_report.model import Failure
from caelum_report.wire import Fault
from caelum_report.wire.net import Address, Origin, is_loopback, not_after, open_connection, split_url
from caelum_report.wire.net import _connect as connect


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("http://example.test", "http://example.test", "/"),
        ("https://example.test:443/mcp?key=1#part", "https://example.test", "/mcp?key=1"),
        ("http://[::1]:8080/a b", "http://[::1]:8080", "/a%20b"),
        ("http://münchen.test/ü", "http://xn--mnchen-3ya.test", "/%C3%BC"),
        ("HTTP://EXAMPLE.test/\r\nX: y", "http://example.test", "/X:%20y"),
    ],
)
def test_a_url_taken_apart(url, origin, target):
    parts = split_url(url)
    assert (str(parts.origin), parts.target, parts.authorization) == (origin, target, None)


def test_user_and_password_become_a_header():
    assert split_url("https://me:p%40ss@example.test/").authorization == "Basic bWU6cEBzcw=="


@pytest.mark.parametrize(
    "url", ["", "example.test/mcp", "ftp://example.test/", "http:///mcp", "http://example.test:port/", "http://[::1/"]
)
def test_what_is_no_url_is_a_config_error_without_the_text(url):
    with pytest.raises(Fault) as caught:
        split_url(url)
    assert caught.value.failure is Failure.CONFIG_ERROR
    assert not url or url not in caught.value.reason


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["example.test", "10.0.0.1", "::", "localhost.example.test"])
def test_other_machines(host):
    assert not is_loopback(host)


def test_a_second_address_answers_when_the_first_refuses():
    async def work() -> tuple[str, int]:
        with socket.create_server(("127.0.0.1", 0)) as good, socket.create_server(("127.0.0.1", 0)) as gone:
            dead, place = gone.getsockname(), good.getsockname()
            gone.close()
            addresses = [Address(socket.AF_INET, socket.SOCK_STREAM, 0, "", where) for where in (dead, place)]
            origin = Origin("http", "example.test", 80)
            with closing(await connect(origin, addresses, time.monotonic() + 5)) as connection:
                return connection.getpeername() == place

    assert asyncio.run(work())


def test_the_end_of_a_certificate_is_read_from_its_bytes():
    from cryptography import x509

    certificate = trustme.CA().issue_cert("example.test").cert_chain_pems[0].bytes()
    expected = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    assert not_after(ssl.PEM_cert_to_DER_cert(certificate.decode())) == expected


@given(st.binary(max_size=200))
def test_any_bytes_are_a_certificate_or_none(data):
    not_after(data)


def test_a_name_that_is_no_name():
    with pytest.raises(Fault) as caught:
        asyncio.run(open_connection(Origin("http", "a..b", 80), 2))
    assert (caught.value.failure, caught.value.stage) == (Failure.DNS_ERROR, "dns")
