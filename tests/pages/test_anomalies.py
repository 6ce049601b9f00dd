"""The Anomalies page: the list of events in every state, one event, and what viewers do with them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.profiles import single
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.view.detectors import detector_words, title
from sensormon.view.phrases import literal
from tests.support.anomalies import FAR, choose, events, named, states, table_id, usual
from tests.support.pages import figures, show, text
from tests.support.plant import START, Adopt, batch_of


def test_empty_list_says_what_to_do(settings: Settings, adopt: Adopt) -> None:
    adopt(Monitor(settings, ManualClock(START)))
    app = show("anomalies")
    assert "No anomalies here" in text(app)
    assert figures(app) == 0


def test_all_events_are_listed_and_the_newest_is_explained(full: Monitor) -> None:
    app = show("anomalies")
    listed = full.events.between(None, START - 3600 * SECOND, FAR)
    assert len(events(app)) == len(listed) > 10
    assert events(app)["Time"].is_monotonic_decreasing
    words = text(app)
    assert f"{len(listed)} events" in words
    assert "to acknowledge" in words
    spoke = str(listed["detector"].iloc[0])
    assert f"◆ {title(spoke)}: " in words
    assert f", above {listed['threshold'].iloc[0]:.1f}" in words
    (other,) = {"zscore", "recommended"} - {spoke}
    assert literal(f"{title(other)}: ") in words
    for fact in (
        "Value",
        "Expected",
        "σ",
        "Threshold",
        "Readings learned",
        "Quality",
        "Detector",
        "Profile",
    ):
        assert f"<span>{fact}</span>" in words
    choice = full.detection.in_force.in_use.default.choice(spoke)
    assert choice is not None
    assert detector_words(spoke, choice.params) in words
    assert figures(app) == 3, "events over time, the event in its context, the reading"
    assert "No action on this event yet" in words


def test_page_shows_no_stray_markdown(full: Monitor) -> None:
    app = show("anomalies")
    assert full.actions.count == 0
    assert [block.value for block in app.markdown if not block.value.startswith(("**", "Flagged"))] == []


def test_bulk_acknowledge_uses_the_viewers_name(full: Monitor) -> None:
    app = show("anomalies")
    chosen = choose(app, full, 0, 2, 3)
    app.button(key="acknowledge").click().run()
    assert full.actions.count == 0, "somebody without a name"
    named(app).run()
    assert full.actions.count == 0, "a name that was given elsewhere meanwhile is no yes"
    app.text_input(key="name-given").input("Ana")
    next(button for button in app.button if button.label == "Continue").click().run()
    assert not app.exception
    assert states(full, chosen) == ["acknowledged"] * 3
    assert events(app)["State"].tolist().count("acknowledged") == 3
    chosen = choose(app, full, 1)
    app.button(key="acknowledge").click().run()
    assert states(full, chosen) == ["acknowledged"]
    app.button(key="unacknowledge").click().run()
    assert "acknowledged" not in states(full, chosen)
    history = full.events.actions(chosen[0], chosen[0])
    assert history["who"].tolist() == ["Ana (unverified)", "Ana (unverified)"]
    assert "undid the acknowledgement" in [
        what for table in app.dataframe if "What" in table.value for what in table.value["What"]
    ]


def test_label_note_and_shelving_survive_a_restart(full: Monitor, adopt: Adopt, settings: Settings) -> None:
    app = named(show("anomalies"))
    chosen = choose(app, full, 1, 4)
    app.menu_button(key="label-as").click("benign").run()
    full.actions.record(chosen, "note", "Ana", note="cleaning in place")
    full.actions.record(chosen[:1], "shelve", "Ana", until=START + 3600 * SECOND)
    full.stop()
    again = adopt(Monitor(replace(settings, source="simulator"), ManualClock(START)))
    again.drain()
    app = show("anomalies")
    table = events(app)
    assert table["Label"].tolist().count("Expected") == 2
    assert table["Note"].tolist().count("cleaning in place") == 2
    assert table["State"].tolist().count("shelved") == 1
    assert "1 shelved" in text(app)


def test_any_reading_explains_why_it_was_not_flagged(full: Monitor) -> None:
    app = show("anomalies")
    app.toggle(key="any").set_value(True).run()
    stored = full.stored.frame(["fermenter_temp"], START - 900 * SECOND, START)
    calm = stored[~stored["is_anomaly"] & stored["score"].notna()].iloc[5]
    app.session_state["any-reading"] = int(calm["id"])
    app.run()
    assert not app.exception
    assert "threshold 3.0): not flagged." in text(app)
    app.session_state["any-reading"] = int(stored["id"].iloc[7])
    app.run()
    assert "Not judged: warm-up, 7 of the 50 readings needed were learned." in text(app)


def test_unavailable_store_is_reported(settings: Settings, adopt: Adopt) -> None:
    Path(settings.store_url).mkdir(parents=True)
    monitor = adopt(Monitor(settings, ManualClock(START)))
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=START))
    monitor.drain()
    assert "The database cannot be read at the moment" in text(show("anomalies"))
    monitor.actions.record([1], "acknowledge", "Ana")  # written to the journal


def test_later_events_do_not_move_the_list(settings: Settings, adopt: Adopt) -> None:
    clock = ManualClock(START)
    monitor = adopt(Monitor(settings, clock))

    def feed(count: int, spike: int) -> None:
        for i in range(count):
            clock.advance(1.0)
            monitor.submit(
                batch_of(("fermenter_ph", 8.5 if i == spike else 7 + 0.01 * (i % 3)), at=clock.now())
            )
        monitor.drain()

    feed(100, 80)
    app = show("anomalies")
    assert len(events(app)) == 1
    feed(15, 5)
    app.run()
    assert len(events(app)) == 1
    assert "1 reading flagged since" in text(app)
    app.button(key="renew").click().run()
    assert len(events(app)) == 2


def test_action_without_selection_applies_to_the_event_shown(full: Monitor) -> None:
    app = named(show("anomalies", list="worst first"))
    every = full.events.between(None, 0, FAR)
    worst = int(every.loc[every["score"].idxmax(), "id"])
    app.button(key="acknowledge").click().run()
    assert states(full, [worst]) == ["acknowledged"]
    assert full.events.between(None, 0, FAR)["state"].eq("acknowledged").sum() == 1


def test_action_applies_to_the_event_shown_when_pressed(settings: Settings, adopt: Adopt) -> None:
    clock = ManualClock(START)
    monitor = adopt(Monitor(settings, clock))
    monitor.submit(batch_of(*usual(100), ("fermenter_ph", 8.5), *usual(40), at=START))
    monitor.drain()
    clock.advance(150.0)
    app = named(show("anomalies"))
    (meant,) = monitor.events.between(None, 0, FAR)["id"].tolist()
    monitor.submit(batch_of(("fermenter_ph", 8.5), *usual(40), at=clock.now()))
    monitor.drain()
    clock.advance(60.0)  # the click reruns a page that was in the background this long
    app.button(key="acknowledge").click().run()
    assert events(app)["State"].tolist() == ["returned, unack.", "acknowledged"]
    assert states(monitor, [meant]) == ["acknowledged"]


def test_leaving_the_page_closes_open_forms(full: Monitor) -> None:
    app = show("anomalies", event=str(int(full.events.between(None, 0, FAR)["id"].iloc[2])), within="15 min")
    app.button(key="acknowledge").click().run()
    assert app.text_input(key="name-given")
    app.button(key="acknowledge").click().run()
    assert len(app.text_input) == 2, "one thing at a time: the name, and the words to look for"
    app.switch_page("pages/explore.py").run()
    named(app).switch_page("pages/anomalies.py").run()
    assert not app.exception
    assert full.actions.count == 0
    assert "name-given" not in [field.key for field in app.text_input]


def test_returning_to_the_page_restores_its_view(full: Monitor) -> None:
    chosen = str(int(full.events.between(None, 0, FAR).query("start < '2026-09-21T14:05:00Z'")["id"].iloc[2]))
    view = {"from": "2026-09-21T14:00:00.000Z", "to": "2026-09-21T14:05:00.000Z", "event": chosen}
    app = show("anomalies", within="between", **view)
    before = events(app)
    app.switch_page("pages/explore.py")
    for name in view:
        app.query_params.pop(name, None)  # as the navigation does
    app.query_params |= {"from": "2026-09-21T14:01:00Z", "to": "2026-09-21T14:02:00Z"}  # set by Explore
    app.run()
    for name in view:
        app.query_params.pop(name, None)
    app.switch_page("pages/anomalies.py").run()
    pd.testing.assert_frame_equal(events(app), before)
    assert {name: "".join(app.query_params[name]) for name in view} == view
    app.switch_page("pages/live.py").run()
    app.query_params["event"] = "999999999"
    app.query_params.pop("from", None)
    app.query_params.pop("to", None)
    app.switch_page("pages/anomalies.py").run()
    assert len(events(app)) != len(before), "a link says all there is to say"


def test_action_applies_even_if_the_list_is_empty_by_then(full: Monitor) -> None:
    every = [int(event_id) for event_id in full.events.between(None, 0, FAR)["id"]]
    app = named(show("anomalies", state="unacknowledged"))
    full.actions.record(every, "acknowledge", "Ben")
    app.query_params["asof"] = "2026-09-21T14:13:19.000Z"  # another list
    app.button(key="note").click().run()
    assert "No matching events" in text(app)
    app.text_area(key="note-given").input("valve cleaned")
    next(button for button in app.button if button.label == "Save").click().run()
    assert not app.exception
    noted = full.events.between(None, 0, FAR).query("note != ''")
    assert noted["id"].tolist() == every[:1]


def test_actions_of_others_do_not_close_a_note_form(full: Monitor) -> None:
    app = named(show("anomalies"))
    app.button(key="note").click().run()
    full.actions.record([int(full.events.between(None, 0, FAR)["id"].iloc[3])], "acknowledge", "Ben")
    app.run()  # as the fragment that polls for it requests
    app.text_area(key="note-given").input("valve cleaned")
    next(button for button in app.button if button.label == "Save").click().run()
    assert full.events.between(None, 0, FAR)["note"].iloc[0] == "valve cleaned"
    assert not app.text_area, "asked once"
    assert "· acknowledged" in text(
        show("anomalies", event=str(int(full.events.between(None, 0, FAR)["id"].iloc[3])))
    )


def test_actions_of_others_change_rows_and_remove_none(full: Monitor) -> None:
    every = full.events.between(None, 0, FAR)
    app = named(show("anomalies", state="unacknowledged"))
    before = events(app)
    assert len(before) == len(every), "those that have returned wait for somebody too"
    full.actions.record([int(every["id"].iloc[2])], "acknowledge", "Ben")
    app.run()
    assert events(app)["Time"].tolist() == before["Time"].tolist()
    assert events(app)["State"].tolist().index("acknowledged") == 2
    assert "1 event changed" in text(app)
    app.button(key="acknowledge").click().run()
    assert len(events(app)) == len(every) - 1, "what the viewer does takes its own row away"
    app.button(key="renew").click().run()
    assert len(events(app)) == len(every) - 2
    assert "changed" not in text(app)


def test_column_fits_a_long_unit(full: Monitor) -> None:
    full.running_tags.retag(TagTable(replace(tag, unit="kg/(m²·h)") for tag in full.tags))
    app = show("anomalies")
    longest = events(app)["Peak"].str.len().max()
    (table,) = [frame for frame in app.dataframe if "Peak" in frame.value]
    width = json.loads(table.proto.columns)["Peak"]["width"]
    assert width >= 8 * longest


def test_columns_fit_beside_an_event_and_long_names_are_cut(full: Monitor) -> None:
    full.running_tags.retag(TagTable(replace(tag, label="Feed of the north reactor") for tag in full.tags))
    (table,) = [frame for frame in show("anomalies").dataframe if "Peak" in frame.value]
    columns = json.loads(table.proto.columns)
    widths = {name: columns[name]["width"] for name in table.proto.column_order if name != "Note"}
    assert sum(widths.values()) <= 720
    assert widths["Tag"] >= 90


def test_flag_stored_just_after_the_list_moves_no_row(settings: Settings, adopt: Adopt) -> None:
    clock = ManualClock(START)
    monitor = adopt(Monitor(settings, clock))
    monitor.submit(batch_of(*usual(100), at=START))
    monitor.submit(batch_of(("fermenter_ph", 8.5), *usual(40), at=START + 100 * SECOND))
    monitor.drain()
    clock.advance(150.0)
    app = show("anomalies")
    before = events(app)
    assert len(before) == 1
    monitor.submit(batch_of(("fermenter_ph", 8.5), at=START + 149 * SECOND))
    monitor.drain()
    clock.advance(20.0)  # by then the list has been read again
    app.query_params["asof"] = "2026-09-21T14:15:50.000Z"  # as a selection keeps it
    app.run()
    pd.testing.assert_frame_equal(events(app)[["Time", "Peak"]], before[["Time", "Peak"]])
    app.button(key="renew").click().run()
    assert len(events(app)) == 2


def test_link_shows_the_same_list_later(settings: Settings, adopt: Adopt) -> None:
    clock = ManualClock(START)
    monitor = adopt(Monitor(replace(settings, source="simulator"), clock))
    monitor.source.backfill()
    monitor.drain()
    ids = [int(event_id) for event_id in monitor.events.between(None, 0, FAR)["id"][:6]]
    app = named(show("anomalies", tags="Fermenter pH", score="4.0", list="worst first", around="10 min"))
    chosen = [
        int(event_id)
        for event_id in monitor.events.between(["fermenter_ph"], 0, FAR).query("score >= 5")["id"][:2]
    ]
    app.query_params["event"] = ",".join(map(str, chosen))
    app.run()
    app.button(key="next").click().run()
    address = {name: "".join(value) for name, value in app.query_params.items()}
    before = events(app)
    assert set(address) == {"tags", "score", "list", "around", "event", "asof"}
    assert address["asof"] == "2026-09-21T14:13:20.000Z"
    monitor.actions.record(ids, "note", "Ana", note="x")  # actions are shown in their current state
    clock.advance(24 * 3600)
    later = show("anomalies", **address)
    columns = ["Time", "Tag", "Peak", "Score", "Detector", "Severity", "Flags"]  # some are over by now
    pd.testing.assert_frame_equal(events(later)[columns], before[columns])
    assert events(later)["Note"].tolist() != before["Note"].tolist()
    assert "As of 2026-09-21" in text(later)
    assert {name: "".join(value) for name, value in later.query_params.items()} == address
    assert later.segmented_control(key="around").value == "10 min"


def test_previous_and_next_walk_the_list_or_the_selection(full: Monitor) -> None:
    ids = [int(event_id) for event_id in full.events.between(None, 0, FAR)["id"]]
    app = show("anomalies")
    assert app.button(key="previous").disabled
    app.button(key="next").click().run()
    assert app.query_params["open"] in (str(ids[1]), [str(ids[1])])
    assert "None selected: acts on the event shown, " in text(app), "walking the list selects nothing"
    app.query_params["event"] = f"{ids[2]},{ids[7]},{ids[5]}"
    app.run()
    order = []
    for _ in range(3):
        app.button(key="next").click().run()
        order.append("".join(app.query_params["event"]).split(",")[0])
    assert order == [str(ids[2]), str(ids[5]), str(ids[7])], "from the open event on, the selected ones"
    assert "3 selected" in text(app)


def test_detail_walks_the_readings_and_names_what_masked_one(settings: Settings, adopt: Adopt) -> None:
    clock = ManualClock(START)
    monitor = adopt(Monitor(settings, clock))
    monitor.tuner.apply(single("zscore", {"window": 50.0, "threshold": 3.0}), "Ana")
    values = [*usual(100), ("fermenter_ph", 9.0), *usual(3), ("fermenter_ph", 8.9), *usual(3)]
    monitor.submit(batch_of(*values, ("fermenter_ph", 7.4), *usual(20), at=START))
    monitor.drain()
    clock.advance(140.0)
    app = show("anomalies")
    stored = monitor.stored.frame(["fermenter_ph"], START, clock.now()).sort_values("id")
    masked = int(stored.loc[stored["value"] == 7.4, "id"].iloc[0])
    app.session_state["reading"] = masked - 1
    app.run()
    app.button(key="later-reading").click().run()
    assert not app.exception
    assert app.session_state["reading"] == masked
    said = [block.value for block in app.markdown if "Masked" in block.value]
    assert [words.partition(" in the window")[0] for words in said] == [
        literal("Masked: σ is inflated by 2 spikes")
    ]
    app.button(key="earlier-reading").click().run()
    assert app.session_state["reading"] == masked - 1
    assert not [block for block in app.markdown if "Masked" in block.value]


def test_open_event_leaves_the_selection_as_it_is(full: Monitor) -> None:
    ids = [int(event_id) for event_id in full.events.between(None, 0, FAR)["id"]]
    app = named(show("anomalies", event=f"{ids[2]},{ids[3]}", open=str(ids[8])))
    assert "2 selected, not the event shown" in text(app)
    assert "9 of" in text(app)
    app.button(key="acknowledge").click().run()
    assert states(full, ids[2:4]) == ["acknowledged"] * 2
    assert "acknowledged" not in states(full, [ids[8]])
    app.button(key="select-none").click().run()
    assert "None selected: acts on the event shown" in text(app)


@pytest.mark.usefixtures("full")
def test_select_all_and_select_none() -> None:
    app = named(show("anomalies", severity="high"))
    count = len(events(app))
    app.button(key="select-all").click().run()
    assert f"{count} selected" in text(app)
    app.button(key="acknowledge").click().run()
    assert set(events(app)["State"]) == {"acknowledged"}
    assert f"{count} events acknowledged" in [toast.value for toast in app.toast]
    assert f"{count} selected" in text(app), "the choice stays"
    app.button(key="select-none").click().run()
    assert "None selected: acts on the event shown" in text(app)


def test_event_leaving_the_list_is_reported_and_replaced(full: Monitor) -> None:
    every = full.events.between(None, 0, FAR)
    ids = [int(event_id) for event_id in every.loc[every["state"] == "returned, unacknowledged", "id"]]
    app = named(show("anomalies", state="returned, unacknowledged"))
    app.query_params["event"] = str(ids[3])
    app.run()
    assert "4 of" in text(app)
    app.button(key="acknowledge").click().run()
    assert "The selected event" not in text(app), "one's own act needs no words"
    assert "4 of" in text(app)
    elsewhere = show("anomalies", state="returned, unacknowledged", event=str(ids[3]))
    assert "The selected event does not match the filters" in text(elsewhere)
    app.button(key="next").click().run()
    assert "".join(app.query_params["event"]) == str(ids[4]), "the one that took its place"
    outside = show("anomalies", event="999999999")
    assert "The selected event started outside the time range" in text(outside)
    outside.button(key="let-go").click().run()
    assert "event" not in outside.query_params


def test_table_changes_with_the_list(full: Monitor) -> None:
    app = show("anomalies")
    every, many = table_id(app, "State"), len(events(app))
    choose(app, full, 1)
    assert table_id(app, "State") == every  # the same list keeps its place, its order and its columns
    app.session_state["score"] = 8.0
    app.run()
    assert 0 < len(events(app)) < many
    assert table_id(app, "State") != every


def test_acknowledging_in_turn_keeps_the_place_in_the_list(full: Monitor) -> None:
    app = named(show("anomalies", state="unacknowledged"))
    many, every = len(events(app)), table_id(app, "State")
    choose(app, full, 3)
    app.button(key="acknowledge").click().run()
    assert (len(events(app)), table_id(app, "State")) == (many - 1, every)
    choose(app, full, 4, 5)  # if several leave, others would take the selected positions
    app.button(key="acknowledge").click().run()
    assert len(events(app)) == many - 3
    assert table_id(app, "State") != every
