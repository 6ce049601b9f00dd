"""The bell's acts in a session: only what the role allows, and only what the monitor knows."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.events.active import SHIFT
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.anomalies import usual
from tests.support.pages import text
from tests.support.plant import START, Adopt, batch_of


def page_of_an_act() -> None:
    """A page that does what its bell was told."""
    import streamlit as st

    from sensormon.monitor.runtime import monitor
    from sensormon.ui.bell import act_on

    act_on(monitor(), st.session_state["act"])


@pytest.fixture
def plant(settings: Settings, adopt: Adopt, clock: ManualClock) -> Monitor:
    monitor = adopt(Monitor(settings, clock))
    monitor.submit(batch_of(*usual(60), *[("fermenter_ph", 8.5)] * 3, at=START - 62 * SECOND))
    monitor.drain()
    return monitor


def pressed(monkeypatch: pytest.MonkeyPatch, role: Role, **act: object) -> AppTest:
    """The page of somebody with this role after this act."""
    me = Person("Jana", role, Way.ACCOUNT)
    for place in ("bell", "acts"):
        monkeypatch.setattr(f"sensormon.ui.{place}.person", lambda _: me)
    app = AppTest.from_function(page_of_an_act, default_timeout=60)
    app.session_state["act"] = act
    return app.run()


def event(m: Monitor) -> tuple[int, str]:
    frame = m.events.between(None, START - SHIFT, START + SHIFT)
    return int(frame["id"].iloc[0]), str(frame["state"].iloc[0])


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR], ids=str)
def test_only_an_operator_acknowledges(plant: Monitor, monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    newest, before = event(plant)
    assert before != "acknowledged"
    app = pressed(monkeypatch, role, what="acknowledge", tag="fermenter_ph", newest=newest)
    assert not app.exception
    may = role is Role.OPERATOR
    assert (event(plant)[1] == "acknowledged") is may
    assert ("acknowledge is not allowed for a viewer" in text(app)) is not may


@pytest.mark.usefixtures("plant")
@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR], ids=str)
def test_only_an_operator_gets_a_form_to_shelve(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    app = pressed(monkeypatch, role, what="shelve", tag="fermenter_ph")
    assert not app.exception
    (button,) = [button for button in app.button if button.label == "Shelve"]
    assert button.proto.disabled is (role is Role.VIEWER)


@pytest.mark.parametrize(
    "act",
    [
        {"what": "acknowledge", "tag": "no such tag", "newest": 1},
        {"what": "acknowledge", "tag": 7, "newest": 1},
        {"what": "shelve", "tag": ["fermenter_ph"]},
        {"what": "drop everything"},
        {},
    ],
)
def test_act_that_nobody_can_press_does_nothing(
    plant: Monitor, monkeypatch: pytest.MonkeyPatch, act: dict[str, object]
) -> None:
    before = event(plant)
    app = pressed(monkeypatch, Role.ADMINISTRATOR, **act)
    assert not app.exception
    assert event(plant) == before
    assert plant.shelved_tags.now() == []


def test_what_somebody_else_has_acknowledged_is_not_acknowledged_again(
    plant: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest, _ = event(plant)
    plant.actions.record([newest], "acknowledge", "Ada")
    pressed(monkeypatch, Role.OPERATOR, what="acknowledge", tag="fermenter_ph", newest=newest)
    frame = plant.events.between(None, START - SHIFT, START + SHIFT)
    assert list(frame["acknowledged_by"]) == ["Ada"]
