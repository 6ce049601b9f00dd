"""A history scored by a profile has the scores the collector would have made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sensormon.analysis.rescoring import History
from sensormon.analysis.what_if import Known, as_stored, compare, joining, rescored
from sensormon.detectors.profile_state import ProfileState
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.profiles import Assignment, Choice, Condition, Profile, Profiles, default_profiles
from sensormon.model.readings import Scores, Withheld
from sensormon.model.tags import Tag

TAG, PUMP = Tag("flow", "Flow"), Tag("pump", "Pump")
WATCHING = Profile(
    "watching",
    (Choice("zscore", {"window": 30, "threshold": 3.0}), Choice("stuck", {"readings": 5})),
    on_delay=1.0,
    condition=Condition("pump", ">", 50.0, settle=20.0),
)
LIVE = Profiles((*default_profiles(50, 3.0).profiles, WATCHING), (Assignment("watching", "tag", "flow"),))
FRAME = ("score", "expected", "lower", "upper", "is_anomaly", "threshold", "detector", "withheld", "n")


def stream(rows: int = 4_000, seed: int = 0) -> pd.DataFrame:
    """Readings of both tags in turn; the pump stops now and then, and some readings are not good."""
    rng = np.random.default_rng(seed)
    code = np.arange(rows) % 2
    flow = rng.normal(10.0, 0.2, rows).round(2)
    for start in np.flatnonzero(rng.random(rows) < 0.01):
        flow[start : start + 7] += 3.0
    pump = np.where(np.arange(rows) // 300 % 3 == 2, 0.0, 80.0)
    return pd.DataFrame(
        {
            "id": np.arange(rows) + 1,
            "code": code,
            "time": pd.to_datetime(1_700_000_000 + np.arange(rows) // 2, unit="s", utc=True),
            "value": np.where(code == 0, flow, pump),
            "quality": np.where(rng.random(rows) < 0.02, 0x80000000, 0).astype(np.uint32),
        }
    )


def live(readings: pd.DataFrame, profiles: Profiles = LIVE) -> pd.DataFrame:
    """The readings as a collector would have stored them."""
    state = ProfileState(profiles, [TAG, PUMP])
    good = (readings["quality"].to_numpy() >> 30) == 0
    time = readings["time"].dt.as_unit("us").astype("int64").to_numpy()
    parts: list[Scores] = []
    for start in range(0, len(readings), 7):  # as batches come
        part = slice(start, start + 7)
        code = readings["code"].to_numpy(np.int32)[part]
        parts.append(state.run(code, readings["value"].to_numpy()[part], good[part], time[part]))
    stored = readings.copy()
    for name in ("n", "score", "expected", "lower", "upper", "is_anomaly"):
        stored[name] = np.concatenate([getattr(part, name) for part in parts])
    verdicts = [part.verdicts for part in parts if part.verdicts is not None]
    stored["threshold"] = np.concatenate([each.threshold for each in verdicts])
    stored["withheld"] = np.concatenate([each.withheld for each in verdicts])
    names = [*verdicts[0].detectors, None]
    stored["detector"] = [names[place] for each in verdicts for place in each.detector.tolist()]
    return stored


def history(stored: pd.DataFrame, first: int) -> History:
    """Of the flow from row `first` on, with what the monitor adds to it."""
    own = stored[stored["code"] == 0]
    learned = ((own["quality"].to_numpy() >> 30) == 0) & ~own["withheld"].isin((1, 2))
    lead = own[(own["id"] <= first) & learned]
    return History(TAG, lead, own[own["id"] > first], {"pump": stored[stored["code"] == 1]})


def same(again: pd.DataFrame, stored: pd.DataFrame) -> None:
    """Bit for bit."""
    for name in FRAME:
        left, right = again[name].to_numpy(), stored[name].to_numpy()
        if name == "detector":
            left, right = again[name].fillna("").to_numpy(), stored[name].fillna("").to_numpy()
            assert left.tolist() == right.tolist()
        else:
            assert np.array_equal(left, right, equal_nan=True), name


@pytest.mark.parametrize("first", [0, 1_500, 2_001])
def test_profile_in_force_gives_the_stored_scores_bit_for_bit(first: int) -> None:
    stored = live(stream())
    part = history(stored, first)
    again = part.scored(WATCHING)
    expected = part.rows.reset_index(drop=True)
    assert set(expected["withheld"]) >= {0, Withheld.CONDITION, Withheld.SETTLING}
    assert expected["is_anomaly"].sum() > 3
    same(again, expected)
    assert set(again["profile"]) == {"watching"}


def test_several_detectors_give_the_stored_scores_from_the_beginning() -> None:
    profiles = default_profiles(50, 3.0)
    stored = live(stream(), profiles)
    part = history(stored, 0)
    again = part.scored(profiles.default)
    same(again, part.rows.reset_index(drop=True))
    assert set(again["detector"].dropna()) == {"zscore", "recommended"}


def test_condition_needs_the_readings_of_its_tag() -> None:
    part = replace(history(live(stream()), 0), watched={})
    with pytest.raises(UsageError, match="'pump', whose readings are not at hand"):
        part.scored(WATCHING)


def test_condition_on_the_tag_itself_needs_no_other() -> None:
    part = replace(history(live(stream()), 0), watched={})
    own = replace(WATCHING, condition=Condition("flow", ">", 0.0))
    assert not part.scored(own)["withheld"].eq(Withheld.CONDITION).any()


def test_comparison_uses_the_off_delay_of_each_side() -> None:
    part = history(live(stream()), 0)
    known = Known(
        pd.DataFrame({"tag": [], "time": [], "fault": []}),
        pd.DataFrame({"tag": [], "start": [], "end": [], "label": []}),
        frozenset(),
    )
    long = replace(WATCHING, off_delay=3_600.0)
    load = compare(part, as_stored(part, WATCHING), rescored(part, long), known).load
    assert load.after < load.before
    assert joining(SECOND, 10.0) == 10 * SECOND
    assert joining(60 * SECOND, 10.0) == 300 * SECOND


def test_flags_are_counted_by_the_detector_that_spoke() -> None:
    part = history(live(stream()), 0)
    side = rescored(part, WATCHING)
    assert sum(side.spoke.values()) == side.frame["is_anomaly"].sum() > 0
    assert set(side.spoke) <= {"zscore", "stuck"}


@pytest.mark.parametrize("choices", [("zscore",), ("zscore", "stuck")])
def test_a_history_scored_in_pieces_has_the_scores_of_one_piece(choices: tuple[str, ...]) -> None:
    rng = np.random.default_rng(3)
    rows = 70_000
    value = np.round(rng.normal(10.0, 0.2, rows) + 3.0 * (rng.random(rows) < 0.01), 2)
    quality = np.where(rng.random(rows) < 0.01, 0x80000000, 0).astype(np.uint32)
    ok, time = quality == 0, np.arange(rows) * SECOND
    profile = Profile("default", tuple(Choice(name, {}) for name in choices), on_delay=1.0)
    state = ProfileState(Profiles((profile,)), [TAG])
    whole = state.run(np.zeros(rows, np.int32), value, ok, time)
    assert whole.verdicts is not None
    frame = pd.DataFrame(
        {"id": np.arange(rows), "time": time, "value": value, "quality": quality, "n": whole.n}
    ).assign(time=pd.to_datetime(time, unit="us", utc=True))
    scored = History(TAG, frame.iloc[:0], frame).scored(profile)
    for name in ("n", "score", "expected", "lower", "upper", "is_anomaly"):
        np.testing.assert_array_equal(scored[name], getattr(whole, name))
    for name in ("threshold", "withheld"):
        np.testing.assert_array_equal(scored[name], getattr(whole.verdicts, name))
    words = [whole.verdicts.detectors[place] if place >= 0 else "" for place in whole.verdicts.detector]
    assert scored["detector"].fillna("").tolist() == words


def test_what_is_known_of_a_tag_is_worked_out_once() -> None:
    none = pd.DataFrame({"tag": [], "start": [], "end": [], "label": []})
    times = pd.to_datetime([1_700_000_000, 1_700_000_001, 1_700_000_100], unit="s", utc=True)
    known = Known(pd.DataFrame({"tag": "flow", "time": times, "fault": "spike"}), none, frozenset({"flow"}))
    truth = known.truth("flow", 3e6)
    assert len(truth.events) == 2
    assert known.truth("flow", 3e6) is truth
    assert len(known.truth("flow", 1e9).events) == 1
    assert len(known.truth("pump", 3e6).events) == 0
