"""Events: every flag is in exactly one, however the readings are cut, as a slow reference says."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.analysis.versions import Versions
from sensormon.events.grouping import group_flags, is_over, join_events, lasting
from sensormon.model.clock import SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import UsageError
from sensormon.model.events import Delays, Event, Severity
from sensormon.model.profiles import Choice, Profile, Profiles
from tests.support.events import THRESHOLDS, VERSIONS, find_events, flags, frame
from tests.support.plant import START

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


def slow(readings: pd.DataFrame, delays: Delays) -> list[list[int]]:
    """The ids of each event, found one reading at a time."""
    events: list[list[int]] = []
    times: list[int] = []
    for tag in sorted(set(readings["tag"])):
        last: tuple[int, int] | None = None
        for row in readings[readings["tag"] == tag].itertuples():
            if not row.is_anomaly:
                continue
            now = row.time.value // 1_000
            apart = math.inf if last is None else (now - last[0]) / SECOND
            count = math.inf if last is None else row.n - last[1]
            if apart <= delays.off_seconds or (count <= delays.off_readings and apart <= delays.longest):
                events[-1].append(row.id)
            else:
                events.append([row.id])
                times.append(now)
            last = now, row.n
    return [events[i] for i in sorted(range(len(events)), key=lambda i: times[i])]


@settings(max_examples=50)
@given(frames, some_delays)
def test_events_match_the_slow_reference(readings: pd.DataFrame, delays: Delays) -> None:
    events = group_flags(readings, VERSIONS, delays)
    assert [list(event.ids) for event in events] == slow(readings, delays)
    ratio = {row.id: row.score / THRESHOLDS.get(row.settings, math.inf) for row in readings.itertuples()}
    for event in events:
        assert event.peak_id == max(event.ids, key=lambda reading_id: (ratio[reading_id], -reading_id))


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


@settings(max_examples=50)
@given(frames, some_delays, st.integers(0, 25), st.integers(0, 25))
def test_joined_chunks_equal_the_whole(readings: pd.DataFrame, delays: Delays, cut: int, other: int) -> None:
    joined: list[Event] = []
    for start, stop in zip([0, *sorted((cut, other))], [*sorted((cut, other)), len(readings)], strict=True):
        chunk = readings.iloc[start:stop]
        events = group_flags(chunk, VERSIONS, delays)
        joined = join_events(joined, events, delays)
    assert joined == group_flags(readings, VERSIONS, delays)
    assert lasting(joined, delays) == find_events(readings, delays=delays)


def test_spike_is_an_event_unless_an_on_delay_holds_it_back() -> None:
    assert [event.readings for event in find_events(flags(5))] == [1]
    assert find_events(flags(5), delays=Delays(on_readings=2)) == []
    assert [event.ids for event in find_events(flags(5, 50, 53), delays=Delays(on_seconds=3))] == [(50, 53)]


def test_event_ends_after_the_off_delay() -> None:
    assert [event.ids for event in find_events(flags(5, 15, 26))] == [(5, 15), (26,)]
    event = find_events(flags(5))[0]
    at = event.end
    for seconds, over in ((0, False), (5, False), (10, False), (11, True)):
        newest = (at + seconds * SECOND, event.last_n + seconds)
        assert is_over(event, newest[0], newest, Delays()) is over


def test_slow_tag_has_its_off_delay_in_readings() -> None:
    slowly = frame([("a", 60.0, i in (1, 6, 12), 6.0, 1) for i in range(20)])
    assert [event.ids for event in find_events(slowly)] == [(2, 7), (13,)]
    hourly = frame([("a", 3600.0, True, 6.0, 1) for _ in range(3)])
    assert len(find_events(hourly)) == 3


def test_event_without_readings_ends_after_the_longest_delay() -> None:
    event = find_events(flags(5))[0]
    assert not is_over(event, event.end + 899 * SECOND, None, Delays())
    assert is_over(event, event.end + 901 * SECOND, None, Delays())


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
    assert find_events(flags(5, score=score))[0].severity is severity


def test_unknown_settings_give_the_lowest_severity() -> None:
    event = find_events(frame([("a", 1.0, True, 50.0, 9)]))[0]
    assert event.severity is Severity.LOW
    assert event.threshold == 0.0


PROFILES = Profiles(
    (
        Profile("default", (Choice("zscore", {"threshold": 3.0}), Choice("recommended"))),
        Profile("slow", (Choice("zscore", {"threshold": 4.0}),), off_delay=1_200.0, severity="high"),
    )
)
VERSION = Versions({4: DetectorSettings(4, START, "Ana", "zscore", {"threshold": 3.0}, {}, PROFILES)})


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
    (event,) = find_events(profiled(apart, "slow", "zscore", 4.0), VERSION)
    assert (event.severity, event.readings) == (Severity.HIGH, 2)
    newest = (event.end + 1_000 * SECOND, event.last_n + 10)
    assert not is_over(event, newest[0], newest, Delays())
    assert is_over(event, event.end + 1_201 * SECOND, newest, Delays())


def test_cut_within_a_long_off_delay_leaves_one_event() -> None:
    apart = frame([("a", 0.0, True, 4.5, 4), *[("a", 100.0, i == 10, 4.5, 4) for i in range(12)]])
    apart = profiled(apart, "slow", "zscore", 4.0)
    parts = [group_flags(part, VERSION, Delays()) for part in (apart.iloc[:5], apart.iloc[5:])]
    assert join_events(*parts, Delays()) == group_flags(apart, VERSION, Delays())


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
