"""The guide for newcomers: complete for every page, short, and true for the source in use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from sensormon.events.actions import State
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, read_tags
from sensormon.ui.glossary import meaning, term, with_terms
from sensormon.view.glossary import TERMS, explained
from sensormon.view.guide import PAGES, seen, shortcuts, tries
from tests.support.pages import menu
from tests.support.server import ROOT

SHIPPED = tuple(read_tags(ROOT / "data" / "tags.toml"))


def used() -> Iterator[tuple[str, str]]:
    """(file, term) of every glossary term that a page or a module of `ui` uses."""
    for path in [*(ROOT / "pages").glob("*.py"), *(ROOT / "sensormon" / "ui").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            words = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if node.func.id == "meaning":
                yield from ((path.name, str(word)) for word in words)
            elif node.func.id == "term":
                yield from ((path.name, str(word)) for word in words[:1])
            elif node.func.id in ("prose", "with_terms"):
                for text in words:
                    yield from (
                        (path.name, name) for name, _ in re.findall(r"\{([^{}|]+)(\|[^{}]+)?\}", str(text))
                    )


def test_guide_covers_the_menu_in_order() -> None:
    titles = [title for _, title in menu()]
    assert [title for title in PAGES if title in titles] == titles
    for file, title in menu():
        assert PAGES[title].path == file
        assert PAGES[title].letter in title.lower()
    assert len({about.letter for about in PAGES.values()}) == len(PAGES)


@pytest.mark.parametrize("title", PAGES)
def test_terms_of_a_page_are_in_the_glossary(title: str) -> None:
    about = PAGES[title]
    assert len(about.terms) >= 5
    assert len(set(about.terms)) == len(about.terms)
    assert [word for word in about.terms if word not in TERMS] == []
    assert about.purpose.endswith(".")


def test_terms_marked_on_pages_are_in_the_glossary() -> None:
    assert [(file, word) for file, word in used() if word not in TERMS] == []


@pytest.mark.parametrize("name", TERMS)
def test_explanations_have_one_to_three_plain_sentences(name: str) -> None:
    words = explained(name)
    sentences = re.findall(r"[.?](?:\s|$)", words)
    assert 1 <= len(sentences) <= 3, words
    assert words.endswith(".")
    assert len(words) <= 260
    assert not set(words) & set("*_`<>#") - {"_" if "failed_measurements" in words else ""}


def test_event_states_are_in_the_glossary() -> None:
    for state in State:
        assert state.split(",")[0] in TERMS


def test_marked_terms_carry_their_meaning_and_text_is_escaped() -> None:
    html = with_terms("<b>{event|Events} & {z-score}")
    assert html.startswith("&lt;b&gt;<button")
    assert ">Events</button> &amp; <button" in html
    assert f'aria-description="{explained("z-score")}"' in html
    assert "**MAD**: Median" in meaning("MAD")


def test_unknown_term_cannot_be_shown() -> None:
    with pytest.raises(KeyError):
        term("blockchain")


def test_shortcuts_avoid_streamlits_keys() -> None:
    keys = [shortcut.keys for shortcut in shortcuts()]
    assert len(set(keys)) == len(keys)
    assert not {"r", "c"} & {pressed[0] for pressed in keys}
    script = (ROOT / "sensormon" / "ui" / "browser" / "keys.js").read_text()
    for key, *_ in keys:
        assert f'"{key}"' in script or key in ("Esc", "j", "a"), f"{key} is neither ours nor Streamlit's"


def test_introduction_fits_the_simulator() -> None:
    words = "A simulated fermenter: three sensors, one reading per second each. Every flagged reading has a ◆"
    assert seen("simulator", SHIPPED, 1.0, 5).startswith(words)
    many = [Tag(f"t{i}", "T", group=str(i)) for i in range(300)]
    words = "A simulated plant: 300 sensors, one reading every 5 s each."
    assert seen("simulator", many, 5.0, 5).startswith(words)
    words = "A simulated oven: one sensor, one reading per second."
    assert seen("simulator", [Tag("a", "A", group="Oven")], 1.0, 5).startswith(words)


def test_introduction_fits_a_recording() -> None:
    words = seen("replay:data/samples/rds.csv@300", [Tag("rds", "Rds")], 1.0, 5)
    assert words.startswith("The recording rds.csv, played 300 times as fast, as if it were live: one sensor")
    assert "simulated" not in words


def test_introduction_fits_no_source() -> None:
    assert seen("none", (), 0.0, 0).startswith("Nothing sends readings yet.")
    assert seen("none", (), 0.0, 1200).startswith("1,200 readings, from sources, over HTTP or from files.")


@pytest.mark.parametrize("source", ["simulator", "none", "replay:x.csv"])
@pytest.mark.parametrize("received", [0, 100])
def test_suggestions_lead_to_pages_of_the_menu(source: str, received: int) -> None:
    suggestions = tries(Settings(source=source), "Fermenter pH", received)
    assert 2 <= len(suggestions) <= 3
    assert {suggestion.page for suggestion in suggestions} <= {title for _, title in menu()}
    if source != "simulator":
        assert not any("fault" in suggestion.words for suggestion in suggestions), (
            "faults can be switched on in the simulator alone"
        )
