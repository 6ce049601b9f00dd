"""Accounts in a real browser: sign in, a wrong password, a session that ends while pages are open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.access.visit import COOKIE
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.long]
BOSS = Person("Jana", Role.ADMINISTRATOR, Way.COMMAND_LINE)
WORDS = "four random words here"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server where people have to sign in, with an account of an operator."""
    folder = tmp_path_factory.mktemp("closed") / "data"
    monitor = Monitor(replace(Settings(), data_dir=folder, source="none"))
    monitor.access.accounts.add(BOSS, "Olga", Role.OPERATOR, WORDS)
    monitor.stop()
    server = Server(folder, SENSORMON_ACCESS="users")
    server.wait_until("/api/health", lambda health: health["status"] == "ok")
    yield server
    server.stop()
    server.output()


def sign_in(page: Page, words: str = WORDS) -> None:
    page.get_by_label("Name").fill("Olga")
    page.get_by_label("Password").fill(words)
    page.get_by_role("button", name="Sign in").click()


def test_sign_in_leads_back_and_lasts_over_reload_and_tabs(context: BrowserContext, closed: Server) -> None:
    page = context.new_page()
    page.goto(f"{closed.url}/pipeline")
    expect(page).to_have_url(f"{closed.url}/sign-in?next=%2Fpipeline")
    expect(page.get_by_label("Name")).to_be_focused()
    sign_in(page, "wrong words here")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong. Try again.")
    expect(page.get_by_label("Name")).to_have_value("Olga")
    expect(page.get_by_label("Password")).to_be_focused()
    sign_in(page)
    expect(page).to_have_url(re.compile("/pipeline"))
    heading = page.get_by_role("heading", name="Pipeline")
    expect(heading).to_be_visible()
    page.reload()
    expect(heading).to_be_visible()
    other = context.new_page()
    other.goto(f"{closed.url}/explore")
    expect(other.get_by_role("heading", name="Explore")).to_be_visible()
    assert page.request.get(f"{closed.url}/api/stats").status == 200


def test_session_that_ends_ends_in_every_tab_and_for_a_copied_cookie(
    browser: Browser, context: BrowserContext, closed: Server
) -> None:
    page, other = context.new_page(), context.new_page()
    page.goto(f"{closed.url}/sign-in")
    sign_in(page)
    expect(page.get_by_role("heading", name="Live", exact=True)).to_be_visible()
    copied = context.cookies()
    (cookie,) = [cookie for cookie in copied if cookie["name"] == COOKIE]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Strict", False)
    other.goto(f"{closed.url}/sign-in")
    expect(other.get_by_text("You are signed in as Olga")).to_be_visible()
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_label("Password")).to_be_visible()
    expect(page.get_by_role("heading", name="You have been signed out")).to_be_visible()
    expect(page.get_by_role("heading", name="Live", exact=True)).to_have_count(0)
    expect(page.get_by_role("link")).to_have_text(["Skip to main content", "Sign in"])
    page.evaluate("history.replaceState(null, '', '/explore?past=7+d')")  # as a choice just made
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_label("Password")).to_be_visible()
    expect(page).to_have_url(f"{closed.url}/sign-in?next=%2Fexplore%3Fpast%3D7%2Bd")

    thief = browser.new_context()
    thief.add_cookies(copied)  # type: ignore[arg-type]
    stolen = thief.new_page()
    stolen.goto(f"{closed.url}/")
    expect(stolen).to_have_url(re.compile("/sign-in"))
    assert stolen.request.get(f"{closed.url}/api/stats").status == 401
    thief.close()


def test_link_from_elsewhere_shows_the_page_to_who_is_signed_in(
    context: BrowserContext, closed: Server
) -> None:
    page = context.new_page()
    page.goto(f"{closed.url}/sign-in")
    sign_in(page)
    expect(page.get_by_role("heading", name="Live", exact=True)).to_be_visible()
    elsewhere = closed.url.replace("127.0.0.1", "localhost")  # another site to the browser
    page.goto(f"{elsewhere}/sign-in")
    page.evaluate("address => { location.href = address }", f"{closed.url}/explore")
    expect(page.get_by_role("heading", name="Explore")).to_be_visible()


def test_who_guesses_is_slowed_down(context: BrowserContext, closed: Server) -> None:
    page = context.new_page()
    page.goto(f"{closed.url}/sign-in")
    for _ in range(7):
        sign_in(page, "wrong words here")
        expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_text(
        re.compile(r"Too many failed attempts\. Try again in \d+ s\.")
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_form_fits_a_phone_and_is_readable(browser: Browser, closed: Server, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(f"{closed.url}/sign-in")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(242, 243, 245)", "dark": "rgb(20, 23, 26)"}[scheme]
    assert problems == []
    context.close()
