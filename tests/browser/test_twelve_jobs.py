"""Twelve everyday jobs, each from the Live page by hand: how many clicks and fields they take.

A click is a press of the mouse or the choice of a file; text typed into one field is a field. A person
who has not given a name yet types it where an action is recorded.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import ready, visit
from tests.support.server import ROOT, Server

pytestmark = [pytest.mark.browser, pytest.mark.long]

DAY_FIRST = (
    b"time;fermenter_temp\n13/11/2026 10:00:00;37,1\n13/11/2026 10:00:01;37,2\n14/11/2026 10:00:02;37,0\n"
)
PLACES = (0.31, 0.37, 0.43, 0.47, 0.53)
"""Shares of the width of an event's chart; most readings there were not flagged."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A simulated plant with its own tag table, which one of the jobs adds to."""
    folder = tmp_path_factory.mktemp("jobs")
    tags = shutil.copy(ROOT / "data" / "tags.toml", folder / "tags.toml")
    process = Server(folder / "data", SENSORMON_TAGS=str(tags))
    process.wait_until_stored()
    yield process
    process.stop()
    process.output()


class Hand:
    """Somebody at the Live page; counts what they do."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.clicks = 0
        self.fields = 0
        page.set_default_timeout(60_000)
        visit(page, server, "")
        expect(page.locator(".live-card .value").first).not_to_have_text("—")

    def click(self, target: Locator) -> None:
        """Click this, and wait until the page has answered."""
        target.click()
        self.clicks += 1
        self.page.wait_for_timeout(400)  # until Streamlit has heard of it
        ready(self.page)

    def press(self, name: str | re.Pattern[str]) -> None:
        """Click the button of this name."""
        self.click(self.page.get_by_role("button", name=name).first)

    def pick(self, name: str) -> None:
        """Click the section or choice of this name."""
        self.click(self.page.get_by_role("radio", name=name, exact=True))

    def go(self, title: str) -> None:
        """Click a page of the menu."""
        self.click(self.page.locator("header").get_by_role("link", name=title, exact=True))

    def write(self, field: Locator, text: str) -> None:
        """Type into a field and leave it."""
        field.fill(text)
        field.press("Tab")
        self.fields += 1
        ready(self.page)

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.page.get_by_role("dialog")


def see_what_is_wrong(hand: Hand) -> None:
    expect(hand.page.locator(".live-card .card-state").first).to_contain_text(re.compile("low|medium|high"))


def see_why_flagged(hand: Hand) -> None:
    hand.click(hand.page.locator(".live-card .card-state:not(:disabled)").first)
    expect(hand.page.locator(".st-key-panel-context")).to_contain_text(re.compile("expected .* ± "))


def see_why_not_flagged(hand: Hand) -> None:
    see_why_flagged(hand)
    context = hand.page.locator(".st-key-panel-context")
    plot = context.locator(".js-plotly-plot .nsewdrag").first
    plot.scroll_into_view_if_needed()
    clicks = hand.clicks + 1  # however many are needed here to hit a reading that was not flagged
    for share in PLACES:
        box = plot.bounding_box()
        assert box is not None
        x, y = box["x"] + share * box["width"], box["y"] + box["height"] / 2
        hand.page.mouse.move(x - 2, y)
        hand.page.mouse.move(x, y)
        hand.page.mouse.click(x, y)
        hand.page.wait_for_timeout(1_000)
        ready(hand.page)
        if "not flagged" in context.inner_text():
            break
    expect(context).to_contain_text("not flagged")
    hand.clicks = clicks


def acknowledge(hand: Hand) -> None:
    see_why_flagged(hand)
    hand.press(re.compile("^Acknowledge"))
    hand.write(hand.dialog.get_by_label("Your name"), "Ana")
    hand.click(hand.dialog.get_by_role("button", name="Continue"))
    expect(hand.page.get_by_text("1 event acknowledged").first).to_be_visible()


def shelve(hand: Hand) -> None:
    hand.click(hand.page.get_by_role("button", name=re.compile("^Menu of")).first)
    hand.click(hand.page.get_by_role("menuitem", name="Shelve"))
    hand.write(hand.dialog.get_by_label("Reason"), "cleaning")
    hand.write(hand.dialog.get_by_label("Your name"), "Ana")
    hand.click(hand.dialog.get_by_role("button", name="Shelve", exact=True))
    expect(hand.dialog).to_be_hidden()


def apply_threshold(hand: Hand) -> None:
    hand.go("Tuning")
    slider = hand.page.get_by_role("slider", name=re.compile("hreshold")).first
    slider.focus()
    slider.press("ArrowRight")  # in place of dragging it
    hand.clicks += 1
    expect(hand.page.locator(".first-line")).to_contain_text("With new settings")
    hand.press("Apply to live monitoring")
    hand.write(hand.dialog.get_by_label("Your name"), "Ana")
    hand.write(hand.dialog.get_by_label("Reason"), "too many at night")
    hand.click(hand.dialog.get_by_role("button", name="Apply to live monitoring"))
    expect(hand.dialog).to_be_hidden()


def compare_two_tags(hand: Hand) -> None:
    hand.go("Explore")
    hand.pick("24 h")
    hand.pick("Two tags")
    expect(hand.page.locator(".st-key-panel-look")).to_contain_text(re.compile("orrelation"))


def import_day_first(hand: Hand) -> None:
    hand.go("Data")
    hand.page.locator("input[type=file]").first.set_input_files(
        {"name": "day.csv", "mimeType": "text/csv", "buffer": DAY_FIRST}
    )
    hand.clicks += 1
    hand.click(hand.page.get_by_role("button", name="Import", exact=True))
    expect(hand.page.get_by_text(re.compile(r"day\.csv: done")).first).to_be_visible()


def add_tag(hand: Hand) -> None:
    hand.go("Data")
    hand.pick("Tags")
    hand.pick("Add a tag")
    hand.write(hand.page.get_by_label("Name", exact=True), "ti_102")
    hand.write(hand.page.get_by_label("Your name"), "Ana")
    hand.click(hand.page.get_by_role("button", name=re.compile("^(Save|Add)")).last)
    expect(hand.page.get_by_text("Tags saved").first).to_be_visible()


def export(hand: Hand) -> None:
    hand.go("Data")
    hand.pick("Export")
    hand.press("Export as CSV")
    ready_file = hand.page.get_by_role("button", name=re.compile("ownload"))
    file = ready_file.or_(hand.page.get_by_role("link", name=re.compile("ownload"))).first
    with hand.page.expect_download() as download:
        hand.click(file)
    assert download.value.suggested_filename.endswith(".csv")


def share(hand: Hand) -> None:
    hand.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    hand.press("Copy link")
    assert hand.page.evaluate("() => navigator.clipboard.readText()").startswith(hand.page.url.split("?")[0])


def find_similar(hand: Hand) -> None:
    hand.go("Explore")
    plot = hand.page.locator(".st-key-panel-explore .nsewdrag").first
    box = plot.bounding_box()
    assert box is not None
    hand.page.mouse.move(box["x"] + 0.93 * box["width"], box["y"] + 40)
    hand.page.mouse.down()
    hand.page.mouse.move(box["x"] + 0.96 * box["width"], box["y"] + 40, steps=6)
    hand.page.mouse.up()
    hand.clicks += 1
    hand.page.wait_for_url(re.compile("from="))
    hand.pick("Similar stretches")
    hand.press("Search for the stretch in view")
    look = hand.page.locator(".st-key-panel-look")
    expect(look).to_contain_text("Searched for", timeout=60_000)
    expect(look.get_by_role("button", name=re.compile(r"\d\d:\d\d")).first).to_be_visible()


JOBS: dict[str, tuple[Callable[[Hand], None], int, int]] = {
    "what is wrong now": (see_what_is_wrong, 0, 0),
    "why flagged": (see_why_flagged, 1, 0),
    "why not": (see_why_not_flagged, 2, 0),
    "acknowledge": (acknowledge, 3, 1),
    "shelve a tag": (shelve, 3, 2),
    "move a threshold and apply": (apply_threshold, 4, 2),
    "compare two tags over a day": (compare_two_tags, 3, 0),
    "import a day-first CSV": (import_day_first, 3, 0),
    "add a tag": (add_tag, 4, 2),
    "export": (export, 4, 0),
    "share": (share, 1, 0),
    "find a similar stretch": (find_similar, 4, 0),
}
"""How each job is done, and how many clicks and typed fields it takes."""


@pytest.mark.parametrize("job", JOBS)
def test_job_takes_this_many_clicks_and_fields(page: Page, server: Server, job: str) -> None:
    do, clicks, fields = JOBS[job]
    hand = Hand(page, server)
    do(hand)
    assert (hand.clicks, hand.fields) == (clicks, fields)
