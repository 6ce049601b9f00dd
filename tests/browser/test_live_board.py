"""What a viewer does with the Live board: diamonds, menus, the zoom, the tree; and that nothing moves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.api import TOKEN
from tests.support.browser import SHIFTS, ready, visit
from tests.support.sent import send
from tests.support.server import Server

pytestmark = pytest.mark.browser

CARD = ".live-card"
DRAWN = f"{CARD}[data-drawn] .js-plotly-plot .scatterlayer .trace"
PARTS = ".live-card, .live-card .card > *, .board-last, .board-legend"
PLACES = f"""() => [...document.querySelectorAll('{PARTS}')].map(node => node.getBoundingClientRect())
    .map(box => [box.x, box.y, box.height].map(Math.round).join())"""
CARDS = PLACES.replace(PARTS, f"{CARD}, .board-last, .board-legend")
NEWEST = "() => document.querySelector('.live-card').dataset.newest"
FLAG = """() => {
  const plot = document.querySelector('.live-card .js-plotly-plot'), box = plot.getBoundingClientRect()
  const flagged = ({mode, marker, x}) => mode === 'markers' && marker.symbol === 'diamond' && x.length
  const trace = plot._fullData.find(flagged)
  const last = trace.x.length - 1, {xaxis, yaxis} = plot._fullLayout
  return [box.x + xaxis._offset + xaxis.c2p(xaxis.d2c(trace.x[last])),
          box.y + yaxis._offset + yaxis.c2p(trace.y[last])]
}"""


def live(page: Page, server: Server, query: str = "") -> None:
    visit(page, server, query)
    page.wait_for_selector(DRAWN)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the first chart; both ends are shares of its width and height."""
    box = page.locator(f"{CARD} .js-plotly-plot .nsewdrag").first.bounding_box()
    assert box is not None
    (left, top), (right, bottom) = (
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)
    )
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=5)
    page.mouse.up()


def ranges(page: Page, axis: str) -> list[float]:
    """The range of this axis of the first chart, in ms or in the tag's unit."""
    edges = page.evaluate(
        f"() => {{ const axis = document.querySelector('.js-plotly-plot')._fullLayout.{axis};"
        " return axis.range.map(edge => axis.d2c(edge)) }"
    )
    return [float(edge) for edge in edges]


