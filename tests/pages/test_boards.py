"""The Boards page, and the saved views of every page, without a browser."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.boards.board import Board, Tile, TileKind
from sensormon.boards.boards import boards_of
from sensormon.boards.views import views_of
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.ui.board_draft import Draft
from sensormon.view.board_tiles import board_data
from sensormon.view.palette import LIGHT
from sensormon.view.plain_text import plain_html
from tests.support.pages import show, text

PH, TEMP = "fermenter_ph", "fermenter_temp"
CHART = Tile(TileKind.CHART, 0, 0, 6, 5, "", (TEMP, PH))
VALUE = Tile(TileKind.VALUE, 6, 0, 3, 3, "", (PH,))
BOARD = Board("fermenter", "Fermenter", (CHART, VALUE))
MINE = "open access (unverified)"


def opened(name: str) -> AppTest:
    """The page with this board open; AppTest's menu drops parameters, so they are set after it."""
    app = show("boards")
    app.query_params["board"] = name
    return app.run()


def test_boards_are_listed_with_their_links(full: Monitor) -> None:
    assert "No boards yet" in text(show("boards"))
    boards_of(full).save(BOARD, "Ana <b>")
    words = text(show("boards"))
    assert 'href="boards?board=fermenter"' in words
    assert "Ana &lt;b&gt;" in words


def test_open_board_names_who_saved_it_as_they_write_themselves(full: Monitor) -> None:
    boards_of(full).save(BOARD, "Ana Nováková")
    assert "by Ana Nováková" in text(opened("fermenter"))


def test_link_to_a_board_that_is_gone_leads_to_the_list(full: Monitor) -> None:
    boards_of(full).save(BOARD, "Ana")
    boards_of(full).remove("fermenter", "Ana")
    app = opened("fermenter")
    assert not app.exception
    assert "There is no board fermenter; it may have been removed." in text(app)
    assert "No boards yet" in text(app)


def test_save_asks_if_somebody_else_has_saved_the_board_meanwhile(full: Monitor) -> None:
    base = boards_of(full).save(BOARD, "Ana").time
    app = opened("fermenter")
    app.session_state["who"] = "Ana"
    app.button(key="board-edit").click().run()
    app.session_state["board-drafts"] = {"fermenter": Draft(BOARD, base).without(1)}
    theirs = boards_of(full).save(replace(BOARD, title="Bo's"), "Bo", base)
    app.button(key="board-save").click().run()
    assert not app.exception
    assert boards_of(full).find("fermenter") == theirs, "nothing was overwritten"
    assert "by Bo" in text(app)
    overwrite = f"meanwhile-overwrite-{theirs.time}"
    assert {"meanwhile-copy", overwrite, "meanwhile-discard"} <= {button.key for button in app.button}
    newer = boards_of(full).save(replace(BOARD, title="Cy's"), "Cy", theirs.time)
    app.button(key=overwrite).click().run()
    assert boards_of(full).find("fermenter") == newer, "a press is for the version that was shown"


def test_tag_that_was_removed_is_named_on_its_tile_and_breaks_nothing(full: Monitor) -> None:
    boards_of(full).save(BOARD, "Ana")
    tags = TagTable([full.tags[TEMP]])
    chart, value = board_data(BOARD, tags, LIGHT)["tiles"]
    assert (chart["gone"], [fact["name"] for fact in chart["tags"]]) == ([PH], [TEMP])
    assert (value["gone"], value["tags"], value["title"]) == ([PH], [], PH)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"what": "place", "tile": 0},
        {"what": "place", "tile": 9, "column": 0, "row": 0, "width": 3, "height": 3},
        {"what": "place", "tile": 0, "column": float("nan"), "row": 0, "width": 3, "height": 3},
        {"what": "place", "tile": 0, "column": "0", "row": 0, "width": 3, "height": 3},
        {"what": "remove", "tile": -1},
        {"what": "remove", "tile": True},
        {"what": "drop everything", "tile": 0},
    ],
)
def test_act_of_the_browser_that_makes_no_sense_changes_nothing(asked: dict[str, object]) -> None:
    draft = Draft(BOARD, 1)
    assert draft.after(asked) == draft


def test_draft_goes_back_step_by_step() -> None:
    draft = Draft(BOARD, 1).after(
        {"what": "place", "tile": 1, "column": 0, "row": 0, "width": 3, "height": 3}
    )
    assert [(tile.column, tile.row) for tile in draft.board.tiles] == [(0, 3), (0, 0)]
    assert draft.without(0).undone() == draft
    assert draft.undone().board == BOARD


def test_home_opens_at_the_first_visit_without_parameters(full: Monitor) -> None:
    view = views_of(full).save("Shift", "explore", [("past", "1 h")], MINE, shared=False, who="Ana")
    assert "Explore" not in [header.value for header in show("live").header]
    views_of(full).set_home(view.name, MINE, "Ana")
    app = show("live")
    assert [header.value for header in app.header] == ["Explore"]
    assert "Live" in [header.value for header in show("live", range="1 h").header], "a link comes first"


def test_home_that_was_removed_is_said_instead_of_silently_live(full: Monitor) -> None:
    view = views_of(full).save("Old shift", "explore", (), MINE, shared=False, who="Ana")
    views_of(full).set_home(view.name, MINE, "Ana")
    views_of(full).remove(view.name, MINE, "Ana")
    app = show("live")
    assert [header.value for header in app.header][:1] == ["Live"]
    assert any("your home page was the view 'Old shift', and Ana removed it" in t.value for t in app.toast)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ('[x](https://a.b/"onclick=)', "<p>[x](https://a.b/&quot;onclick=)</p>"),
        (
            "[<b>](http://a/?x=1&y=2)",
            '<p><a href="http://a/?x=1&amp;y=2" target="_blank" rel="noopener noreferrer">&lt;b&gt;</a></p>',
        ),
        ("1. one\n2. **two**", "<ol><li>one</li><li><strong>two</strong></li></ol>"),
        ("a\nb\n\nc", "<p>a<br>b</p><p>c</p>"),
    ],
)
def test_notes_are_escaped(written: str, shown: str) -> None:
    assert plain_html(written) == shown
