"""Notes on moments and spans: durable before they show, removable, kept over restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sensormon.events.actions import LONGEST_NOTE
from sensormon.events.annotations import MOST_TAGS, standing
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import Annotation
from sensormon.model.errors import SensormonError, StoreError, UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START, batch_of

HOUR = 3_600 * SECOND


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    running.submit(batch_of(("fermenter_ph", 7.0), at=clock.now()))
    running.drain()
    yield running
    running.stop()


def texts(m: Monitor, since: int = 0, until: int = START + HOUR, tags: list[str] | None = None) -> list[str]:
    return [note.text for note in m.annotations.between(since, until, tags)]


def test_note_shows_at_once_and_unchanged_after_storing(monitor: Monitor) -> None:
    monitor.annotations.add("pump changed", "Ana", START)
    monitor.annotations.add("cleaning", "Bo", START - HOUR, START - HOUR // 2, ["fermenter_ph"])
    before = monitor.annotations.between(0, START + HOUR)
    assert [note.text for note in before] == ["cleaning", "pump changed"]
    assert before[0].tags == ("fermenter_ph",)
    assert (before[1].since, before[1].until, before[1].who) == (START, START, "Ana")
    monitor.drain()
    assert monitor.annotations.waiting(0, START + HOUR) == []
    assert monitor.annotations.between(0, START + HOUR) == before


def test_notes_are_found_by_time_and_tag(monitor: Monitor) -> None:
    monitor.annotations.add("moment", "Ana", START)
    monitor.annotations.add("span of ph", "Ana", START, START + 10 * SECOND, ["fermenter_ph"])
    assert texts(monitor, START, START + 1) == ["moment", "span of ph"]
    assert texts(monitor, START + SECOND, START + 2 * SECOND) == ["span of ph"]
    assert texts(monitor, START + 11 * SECOND) == []
    assert texts(monitor, tags=["agitator_rpm"]) == ["moment"]
    assert texts(monitor, tags=["agitator_rpm", "fermenter_ph"]) == ["moment", "span of ph"]


def test_removed_note_cannot_be_removed_again(monitor: Monitor) -> None:
    note = monitor.annotations.add("wrong", "Ana", START)
    kept = monitor.annotations.add("right", "Ana", START)
    monitor.annotations.remove(note.id, "Bo")
    assert texts(monitor) == ["right"]
    monitor.drain()
    assert texts(monitor) == ["right"]
    with pytest.raises(UsageError, match="removed already"):
        monitor.annotations.remove(note.id, "Bo")
    monitor.annotations.remove(kept.id, "Bo")
    assert texts(monitor) == []
    assert monitor.annotations.changes == 4


def test_notes_survive_kill_restart_and_lost_database(settings: Settings, clock: ManualClock) -> None:
    first = Monitor(settings, clock)
    first.annotations.add("kept", "Ana", START)
    gone = first.annotations.add("removed", "Ana", START)
    first.annotations.remove(gone.id, "Ana")
    first.parts.loader.close()  # killed before it was loaded: nothing is drained
    first.parts.journal.close()
    first.parts.folder.release()
    second = Monitor(settings, clock)
    assert texts(second) == ["kept"]
    second.drain()
    assert texts(second) == ["kept"]
    assert second.parts.store.entries.annotations()[0].text in ("kept", "removed")
    second.stop()
    Path(settings.store_url).unlink()
    third = Monitor(settings, clock)
    third.drain()
    third.drain()
    assert texts(third) == ["kept"]
    assert len(third.parts.store.entries.annotations()) == 3
    third.stop()


def test_recent_notes_work_while_the_store_is_away(settings: Settings, clock: ManualClock) -> None:
    Path(settings.store_url).mkdir(parents=True)
    monitor = Monitor(settings, clock)
    monitor.annotations.add("now", "Ana", START)
    with pytest.raises(StoreError):
        monitor.annotations.between(0, START + 1)
    assert [note.text for note in monitor.annotations.readable(0, START + 1)] == ["now"]
    monitor.stop()


@pytest.mark.parametrize(
    ("text", "who", "since", "until", "tags", "says"),
    [
        ("", "Ana", START, None, (), "the note is empty"),
        ("\x00\n", "Ana", START, None, (), "the note is empty"),
        ("x" * (LONGEST_NOTE + 1), "Ana", START, None, (), "1,001 characters"),
        ("x", " ", START, None, (), "a name of 1 to 100"),
        ("x", "Ana", START, START - 1, (), "ends before it begins"),
        ("x", "Ana", -1, None, (), "between 1970 and 9999"),
        ("x", "Ana", START, 10**18, (), "between 1970 and 9999"),
        ("x", "Ana", START, None, [f"t{i}" for i in range(MOST_TAGS + 1)], "name none for all"),
    ],
)
def test_invalid_note_is_refused_in_one_line(
    monitor: Monitor, text: str, who: str, since: int, until: int | None, tags: list[str], says: str
) -> None:
    with pytest.raises(SensormonError, match=says):
        monitor.annotations.add(text, who, since, until, tags)
    assert texts(monitor) == []


def test_repeated_action_counts_once_in_any_order() -> None:
    note = Annotation("a", START, START, (), "x", "Ana", START)
    gone = Annotation("a", START, START, (), "x", "Bo", START + 1, removed=True)
    assert standing([note, note]) == [note]
    assert standing([note, gone, gone]) == standing([gone, note]) == []
