"""The sentences on the pages, word for word."""

from __future__ import annotations

import math
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.events.alarm_load import AlarmLoad
from sensormon.model.clock import SECOND
from sensormon.model.format import clock_time, duration, moment_words
from sensormon.model.ledger import Ledger, LedgerLine
from sensormon.model.readings import Reason, reason_words
from sensormon.model.status import (
    JournalStatus,
    SourceState,
    SourceStatus,
    Status,
    StoreState,
    StoreStatus,
    WriteState,
)
from sensormon.model.tags import Tag
from sensormon.model.timestamps import parse
from sensormon.sources.faults import FAULTS
from sensormon.view.phrases import (
    Phrase,
    fault_sentence,
    literal,
    normal_band,
    zone_words,
)
from sensormon.view.status import (
    abnormal,
    alarms,
    boxes,
    dated,
    late,
    ledger_phrase,
    source_phrase,
    source_tables,
    status_line,
    store_phrase,
    writing_phrase,
)

NOW = 1_790_000_000 * SECOND
PH = Tag("ph", "Fermenter pH", unit="pH", normal=(6.5, 7.5), resolution=0.01)
SOURCE = SourceStatus("simulator", SourceState.COLLECTING, 1.0, ("a", "b", "c"), 3.0, NOW - 800_000)
STORE = StoreStatus("DuckDB", StoreState.HEALTHY, NOW - 60 * SECOND)
JOURNAL = JournalStatus(0, 0, None, 4096)
WELL = Status(NOW, NOW - 60 * SECOND, SOURCE, JOURNAL, STORE)
LEDGER = Ledger((LedgerLine("simulator", received=12_410, stored=12_402, rejected=8),), {"duplicate": 8})


