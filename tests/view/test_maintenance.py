"""The calendar of maintenance, and the screens of the wall, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sensormon.events.maintenance import Maintenance
from sensormon.model.clock import DAY, HOUR
from sensormon.model.tags import Tag, TagTable
from sensormon.model.timestamps import from_local
from sensormon.view.maintenance import calendar, window_words
from sensormon.view.wall import TILES, screens

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(text: str) -> int:
    return from_local(datetime.fromisoformat(text), BERLIN)


def window(begin: str, end: str, weekly: bool = False) -> Maintenance:
    return Maintenance(
        "w", ("line1_*",), ("CIP",), berlin(begin), berlin(end), "cleaning", "Ana", weekly, "Europe/Berlin"
    )


def test_window_over_midnight_is_on_both_days() -> None:
    now = berlin("2026-10-19 12:00")
    days = calendar([window("2026-10-19 22:00", "2026-10-20 04:00")], TagTable([]), now, BERLIN)
    assert [(day.title, [entry.times for entry in day.entries]) for day in days] == [
        ("Today, Mon 2026-10-19", ["22:00–24:00"]),
        ("Tomorrow, Tue 2026-10-20", ["00:00–04:00"]),
    ]
    assert days[0].entries[0].tags == "group CIP, line1_*"


def test_weekly_window_comes_at_the_same_time_of_day_after_clocks_change() -> None:
    now = berlin("2026-10-19 12:00")
    weekly = window("2026-10-19 10:00", "2026-10-19 14:00", weekly=True)
    days = calendar([weekly], TagTable([]), now, BERLIN)
    assert [(day.date.isoformat(), day.entries[0].times, day.entries[0].now) for day in days] == [
        ("2026-10-19", "10:00–14:00", True),
        ("2026-10-26", "10:00–14:00", False),
    ]
    assert window_words(weekly, TagTable([]), now, BERLIN).startswith("every Mon 10:00 to Mon 14:00 · ")


def test_long_window_takes_whole_days_and_what_is_over_is_left_out() -> None:
    now = 20_000 * DAY + 12 * HOUR
    long = Maintenance("a", ("*",), (), now - DAY, now + 2 * DAY, "revision", "Ana")
    over = Maintenance("b", ("*",), (), now - 2 * HOUR, now - HOUR, "earlier", "Ana")
    days = calendar([long, over], TagTable([]), now, UTC)
    assert [[entry.times for entry in day.entries] for day in days] == [
        ["all day"],
        ["all day"],
        ["00:00–12:00"],
    ]
    assert days[0].entries[0].tags == "all tags"


def table(**groups: int) -> TagTable:
    """This many tags of each group; those of `_` have none."""
    return TagTable(
        [
            Tag(f"{group}{place}", f"{group} {place}", group=group.strip("_"))
            for group, count in groups.items()
            for place in range(count)
        ]
    )


def test_few_tags_share_a_screen() -> None:
    tags = table(north=2, south=3)
    assert screens(tags, tags.names) == [("north · south", list(tags.names))]
    assert screens(tags, []) == []


def test_each_group_has_its_screens_and_every_tag_is_on_one() -> None:
    tags = table(north=5, south=2 * TILES + 1, _=2)
    shown = screens(tags, tags.names)
    assert [title for title, _ in shown] == [
        "north",
        "south (1/3)",
        "south (2/3)",
        "south (3/3)",
        "Other tags",
    ]
    assert [name for _, names in shown for name in names] == list(tags.names)
    assert max(len(names) for _, names in shown) <= TILES
