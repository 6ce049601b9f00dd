"""Events: every flag is in exactly one, however the readings are cut, as a slow reference says."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.analysis.versions import Versions
from sensormon.model.clock import SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.events import Delays, Severity
from sensormon.model.profiles import Choice, Profile, Profiles
from tests.support.events import VERSIONS, events_of, find_events, flags, frame, is_over
from tests.support.plant import START
from tests.support.slow_events import slow_events

frames = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from([0.5, 1.0, 4.0, 9.0, 10.0, 11.0, 400.0, 2000.0]),
        st.booleans(),
        st.sampled_from([3.5, 6.0, 6.0, 20.0, 1e9]),
        st.sampled_from([1, 2, 3]),
    ),
    max_size=25,
).map(frame)
some_delays = st.builds(
    Delays,
    st.integers(1, 3),
    st.sampled_from([0.0, 2.0, 20.0]),
    st.sampled_from([0.0, 5.0, 10.0]),
    st.integers(0, 6),
    st.sampled_from([10.0, 300.0, 900.0]),
)


@settings(max_examples=50)
@given(frames, some_delays)
def test_events_match_the_slow_reference(readings: pd.DataFrame, delays: Delays) -> None:
    assert find_events(readings, delays=delays) == slow_events(readings, VERSIONS, delays)


@settings(max_examples=50)
@given(frames, st.lists(st.sampled_from(["default", "slow", None]), min_size=25, max_size=25), some_delays)
def test_events_of_profiles_match_the_slow_reference(
    readings: pd.DataFrame, profiles: list[str | None], delays: Delays
) -> None:
    rows = profiled(readings, "default", "zscore", 3.0)
    rows["profile"] = profiles[: len(rows)]
    rows["settings"] = [4 if name else 1 for name in rows["profile"]]
    rows.loc[rows["profile"].isna(), ["threshold", "detector"]] = [math.nan, None]
    assert find_events(rows, BOTH, delays) == slow_events(rows, BOTH, delays)


@settings(max_examples=50)
@given(frames)
def test_every_flagged_reading_is_in_exactly_one_event(readings: pd.DataFrame) -> None:
    events = find_events(readings)
    ids = sorted(reading_id for event in events for reading_id in event.ids)
    assert ids == sorted(readings.loc[readings["is_anomaly"], "id"])
    assert [event.start for event in events] == sorted(event.start for event in events)


@settings(max_examples=50)
@given(frames, some_delays, st.randoms())
def test_row_order_and_unflagged_readings_do_not_matter(
    readings: pd.DataFrame, delays: Delays, random: object
) -> None:
    rows = list(range(len(readings)))
    random.shuffle(rows)
    whole = find_events(readings, delays=delays)
    assert find_events(readings.iloc[rows], delays=delays) == whole
    assert find_events(readings[readings["is_anomaly"]], delays=delays) == whole


def test_spike_is_an_event_unless_an_on_delay_holds_it_back() -> None:
    assert [len(event.ids) for event in find_events(flags(5))] == [1]
    assert find_events(flags(5), delays=Delays(on_readings=2)) == []
    assert [event.ids for event in find_events(flags(5, 50, 53), delays=Delays(on_seconds=3))] == [(50, 53)]


def test_event_ends_after_the_off_delay() -> None:
    assert [event.ids for event in find_events(flags(5, 15, 26))] == [(5, 15), (26,)]
    event = find_events(flags(5))[0]
    at = event.end
    for seconds, over in ((0, False), (5, False), (10, False), (11, True)):
        newest = (at + seconds * SECOND, event.last_n + seconds)
        assert is_over(events_of(flags(5)), newest[0], newest) is over


def test_slow_tag_has_its_off_delay_in_readings() -> None:
    slowly = frame([("a", 60.0, i in (1, 6, 12), 6.0, 1) for i in range(20)])
    assert [event.ids for event in find_events(slowly)] == [(2, 7), (13,)]
    hourly = frame([("a", 3600.0, True, 6.0, 1) for _ in range(3)])
    assert len(find_events(hourly)) == 3


def test_event_without_readings_ends_after_the_longest_delay() -> None:
    events = events_of(flags(5))
    end = int(events.end[0])
    assert not is_over(events, end + 899 * SECOND, None)
    assert is_over(events, end + 901 * SECOND, None)


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        (3.1, Severity.LOW),
        (4.4, Severity.LOW),
        (4.5, Severity.MEDIUM),
        (9.0, Severity.HIGH),
        (1e9, Severity.HIGH),
    ],
)
def test_severity_depends_on_the_threshold_ratio(score: float, severity: Severity) -> None:
    assert find_events(flags(5, score=score))[0].severity == severity


def test_unknown_settings_give_the_lowest_severity() -> None:
    event = find_events(frame([("a", 1.0, True, 50.0, 9)]))[0]
    assert event.severity == Severity.LOW
    assert event.threshold == 0.0


PROFILES = Profiles(
    (
        Profile("default", (Choice("zscore", {"threshold": 3.0}), Choice("recommended"))),
        Profile("slow", (Choice("zscore", {"threshold": 4.0}),), off_delay=1_200.0, severity="high"),
    )
)
PROFILED = DetectorSettings(4, START, "Ana", "zscore", {"threshold": 3.0}, {}, PROFILES)
VERSION = Versions({4: PROFILED})
BOTH = Versions({1: DetectorSettings(1, START, "environment", "zscore", {"threshold": 3.0}, {}), 4: PROFILED})


def profiled(readings: pd.DataFrame, profile: str, detector: str, threshold: float) -> pd.DataFrame:
    """These readings as the version with profiles judged them."""
    return readings.assign(settings=4, profile=profile, detector=detector, threshold=threshold)


def test_peak_is_the_largest_multiple_of_the_threshold_of_the_detector_that_spoke() -> None:
    first = profiled(flags(5, score=4.5), "default", "zscore", 3.0)
    later = profiled(flags(8, score=2.0), "default", "recommended", 1.0)
    both = pd.concat([first[first["is_anomaly"]], later[later["is_anomaly"]]])
    (event,) = find_events(both, VERSION)
    assert (event.peak_id, event.detector, event.profile) == (8, "recommended", "default")
    assert (event.peak_score, event.threshold, event.severity) == (2.0, 1.0, Severity.MEDIUM)


def test_profile_sets_the_off_delay_and_the_severity() -> None:
    apart = frame([("a", 0.0, True, 4.5, 4), *[("a", 100.0, i == 10, 4.5, 4) for i in range(12)]])
    assert len(find_events(profiled(apart, "default", "zscore", 3.0), VERSION)) == 2
    slow = profiled(apart, "slow", "zscore", 4.0)
    (event,) = find_events(slow, VERSION)
    assert (event.severity, len(event.ids)) == (Severity.HIGH, 2)
    newest = (event.end + 1_000 * SECOND, event.last_n + 10)
    assert not is_over(events_of(slow, VERSION), newest[0], newest)
    assert is_over(events_of(slow, VERSION), event.end + 1_201 * SECOND, newest)


def test_readings_from_before_profiles_have_the_threshold_of_their_version() -> None:
    before = flags(5).assign(profile=None, detector=None, threshold=math.nan)
    (event,) = find_events(before)
    assert (event.threshold, event.detector, event.profile) == (3.0, "zscore", "")


@pytest.mark.parametrize(
    "wrong", [{"on_readings": 0}, {"off_seconds": 20.0, "longest": 10.0}, {"longest": math.inf}]
)
def test_contradictory_delays_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="delays"):
        Delays(**wrong)
