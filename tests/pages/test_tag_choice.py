"""Choices of tags: the address has names, the address wins, old links with labels still work."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.ui import url_state
from tests.support.pages import show, text


def address(app: AppTest, key: str) -> str:
    """What the address has under this name; repeated values joined."""
    values = app.query_params.get(key, "")
    return values if isinstance(values, str) else ",".join(values)


def ask(app: AppTest, key: str, value: str) -> AppTest:
    """Run the page as if the browser had asked with this parameter."""
    if value:
        app.query_params[key] = value
    else:
        app.query_params.pop(key, None)
    app.run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("full")
def test_explore_writes_names_and_reads_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    app = show("explore")
    usual = ["fermenter_temp", "fermenter_ph", "agitator_rpm"]
    assert app.multiselect(key="explore").value == usual
    assert address(app, "explore") == "", "what the page shows anyhow is not written"
    app.multiselect(key="explore").set_value(["fermenter_ph", "agitator_rpm"]).run()
    assert address(app, "explore") == "fermenter_ph,agitator_rpm"
    ask(app, "explore", "")
    assert app.multiselect(key="explore").value == ["fermenter_ph", "agitator_rpm"], "a busy browser"
    app.multiselect(key="explore").set_value([]).run()
    assert address(app, "explore") == "-"
    again = show("explore", explore="-")
    assert again.multiselect(key="explore").value == []
    monkeypatch.setattr(url_state, "way_back", lambda: True)
    ask(app, "explore", "fermenter_ph,agitator_rpm")
    assert app.multiselect(key="explore").value == ["fermenter_ph", "agitator_rpm"], "Back"
    ask(app, "explore", "")
    assert app.multiselect(key="explore").value == usual, "Back to the start"


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    ("page", "key", "old", "now"),
    [
        ("explore", "explore", ["Fermenter pH", "Agitator speed"], "fermenter_ph,agitator_rpm"),
        ("anomalies", "tags", ["Fermenter pH", "Agitator speed"], "fermenter_ph,agitator_rpm"),
        ("tuning", "tune", ["Agitator speed"], "agitator_rpm"),
        ("explore", "up", ["Agitator speed"], "agitator_rpm"),
    ],
)
def test_old_links_with_labels_work_and_become_names(page: str, key: str, old: list[str], now: str) -> None:
    more = {"look": "Two tags"} if key == "up" else {}
    app = show(page, **{key: old if len(old) > 1 else old[0]}, **more)
    widget = next(
        each for each in [*app.multiselect, *app.selectbox, *app.get("button_group")] if each.key == key
    )
    assert widget.value == (now.split(",") if key in ("explore", "tags") else now)
    assert address(app, key) == now
    assert "The link names" not in text(app)


@pytest.mark.usefixtures("full")
def test_a_choice_is_kept_while_another_page_is_drawn() -> None:
    app = show("tuning", tune="agitator_rpm")
    app.query_params.pop("tune")  # as the navigation does
    app.switch_page("pages/explore.py").run()
    app.switch_page("pages/tuning.py").run()
    assert app.selectbox(key="tune").value == "agitator_rpm"
    assert address(app, "tune") == "agitator_rpm"


@pytest.mark.usefixtures("full")
def test_tags_that_a_link_cannot_have_are_named() -> None:
    app = show("explore", explore="fermenter_ph,agitator_rpm", measured="fermenter_temp", look="Distribution")
    assert "The link names tags that cannot be chosen here: Fermenter temperature." in text(app)
    assert app.selectbox(key="measured").value == "fermenter_ph"
