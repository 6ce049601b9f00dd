"""What a view keeps in the URL, and which wins: a choice just made, or the URL of the browser."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.ui import url_state
from tests.support.pages import show, text


def view() -> None:
    import streamlit as st

    from sensormon.ui.url_state import held, hold, visiting

    with visiting("view"):
        if (chosen := st.session_state.pop("choose", None)) is not None:
            hold("event", chosen)
        if (bar := st.session_state.pop("bar", None)) is not None:
            hold("bar", bar)
        if st.session_state.pop("cut off", False):
            st.stop()
        st.text(held("event"))


def ask(app: AppTest, address: str, **state: object) -> str:
    """Run the page with this URL; returns the value it shows."""
    app.query_params["event"] = address
    for name, value in state.items():
        app.session_state[name.replace("_", " ")] = value
    app.run()
    assert not app.exception
    return app.text[0].value if app.text else ""


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(view, default_timeout=120)


def test_url_of_a_link_or_back_button_wins(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(app, "1") == "1"
    assert ask(app, "1", choose="2") == "2"
    assert app.query_params["event"] == "2"
    assert ask(app, "2") == "2"
    monkeypatch.setattr(url_state, "way_back", lambda: True)
    assert ask(app, "1") == "1"


def test_stale_url_does_not_undo_a_choice(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    at = 100.0
    monkeypatch.setattr(url_state, "monotonic", lambda: at)
    assert ask(app, "1") == "1"
    assert ask(app, "1", choose="2") == "2"
    at += url_state.STALE - 0.1
    assert ask(app, "1") == "2"
    assert ask(app, "1", bar="x") == "2"
    assert (app.query_params["event"], app.query_params["bar"]) == ("2", "x"), "written as a whole"
    at += 0.2
    assert ask(app, "1") == "1", "by then it is somebody's wish"


@pytest.mark.parametrize("chosen", ["2", ""])
def test_choice_in_an_interrupted_run_beats_the_old_url(app: AppTest, chosen: str) -> None:
    assert ask(app, "1") == "1"
    ask(app, "1", choose="3", cut_off=True)
    ask(app, "1", choose=chosen, cut_off=True)
    assert ask(app, "1") == chosen
    assert app.query_params.get("event", "") == chosen


def test_back_button_wins_even_in_an_interrupted_run(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(app, "1") == "1"
    assert ask(app, "1", choose="2") == "2"
    with monkeypatch.context() as back:
        back.setattr(url_state, "way_back", lambda: True)
        ask(app, "1", cut_off=True)
    assert ask(app, "1") == "1"


def test_different_url_wins_even_after_an_interrupted_choice(app: AppTest) -> None:
    ask(app, "1", choose="2", cut_off=True)
    assert ask(app, "7") == "7"


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(("page", "key"), [("explore", "explore"), ("tuning", "tune"), ("anomalies", "tags")])
def test_unknown_tags_of_a_link_are_named_until_others_are_chosen(page: str, key: str) -> None:
    assert "tags that are not here" not in text(show(page, **{key: "Fermenter pH"}))
    app = show(page, **{key: ["Boiler *1*", "Fermenter pH"] if key != "tune" else "Boiler *1*"})
    assert not app.exception
    assert r"The link names tags that are not here: Boiler \*1\*." in text(app)
    app.run()
    assert "tags that are not here" in text(app), "also after a rerun"
    if key == "tune":
        app.selectbox(key="tune").set_value("agitator_rpm").run()
    elif key == "explore":
        app.multiselect(key="explore").set_value(["agitator_rpm"]).run()
    else:
        app.button_group(key="tags").set_value(["agitator_rpm"]).run()
    assert "tags that are not here" not in text(app)