def test_nothing_moves_when_data_comes(page: Page, server: Server) -> None:
    live(page, server)
    page.mouse.move(5, 5)
    expect(page.locator(".card-state").first).to_be_attached()
    page.evaluate(
        f"""() => {{ const places = {PLACES}; window.seen = new Set([JSON.stringify(places())])
          const look = new MutationObserver(() => window.seen.add(JSON.stringify(places())))
          look.observe(document.querySelector('.board'), {{ subtree: true, childList: true,
            characterData: true, attributes: true, attributeFilter: ['data-newest', 'class'] }}) }}"""
    )
    for _ in range(4):
        page.wait_for_function(f"before => ({NEWEST})() !== before", arg=page.evaluate(NEWEST))
    seen = page.evaluate("[...window.seen]")
    assert len(seen) == 1, seen


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with five tags that are in their normal band; nobody sends but the tests."""
    folder = tmp_path_factory.mktemp("few")
    tags = folder / "tags.toml"
    tags.write_text(
        "".join(f'[tags.t{i}]\nlabel = "Tank {i}"\nunit = "bar"\nnormal = [1, 9]\n' for i in range(5))
    )
    process = Server(
        folder / "data", SENSORMON_SOURCE="none", SENSORMON_TOKEN=TOKEN, SENSORMON_TAGS=str(tags)
    )
    process.wait_until("/api/health", lambda health: "status" in health)
    for i in range(5):
        send(process, f"t{i}")
    yield process
    process.stop()
    process.output()


def test_cards_keep_their_places_and_a_line_leads_to_the_worst(page: Page, few: Server) -> None:
    page.add_init_script(SHIFTS)
    live(page, few)
    line, cards = page.locator(".worst-line"), page.locator(f"{CARD} h3")
    expect(line).to_have_text("None abnormal")
    expect(cards).to_have_text([f"Tank {i}" for i in range(5)])
    before, places = page.evaluate("window.shifts.length"), page.evaluate(CARDS)
    for tag, words in (("t4", "1 of 5 abnormal"), ("t2", "2 of 5 abnormal")):
        send(few, tag, 99.0, steady=0)
        expect(line).to_contain_text(words)
        expect(page.locator(f"{CARD}[data-tag={tag}]")).to_have_class(re.compile("abnormal-edge"))
    expect(cards).to_have_text([f"Tank {i}" for i in range(5)])
    assert page.evaluate(CARDS) == places
    assert sum(value for value, *_ in page.evaluate("window.shifts")[before:]) < 0.001
    line.get_by_role("button", name="Tank 4").click()
    expect(page.locator(f"{CARD}[data-tag=t4]")).to_be_in_viewport(ratio=1)
    expect(page.locator(f"{CARD}[data-tag=t4]")).to_be_focused()


def test_diamond_opens_its_event(page: Page, server: Server) -> None:
    live(page, server, "?range=15+min")
    page.mouse.click(*page.evaluate(FLAG))
    page.wait_for_url("**/anomalies?*event=*")


def test_drag_zooms_the_time_and_shift_the_values(page: Page, server: Server) -> None:
    live(page, server)
    pill = page.locator(".board-pill")
    expect(pill).to_be_hidden()
    values, (since, until) = ranges(page, "yaxis"), ranges(page, "xaxis")
    drag(page, (0.3, 0.2), (0.6, 0.8))
    expect(pill).to_contain_text("Zoomed: ")
    page.wait_for_url("**zoom=*")
    left, right = ranges(page, "xaxis")
    assert (right - left) / (until - since) == pytest.approx(0.3, abs=0.03)
    page.mouse.wheel(0, 3_000)
    expect(pill.get_by_role("button", name="Back to now")).to_be_in_viewport()
    page.mouse.wheel(0, -3_000)
    page.get_by_role("radio", name="5 min", exact=True).click()
    page.wait_for_url(lambda url: "zoom=" not in url and "range=5" in url)
    expect(pill).to_be_hidden()
    left, right = ranges(page, "xaxis")
    assert right - left == pytest.approx(300_000, rel=0.01)
    ready(page)
    page.keyboard.down("Shift")
    drag(page, (0.3, 0.25), (0.35, 0.75))
    page.keyboard.up("Shift")
    expect(pill).to_contain_text("Values zoomed")
    low, high = ranges(page, "yaxis")
    assert high - low < 0.7 * (values[1] - values[0])
    left, right = ranges(page, "xaxis")
    assert right - left == pytest.approx(300_000, rel=0.01), "the time stays"
    pill.get_by_role("button", name="Back to now").click()
    expect(pill).to_be_hidden()


def test_pause_ends_from_wherever_the_page_is_scrolled_to(page: Page, server: Server) -> None:
    live(page, server)
    page.get_by_text("Pause", exact=True).click()
    page.wait_for_url("**at=*")
    page.mouse.wheel(0, 3_000)
    expect(page.locator(".board-pill")).to_contain_text("Paused at ")
    page.get_by_role("button", name="Back to now").click()
    page.wait_for_url(lambda url: "at=" not in url)
    expect(page.locator(".board-pill")).to_be_hidden()


def test_menu_of_a_card_leads_to_the_other_pages_with_its_tag(page: Page, server: Server) -> None:
    live(page, server)
    page.get_by_role("button", name="Menu of Fermenter pH").click()
    items = page.get_by_role("menuitem")
    expect(items).to_have_text(["Explore", "Tuning", "Shelve …", "Edit tag"])
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(items.first).to_be_hidden()
    page.get_by_role("button", name="Menu of Fermenter pH").click()
    items.filter(has_text="Shelve").click()
    expect(page.get_by_role("dialog")).to_contain_text("Fermenter pH")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Menu of Fermenter pH").click()
    items.filter(has_text="Explore").click()
    page.wait_for_url("**/explore?*explore=fermenter_ph*")
    live(page, server)
    page.get_by_role("button", name="Menu of Fermenter pH").click()
    items.filter(has_text="Edit tag").click()
    page.wait_for_url("**/data?*tag=fermenter_ph*")
    expect(page.get_by_text("Only Fermenter pH")).to_be_visible()
    page.get_by_role("button", name="Show all tags").click()
    expect(page.get_by_text("Only Fermenter pH")).to_be_hidden()


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with twenty tags in two units of a plant; nobody sends but the tests."""
    folder = tmp_path_factory.mktemp("plant")
    tags = folder / "tags.toml"
    tags.write_text(
        "".join(
            f'[tags.t{i}]\nlabel = "Tank {i}"\nunit = "bar"\nnormal = [1, 9]\nresolution = 0.01\n'
            f'group = "Plant A/Unit {i % 2 + 1}/Line {i % 4}"\n'
            for i in range(20)
        )
    )
    process = Server(
        folder / "data", SENSORMON_SOURCE="none", SENSORMON_TOKEN=TOKEN, SENSORMON_TAGS=str(tags)
    )
    process.wait_until("/api/health", lambda health: "status" in health)
    for i in range(20):
        send(process, f"t{i}", *([99.0] if i == 7 else []))
    yield process
    process.stop()
    process.output()


