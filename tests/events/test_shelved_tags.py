"""Shelving of a tag's alarm: until a time, kept over restarts, known to other processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sensormon.access.documents import FRESH, Documents
from sensormon.events.actions import LONGEST_NOTE, LONGEST_SHELVING
from sensormon.events.shelved_tags import ShelvedTags
from sensormon.model.clock import HOUR, SECOND, ManualClock
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START

PH, TEMP = "fermenter_ph", "fermenter_temp"


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    yield running
    running.stop()


def tags(m: Monitor) -> list[str]:
    return [shelving.tag for shelving in m.shelved_tags.now()]


def test_tag_is_shelved_until_its_time(monitor: Monitor, clock: ManualClock) -> None:
    monitor.shelved_tags.shelve([PH, TEMP], START + HOUR, "  probe is being changed\n", "Ana")
    monitor.shelved_tags.shelve([PH], START + 2 * HOUR, "takes longer", "Bo")
    clock.advance(60)
    (first, second) = monitor.shelved_tags.now()
    assert (first.tag, first.until, first.reason, first.who) == (
        TEMP,
        START + HOUR,
        "probe is being changed",
        "Ana",
    )
    assert (second.tag, second.since, second.who) == (PH, START, "Bo")
    assert monitor.shelved_tags.at(PH, START - 1) is None
    assert monitor.shelved_tags.at("agitator_rpm", START + 1) is None
    clock.advance(3_600)
    assert tags(monitor) == [PH]
    assert monitor.shelved_tags.at(TEMP, START + HOUR) is None
    assert monitor.shelved_tags.at(TEMP, START + HOUR - 1) is not None, "what was quiet stays known"


def test_unshelved_tag_was_shelved_until_then(monitor: Monitor, clock: ManualClock) -> None:
    monitor.shelved_tags.shelve([PH, TEMP], START + HOUR, "probe", "Ana")
    clock.advance(600)
    monitor.shelved_tags.unshelve([PH, "agitator_rpm"], "Bo")
    assert tags(monitor) == [TEMP]
    assert monitor.shelved_tags.at(PH, clock.now()) is None
    assert monitor.shelved_tags.at(PH, clock.now() - 1) is not None
    with pytest.raises(UsageError, match="none of these tags is shelved"):
        monitor.shelved_tags.unshelve([PH], "Bo")


def test_shelving_outlives_a_restart(settings: Settings, clock: ManualClock) -> None:
    first = Monitor(settings, clock)
    first.shelved_tags.shelve([PH], START + HOUR, "probe", "Ana")
    first.stop()
    again = Monitor(settings, clock)
    assert tags(again) == [PH]
    again.stop()


def test_other_processes_on_the_store_know_of_a_shelving(monitor: Monitor, clock: ManualClock) -> None:
    parts = monitor.parts
    other = ShelvedTags(Documents(parts.collector, parts.store.entries, clock), lambda: monitor.tags, clock)
    assert other.now() == []
    monitor.shelved_tags.shelve([PH], START + HOUR, "probe", "Ana")
    monitor.drain()
    clock.advance(FRESH / SECOND)
    assert [shelving.tag for shelving in other.now()] == [PH]


@pytest.mark.parametrize(
    ("chosen", "until", "reason", "who", "words"),
    [
        ([], START + HOUR, "r", "Ana", "no tag is chosen"),
        (["nobody"], START + HOUR, "r", "Ana", "there is no tag 'nobody'"),
        ([PH], START, "r", "Ana", "until a time to come"),
        ([PH], START + LONGEST_SHELVING * SECOND + 1, "r", "Ana", "within a year"),
        ([PH], START + HOUR, " ", "Ana", "a reason is needed"),
        ([PH], START + HOUR, "r" * (LONGEST_NOTE + 1), "Ana", "1,001 characters"),
        ([PH], START + HOUR, "r", "\n", "a name of 1 to 100"),
        ([f"t{i}" for i in range(1_001)], START + HOUR, "r", "Ana", "1,001 tags are more"),
    ],
)
def test_impossible_shelving_is_refused(
    monitor: Monitor, chosen: list[str], until: int, reason: str, who: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        monitor.shelved_tags.shelve(chosen, until, reason, who)
    assert tags(monitor) == []


def test_nothing_is_shelved_while_the_store_was_never_readable(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreError("away")

    monkeypatch.setattr(monitor.parts.store.entries, "documents", away)
    assert monitor.shelved_tags.at(PH, START) is None
    assert not monitor.quiet.is_quiet(PH, START)
    with pytest.raises(StoreError):
        monitor.shelved_tags.now()