def hour(events: int, seconds: float = 3_600.0) -> AlarmLoad:
    """The load of the last hour, of which `seconds` have readings."""
    return AlarmLoad(events, seconds, int(seconds // 600), 0, 0, 0, 0)


def test_the_status_line_summarises_the_plant():
    assert [phrase.text for phrase in status_line(WELL, LEDGER, hour(7))] == [
        "Collecting · 3 tags every second",
        "stored 12,402",
        "7 events in the last hour (1.2 events per 10 min)",
        "data 0.8 s old",
        "ledger balanced",
    ]
    assert not any(phrase.abnormal for phrase in status_line(WELL, LEDGER, hour(7)))
    assert (
        status_line(WELL, LEDGER, hour(7, 900))[2].text == "7 events in the last hour (4.7 events per 10 min)"
    )
    assert status_line(WELL, LEDGER, hour(700, 59))[2].text == "700 events in the last hour"
    assert alarms(WELL) == ()


def test_the_store_being_away_leaves_the_count_unknown():
    assert status_line(WELL, LEDGER, None)[2] == Phrase("events in the last hour unknown")


def test_status_line_warns_while_a_healthy_store_catches_up():
    behind = replace(JOURNAL, depth_readings=4_123, oldest=NOW - 11 * SECOND)
    words = "Loading 4,123 readings; figures exclude them for now"
    assert status_line(replace(WELL, journal=behind), LEDGER, hour(7))[2] == Phrase(words)
    for fine in (
        replace(WELL, journal=replace(behind, oldest=NOW - 9 * SECOND)),
        replace(WELL, journal=behind, store=replace(STORE, state=StoreState.RETRYING)),  # which has an alarm
    ):
        assert words not in [phrase.text for phrase in status_line(fine, LEDGER, hour(7))]


def test_missing_data_is_reported_with_what_to_do():
    status = replace(WELL, source=replace(SOURCE, last_reading=NOW - 12 * SECOND))
    assert status_line(status, LEDGER, hour(7))[3] == Phrase("12 s without data", True)
    assert alarms(status) == (
        "No reading for 12 s; one is due every second. "
        "Check the sensor's connection and clock; collection resumes by itself.",
    )


@pytest.mark.parametrize("state", [SourceState.WAITING, SourceState.FINISHED])
def test_nobody_waits_for_a_source_that_owes_nothing(state):
    assert not late(replace(WELL, source=replace(SOURCE, state=state, last_reading=NOW - 3600 * SECOND)))


def test_a_database_that_takes_nothing_names_the_next_try():
    store = replace(
        STORE, state=StoreState.RETRYING, since=NOW - 14 * SECOND, next_try=NOW + 4 * SECOND, problem="locked"
    )
    status = replace(WELL, store=store, journal=replace(JOURNAL, depth_readings=42))
    words = "nothing reaches the database for 14 s, 42 readings safe in the journal, next try in 4.0 s"
    assert store_phrase(status) == Phrase(words, True)
    assert alarms(status) == ("N" + words[1:] + ".\nlocked.",)


def test_a_dead_thread_and_a_refusing_journal_come_first():
    source = replace(SOURCE, state=SourceState.REFUSING, problem="The disk is full. Free some space")
    status = replace(WELL, source=source, failures=("The loader stopped: X. Restart the monitor",))
    assert alarms(status) == (
        "The loader stopped: X. Restart the monitor. No acknowledged reading is lost.",
        "The disk is full. Free some space",
    )


def test_a_message_has_its_time_in_the_viewers_zone():
    said = dated("2026-11-24T12:14:09.009513Z The collector stopped: X", ZoneInfo("Europe/Berlin"))
    assert said == "2026-11-24 13:14:09 The collector stopped: X"


def test_only_a_dead_loader_affects_the_database_status():
    dead = replace(WELL, failures=("The collector stopped: X",))
    assert dead.writing is WriteState.HEALTHY
    assert store_phrase(dead) == Phrase("DuckDB is taking readings")
    dead = replace(WELL, failures=("The loader stopped: X",), loading=False)
    assert dead.writing is WriteState.RETRYING
    assert "until the loader is back" in store_phrase(dead).text
    waiting = replace(dead, journal=replace(JOURNAL, depth_readings=42))
    assert waiting.writing is WriteState.SPOOLING
    assert writing_phrase(waiting).abnormal


@pytest.mark.parametrize("state", list(SourceState))
def test_every_state_of_the_source_has_words(state):
    assert source_phrase(replace(SOURCE, state=state)).text


@pytest.mark.parametrize("state", list(StoreState))
def test_every_state_of_the_store_has_words(state):
    assert store_phrase(replace(WELL, store=replace(STORE, state=state))).text


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_for_a_rejection_has_words(reason):
    assert "_" not in reason_words(reason)


def test_a_loss_and_a_duplicate_in_two_sources_do_not_cancel():
    lines = (LedgerLine("a", received=3, stored=2), LedgerLine("b", received=2, stored=3))
    assert ledger_phrase(WELL, Ledger(lines)) == Phrase("ledger off by 2 readings", True)


def test_only_a_difference_that_nobody_has_acknowledged_is_abnormal():
    ledger = Ledger((LedgerLine("a", received=5, stored=2), LedgerLine("b", received=2, stored=3)))
    seen = replace(WELL, acknowledged={"a": 3, "b": -1})
    assert ledger_phrase(seen, ledger) == Phrase("ledger off by 4 readings, acknowledged")
    assert abnormal(seen, ledger) == ()
    partly = replace(WELL, acknowledged={"a": 1, "b": -1})
    assert ledger_phrase(partly, ledger) == Phrase("ledger off by 2 readings", True)
    assert abnormal(partly, ledger) == ("the ledger does not balance",)


def test_the_boxes_follow_the_path_of_a_reading():
    way = boxes(WELL, LEDGER, 7)
    assert [(box.name, box.count) for box in way] == [
        ("Source", "12,410"),
        ("Validated", "12,402"),
        ("Scored", "12,402"),
        ("Journaled", "12,410"),
        ("Stored", "12,402"),
    ]
    assert not any(box.abnormal for box in way)


def test_write_times_are_percentiles_of_readings_only():
    store = replace(STORE, latency_p50=0.03, latency_p99=0.174)
    status = replace(WELL, store=store, journal=replace(JOURNAL, latency_p50=0.0019, latency_p99=0.2))
    way = {box.name: box.lines for box in boxes(status, LEDGER, 7)}
    assert "median 30 ms, p99 174 ms" in way["Stored"]
    assert "median 1.9 ms, p99 200 ms" in way["Journaled"]
    nothing = boxes(status, Ledger(()), 0)
    assert not any("ms" in line for box in nothing for line in box.lines)


def test_only_the_store_s_box_is_wrong_while_the_store_is_away():
    status = replace(WELL, store=replace(STORE, state=StoreState.RETRYING))
    assert [box.name for box in boxes(status, LEDGER, None) if box.abnormal] == ["Stored"]


def test_the_ledger_tables_have_a_row_per_source_and_per_reason():
    table, reasons = source_tables(LEDGER, {"simulator": 0.84})
    assert table.loc[0, "Received"] == 12_410
    assert table.loc[0, "Difference"] == 0
    assert table.loc[0, "Age, s"] == 0.8
    assert reasons.to_numpy().tolist() == [["duplicate", 8]]


def test_times_are_in_the_named_zone_of_the_viewer():
    berlin = ZoneInfo("Europe/Berlin")
    assert clock_time(0, berlin) == "01:00:00"
    assert zone_words("Europe/Berlin", berlin, 0) == "Times in Europe/Berlin (UTC+01:00)"
    assert zone_words("UTC", ZoneInfo("UTC"), 0) == "Times in UTC"


def test_a_moment_has_its_day_unless_that_is_today():
    berlin = ZoneInfo("Europe/Berlin")
    midnight = parse("2026-09-21T22:00:00Z")  # in Berlin
    assert moment_words(midnight, midnight + 60 * SECOND, berlin) == "00:00:00"
    assert moment_words(midnight - SECOND, midnight + 60 * SECOND, berlin) == "2026-09-21 23:59:59"


def test_bands_are_given_with_the_unit():
    assert normal_band(PH) == "normal 6.5–7.5 pH"
    assert normal_band(Tag("x", "X")) == ""
    assert PH.render_band(7.02, 7.38) == "7.02 ± 0.36 pH"
    assert PH.render_band(math.nan, math.nan) == "–"


@given(st.floats(0, 1e9))
def test_a_duration_never_has_a_unit_that_is_full(seconds):
    text = duration(seconds)
    assert not any(full in f" {text}" for full in (" 60 s", " 60 min", " 24 h"))


@pytest.mark.parametrize("name", FAULTS)
def test_every_simulated_fault_has_a_sentence(name: str) -> None:
    assert fault_sentence(name).endswith(".")
    assert fault_sentence("no such one") == ""


@pytest.mark.parametrize(
    "text", ["![x](http://evil.example/y)", ":red[x]", "**b** `c` $d$ <e>", "[l](javascript:x)"]
)
def test_text_from_outside_is_not_markdown(text: str) -> None:
    escaped = literal(text)
    assert escaped.replace("\\", "") == text
    marks = [place for place, letter in enumerate(escaped) if letter in "![]()*`$<>:"]
    assert marks
    assert all(escaped[place - 1] == "\\" for place in marks)
    assert "\n" not in literal("a\nb")


@pytest.mark.parametrize(
    ("normal", "resolution", "words"),
    [
        ((35.0, 40.0), 0.01, "normal 35–40 °C"),
        ((23.699, 84.631), 0.1, "normal 23.7–84.6 °C"),
        ((0.5, 1.5), 1.0, "normal 0.5–1.5 °C"),
        ((7.25, 7.35), 0.1, "normal 7.25–7.35 °C"),
        ((0.0001, 0.0004), 0.0, "normal 0.0001–0.0004 °C"),
        ((-0.04, 0.04), 1.0, "normal -0.04–0.04 °C"),
        ((1000.0, 20000.0), 1.0, "normal 1,000–20,000 °C"),
    ],
)
def test_a_normal_band_has_its_tags_digits_unless_that_moves_it(normal, resolution, words):
    assert normal_band(Tag("t", "T", "°C", normal=normal, resolution=resolution)) == words
