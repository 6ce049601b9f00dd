"""Pages of other origins that try to act through a visitor's browser, and forged headers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.api import TOKEN
from tests.support.front import Front

Fronts = Callable[..., Front]
READING = b'{"tag": "fermenter_temp", "value": 37.1}'


@pytest.mark.parametrize(
    ("host", "origin", "accepted"),
    [
        ("localhost:8501", "http://localhost:8501", True),
        ("LOCALHOST:8501", "http://localhost:8501", True),
        ("127.0.0.1:8501", "http://127.0.0.1:8501", True),
        ("[::1]:8501", "http://[::1]:8501", True),
        ("plant.example", "https://plant.example", True),
        ("plant.example:443", "https://plant.example", True),
        ("plant.example", "http://plant.example:80", True),
        ("localhost:8501", "http://localhost:8502", False),
        ("localhost:8501", "http://localhost", False),
        ("localhost:8501", "http://127.0.0.1:8501", False),
        ("127.0.0.1:8501", "http://localhost:8501", False),
        ("plant.example", "https://plant.example:8443", False),
        ("plant.example:80", "https://plant.example", False),
        ("localhost:8501", "http://evil.test", False),
        ("localhost:8501", "http://localhost:8501.evil.test", False),
        ("localhost:8501", "http://evil.test@localhost:8501", False),
        ("localhost:8501", "http://localhost:8501/", False),
        ("localhost:8501", "chrome-extension://localhost:8501", False),
        ("localhost:8501", "file://", False),
        ("localhost:8501", "null", False),
        ("localhost:8501", "", False),
    ],
)
def test_only_our_own_page_can_open_a_websocket_or_change_anything(
    front: Fronts, host: str, origin: str, accepted: bool
) -> None:
    here = front(hosts=("plant.example",))
    headers = [("host", host), ("origin", origin)]
    assert here.websocket(headers).status == (101 if accepted else 403)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        reply = here.request(method, "/component/a/b", headers)
        assert reply.status == (200 if accepted else 403)
    assert len(here.page.scopes) == (5 if accepted else 0)
    assert here.request("GET", "/", headers).status == 200, "a link from elsewhere still opens the page"


def test_two_origins_are_none(front: Fronts) -> None:
    headers = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "http://localhost")]
    assert front().websocket(headers).status == 403


def test_programs_send_no_origin_and_go_on_to_write(front: Fronts) -> None:
    here = front()
    bearer = [("host", "localhost:8501"), ("authorization", f"Bearer {TOKEN}")]
    assert here.request("POST", "/api/ingest", bearer, READING).status == 201
    assert here.websocket().status == 101


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 201), ("none", 201), ("same-site", 403), ("cross-site", 403)]
)
def test_what_the_browser_says_of_a_request_counts_too(front: Fronts, site: str, status: int) -> None:
    headers = [("host", "localhost"), ("authorization", f"Bearer {TOKEN}"), ("sec-fetch-site", site)]
    assert front().request("POST", "/api/ingest", headers, READING).status == status


@pytest.mark.parametrize("name", ["x-sensormon-peer", "X-Sensormon-User", "x-sensormon-", "x_sensormon_peer"])
def test_our_own_headers_cannot_be_forged(front: Fronts, name: str) -> None:
    here = front()
    headers = [("host", "localhost"), (name.lower(), "127.0.0.1"), ("x-sensormon-page", "key")]
    here.request("GET", "/", headers)
    here.websocket(headers)
    for scope in here.page.scopes:
        ours = [(key, value) for key, value in scope["headers"] if b"sensormon" in key]
        assert ours == [(b"x-sensormon-page", b"key"), (b"x-sensormon-peer", b"192.0.2.7")]


def test_the_peer_of_an_ipv6_socket_has_its_usual_address(front: Fronts) -> None:
    here = front()
    here.websocket(client=("::ffff:192.0.2.9", 1))
    here.websocket(client=("2001:db8::7", 1))
    clients = [scope["client"][0] for scope in here.page.scopes]
    peers = [dict(scope["headers"])[b"x-sensormon-peer"] for scope in here.page.scopes]
    assert clients == ["192.0.2.9", "2001:db8::7"]
    assert peers == [b"192.0.2.9", b"2001:db8::7"]


def test_every_answer_tells_the_browser_what_the_page_may_do(front: Fronts) -> None:
    here = front()
    for reply in (
        here.request("GET", "/api/data"),
        here.request("GET", "/api/nowhere"),
        here.request("POST", "/api/ingest", body=READING),
        here.request("GET", "/assets/nothing.js"),
        here.request("GET", "/", [("host", "evil.test")]),
        here.websocket(),
        here.websocket([("host", "localhost"), ("origin", "null")]),
    ):
        policy = reply.headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy
        assert "default-src 'none'" in policy
        assert "'unsafe-eval'" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "same-origin"
        assert reply.headers["x-frame-options"] == "SAMEORIGIN"


def test_a_header_that_an_answer_sets_itself_stays(front: Fronts) -> None:
    assert front().request("GET", "/").headers["x-frame-options"] == "DENY"


def test_openers_are_cut_off_where_the_browser_can_do_it(front: Fronts) -> None:
    here = front()
    assert "cross-origin-opener-policy" not in here.request("GET", "/").headers
    trusted = [("host", "localhost"), ("sec-fetch-dest", "document")]
    assert here.request("GET", "/", trusted).headers["cross-origin-opener-policy"] == "same-origin"
