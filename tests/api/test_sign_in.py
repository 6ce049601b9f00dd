"""Signing in and out with accounts, and what is closed before: with all of the server's middleware."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.access.visit import COOKIE
from sensormon.api.next_page import safe_next
from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from sensormon.stores.entries import AuditQuery
from tests.support.front import Front, Header, Reply
from tests.support.plant import START, Adopt

BOSS = Person("Jana", Role.ADMINISTRATOR, Way.COMMAND_LINE)
PASSWORD = "four random words here"
HOST: Header = ("host", "localhost:8501")
OURS: list[Header] = [
    HOST,
    ("origin", "http://localhost:8501"),
    ("sec-fetch-site", "same-origin"),
    ("content-type", "application/x-www-form-urlencoded"),
]
NAVIGATION: list[Header] = [HOST, ("accept", "text/html,*/*"), ("sec-fetch-mode", "navigate")]

Start = Callable[..., tuple[Monitor, Front]]


@pytest.fixture
def begin(settings: Settings, adopt: Adopt) -> Start:
    """Starts a monitor on a manual clock behind the server's middleware, with an account of an operator."""

    def make(*, account: bool = True, **changes: Any) -> tuple[Monitor, Front]:
        changes = {"access": "users", **changes}
        monitor = adopt(Monitor(replace(settings, **changes), ManualClock(START)))
        if account:
            monitor.access.accounts.add(BOSS, "Olga", Role.OPERATOR, PASSWORD)
        return monitor, Front()

    return make


def sign_in(front: Front, name: str, password: str, after: str = "/", **more: Any) -> Reply:
    body = urlencode({"name": name, "password": password, "next": after}).encode()
    return front.request("POST", "/sign-in", more.pop("headers", OURS), body, **more)


def cookie_of(reply: Reply) -> Header:
    return "cookie", reply.headers["set-cookie"].split(";")[0]


def test_right_password_opens_a_session_and_leads_back(begin: Start) -> None:
    monitor, front = begin()
    reply = sign_in(front, "olga", PASSWORD, "/explore?tag=a")
    assert (reply.status, reply.headers["location"]) == (303, "/explore?tag=a")
    parts = set(reply.headers["set-cookie"].lower().split("; ")[1:])
    assert parts == {"httponly", "max-age=2592000", "path=/", "samesite=strict"}
    (session,) = monitor.access.sessions.all()
    assert (session.name, session.address) == ("Olga", "192.0.2.7")
    assert front.request("GET", "/explore", [*NAVIGATION, cookie_of(reply)]).body == b"ok"
    assert front.websocket([*OURS[:2], cookie_of(reply)]).status == 101


@pytest.mark.parametrize("header", [("x-forwarded-proto", "https"), ("x-other", "1")])
def test_cookie_is_secure_under_https(begin: Start, header: Header) -> None:
    _, front = begin(url="" if header[0] == "x-forwarded-proto" else "https://monitor.plant.example")
    reply = sign_in(front, "Olga", PASSWORD, headers=[*OURS, header])
    assert "; secure" in reply.headers["set-cookie"].lower()


def test_wrong_password_and_unknown_name_look_the_same_and_open_nothing(begin: Start) -> None:
    monitor, front = begin()
    pages = set()
    for name, password in (("Olga", "wrong words here"), ("Nobody", PASSWORD), ("Olga", "")):
        reply = sign_in(front, name, password)
        assert reply.status == 401
        assert "set-cookie" not in reply.headers
        pages.add(reply.body.decode().replace(name, "NAME"))
    assert len(pages) == 1
    assert "The name or the password is wrong" in pages.pop()
    assert monitor.access.sessions.all() == []


def test_who_guesses_waits_and_is_told_how_long(begin: Start) -> None:
    monitor, front = begin()
    for _ in range(6):
        sign_in(front, "Olga", "wrong words here")
    reply = sign_in(front, "Olga", PASSWORD)
    assert reply.status == 429
    assert f"Try again in {reply.headers['retry-after']} s" in reply.body.decode()
    assert (
        sign_in(front, "Olga", PASSWORD, client=("192.0.2.8", 1)).status == 303
    )  # somebody else is not locked out
    monitor.clock.advance(int(reply.headers["retry-after"]))  # type: ignore[attr-defined]
    assert sign_in(front, "Olga", PASSWORD).status == 303


