"""Signing in at a real OpenID provider on this machine, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.provider import INSTALLED, Provider
from tests.support.server import Server, free_port

pytestmark = [
    pytest.mark.browser,
    pytest.mark.long,
    pytest.mark.skipif(not INSTALLED, reason="no OpenID provider: pip install oidc-provider-mock"),
    pytest.mark.skipif(find_spec("authlib") is None, reason="no Authlib: pip install -r requirements.txt"),
]

ROLES = """
default = "none"

[claims.groups]
"plant-operators" = "operator"
"plant-administrators" = "administrator"
"""
OLGA = {"sub": "olga", "email": "olga@plant.example", "groups": ["others", "plant-operators"]}
JANA = {"sub": "jana", "preferred_username": "jana", "groups": ["plant-administrators"]}
CARL = {"sub": "carl", "preferred_username": "<b>Carl</b>", "groups": ["visitors"]}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose people sign in at a provider that knows three of them."""
    folder: Path = tmp_path_factory.mktemp("provided")
    (folder / "roles.toml").write_text(ROLES, encoding="utf-8")
    provider = Provider(OLGA, JANA, CARL)
    port = free_port()
    process = Server(
        folder / "data",
        port,
        SENSORMON_SOURCE="none",
        SENSORMON_ACCESS="oidc",
        SENSORMON_ROLES=str(folder / "roles.toml"),
        SENSORMON_URL=f"http://127.0.0.1:{port}",
        SENSORMON_OIDC_URL=provider.url,
        SENSORMON_OIDC_CLIENT_ID="sensormon",
        SENSORMON_OIDC_CLIENT_SECRET="made up",
    )
    process.wait_until("/api/health", lambda health: health["status"] == "ok")
    yield process
    process.stop()
    process.output()
    provider.stop()


def sign_in(page: Page, server: Server, sub: str, path: str = "") -> None:
    page.goto(f"{server.url}/{path}")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=sub, exact=True).first.click()
    page.wait_for_url(f"{server.url}/**")


def sign_out(page: Page) -> None:
    page.evaluate(
        """() => {
          const form = document.createElement("form")
          form.method = "post"
          form.action = "/sign-out"
          document.body.append(form)
          form.submit()
        }"""
    )
    page.wait_for_url(re.compile("end_session"))


def status(context: BrowserContext, server: Server, path: str) -> tuple[int, Any]:
    answer = context.request.get(f"{server.url}{path}")
    return answer.status, answer.json()


def live(page: Page) -> Any:
    return page.get_by_role("heading", name="Live", exact=True)


def test_stranger_sees_the_way_to_sign_in_and_nothing_else(context: BrowserContext, server: Server) -> None:
    page = context.new_page()
    page.goto(f"{server.url}/pipeline")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("link")).to_have_text(["Skip to main content"])
    for path in ("/api/stats", "/api/docs", "/api/audit", "/media/x", "/_stcore/metrics"):
        assert status(context, server, path)[0] == 401, path
    assert status(context, server, "/api/health") == (200, {"status": "ok"})


def test_role_comes_from_a_claim_and_lasts_over_reload_and_tabs(
    context: BrowserContext, server: Server
) -> None:
    page = context.new_page()
    sign_in(page, server, "olga")
    expect(live(page)).to_be_visible()
    page.reload()
    expect(live(page)).to_be_visible()
    other = context.new_page()
    other.goto(f"{server.url}/explore")
    expect(other.get_by_role("heading", name="Explore")).to_be_visible()
    assert status(context, server, "/api/stats")[0] == 200
    code, answer = status(context, server, "/api/audit")
    assert (code, answer["needs"]) == (403, "administrator")


def test_sign_out_ends_every_tab_and_a_copied_cookie(
    browser: Browser, context: BrowserContext, server: Server
) -> None:
    page, other = context.new_page(), context.new_page()
    sign_in(page, server, "jana")
    expect(live(page)).to_be_visible()
    code, records = status(context, server, "/api/audit?act=sign%20in&who=jana")
    assert code == 200
    assert {(record["who"], record["role"], record["verified"]) for record in records} == {
        ("jana", "administrator", True)
    }
    copied = context.cookies()
    other.goto(f"{server.url}/")
    expect(live(other)).to_be_visible()
    sign_out(page)
    expect(other.get_by_role("heading", name="You have been signed out")).to_be_visible()

    thief = browser.new_context()
    thief.add_cookies(copied)  # type: ignore[arg-type]
    assert status(thief, server, "/api/stats")[0] == 401
    stolen = thief.new_page()
    stolen.goto(f"{server.url}/")
    expect(stolen.get_by_role("heading", name="You have been signed out")).to_be_visible()
    expect(live(stolen)).to_have_count(0)
    thief.close()

    sign_in(page, server, "jana")
    expect(live(page)).to_be_visible()


def test_who_has_no_role_is_told_so_and_can_leave(context: BrowserContext, server: Server) -> None:
    page = context.new_page()
    sign_in(page, server, "carl")
    expect(page.get_by_text("You are signed in as <b>Carl</b>, but have no role here.")).to_be_visible()
    assert status(context, server, "/api/stats")[0] == 401
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("end_session"))
    page.goto(server.url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_changed_cookie_is_worth_nothing(context: BrowserContext, server: Server) -> None:
    page = context.new_page()
    sign_in(page, server, "jana")
    expect(live(page)).to_be_visible()
    for cookie in context.cookies():
        if cookie["name"] == "_streamlit_user":
            middle = len(cookie["value"]) // 3
            value = cookie["value"]
            letter = "A" if value[middle] != "A" else "B"
            cookie["value"] = value[:middle] + letter + value[middle + 1 :]
            context.add_cookies([cookie])  # type: ignore[list-item]
    assert status(context, server, "/api/stats")[0] == 401
