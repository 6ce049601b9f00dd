"""The link of a message on a phone: see the event, act once, and find it acknowledged on the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.answers import URL, link_to, sent, spikes
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.long]
BOSS = Person("Jana", Role.ADMINISTRATOR, Way.COMMAND_LINE)
CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
WORDS = "four random words here"


@dataclass(frozen=True)
class Plant:
    """A server where people have to sign in, and links of messages on its events, by what they are for."""

    server: Server
    links: dict[str, str]

    def address(self, name: str) -> str:
        return f"{self.server.url}{self.links[name]}"


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp("answers") / "data"
    monitor = Monitor(replace(Settings(), data_dir=folder, source="none", url=URL))
    monitor.access.accounts.add(BOSS, "Olga", Role.OPERATOR, WORDS)
    ids = spikes(monitor, 45.0, 46.0, 47.0)
    links = {
        name: link_to(monitor, sent(monitor, *chosen, name=name), "Europe/Prague")
        for name, chosen in {"one": ids[:1], "two": ids[1:], "look": ids}.items()
    }
    monitor.drain()
    monitor.stop()
    server = Server(folder, SENSORMON_ACCESS="users", SENSORMON_SOURCE="none", SENSORMON_URL=URL)
    server.wait_until("/api/health", lambda health: health["status"] == "ok")
    yield Plant(server, links)
    server.stop()
    output = server.output()
    assert not [link for link in links.values() if link.rpartition("/")[2] in output]


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A page of a phone that has never been here; it must keep to the content policy and run no script."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, java_script_enabled=False, has_touch=True
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    wrong: list[str] = []
    context.on("console", lambda message: wrong.append(message.text))
    yield page
    context.close()
    assert wrong == []


def test_event_is_acknowledged_from_a_phone_and_shows_so_on_the_pages(
    phone: Page, page: Page, plant: Plant
) -> None:
    phone.goto(plant.address("one"))
    expect(phone.get_by_role("heading", name="Fermenter temperature")).to_be_visible()
    expect(phone.get_by_text(re.compile("(Over|Ongoing), not acknowledged"))).to_be_visible()
    expect(phone.get_by_text(re.compile(r"45\.00 °C lies .* above the expected"))).to_be_visible()
    phone.get_by_label("Note").fill("on my way <b>")
    phone.get_by_role("button", name="Acknowledge").tap()
    expect(phone.get_by_role("status")).to_contain_text("Acknowledged by shift (by link)")
    state = phone.locator("article .state")
    expect(state).to_have_text(re.compile(r"^(Over|Ongoing), acknowledged by shift \(by link\) at "))
    expect(phone.get_by_role("button")).to_have_count(0)

    phone.goto(plant.address("one"))
    expect(phone.get_by_role("status")).to_contain_text("answered already")
    phone.get_by_role("link", name="open sensormon").tap()
    expect(phone).to_have_url(re.compile(r"/sign-in\?next=%2Fanomalies%3Fevent%3D"))

    page.goto(phone.url)
    page.get_by_label("Name").fill("Olga")
    page.get_by_label("Password").fill(WORDS)
    page.get_by_role("button", name="Sign in").click()
    detail = page.locator(".st-key-panel-context")
    expect(detail).to_contain_text("acknowledged", timeout=40_000)
    expect(detail).to_contain_text("45.00 °C")
    number = re.search(r"event%3D(\d+)", phone.url)
    assert number is not None
    events = page.request.get(f"{plant.server.url}/api/events").json()["events"]
    assert [(event["who"], event["note"]) for event in events if str(event["id"]) == number[1]] == [
        ("shift (by link)", "on my way <b>")
    ]


def test_whole_group_is_labelled_at_once(phone: Page, plant: Plant) -> None:
    phone.goto(plant.address("two"))
    expect(phone.get_by_role("heading", name="2 events", exact=True)).to_be_visible()
    phone.get_by_role("button", name="False alarm").tap()
    expect(phone.get_by_role("status")).to_contain_text("Labelled “False alarm” by shift (by link)")
    expect(phone.locator("dd").get_by_text("False alarm")).to_have_count(2)


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_page_fits_and_can_be_touched_and_read(browser: Browser, plant: Plant, width: int) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = context.new_page()
        page.goto(plant.address("look"))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for button in page.get_by_role("button").all():
            box = button.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["width"] >= 44
        report = page.evaluate(CONTRAST)
        assert (report["faint"], report["nameless"]) == ([], [])
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
        assert dark == (scheme == "dark")
        context.close()


def test_other_pages_learn_no_link(page: Page, plant: Plant) -> None:
    referrers: list[str] = []
    page.on("request", lambda request: referrers.append(request.headers.get("referer", "")))
    page.goto(plant.address("look"))
    page.get_by_role("link", name="open sensormon").click()
    expect(page).to_have_url(re.compile("/sign-in"))
    assert len(referrers) > 1
    assert not [referrer for referrer in referrers if "/answer/" in referrer]