def test_text_in_the_form_is_shown_as_text(begin: Start) -> None:
    _, front = begin()
    reply = sign_in(front, '"><script>alert(1)</script>', "x", '/"><script>')
    assert b"<script" not in reply.body
    assert b"%22%3E%3Cscript%3E" in reply.body
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    "headers",
    [
        [HOST, ("origin", "http://evil.example")],
        [HOST, ("origin", "http://localhost:8502")],
        [HOST, ("origin", "null")],
        [*OURS[:2], ("sec-fetch-site", "cross-site")],
        [*OURS[:2], ("sec-fetch-site", "same-site")],
    ],
)
def test_form_of_another_site_signs_nobody_in_or_out(begin: Start, headers: list[Header]) -> None:
    monitor, front = begin()
    assert sign_in(front, "Olga", PASSWORD, headers=headers).status == 403
    assert monitor.access.sessions.all() == []
    cookie = cookie_of(sign_in(front, "Olga", PASSWORD))
    assert front.request("POST", "/sign-out", [*headers, cookie]).status == 403
    assert len(monitor.access.sessions.all()) == 1


def test_long_and_crowded_forms_are_refused(begin: Start) -> None:
    _, front = begin()
    assert front.request("POST", "/sign-in", OURS, b"name=" + b"a" * 20_000).status == 413
    assert front.request("POST", "/sign-in", OURS, b"&".join([b"a=1"] * 1_000)).status == 400
    assert front.request("POST", "/sign-in", OURS, b"\xff\xfe&name=%ff&password=%00").status == 401
    assert front.request("PUT", "/sign-in", OURS).status == 405


def test_signing_out_ends_the_session_itself(begin: Start) -> None:
    monitor, front = begin()
    cookie = cookie_of(sign_in(front, "Olga", PASSWORD))
    reply = front.request("POST", "/sign-out", [*OURS, cookie])
    assert (reply.status, reply.headers["location"]) == (303, "/sign-in")
    assert 'sensormon_session="";' in reply.headers["set-cookie"]
    assert monitor.access.sessions.all() == []
    assert front.request("GET", "/", [*NAVIGATION, cookie]).status == 303
    assert front.websocket([*OURS[:2], cookie]).status in (401, 403)
    acts = {record.act for record in monitor.access.audit.read(AuditQuery(0, START * 2))}
    assert acts == {"sign out", "sign in", "manage users"}


def test_signing_in_again_ends_the_session_before(begin: Start) -> None:
    monitor, front = begin()
    first = cookie_of(sign_in(front, "Olga", PASSWORD))
    sign_in(front, "Olga", PASSWORD, headers=[*OURS, first])
    assert len(monitor.access.sessions.all()) == 1
    assert front.websocket([*OURS[:2], first]).status in (401, 403)


def test_strangers_get_the_way_to_sign_in_and_nothing_else(begin: Start) -> None:
    _, front = begin()
    reply = front.request("GET", "/explore", NAVIGATION)
    assert (reply.status, reply.headers["location"]) == (303, "/sign-in?next=%2Fexplore")
    for path in (
        "/_stcore/upload_file/session/file",
        "/media/0123.csv",
        "/_stcore/metrics",
        "/_stcore/script-health-check",
        "/_stcore/agent/openapi.json",
        "/auth/login",
        "/oauth2callback",
        "/anything.json",
    ):
        for method in ("GET", "PUT", "DELETE", "POST"):
            assert front.request(method, path, OURS).status == 401, (method, path)
    for cookies in ([], [("cookie", f"{COOKIE}=forged")], [("cookie", f"{COOKIE}=")]):
        assert front.websocket([*OURS[:2], *cookies]).status in (401, 403)
    for path in ("/static/js/index.js", "/_stcore/health", "/_stcore/host-config", "/favicon.png"):
        assert front.request("GET", path).body == b"ok", path
    assert front.page.scopes[-1]["path"] == "/favicon.png"
    assert all(scope["type"] == "http" for scope in front.page.scopes)


def test_upload_needs_the_role_of_somebody_who_imports(begin: Start) -> None:
    monitor, front = begin()
    monitor.access.accounts.add(BOSS, "Erik", Role.ENGINEER, PASSWORD)
    for name, status in (("Olga", 403), ("Erik", 200)):
        cookie = cookie_of(sign_in(front, name, PASSWORD))
        reply = front.request("PUT", "/_stcore/upload_file/session/file", [*OURS[:3], cookie], b"a,b")
        assert reply.status == status, name
        assert (b'"needs":"engineer"' in reply.body) == (status == 403)


