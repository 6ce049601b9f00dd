"""Whose tags are expected to report: those of named sources that may still deliver, also after a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from sensormon.intake.named_sources import sources_of
from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.named import Delivering
from tests.support.plant import START

NAMED = '[sources.line]\nkind = "replay"\npath = "recorded.csv"\n'
QUIET = 400.0


@pytest.fixture
def restarted(settings: Settings) -> Iterator[Callable[[str], Monitor]]:
    """A monitor whose source `line` delivered before its restart, with this sources.toml."""
    running: list[Monitor] = []

    def begin(text: str) -> Monitor:
        before = Monitor(settings, ManualClock(START))
        Delivering(before).deliver()
        before.drain()
        before.stop()
        settings.sources_file.write_text(text)
        running.append(Monitor(settings, ManualClock(START)))
        sources_of(running[-1])
        return running[-1]

    yield begin
    for monitor in running:
        monitor.stop()


def silent(monitor: Monitor) -> list[str]:
    assert isinstance(monitor.clock, ManualClock)
    monitor.clock.advance(QUIET)
    return [silence.tag for silence in monitor.status().silent]


def test_a_tag_of_a_named_source_is_owed_after_a_restart(restarted: Callable[[str], Monitor]) -> None:
    assert silent(restarted(NAMED)) == ["fermenter_temp"]


@pytest.mark.parametrize("text", ["", NAMED + "on = false\n", NAMED.replace("line", "other")])
def test_one_of_a_source_that_is_gone_or_off_is_not(restarted: Callable[[str], Monitor], text: str) -> None:
    assert silent(restarted(text)) == []


def test_when_a_source_is_removed_its_tags_are_expected_no_more(restarted: Callable[[str], Monitor]) -> None:
    monitor = restarted(NAMED)
    assert silent(monitor) == ["fermenter_temp"]
    monitor.settings.sources_file.write_text("")
    sources_of(monitor).look()
    assert silent(monitor) == []
    assert not any(age.silent for age in monitor.tag_ages())
