"""When a schedule is due, and which are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sensormon.access.documents import Documents
from sensormon.model.clock import HOUR, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.timestamps import parse
from sensormon.monitor.monitor import Monitor
from sensormon.reports.schedules import MONTH, WEEK, Schedule, Schedules

DAILY = Schedule("", "fermenter", "yesterday", "day", "02:30", "Europe/Berlin", ("lead",))


@pytest.mark.parametrize(
    ("schedule", "now", "last", "following"),
    [
        (DAILY, "2026-09-21T00:30:00Z", "2026-09-21T00:30:00Z", "2026-09-22T00:30:00Z"),
        (DAILY, "2026-09-21T00:29:59Z", "2026-09-20T00:30:00Z", "2026-09-21T00:30:00Z"),
        (DAILY, "2026-03-29T12:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"),  # 02:30 is left out
        (DAILY, "2026-10-25T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),  # 02:30 comes twice
        (
            replace(DAILY, every=WEEK, weekday=4),
            "2026-09-21T12:00:00Z",
            "2026-09-18T00:30:00Z",
            "2026-09-25T00:30:00Z",
        ),
        (
            replace(DAILY, every=MONTH, monthday=28),
            "2026-03-01T12:00:00Z",
            "2026-02-28T01:30:00Z",
            "2026-03-28T01:30:00Z",
        ),
    ],
)
def test_a_schedule_is_due_by_the_clock_of_its_zone(
    schedule: Schedule, now: str, last: str, following: str
) -> None:
    assert schedule.last_due(parse(now)) == parse(last)
    assert schedule.next_due(parse(now)) == parse(following)


def test_it_is_due_once_a_day_also_where_the_clocks_change() -> None:
    now, due = parse("2026-10-23T12:00:00Z"), []
    for _ in range(4 * 24):
        due.append(DAILY.last_due(now))
        now += HOUR
    assert len({*due}) == 5


@pytest.fixture
def schedules(settings: Settings, clock: ManualClock) -> Schedules:
    monitor = Monitor(settings, clock)
    documents = Documents(monitor.parts.collector, monitor.parts.store.entries, clock)
    return Schedules(documents, lambda: ["fermenter"], lambda: ["lead"], clock.now)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"board": "nowhere"}, "no board or shared view 'nowhere'"),
        ({"span": "tomorrow"}, "no span 'tomorrow'"),
        ({"every": "hour"}, "every day, week or month"),
        ({"at": "25:00"}, "'25:00' is not a time of day"),
        ({"zone": "Mars/Olympus"}, "no time zone"),
        ({"contacts": ()}, "nobody is to get it"),
        ({"contacts": ("lead", "boss")}, "no contact 'boss'"),
        ({"every": MONTH, "monthday": 31}, "day 1 to 28"),
        ({"id": "gone"}, "has been removed"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(
    schedules: Schedules, change: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        schedules.save(replace(DAILY, **change), "Ana")


def test_schedules_are_kept_changed_and_removed(schedules: Schedules, clock: ManualClock) -> None:
    kept = schedules.save(DAILY, "Ana")
    changed = schedules.save(replace(kept, at="06:00"), "Ben")
    assert schedules.all() == [changed]
    assert (changed.id, changed.who, changed.since) == (kept.id, "Ben", clock.now())
    schedules.remove(kept.id, "Ana")
    assert schedules.all() == []
    with pytest.raises(UsageError, match="removed already"):
        schedules.remove(kept.id, "Ana")