def test_visitor_from_afar_uploads_nothing_where_the_machine_administers(begin: Start) -> None:
    _, front = begin(access="local")
    assert front.request("PUT", "/_stcore/upload_file/session/file", OURS[:3], b"a,b").status == 403


def test_form_is_labelled_and_knows_what_a_password_manager_fills_in(begin: Start) -> None:
    _, front = begin()
    page = front.request("GET", "/sign-in", NAVIGATION)
    text = page.body.decode()
    for part in (
        '<label for="name">',
        'autocomplete="username"',
        "autofocus",
        '<label for="password">',
        'autocomplete="current-password"',
        '<html lang="en">',
        "prefers-color-scheme: dark",
    ):
        assert part in text
    assert "<script" not in text
    assert page.headers["cache-control"] == "no-store"


def test_page_says_how_to_make_the_first_account(begin: Start) -> None:
    _, front = begin(account=False)
    assert b"python -m sensormon users add NAME" in front.request("GET", "/sign-in", NAVIGATION).body


def test_who_is_signed_in_is_told_so_and_can_sign_out(begin: Start) -> None:
    _, front = begin()
    cookie = cookie_of(sign_in(front, "Olga", PASSWORD))
    page = front.request("GET", "/sign-in", [*NAVIGATION, cookie]).body.decode()
    assert "signed in as <strong>Olga</strong>, operator" in page
    assert 'action="/sign-out"' in page


def test_link_from_another_site_finds_the_session_that_its_request_could_not_show(begin: Start) -> None:
    _, front = begin()
    elsewhere = [*NAVIGATION, ("sec-fetch-site", "cross-site")]
    reply = front.request("GET", "/sign-in", elsewhere)
    assert 'http-equiv="refresh" content="0; url=/sign-in?next=%2F&amp;here=1"' in reply.body.decode()


def test_in_local_mode_who_signs_in_is_known_and_others_look(begin: Start) -> None:
    monitor, front = begin(access="local")
    assert front.request("GET", "/", NAVIGATION).body == b"ok"
    assert front.websocket(OURS[:2]).status == 101
    reply = sign_in(front, "Olga", PASSWORD)
    (session,) = monitor.access.sessions.all()
    assert session.name == "Olga"
    assert front.request("POST", "/sign-out", [*OURS, cookie_of(reply)]).headers["location"] == "/"


def test_without_accounts_of_its_own_the_page_leads_to_the_pages(begin: Start) -> None:
    _, front = begin(account=False, access="open")
    assert front.request("GET", "/sign-in", NAVIGATION).headers["location"] == "/"
    assert sign_in(front, "Olga", PASSWORD).headers["location"] == "/"


def test_proxy_lets_in_whom_it_names_and_nobody_else(begin: Start) -> None:
    _, front = begin(
        account=False, access="proxy", proxy_header="x-remote-user", proxy_from=("10.0.0.5", "fd00::/8")
    )
    jana: Header = ("x-remote-user", "Jana")
    for client, allowed in (("10.0.0.5", True), ("fd00::7", True), ("10.0.0.6", False), ("127.0.0.1", False)):
        ends = {"client": (client, 40_000)}
        assert (front.request("GET", "/", [*NAVIGATION, jana], **ends).status == 200) is allowed
        assert (front.websocket([*OURS[:2], jana], **ends).status == 101) is allowed
        assert (front.request("GET", "/api/tags", [HOST, jana], **ends).status == 200) is allowed
    reply = front.request("GET", "/", NAVIGATION, client=("10.0.0.5", 1))
    assert (reply.status, reply.headers["content-type"]) == (401, "text/html; charset=utf-8")
    twice = [*NAVIGATION, jana, ("x-remote-user", "Olga")]
    front.request("GET", "/", twice, client=("10.0.0.5", 1))
    assert "Jana" not in {session.name for session in runtime.monitor().access.sessions.all()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "explore",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\nSet-Cookie: x=1",
        "/\t/evil.example",
        "/\u2028",
        "/sign-out",
        "/api/exports/x",
        "/" + "a" * 3_000,
    ],
)
def test_next_is_a_page_of_this_server_or_the_first(text: str) -> None:
    assert safe_next(text) == "/"


def test_next_keeps_a_page_with_its_query() -> None:
    assert (
        safe_next("/explore?tag=a&since=2026-01-31T12:00:00Z") == "/explore?tag=a&since=2026-01-31T12:00:00Z"
    )
    assert safe_next("/explore?q=%C4%8D č") == "/explore?q=%C4%8D%20%C4%8D"