def test_tree_rolls_up_the_worst_state_and_narrows_strip_and_cards(page: Page, plant: Server) -> None:
    live(page, plant)
    rows, first = page.locator(".strip-item"), page.locator(".strip-row").first
    expect(rows).to_have_count(20)
    expect(first).to_contain_text("Tank 7")
    expect(first.locator(".strip-state")).to_have_text(re.compile("^[◆◇▲△●○] "))
    unit = page.get_by_role("treeitem").filter(has_text="Unit 2")
    expect(unit.locator(".tree-value")).to_have_text("1 of 10")
    expect(unit.locator(".tree-state")).to_have_text(re.compile("^[◆◇▲△●○] "))
    expect(page.get_by_role("treeitem").filter(has_text="Unit 1").locator(".tree-state")).to_have_text("")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "after=" not in request.url else None)
    page.get_by_role("treeitem").filter(has_text="Unit 1").click()
    expect(rows).to_have_count(10)
    expect(page.locator(f"{CARD}[data-drawn] h3")).to_have_text(["Tank 0", "Tank 2", "Tank 4"])
    boards = [url.split("?")[1] for url in asked if "/api/live/board?" in url]
    assert boards == ["tag=t0&tag=t2&tag=t4&span=900"], "asked for once, with the click"
    page.wait_for_url("**group=Plant+A%2FUnit+1*")
    expect(page.locator(CARD).filter(has_text="Tank 7")).to_have_count(0)
    ready(page)
    page.keyboard.press("ArrowDown")  # into the lines of Unit 1, which choosing it opened
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    tank = page.locator(".tree-row:focus")
    expect(tank.locator(".tree-label")).to_have_text("Tank 0")
    expect(tank.locator(".tree-value")).to_have_text(re.compile(r"\d bar"))
    page.keyboard.press("Enter")
    page.wait_for_url("**only=t0*")
    expect(page.locator(f"{CARD} h3")).to_have_text(["Tank 0"])
    page.reload()
    expect(page.locator(".strip-row")).to_have_count(1)
    page.keyboard.press("Escape")
    page.get_by_role("treeitem").filter(has_text="All tags").click()
    expect(rows).to_have_count(20)


@pytest.mark.long
def test_tree_is_behind_one_line_on_a_phone(page: Page, plant: Server) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    live(page, plant)
    expect(page.get_by_role("tree")).to_be_hidden()
    toggle = page.locator(".tree-toggle")
    expect(toggle).to_have_text("All tags · 1 abnormal")
    toggle.click()
    page.get_by_role("treeitem").filter(has_text="Unit 2").click()
    expect(page.locator(".strip-item")).to_have_count(10)
    expect(toggle).to_have_text("Unit 2 · 1 abnormal")
