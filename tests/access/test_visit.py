"""Who sits at this machine, and who only looks as if they did."""

from __future__ import annotations

import pytest

from sensormon.access.visit import Visit
from sensormon.model.addresses import address_of
from tests.support.access import LOCAL


def at(peer: str = "127.0.0.1", **headers: str | None) -> bool:
    given = {**LOCAL, **{name.replace("_", "-"): text for name, text in headers.items()}}
    return Visit(peer, {name: text for name, text in given.items() if text is not None}).at_this_machine


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8501",
        "LocalHost:8501",
        "127.0.0.1:8501",
        "127.0.0.1",
        "[::1]",
        "[::1]:8501",
        "[::ffff:127.0.0.1]:8501",
    ],
)
def test_a_browser_at_this_machine(peer: str, host: str) -> None:
    assert at(peer, host=host, origin=f"http://{host}")
    assert at(peer, host=host, origin=f"https://{host}")


@pytest.mark.parametrize("peer", ["", "192.0.2.7", "10.0.0.1", "::ffff:192.0.2.7", "localhost", "testclient"])
def test_a_peer_elsewhere_or_unknown(peer: str) -> None:
    assert not at(peer)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "plant.example",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "localhost.",
        "evil.localhost",
        "localhost ",
        " localhost",
        "local\thost",
        "localhost\x00",
        "evil@localhost",
        "localhost:8501@evil.example",
        "localhost:8501:8501",
        "localhost:port",
        "localhost/",
        "localhost#",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0:8501",
        "127.0.0.01",
        "[::1",
        "::1",
        "[::1]evil",
        "[127.0.0.1]evil",
        "[fe80::1]",
        "192.0.2.7",
        "１２７.0.0.1",
        "ⅼocalhost",
    ],
)
def test_a_host_that_is_no_loopback_name(host: str | None) -> None:
    assert not at(host=host, origin=f"http://{host}")


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "http://evil.example",
        "http://evil.example:8501",
        "http://127.0.0.1:8501",
        "http://localhost:9999",
        "http://localhost",
        "http://localhost:8501.evil.example",
        "http://localhost:8501/",
        "http://evil@localhost:8501",
        "file://localhost:8501",
        "chrome-extension://localhost:8501",
        "http://localhost:8501, http://evil.example",
        "localhost:8501",
    ],
)
def test_a_page_of_another_origin_or_none(origin: str | None) -> None:
    assert not at(origin=origin)


@pytest.mark.parametrize(
    "header",
    [
        "forwarded",
        "via",
        "x-real-ip",
        "x-forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-anything",
        "x-original-forwarded-for",
        "x-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
    ],
)
@pytest.mark.parametrize("value", ["", "127.0.0.1", "for=127.0.0.1"])
def test_whatever_came_through_a_proxy(header: str, value: str) -> None:
    assert not Visit("127.0.0.1", {**LOCAL, header: value}).at_this_machine


def test_plain_proxy_pass_of_nginx_makes_nobody_local() -> None:
    """Its Host is the upstream's name, the Origin stays the browser's, and no header is added."""
    assert not at(host="127.0.0.1:8501", origin="http://plant.example")


def test_an_address_is_read_strictly() -> None:
    assert str(address_of("::ffff:10.0.0.1")) == "10.0.0.1"
    assert address_of("10.0.0.1 ") is None
    assert address_of("") is None


def test_what_identifies_a_visitor_is_not_in_the_representation() -> None:
    shown = repr(Visit("127.0.0.1", {"cookie": "SECRET"}, "SECRET", {"sub": "SECRET"}))
    assert "SECRET" not in shown
