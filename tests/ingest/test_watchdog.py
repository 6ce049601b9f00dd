"""Silent tags are detected by the clock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sensormon.ingest.watchdog import QUIET, Watchdog
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.readings import Origin, Reason, Rejection
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.stores.readings import LastArrival
from sensormon.view.status import age_table, alarms
from tests.support.plant import START, batch_of


def test_tag_is_silent_after_five_of_its_intervals(tags: TagTable) -> None:
    dog = Watchdog(tags)
    for i in range(300):
        at = START + i * SECOND
        readings = [("temp", 37.0)] + ([("ph", 7.0)] if i % 10 == 0 else [])
        dog.note(batch_of(*readings, at=at, seconds=0))
    last = START + 299 * SECOND
    assert dog.silent(last + 4 * SECOND) == ()
    (silence,) = dog.silent(last + 8 * SECOND)
    assert (silence.tag, silence.seconds) == ("temp", 8.0)
    assert [silence.tag for silence in dog.silent(last + 60 * SECOND)] == ["ph", "temp"]


def test_imported_readings_never_make_a_tag_silent(tags: TagTable) -> None:
    dog = Watchdog(tags)
    for i in range(100):
        dog.note(replace(batch_of(("temp", 37.0), at=START + i * SECOND), origin=Origin.IMPORT))
    assert dog.silent(START + 10**6 * SECOND) == ()


def test_clock_set_back_makes_no_tag_silent(tags: TagTable) -> None:
    dog = Watchdog(tags)
    for i in range(100):
        dog.note(batch_of(("temp", 37.0), at=START + i * SECOND))
    back = START - 3600 * SECOND
    for i in range(100):
        dog.note(batch_of(("temp", 37.0), at=back + i * SECOND))
        assert dog.silent(back + i * SECOND) == ()
    assert [silence.tag for silence in dog.silent(back + 120 * SECOND)] == ["temp"]


def test_silent_tag_raises_an_alarm(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, source="simulator"), clock)
    simulator = monitor.source.simulator
    assert simulator is not None
    for i in range(100):
        clock.advance(1)
        if i == 60:
            monitor.source.inject("gap", "fermenter_ph", 300)
        monitor.submit(simulator.read(clock.now()))
    status = monitor.status()
    assert [silence.tag for silence in status.silent] == ["fermenter_ph"]
    assert status.problems == ()
    (line,) = alarms(status)
    assert line.startswith("Fermenter pH has been silent for 4")
    monitor.stop()


def test_a_tag_of_a_single_reading_is_silent_after_five_minutes(tags: TagTable) -> None:
    dog = Watchdog(tags)
    dog.note(batch_of(("temp", 37.0)))
    assert dog.silent(START + 299 * SECOND) == ()
    (silence,) = dog.silent(START + 325 * SECOND)
    assert (silence.tag, silence.seconds, silence.source) == ("temp", 325.0, "test")


def test_a_slow_tag_is_given_five_of_its_longest_intervals(tags: TagTable) -> None:
    dog = Watchdog(tags)
    for i in range(3):
        dog.note(batch_of(("temp", 37.0), at=START + i * 600 * SECOND))
    assert dog.silent(START + (1_200 + 3_000) * SECOND) == ()
    assert [silence.tag for silence in dog.silent(START + (1_200 + 3_001) * SECOND)] == ["temp"]


def test_a_tag_of_states_may_keep_a_state_for_long(tags: TagTable) -> None:
    dog = Watchdog(TagTable([*tags, Tag("valve", "Valve", states=("closed", "open"))]))
    dog.note(batch_of(("valve", 1.0), at=START))
    assert dog.silent(START + 86_400 * SECOND) == (), "it may be sent when it changes only"
    for at in (*range(10, 310, 10), 1_310, *range(1_320, 1_620, 10)):
        dog.note(batch_of(("valve", 0.0), at=START + at * SECOND))
    last = START + 1_610 * SECOND
    assert dog.silent(last + 4_900 * SECOND) == (), "five of its longest intervals are not over"
    assert [silence.tag for silence in dog.silent(last + 5_100 * SECOND)] == ["valve"]


def test_a_tag_without_live_readings_owes_nothing(tags: TagTable) -> None:
    dog = Watchdog(tags)
    for origin in (Origin.IMPORT, Origin.BACKFILL):
        dog.note(replace(batch_of(("temp", 37.0)), origin=origin))
    assert dog.silent(START + 10**6 * SECOND) == ()
    assert [(age.seconds, age.silent, age.ahead) for age in dog.ages(START)] == [(None, False, 0.0)] * 2


def test_a_tag_from_before_the_start_is_silent_unless_it_reports_again(tags: TagTable) -> None:
    dog = Watchdog(tags)
    earlier = {
        name: LastArrival(START - 3_600 * SECOND, START - 3_600 * SECOND, "http") for name in tags.names
    }
    dog.remember(earlier, {"http"}, START)
    assert dog.silent(START + 299 * SECOND) == (), "it had no time to report yet"
    dog.note(batch_of(("ph", 7.0), at=START + 200 * SECOND))
    (silence,) = dog.silent(START + 325 * SECOND)
    assert (silence.tag, silence.seconds) == ("temp", 3_925.0)
    dog.note(batch_of(("temp", 37.0), at=START + 330 * SECOND))
    assert dog.silent(START + 331 * SECOND) == ()
    assert [silence.tag for silence in dog.silent(START + 640 * SECOND)] == ["ph", "temp"], (
        "the pause of the monitor is no interval of the tag"
    )


def test_a_source_that_is_not_in_use_owes_nothing(tags: TagTable) -> None:
    dog = Watchdog(tags)
    dog.remember({"temp": LastArrival(START, START, "simulator")}, {"http"}, START)
    assert dog.silent(START + 10**6 * SECOND) == ()
    assert dog.ages(START + 5 * SECOND)[0].seconds == 5.0


def test_a_clock_ahead_is_named_and_hides_no_silence(tags: TagTable) -> None:
    dog = Watchdog(tags)
    dog.note(replace(batch_of(("temp", 37.0), ("ph", 7.0), at=START + 500 * SECOND), received=START))
    dog.note(batch_of(("ph", 7.0), at=START + 10 * SECOND))
    ages = {age.tag: age for age in dog.ages(START + 100 * SECOND)}
    assert (ages["temp"].seconds, ages["temp"].ahead) == (100.0, 400.0)
    assert (ages["ph"].seconds, ages["ph"].ahead) == (90.0, 401.0)
    assert [age.tag for age in dog.ahead(START + 100 * SECOND)] == ["ph", "temp"]
    assert [silence.tag for silence in dog.silent(START + 325 * SECOND)] == ["temp", "ph"]
    assert dog.ahead(START + 501 * SECOND) == (), "its time has come"


def test_a_clock_too_far_ahead_is_named_though_its_readings_are_rejected(
    settings: Settings, clock: ManualClock
) -> None:
    monitor = Monitor(settings, clock)
    hour = 3600 * SECOND
    for _ in range(3):
        clock.advance(10)
        batch = batch_of(("fermenter_ph", 7.0), at=clock.now() + hour, source="http")
        monitor.submit(replace(batch, received=clock.now()))
    (age,) = monitor.status().ahead
    assert (age.tag, age.ahead, age.seconds, age.source) == ("fermenter_ph", 3600.0, None, "http")
    assert monitor.status().silent == ()
    table = age_table(monitor.tag_ages())
    assert table["State"].tolist()[0] == "clock ahead"
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=clock.now(), source="http"))
    assert monitor.status().ahead == (), "the clock was set right"
    monitor.stop()


def test_a_rejected_reading_ends_no_silence(tags: TagTable) -> None:
    dog = Watchdog(tags)
    dog.note(batch_of(("temp", 37.0), at=START))
    late = START + 325 * SECOND
    wrong = Rejection(
        "test", late, 0, "temp", "2027-01-01T00:00:00Z", "37.0", Reason.FUTURE_TIMESTAMP, "too far ahead"
    )
    dog.note(batch_of(at=late), (wrong,))
    assert [silence.tag for silence in dog.silent(late)] == ["temp"]
    assert [age.tag for age in dog.ahead(late)] == ["temp"]


def test_a_tag_keeps_its_arrivals_when_the_table_changes(tags: TagTable) -> None:
    dog = Watchdog(tags)
    dog.note(replace(batch_of(("ph", 7.0), at=START + 500 * SECOND), received=START))
    dog.retag(TagTable([Tag("new", "New"), tags["ph"]]))
    new, ph = dog.ages(START + 325 * SECOND)
    assert (new.seconds, new.source, new.silent) == (None, "", False)
    assert (ph.seconds, ph.source, ph.silent, ph.ahead) == (325.0, "test", True, 175.0)


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["temp", "ph", "unknown"]), min_size=1, max_size=4),
            st.integers(-2_000, 2_000),
            st.integers(-2_000, 2_000),
        ),
        max_size=40,
    ),
    st.integers(-3_000, 3_000),
)
def test_ages_are_those_of_the_last_arrivals_whatever_the_clocks(
    arrivals: list[tuple[list[str], int, int]], later: int
) -> None:
    tags = TagTable([Tag("temp", "Temperature"), Tag("ph", "pH")])
    dog = Watchdog(tags)
    last: dict[str, int] = {}
    now = START
    for names, step, ahead in arrivals:
        now += step * SECOND
        batch = batch_of(*((name, 7.0) for name in names), at=now + ahead * SECOND, seconds=0)
        dog.note(replace(batch, received=now))
        if any(when > now for name, when in last.items() if name in names):  # our clock was set back
            last = {name: min(when, now) for name, when in last.items()}
        last |= dict.fromkeys(set(names) & {"temp", "ph"}, now)
        for age in dog.ages(now):
            assert age.seconds == (max(0, now - last[age.tag]) / SECOND if age.tag in last else None)
    now += later * SECOND
    for age in dog.ages(now):
        assert age.seconds is None or age.seconds >= 0
        assert age.silent == (age.tag in {silence.tag for silence in dog.silent(now)})
        assert not age.silent or (age.seconds or 0) > QUIET or len(arrivals) > 20


def test_three_thousand_tags_are_looked_over_in_milliseconds() -> None:
    tags = TagTable([Tag(f"t{i}", f"Tag {i}") for i in range(3_000)])
    dog = Watchdog(tags)
    dog.note(batch_of(*((name, 7.0) for name in tags.names), seconds=0))
    assert np.array([age.seconds for age in dog.ages(START + SECOND)]).tolist() == [1.0] * 3_000
    assert len(dog.silent(START + 301 * SECOND)) == 3_000


def test_the_monitor_names_silent_tags_after_a_restart(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(settings, clock)
    monitor.submit(batch_of(("fermenter_ph", 7.0), source="http"))
    monitor.submit(replace(batch_of(("fermenter_temp", 37.0), source="http"), origin=Origin.IMPORT))
    monitor.drain()
    monitor.submit(
        batch_of(("fermenter_temp", 37.0), source="http", at=START + SECOND)
    )  # only in the journal
    monitor.stop()
    clock.advance(1_000)
    monitor = Monitor(settings, clock)
    assert monitor.status().silent == ()
    clock.advance(325)
    silences = [(silence.tag, silence.seconds) for silence in monitor.status().silent]
    assert silences == [("fermenter_ph", 1_325.0), ("fermenter_temp", 1_324.0)]
    assert monitor.source_ages() == {"http": 1_324.0}
    assert monitor.status().data_age is None, "nothing has arrived since the start"
    monitor.stop()


def test_what_a_simulator_sent_is_not_missed_without_one(settings: Settings, clock: ManualClock) -> None:
    monitor = Monitor(replace(settings, source="simulator"), clock)
    assert monitor.source.simulator is not None
    monitor.submit(monitor.source.simulator.read(clock.now()))
    monitor.drain()
    monitor.stop()
    monitor = Monitor(settings, clock)
    clock.advance(1_000)
    assert monitor.status().silent == ()
    assert monitor.source_ages() == {"simulator": 1_000.0}
    monitor.stop()


def test_a_reading_from_a_clock_ahead_leaves_the_age_of_the_data_right(
    settings: Settings, clock: ManualClock
) -> None:
    monitor = Monitor(settings, clock)
    ahead = replace(batch_of(("fermenter_ph", 7.0), at=START + 500 * SECOND, source="http"), received=START)
    monitor.submit(ahead)
    clock.advance(100)
    status = monitor.status()
    assert status.data_age == 100.0
    assert [(age.tag, age.ahead) for age in status.ahead] == [("fermenter_ph", 400.0)]
    clock.advance(-1_000)
    assert monitor.status().data_age == 0.0
    monitor.stop()
