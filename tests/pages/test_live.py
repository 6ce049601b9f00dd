"""The Live page as Streamlit draws it: the board, its fallback, its state in the URL."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.access.roles import Role
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import IMPORT
from sensormon.model.format import clock_time
from sensormon.model.readings import Origin
from sensormon.model.settings import Settings
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from sensormon.ui.live_menu import event_at
from sensormon.view.live_feed import LiveFeed
from tests.support.anomalies import usual
from tests.support.lines import known_here
from tests.support.pages import PAGES, figures, show, text
from tests.support.people import visit_of, with_accounts
from tests.support.plant import START, Adopt, batch_of
from tests.support.server import ROOT


def board(app: AppTest) -> dict[str, Any]:
    """The data given to the board."""
    protos = [element.proto for element in app.get("bidi_component")]
    boards = [json.loads(proto.json) for proto in protos if proto.id.endswith("live-board")]
    assert len(boards) == 1
    data: dict[str, Any] = boards[0]
    return data


def many(settings: Settings, tmp_path: Path, count: int = 40) -> Settings:
    """Settings with `count` tags in four groups."""
    file = tmp_path / "tags.toml"
    tables = [f'[tags.t{i}]\nlabel = "Tag {i}"\nunit = "bar"\ngroup = "Unit {i % 4}"\n' for i in range(count)]
    file.write_text("\n".join(tables))
    return replace(settings, tags=file)


@pytest.mark.usefixtures("full")
def test_board_gets_every_tag_with_unit_decimals_and_band() -> None:
    data = board(show("live"))
    assert [tag["name"] for tag in data["tags"]] == ["fermenter_temp", "fermenter_ph", "agitator_rpm"]
    assert [tag["unit"] for tag in data["tags"]] == ["°C", "pH", "rpm"]
    assert [tag["decimals"] for tag in data["tags"]] == [2, 2, 0]
    assert data["tags"][0]["words"] == "normal 35–40 °C"
    assert (data["span"], data["until"], data["strip"]) == (900, None, [])


@pytest.mark.usefixtures("full")
def test_fallback_draws_every_tag_without_the_board() -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.session_state["no-board"] = True
    app.run()
    assert not app.exception
    assert figures(app) == 3
    for unit in ("°C", "pH", "rpm"):
        assert unit in text(app)


def test_pause_is_kept_in_the_url(full: Monitor) -> None:
    app = show("live")
    assert "at" not in app.query_params
    app.toggle(key="paused").set_value(True).run()
    at = app.query_params["at"]
    assert at == render(full.clock.now())
    assert isinstance(full.clock, ManualClock)
    full.clock.advance(500)
    again = show("live", at=at)
    assert board(again)["until"] == START
    assert "still collecting" in text(again)
    again.toggle(key="paused").set_value(False).run()
    assert board(again)["until"] is None
    assert "at" not in again.query_params


@pytest.mark.usefixtures("full")
def test_invalid_or_future_moment_is_ignored() -> None:
    assert board(show("live", at="yesterday"))["until"] is None
    assert board(show("live", at="2999-01-01"))["until"] == START


def test_worst_of_many_tags_open_and_all_are_in_the_strip(
    settings: Settings, adopt: Adopt, tmp_path: Path
) -> None:
    monitor = adopt(Monitor(many(settings, tmp_path), ManualClock(START)))
    for i in range(60):
        values = [(f"t{tag}", 50.0 if (tag, i) == (17, 59) else 5.0 + i % 2 / 10) for tag in range(40)]
        monitor.submit(batch_of(*values, at=START - (60 - i) * SECOND, seconds=0))
    monitor.drain()
    data = board(show("live"))
    assert len(data["strip"]) == len(data["plant"]) == 40
    assert data["plant"][17] == ["t17", "Tag 17", "Unit 1"]
    assert data["tags"][0]["name"] == "t17", "its event is open, whatever others had before"
    assert len(data["tags"]) == 3
    assert data["follows"]
    chosen = board(show("live", show="Tag 3"))
    assert [tag["name"] for tag in chosen["tags"]] == ["t3"]
    assert not chosen["follows"]


def test_node_and_search_narrow_the_tags(settings: Settings, adopt: Adopt, tmp_path: Path) -> None:
    monitor = adopt(Monitor(many(settings, tmp_path), ManualClock(START)))
    monitor.submit(batch_of(*[(f"t{tag}", 5.0) for tag in range(40)], at=START, seconds=0))
    data = board(show("live", group="Unit 1"))
    assert data["node"] == {"groups": ["Unit 1"], "only": ""}
    assert [tag["name"] for tag in data["tags"]] == ["t1", "t5", "t9"]
    data = board(show("live", group="Unit 1", tag="bar 13"))
    assert data["strip"] == [tag["name"] for tag in data["tags"]] == ["t13"]
    data = board(show("live", only="t7"))
    assert [tag["name"] for tag in data["tags"]] == ["t7"]
    nothing = show("live", tag="no such thing")
    assert "no matching tags" in text(nothing).lower()
    lost = show("live", group="Unit 99", only="gone")
    assert "the group Unit 99, the tag gone" in text(lost)
    assert len(board(lost)["tags"]) == 3


def test_groups_nest_at_their_slashes(settings: Settings, adopt: Adopt, tmp_path: Path) -> None:
    settings = many(settings, tmp_path)
    nested = (
        settings.tags.read_text()
        .replace('"Unit 1"', '"Plant A / Unit 1"')
        .replace("Unit 2", "Plant A/Unit 2")
    )
    settings.tags.write_text(nested)
    monitor = adopt(Monitor(settings, ManualClock(START)))
    monitor.submit(batch_of(*[(f"t{tag}", 5.0) for tag in range(40)], at=START, seconds=0))
    data = board(show("live", group="Plant A"))
    assert [group for _, _, group in data["plant"][:3]] == ["Unit 0", "Plant A/Unit 1", "Plant A/Unit 2"]
    assert [tag["name"] for tag in data["tags"]] == ["t1", "t2", "t5"]
    assert board(show("live", group="Plant"))["node"]["groups"] == [], "no part of a name is a group"


def test_menu_of_a_card_says_what_the_role_may_not_do(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=START))
    acts = {act["act"]: act for act in board(show("live"))["tags"][0]["acts"]}
    assert list(acts) == ["explore", "tuning", "shelve", "edit"]
    assert acts["explore"]["href"] == "explore?explore=fermenter_ph"
    assert acts["tuning"]["href"] == "tuning?tune=fermenter_ph"
    assert acts["edit"]["href"] == "data?section=Tags&tag=fermenter_ph"
    assert [act["why"] for act in acts.values()] == ["", "", "", ""]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ENGINEER])
def test_act_of_the_menu_that_the_role_lacks_says_why(
    settings: Settings, adopt: Adopt, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    known_here(monkeypatch)
    m = adopt(Monitor(replace(settings, access="users"), ManualClock(START)))
    m.submit(batch_of(("fermenter_ph", 7.0), at=START))
    token = with_accounts(m)[role]
    monkeypatch.setattr("sensormon.ui.who.visit", lambda: visit_of(token))
    acts = {act["act"]: act["why"] for act in board(show("live"))["tags"][0]["acts"]}
    assert acts["explore"] == acts["tuning"] == ""
    assert ("Needs the role operator" in acts["shelve"]) is (role < Role.OPERATOR)
    assert ("Needs the role engineer" in acts["edit"]) is (role < Role.ENGINEER)


def test_click_on_a_diamond_finds_the_event_of_its_tag(settings: Settings, adopt: Adopt) -> None:
    m = adopt(Monitor(settings, ManualClock(START)))
    m.submit(batch_of(*usual(60), *[("fermenter_ph", 8.5)] * 3, at=START - 62 * SECOND))
    m.drain()
    (number,) = m.events.between(None, 0, START + 1)["id"]
    assert event_at(m, "fermenter_ph", START - SECOND) == number
    assert event_at(m, "fermenter_temp", START - SECOND) is None
    assert event_at(m, "fermenter_ph", START - 30 * SECOND) is None


@pytest.mark.usefixtures("full")
def test_another_range_is_shown_whole() -> None:
    zoom = f"{render(START - 60 * SECOND)}/{render(START)}"
    app = show("live", zoom=zoom)
    assert board(app)["view"] is not None
    app.segmented_control(key="range").set_value("5 min").run()
    assert "zoom" not in app.query_params
    assert board(app)["view"] is None


def test_tags_with_the_same_label_show_their_names(settings: Settings, adopt: Adopt, tmp_path: Path) -> None:
    file = tmp_path / "tags.toml"
    file.write_text('[tags.a]\nlabel = "Level"\n[tags.b]\nlabel = "Level"\n')
    monitor = adopt(Monitor(replace(settings, tags=file), ManualClock(START)))
    monitor.submit(batch_of(("a", 1.0), ("b", 2.0), at=START))
    assert [tag["label"] for tag in board(show("live"))["tags"]] == ["Level (a)", "Level (b)"]


def test_imported_tag_is_not_live(settings: Settings, adopt: Adopt) -> None:
    m = adopt(Monitor(replace(settings, source="none"), ManualClock(START)))
    rows = [("fermenter_ph", 7.0 + i % 3 / 100) for i in range(200)]
    rows[150] = ("fermenter_ph", 8.9)
    rows[160] = ("fermenter_ph", 99.0)
    m.submit(replace(batch_of(*rows, at=START - 300 * SECOND), origin=Origin.IMPORT, source=IMPORT))
    m.drain()
    assert int(m.stored.frame(None, 0, START)["is_anomaly"].sum()) >= 1
    app = show("live")
    assert [alert.proto.title for alert in app.info] == ["No readings yet"]
    assert [link.proto.page for link in app.get("page_link")] != []
    assert "1 event in the last hour" in text(app), "as the Anomalies page counts it"
    assert LiveFeed(m).board(["fermenter_ph"], 600)["rejected"] == {}
    m.submit(batch_of(("fermenter_temp", 37.0), at=START))
    data = board(show("live"))
    assert [tag["name"] for tag in data["tags"]] == ["fermenter_temp"]


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    "address",
    [{"at": "1800-01-01T00:00:00Z"}, {"zoom": "1970-01-01T00:00:00Z/2262-01-01T00:00:00Z"}],
)
def test_time_outside_live_readings_is_ignored(address: dict[str, str]) -> None:
    app = show("live", **address)
    assert 'class="paused"' not in text(app)
    assert "at" not in app.query_params
    assert app.session_state["zoomed"] is None


def test_pause_on_another_day_shows_the_date(full: Monitor) -> None:
    assert "paused at 2026-09-1" in text(show("live", at="2026-09-18T10:00:00Z"))
    at = full.clock.now()
    assert f"paused at {clock_time(at, UTC)}" in text(show("live", at=render(at)))


def test_tag_that_is_not_simulated_waits_for_data_beside_the_simulator(
    settings: Settings, adopt: Adopt, tmp_path: Path
) -> None:
    tags = tmp_path / "own.toml"
    tags.write_text('[tags.a]\nlabel = "Alpha"\nnoise = 0.1\n[tags.b]\nlabel = "Beta"\nsimulated = false\n')
    monitor = adopt(Monitor(replace(settings, source="simulator", tags=tags), ManualClock(START)))
    monitor.source.backfill()
    monitor.drain()
    app = show("live")
    sent = [(tag["label"], tag["badge"], tag["without"]) for tag in board(app)["tags"]]
    assert sent == [("Alpha", "SIMULATED", "no data"), ("Beta", "", "no data yet")]
    assert "1 of 2 tags by the built-in simulator" in text(app)
    app.session_state["no-board"] = True
    cards = {line for line in text(app.run()).splitlines() if 'class="card' in line}
    assert {("Alpha" in card, "SIMULATED" in card, "no data yet" in card) for card in cards} == {
        (True, True, False),
        (False, False, True),
    }
    monitor.submit(batch_of(("b", 1.0), at=START))
    (card,) = {line for line in text(app.run()).splitlines() if 'class="card' in line and "Beta" in line}
    assert "no data yet" not in card
    assert "SIMULATED" not in card


def test_monitor_without_the_simulator_has_no_badge(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=START))
    for name in PAGES:
        assert "SIMULATED" not in text(show(name))
