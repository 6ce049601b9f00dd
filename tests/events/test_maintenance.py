"""Maintenance windows: once or every week, by pattern or group, ended early or removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from time import process_time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sensormon.events.maintenance import LONGEST, MOST_WINDOWS, Maintenance
from sensormon.events.recurrence import weekly_at, weekly_between
from sensormon.model.clock import DAY, HOUR, MINUTE, SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.timestamps import from_local, parse
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START

BERLIN = ZoneInfo("Europe/Berlin")
PH, TEMP, RPM = "fermenter_ph", "fermenter_temp", "agitator_rpm"


@pytest.fixture
def monitor(settings: Settings, clock: ManualClock) -> Iterator[Monitor]:
    running = Monitor(settings, clock)
    yield running
    running.stop()


def berlin(text: str) -> int:
    return from_local(datetime.fromisoformat(text), BERLIN)


def test_window_quiets_its_tags_while_it_lasts(monitor: Monitor) -> None:
    monitor.maintenance.add(["fermenter_*"], [], START + HOUR, START + 2 * HOUR, "CIP", "Ana")
    quiet = monitor.quiet
    assert not quiet.is_quiet(PH, START + HOUR - 1)
    assert quiet.is_quiet(PH, START + HOUR)
    assert not quiet.is_quiet(RPM, START + HOUR)
    assert not quiet.is_quiet(PH, START + 2 * HOUR)
    assert quiet.of(PH, START + HOUR) == "maintenance until 16:13: CIP"
    assert quiet.of(PH, START + HOUR, BERLIN) == "maintenance until 18:13: CIP"
    monitor.shelved_tags.shelve([PH], START + 30 * HOUR, "probe", "Bo")
    assert quiet.of(PH, START + HOUR) == "shelved until 2026-09-22 20:13 by Bo"


def test_window_takes_a_group_also_a_tag_that_joins_later(monitor: Monitor) -> None:
    group = monitor.tags[PH].group
    monitor.maintenance.add([], [group], START, START + HOUR, "CIP", "Ana")
    inside = {tag.name for tag in monitor.tags if monitor.quiet.is_quiet(tag.name, START)}
    assert inside == {tag.name for tag in monitor.tags if tag.group == group}
    assert PH in inside


def test_window_ended_early_is_over(monitor: Monitor, clock: ManualClock) -> None:
    window = monitor.maintenance.add(["*"], [], START, START + HOUR, "CIP", "Ana")
    clock.advance(600)
    monitor.maintenance.end(window.id, "Bo")
    assert monitor.maintenance.all() == []
    assert monitor.quiet.is_quiet(PH, START + 599 * SECOND)
    assert not monitor.quiet.is_quiet(PH, clock.now())
    with pytest.raises(UsageError, match="it is over"):
        monitor.maintenance.end(window.id, "Bo")


def test_weekly_window_ended_early_comes_again(monitor: Monitor, clock: ManualClock) -> None:
    window = monitor.maintenance.add(["*"], [], START, START + HOUR, "CIP", "Ana", weekly=True)
    clock.advance(600)
    monitor.maintenance.end(window.id, "Bo")
    with pytest.raises(UsageError, match="not under way"):
        monitor.maintenance.end(window.id, "Bo")
    (standing,) = monitor.maintenance.all()
    assert standing.who == "Ana"
    assert standing.between(START, START + 8 * DAY) == [
        (START, START + 600 * SECOND),
        (START + 7 * DAY, START + 7 * DAY + HOUR),
    ]
    assert monitor.quiet.is_quiet(PH, START + 7 * DAY)


def test_removed_window_stays_known_for_the_past(monitor: Monitor, clock: ManualClock) -> None:
    window = monitor.maintenance.add(["*"], [], START, START + HOUR, "CIP", "Ana", weekly=True)
    clock.advance(8 * 86_400)
    monitor.maintenance.remove(window.id, "Bo")
    assert monitor.maintenance.all() == []
    assert monitor.quiet.is_quiet(PH, START + 7 * DAY)
    assert not monitor.quiet.is_quiet(PH, START + 14 * DAY)
    with pytest.raises(UsageError, match="there is no such maintenance"):
        monitor.maintenance.remove(window.id, "Bo")


def test_weekly_window_stops_after_its_last_day(monitor: Monitor) -> None:
    last = START + 7 * DAY + 30 * MINUTE
    window = monitor.maintenance.add(["*"], [], START, START + HOUR, "CIP", "Ana", weekly=True, last=last)
    assert window.between(START, START + 60 * DAY) == [(START, START + HOUR), (START + 7 * DAY, last)]
    assert window.at(last) is None


def test_windows_outlive_a_restart(settings: Settings, clock: ManualClock) -> None:
    first = Monitor(settings, clock)
    kept = first.maintenance.add(
        ["a*", PH], ["Fermenter"], START, START + HOUR, "CIP", "Ana", weekly=True, zone="Europe/Berlin"
    )
    first.stop()
    again = Monitor(settings, clock)
    assert again.maintenance.all() == [kept]
    again.stop()


def test_a_week_keeps_its_time_of_day_when_clocks_change() -> None:
    first = berlin("2026-10-18 22:00"), berlin("2026-10-19 04:00")
    second = berlin("2026-10-25 22:00"), berlin("2026-10-26 04:00")
    assert second[0] - first[0] == 7 * DAY + HOUR
    assert weekly_between(first, BERLIN, first[0], second[1]) == [first, second]
    assert weekly_at(first, BERLIN, second[0] - 1) is None
    assert weekly_at(first, BERLIN, second[0]) == second


def test_hour_that_occurs_twice_is_quiet_both_times() -> None:
    first = berlin("2026-10-18 02:15"), berlin("2026-10-18 02:45")
    span = weekly_at(first, BERLIN, parse("2026-10-25T00:30:00Z"))
    assert span == (parse("2026-10-25T00:15:00Z"), parse("2026-10-25T01:45:00Z"))


def test_hour_that_is_left_out_is_no_window() -> None:
    first = berlin("2026-03-22 02:00"), berlin("2026-03-22 03:00")
    after = weekly_between(first, BERLIN, first[1], first[1] + 15 * DAY)
    assert after == [(berlin("2026-04-05 02:00"), berlin("2026-04-05 03:00"))]


def test_occurrences_agree_with_each_moment() -> None:
    first = berlin("2026-03-20 23:30"), berlin("2026-03-27 22:00")  # nearly a week, over a change of clocks
    spans = weekly_between(first, BERLIN, first[0], first[0] + 40 * DAY)
    for time in range(first[0] - DAY, first[0] + 39 * DAY, 31 * MINUTE):
        expected = next((span for span in spans if span[0] <= time < span[1]), None)
        assert weekly_at(first, BERLIN, time) == expected


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"patterns": []}, "choose tags or a group"),
        ({"patterns": ["a\n"]}, "cannot be a pattern"),
        ({"patterns": [f"t{i}" for i in range(101)]}, "100 patterns"),
        ({"until": START - 1}, "ends before it begins"),
        ({"since": START - 2 * HOUR, "until": START - HOUR}, "over already"),
        ({"until": START + LONGEST + 1}, "a year at most"),
        ({"until": START + 8 * DAY, "weekly": True}, "a week at most"),
        ({"weekly": True, "last": START - HOUR}, "over already"),
        ({"weekly": True, "zone": "Middle/Earth"}, "no time zone"),
        ({"since": -1}, "between 1970"),
        ({"reason": "\t"}, "a reason is needed"),
        ({"reason": "r" * 1_001}, "1,001 characters"),
        ({"who": ""}, "a name of 1 to 100"),
    ],
)
def test_impossible_window_is_refused(monitor: Monitor, changed: dict[str, object], words: str) -> None:
    given: dict[str, Any] = {
        "patterns": ["*"],
        "groups": [],
        "since": START,
        "until": START + HOUR,
        "reason": "CIP",
        "who": "Ana",
    }
    with pytest.raises(UsageError, match=words):
        monitor.maintenance.add(**{**given, **changed})
    assert monitor.maintenance.all() == []


def test_windows_are_bounded_and_those_over_do_not_count(monitor: Monitor, clock: ManualClock) -> None:
    for _ in range(MOST_WINDOWS):
        monitor.maintenance.add(["x"], [], START, START + HOUR, "CIP", "Ana")
    with pytest.raises(UsageError, match="500 windows are the most"):
        monitor.maintenance.add(["x"], [], START, START + HOUR, "CIP", "Ana")
    clock.advance(3_601)
    monitor.maintenance.add(["x"], [], START + HOUR, START + 2 * HOUR, "CIP", "Ana")
    assert len(monitor.maintenance.all()) == 1


NAMES = ["line1_temp", "line2_temp", "line1_ph", "a.b", "axb", "t1", "t[1]", "T1", "*"]


@pytest.mark.parametrize(
    "patterns",
    [
        ("line1_*",),
        ("*_temp", "t1"),
        ("a.b",),
        ("?1", "line2_temp"),
        ("t[12]",),
        ("*",),
        ("t1", "T1", "a?b"),
        ("[",),
    ],
)
def test_patterns_take_the_names_that_fit(patterns: tuple[str, ...]) -> None:
    window = Maintenance("w", patterns, ("Hall",), START, START + HOUR, "CIP", "Ana")
    taken = [name for name in NAMES if window.covers(name, "")]
    assert taken == [name for name in NAMES if any(fnmatchcase(name, pattern) for pattern in patterns)]
    assert window.covers("other", "Hall")


def test_many_patterns_are_soon_asked_about_many_tags() -> None:
    windows = [
        Maintenance(f"{i}", (*(f"t{i}_{j}" for j in range(97)), f"*a*a*{i}"), (), 0, 1, "CIP", "Ana")
        for i in range(100)
    ]
    began = process_time()
    for name in range(50):
        assert not any(window.covers(f"a{name}", "") for window in windows)
    assert process_time() - began < 1.0, "with each pattern compiled each time it takes minutes"
