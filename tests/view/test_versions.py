"""Versions of the settings in words, and as marks on charts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.entries import FROM_CASES, DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.profiles import Assignment, Choice, Profile, Profiles, default_profiles, single
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.view.live_feed import LiveFeed
from sensormon.view.versions import change_words, version_marks
from tests.support.plant import START


def version(number: int, profiles: Profiles | None, reason: str = "") -> DetectorSettings:
    return DetectorSettings(
        number,
        START + number * SECOND,
        "Ann",
        "zscore",
        {"window": 50, "threshold": 3.0},
        {},
        profiles,
        reason,
    )


def test_change_is_told_by_what_differs() -> None:
    first, second = version(1, None), version(2, default_profiles(50, 4.0))
    assert change_words(None, first).startswith("Rolling z-score, window 50, threshold 3")
    words = change_words(first, second)
    assert "default: Rolling z-score, threshold 3 → 4" in words
    assert "Recommended" in words
    assert change_words(second, replace(second, id=3)) == "nothing"


def test_long_change_is_cut_and_counted() -> None:
    many = default_profiles(50, 3.0)
    for number in range(7):
        many = many.with_profile(Profile(f"p{number}", (Choice("gap"),)))
        many = many.assigned(Assignment(f"p{number}", "pattern", f"{number}*"))
    words = change_words(version(1, default_profiles(50, 3.0)), version(2, many))
    assert words.count(";") >= 4
    assert words.endswith(" more")


def test_marks_are_the_changes_without_the_first_and_without_those_of_cases() -> None:
    versions = {
        number: version(number, single("zscore", {"threshold": float(number)}), f"why {number}")
        for number in (1, 2, 3, FROM_CASES + 1)
    }
    marks = version_marks(versions)
    assert [mark.since for mark in marks] == [START + 2 * SECOND, START + 3 * SECOND]
    assert marks[0].text == "Version 2: why 2 (default: Rolling z-score, threshold 1 → 2)"
    assert version_marks({3: versions[3]}) == []


def test_board_is_told_of_versions_within_its_span(settings: Settings) -> None:
    clock = ManualClock(START)
    monitor = Monitor(settings, clock)
    feed = LiveFeed(monitor)
    assert feed.board(monitor.tags.names, 600)["versions"] == []
    clock.advance(10)
    monitor.tuner.set_zscore({"threshold": 4.0}, "Ann", "a <b> reason")
    monitor.drain()
    clock.advance(10)
    ((time, label, words),) = feed.board(monitor.tags.names, 600)["versions"]
    assert (time, label) == ((START + 10 * SECOND) / 1e3, "v2")
    assert "threshold 3 → 4" in words
    assert "<b>" not in words, "Plotly reads markup"
    clock.advance(1_000)
    assert feed.board(monitor.tags.names, 600)["versions"] == []
    monitor.stop()


def test_version_that_was_replaced_meanwhile_is_refused(settings: Settings) -> None:
    monitor = Monitor(settings, ManualClock(START))
    seen = monitor.detection.in_force.id
    monitor.tuner.apply(single("gap", {}), "Ann", over=seen)
    with pytest.raises(UsageError, match="Ann has applied version 2 meanwhile"):
        monitor.tuner.apply(single("cusum", {}), "Bo", over=seen)
    with pytest.raises(UsageError, match="no rolling z-score"):
        monitor.tuner.set_zscore({"threshold": 4.0}, "Bo")
    monitor.drain()
    assert [each.id for each in monitor.tuner.versions()] == [2, 1]
    monitor.stop()
