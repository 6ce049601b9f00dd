"""The state and the newest value of each tag now, the worst state first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.events.actions import State
from sensormon.events.active import Active, ActiveList, Kind
from sensormon.events.quiet import MAINTENANCE, Reason
from sensormon.model.clock import HOUR, MINUTE, SECOND, ManualClock
from sensormon.model.events import Severity
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.view.active_feed import ActiveFeed
from sensormon.view.live_now import STATE_WORDS, LiveNow, TagState, states_of, worst_first
from tests.support.anomalies import usual
from tests.support.plant import START, batch_of


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    running.submit(batch_of(*usual(60), *[("fermenter_ph", 8.5)] * 3, at=START - 62 * SECOND))
    running.submit(batch_of(("agitator_rpm", 450.0), at=START))
    running.drain()
    yield running
    running.stop()


def now_of(monitor: Monitor) -> LiveNow:
    return LiveNow(monitor, ActiveFeed(monitor))


def test_each_tag_has_its_newest_value_and_its_state(monitor: Monitor, clock: ManualClock) -> None:
    now = now_of(monitor)
    answer = now.answer()
    assert answer["names"] == ["fermenter_temp", "fermenter_ph", "agitator_rpm"]
    assert answer["values"] == ["", "8.50 pH", "450 rpm"]
    assert now.states() == {
        "fermenter_temp": TagState.NO_DATA,
        "fermenter_ph": TagState.HIGH,
        "agitator_rpm": TagState.NORMAL,
    }
    (number,) = answer["events"].values()
    clock.advance(2)
    monitor.submit(batch_of(("fermenter_ph", 7.04), ("agitator_rpm", 451.0), at=clock.now(), seconds=0))
    assert now.answer()["values"] == ["", "7.04 pH", "451 rpm"]
    monitor.actions.record((number,), "acknowledge", "Ana")
    assert now.states()["fermenter_ph"] is TagState.ACKNOWLEDGED, "an act shows at once"
    monitor.shelved_tags.shelve(["fermenter_ph"], clock.now() + HOUR, "probe", "Bo")
    assert now.states()["fermenter_ph"] is TagState.SHELVED


def test_reading_that_comes_late_is_not_the_newest(monitor: Monitor, clock: ManualClock) -> None:
    now = now_of(monitor)
    for rpm in ((452.0, 440.0), (453.0, 441.0)):  # at the first look, and at a later one
        clock.advance(2)
        monitor.submit(batch_of(("agitator_rpm", rpm[0]), at=clock.now(), seconds=0))
        monitor.submit(batch_of(("agitator_rpm", rpm[1]), at=START - 5 * SECOND, source="late", seconds=0))
        assert now.answer()["values"][2] == f"{rpm[0]:.0f} rpm"
    clock.advance(2)
    monitor.submit(batch_of(("agitator_rpm", 442.0), at=START - 4 * SECOND, source="late", seconds=0))
    assert now.answer()["values"][2] == "453 rpm"


def test_value_from_before_the_start_comes_from_the_store(
    monitor: Monitor, clock: ManualClock, settings: Settings
) -> None:
    monitor.stop()
    clock.advance(2 * HOUR / SECOND)
    again = Monitor(settings, clock)
    try:
        now = now_of(again)
        assert now.answer()["values"] == ["", "8.50 pH", "450 rpm"]
    finally:
        again.stop()


def test_worst_state_comes_first_and_equal_ones_keep_their_order() -> None:
    def event(tag: str, severity: Severity, *, over: bool = False, ids: tuple[int, ...] = (1,)) -> Active:
        calling = ids if severity is not Severity.LOW else ()
        return Active(Kind.EVENT, severity, tag, over=over, event=0, unacknowledged=ids, calling=calling)

    quiet = Reason(MAINTENANCE, 0, 1, "Ana", "cleaning")
    listed = ActiveList(
        (
            Active(Kind.MONITOR, Severity.HIGH, text="The disk is full."),
            event("over", Severity.HIGH, over=True),
            event("high", Severity.HIGH),
            event("medium", Severity.MEDIUM),
            event("known", Severity.HIGH, ids=()),
            Active(Kind.SILENCE, Severity.MEDIUM, "silent", silent=9.0),
            replace(event("both", Severity.MEDIUM), kind=Kind.SILENCE, silent=9.0),
        ),
        (replace(event("cleaned", Severity.HIGH), quiet=quiet),),
    )
    states = states_of(listed)
    assert "" not in states
    names = ["b", "silent", "known", "a", "cleaned", "medium", "both", "over", "high"]
    order = ["high", "over", "medium", "both", "known", "silent", "cleaned", "b", "a"]
    assert worst_first(states, names) == order
    assert set(STATE_WORDS) == set(TagState)


def test_state_is_that_of_what_waits_not_of_what_is_acknowledged() -> None:
    acknowledged = Active(Kind.EVENT, Severity.HIGH, "t", state=State.ACKNOWLEDGED, event=0)
    silent_and_low = Active(Kind.SILENCE, Severity.MEDIUM, "t", event=0, unacknowledged=(1,), silent=9.0)
    for item, state in (
        (acknowledged, TagState.ACKNOWLEDGED),
        (replace(acknowledged, unacknowledged=(1,)), TagState.LOW),
        (silent_and_low, TagState.SILENT),
    ):
        assert states_of(ActiveList((item,))) == {"t": state}


@pytest.mark.parametrize("count", [300, 3_000])
def test_many_tags_are_answered_within_the_time_of_a_click(
    settings: Settings, tmp_path: Path, count: int
) -> None:
    file = tmp_path / "tags.toml"
    file.write_text("\n".join(f'[tags.t{i}]\nunit = "bar"\ngroup = "A/{i // 50}"\n' for i in range(count)))
    m = Monitor(replace(settings, tags=file), ManualClock(START))
    try:
        for second in range(5):
            batch = batch_of(*((f"t{i}", 5.0 + second) for i in range(count)), at=START, seconds=0)
            m.submit(batch)
        now = now_of(m)
        now.answer()
        m.clock.advance(MINUTE / SECOND)
        m.submit(batch_of(*((f"t{i}", 6.0) for i in range(count)), at=m.clock.now(), seconds=0))
        began = time.process_time()
        answer = now.answer()
        assert time.process_time() - began < 0.3 * count / 300
        assert set(answer["values"]) == {"6.0 bar"} or len(set(answer["values"])) == 1
        assert len(answer["names"]) == count
    finally:
        m.stop()
