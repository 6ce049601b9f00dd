"""What is simulated is known by tag and time, and only that has a badge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo

from sensormon.model.clock import MINUTE, SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.monitor import Monitor
from sensormon.view.simulated import badge, simulated_words, tag_words
from tests.support.plant import START, batch_of

Adopt = Callable[[Monitor], Monitor]


def test_running_simulator_marks_its_tags_from_their_first_reading_on(full: Monitor) -> None:
    spans = full.simulated.spans()
    assert set(spans) == set(full.tags.names) == full.simulated.running
    first = full.stored.first_time(0, FOREVER)
    assert set(spans.values()) == {(first, FOREVER)}
    assert full.simulated.within(START, START + 1) == set(full.tags.names)
    assert full.simulated.within(0, first) == set()


def test_monitor_of_other_sources_has_nothing_simulated(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    monitor.submit(batch_of(("fermenter_ph", 7.0)))
    assert monitor.simulated.spans() == {}
    assert monitor.simulated.within(0, FOREVER) == set()


def test_simulated_history_stays_marked_after_the_simulator(settings: Settings, adopt: Adopt) -> None:
    clock = ManualClock(START)
    before = Monitor(replace(settings, source="simulator"), clock)
    before.source.backfill()
    before.drain()
    before.stop()
    clock.advance(600)
    after = adopt(Monitor(settings, clock))
    after.submit(batch_of(("fermenter_ph", 7.0), at=clock.now()))
    assert after.simulated.running == set()
    spans = after.simulated.spans()
    assert set(spans) == set(after.tags.names)
    assert all(START - MINUTE < last <= START for _, last in spans.values())
    assert after.simulated.within(START + SECOND, FOREVER) == set()
    assert after.simulated.within(0, START) == set(after.tags.names)


def test_badge_says_what_is_simulated() -> None:
    tags = TagTable([Tag("a", "Alpha"), Tag("b", "Beta <b>")])
    zone = ZoneInfo("UTC")
    assert simulated_words({}, tags, START, zone) is None
    both = {"a": (0, FOREVER), "b": (0, FOREVER)}
    assert simulated_words(both, tags, START, zone) == "by the built-in simulator"
    part = {"a": (0, FOREVER), "b": (0, START)}
    assert simulated_words(part, tags, START, zone) == "1 of 2 tags by the built-in simulator"
    past = simulated_words({"b": (0, START - MINUTE)}, tags, START, zone)
    assert past is not None
    assert past.startswith("readings of 1 tag up to ")
    assert tag_words(["a", "b"], 2, tags) == ""
    assert tag_words(["b"], 2, tags) == "Beta <b>"
    assert badge("Beta <b>") == '<span class="simulated"><b>SIMULATED</b> Beta &lt;b&gt;</span>'
