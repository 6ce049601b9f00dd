"""Profiles judge as each of their detectors does alone, and combine what those say as documented."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from sensormon.detectors import PER_TAG, make, profile_state
from sensormon.detectors.profile_state import MOST_BYTES, ProfileState, check, detectors_of, memory
from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.profiles import (
    COMPARISONS,
    MOST_DETECTORS,
    STEADY,
    Assignment,
    Choice,
    Condition,
    Profile,
    Profiles,
    default_profiles,
    single,
)
from sensormon.model.readings import Scores, Withheld
from sensormon.model.tags import Tag
from tests.support.naive_profiles import Row, judged_alone, verdicts

TAGS = (
    Tag("ph", "pH", group="Fermenter", normal=(6.5, 7.5), resolution=0.001),
    Tag("temp", "Temperature", group="Fermenter", normal=(35.0, 39.0), resolution=0.01),
    Tag("rpm", "Agitator speed", resolution=1.0),
    Tag("valve", "Valve", states=("closed", "open")),
)
PH, TEMP, RPM, VALVE = range(4)
CENTRE, SCATTER = (7.0, 37.0, 450.0, 0.5), (0.02, 0.2, 5.0, 0.5)
PARTS = ("score", "expected", "lower", "upper")
ALL = (
    Profile("default", (Choice("zscore", {"window": 30}), Choice("recommended"), Choice("stuck"))),
    Profile(
        "agitated",
        (Choice("hampel", {"window": 20}), Choice("limits", {"high": 7.1}), Choice("cusum", {"h": 6.0})),
        on_delay=3.0,
        condition=Condition("rpm", ">", 430.0, settle=4.0),
    ),
    Profile(
        "slow",
        (Choice("zscore", {"window": 60}), Choice("gap"), Choice("rate_of_change")),
        on_delay=1.5,
        condition=Condition("rpm", STEADY, 12.0, settle=1.0),
    ),
)
PROFILES = Profiles(ALL, (Assignment("agitated", "group", "Fermenter"), Assignment("slow", "tag", "temp")))


def rows_of(seed: int, count: int = 1_500) -> list[Row]:
    """Readings with noise, spikes, shifts, a stuck stretch, stops, a gap, NaN, bad and late ones."""
    random = np.random.default_rng(seed)
    rows, now = [], 1_790_000_000 * SECOND
    for place in range(count):
        now += int(random.integers(0, SECOND // 2))
        now += 120 * SECOND if place == count // 2 else 0
        tag = int(random.integers(0, 4))
        value = CENTRE[tag] + SCATTER[tag] * random.normal()
        if tag == RPM and place % 300 > 200:
            value = 0.0
        if tag == VALVE:
            value = float(random.integers(0, 2))
        if tag == PH and place % 250 > 230:
            value += 0.5
        if tag == TEMP and 700 < place < 900:
            value = 37.0
        value = math.nan if random.random() < 0.01 else value * (1.5 if random.random() < 0.01 else 1.0)
        good = bool(random.random() > 0.03)
        time = now - (2 * SECOND if random.random() < 0.02 else 0)
        rows.append(Row(tag, value, good and tag != VALVE, good, time))
    return rows


def run(state: ProfileState, rows: Sequence[Row]) -> Scores:
    """The scores of these readings."""
    return state.run(
        np.array([row.tag for row in rows], dtype=np.int32),
        np.array([row.value for row in rows], dtype=np.float64),
        np.array([row.ok for row in rows], dtype=np.bool_),
        np.array([row.time for row in rows], dtype=np.int64),
        np.array([row.good for row in rows], dtype=np.bool_),
    )


def bits(scores: Scores) -> list[bytes]:
    """Everything that is said of each reading."""
    said = scores.verdicts
    assert said is not None
    columns = [scores.n, scores.is_anomaly, *(getattr(scores, part) for part in PARTS)]
    columns += [said.profile, said.detector, said.threshold, said.withheld, said.own]
    return [b"".join(column[row].tobytes() for column in columns) for row in range(len(scores))]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return rows_of(seed=4)


@pytest.fixture(scope="module")
def whole(rows: list[Row]) -> Scores:
    return run(ProfileState(PROFILES, TAGS), rows)


def test_each_detector_says_what_it_says_alone(rows: list[Row], whole: Scores) -> None:
    assert whole.verdicts is not None
    for (code, detector), (places, alone) in judged_alone(rows, TAGS, PROFILES).items():
        own = whole.verdicts.own[places, whole.verdicts.detectors.index(detector)]
        for part, name in enumerate(PARTS):
            assert own[:, part].tobytes() == getattr(alone, name).tobytes(), (code, detector, name)
        assert whole.n[places].tolist() == alone.n.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_combination_is_that_of_the_slow_reference(seed: int) -> None:
    rows = rows_of(seed, 900)
    scores = run(ProfileState(PROFILES, TAGS), rows)
    assert scores.verdicts is not None
    said = scores.verdicts
    for place, verdict in enumerate(verdicts(rows, TAGS, PROFILES)):
        detector = int(said.detector[place])
        assert (said.detectors[detector] if detector >= 0 else "") == verdict.detector, place
        assert scores.is_anomaly[place] == verdict.flagged, place
        assert said.withheld[place] == verdict.withheld, place
        assert said.profiles[said.profile[place]] == PROFILES.of(TAGS[rows[place].tag]).name
        numbers = [said.threshold[place], *(getattr(scores, part)[place] for part in PARTS)]
        wanted = [verdict.threshold, *(getattr(verdict, part) for part in PARTS)]
        np.testing.assert_array_equal(numbers, wanted, err_msg=str(place))
    assert {*said.withheld.tolist()} == {*map(int, Withheld)} - {Withheld.LATE}, "every case occurs"
    assert len({*said.detector[scores.is_anomaly].tolist()}) >= 3, "several detectors speak"


@pytest.mark.parametrize("size", [1, 2, 7, 400])
def test_ticks_give_the_bits_of_the_whole(size: int, rows: list[Row], whole: Scores) -> None:
    state = ProfileState(PROFILES, TAGS)
    ticks = [
        bit for start in range(0, len(rows), size) for bit in bits(run(state, rows[start : start + size]))
    ]
    assert ticks == bits(whole)


@pytest.mark.parametrize("cut", [0, 1, 333, 750, 1_100])
def test_saved_state_goes_on_to_the_last_bit(cut: int, rows: list[Row], whole: Scores) -> None:
    state = ProfileState(PROFILES, TAGS)
    run(state, rows[:cut])
    vectors = [state.save(code) for code in range(len(TAGS))]
    other = ProfileState(PROFILES, TAGS)
    for code, vector in enumerate(vectors):
        other.load(code, vector)
        assert other.save(code).tobytes() == vector.tobytes()
    assert bits(run(other, rows[cut:])) == bits(whole)[cut:]
    with pytest.raises(ValueError, match="a vector of"):
        other.load(0, vectors[0][:-1])
    with pytest.raises(IndexError):
        other.save(len(TAGS))


def test_no_readings_are_no_scores() -> None:
    scores = run(ProfileState(PROFILES, TAGS), [])
    assert len(scores) == 0
    assert scores.verdicts is not None
    assert scores.verdicts.own.shape == (0, len(scores.verdicts.detectors), 4)
    assert ProfileState(PROFILES, ()).lead == 0


def test_peek_says_what_the_next_reading_would_and_learns_nothing(rows: list[Row]) -> None:
    state, peeked = ProfileState(PROFILES, TAGS), 0
    for row in rows[:700]:
        before = state.save(row.tag)
        guess = state.peek(row.tag, row.value, row.time)
        assert state.save(row.tag).tobytes() == before.tobytes()
        scores = run(state, [row])
        assert scores.verdicts is not None
        if row.ok and scores.verdicts.withheld[0] in (Withheld.NOTHING, Withheld.ON_DELAY):
            assert bits(guess) == bits(scores)
            peeked += 1
    assert peeked > 200


def test_default_profile_scores_like_the_zscore_alone_wherever_that_speaks(rows: list[Row]) -> None:
    numbers = [row for row in rows if row.tag != VALVE]
    alone = run(ProfileState(single("zscore", {"window": 50, "threshold": 3.0}), TAGS), numbers)
    both = run(ProfileState(default_profiles(50, 3.0), TAGS), numbers)
    assert both.verdicts is not None
    own = both.verdicts.own[:, both.verdicts.detectors.index("zscore")]
    for part, name in enumerate(PARTS):
        assert own[:, part].tobytes() == getattr(alone, name).tobytes()
    assert not (alone.is_anomaly & ~both.is_anomaly).any(), "what the z-score flags stays flagged"
    assert (both.is_anomaly & ~alone.is_anomaly).any()


def every(seconds: float, *values: tuple[int, float]) -> list[Row]:
    """Good readings (tag, value), so many seconds apart."""
    return [Row(tag, value, True, True, round(i * seconds * SECOND)) for i, (tag, value) in enumerate(values)]


def guarded(condition: Condition | None = None, on_delay: float = 0.0) -> ProfileState:
    """pH has one limit, 8, and this condition and delay."""
    profile = Profile("ph", (Choice("limits", {"high": 8.0}),), on_delay=on_delay, condition=condition)
    profiles = Profiles((Profile("default", (Choice("zscore"),)), profile), (Assignment("ph", "tag", "ph"),))
    return ProfileState(profiles, TAGS)


def said(scores: Scores) -> list[tuple[bool, int]]:
    """Whether each reading is flagged, and why it was withheld."""
    assert scores.verdicts is not None
    return list(zip(scores.is_anomaly.tolist(), scores.verdicts.withheld.tolist(), strict=True))


MET = {
    ">": [False, False, True],
    ">=": [False, True, True],
    "<": [True, False, False],
    "<=": [True, True, False],
    "=": [False, True, False],
    "!=": [True, False, True],
    STEADY: [True, True, True],
}


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_condition_compares_as_written(comparison: str) -> None:
    state = guarded(Condition("rpm", comparison, 50.0))
    values = (49.0, 50.0, 51.0)
    scores = run(state, every(1, *(row for value in values for row in ((RPM, value), (PH, 9.0)))))
    assert scores.is_anomaly[1::2].tolist() == MET[comparison]


def test_condition_is_not_met_until_its_tag_has_had_a_good_number() -> None:
    state = guarded(Condition("rpm", "<", 50.0))
    bad = [replace(row, good=False, ok=False) for row in every(1, (RPM, 0.0))]
    unread = [*every(1, (PH, 9.0)), *bad, *every(1, (RPM, math.nan), (PH, 9.0))]
    assert [flag for flag, _ in said(run(state, unread))] == [False] * 4
    assert said(run(state, every(1, (RPM, 0.0), (PH, 9.0))))[1] == (True, Withheld.NOTHING)


def test_readings_withheld_by_a_condition_are_not_learned() -> None:
    state = guarded(Condition("rpm", ">", 50.0, settle=2.0))
    scores = run(state, every(1, (RPM, 0.0), (PH, 7.0), (RPM, 60.0), (PH, 7.0), (PH, 9.0), (PH, 7.0)))
    assert [withheld for _, withheld in said(scores)][1::2] == [
        Withheld.CONDITION,
        Withheld.SETTLING,
        Withheld.NOTHING,
    ]
    assert scores.n.tolist() == [0, 0, 1, 0, 0, 1]
    assert np.isnan(scores.score[[1, 3]]).all()


def test_what_a_set_point_brings_with_it_is_learned_and_not_flagged() -> None:
    state = guarded(Condition("rpm", STEADY, 2.0, settle=2.5))
    rows = every(
        1,
        *((RPM, 100.0), (PH, 9.0), (PH, 9.0), (PH, 9.0)),  # steady from the third second on
        *((RPM, 101.5), (PH, 9.0)),  # within the distance: still steady
        *((RPM, 103.0), (PH, 9.0), (PH, 9.0), (PH, 9.0)),
    )
    scores = run(state, rows)
    assert said(scores) == [
        (False, Withheld.NOTHING),
        (False, Withheld.CHANGE),
        (False, Withheld.CHANGE),
        (True, Withheld.NOTHING),
        (False, Withheld.NOTHING),
        (True, Withheld.NOTHING),
        (False, Withheld.NOTHING),
        (False, Withheld.CHANGE),
        (False, Withheld.CHANGE),
        (True, Withheld.NOTHING),
    ]
    assert scores.n[[1, 2, 3, 5, 7, 8, 9]].tolist() == list(range(7))


def test_settling_begins_again_when_the_condition_was_lost() -> None:
    state = guarded(Condition("rpm", ">", 50.0, settle=3.0))
    steps = [
        (RPM, 60.0),
        (PH, 9.0),
        (RPM, 61.0),
        (PH, 9.0),
        (RPM, 0.0),
        (RPM, 70.0),
        (PH, 9.0),
        (PH, 9.0),
        (PH, 9.0),
    ]
    flagged = [flag for flag, _ in said(run(state, every(1, *steps)))]
    assert flagged == [False, False, False, True, False, False, False, False, True]


def test_condition_on_a_tag_that_is_gone_is_never_met() -> None:
    state = guarded(Condition("removed", "<", 1e9))
    assert said(run(state, every(1, (PH, 9.0)))) == [(False, Withheld.CONDITION)]


def test_condition_looks_at_tags_that_no_detector_may_judge() -> None:
    state = guarded(Condition("valve", "=", 1.0))
    open_valve = Row(VALVE, 1.0, False, True, 0)
    assert said(run(state, [open_valve, *every(1, (PH, 9.0))]))[1] == (True, Withheld.NOTHING)


def test_flag_waits_for_the_on_delay_without_a_break() -> None:
    state = guarded(on_delay=2.0)
    values = (9.0, 9.0, 7.0, 9.0, 9.0, 9.0, 9.0, 7.0)
    assert said(run(state, every(1, *((PH, value) for value in values)))) == [
        (False, Withheld.ON_DELAY),
        (False, Withheld.ON_DELAY),
        (False, Withheld.NOTHING),
        (False, Withheld.ON_DELAY),
        (False, Withheld.ON_DELAY),
        (True, Withheld.NOTHING),
        (True, Withheld.NOTHING),
        (False, Withheld.NOTHING),
    ]


def test_time_in_which_nothing_was_judged_is_no_part_of_the_on_delay() -> None:
    state = guarded(Condition("rpm", ">", 50.0), on_delay=5.0)
    first = every(1, (RPM, 60.0), (PH, 9.0), (RPM, 0.0), (PH, 9.0))
    later = [replace(row, time=row.time + 600 * SECOND) for row in every(2, (RPM, 60.0), *[(PH, 9.0)] * 4)]
    assert [flag for flag, _ in said(run(state, [*first, *later]))][-4:] == [False, False, False, True]


def test_settings_that_change_nothing_for_a_tag_go_on_to_the_last_bit(rows: list[Row], whole: Scores) -> None:
    state = ProfileState(PROFILES, TAGS)
    run(state, rows[:700])
    tags = (TAGS[VALVE], *TAGS[:3])
    others = PROFILES.with_profile(Profile("another", (Choice("ewma"),)))
    other = ProfileState(others.renamed("slow", "slower"), tags)
    for code, tag in enumerate(tags):
        theirs = TAGS.index(tag)
        seen = [row for row in rows[:700] if row.tag == theirs and row.ok and math.isfinite(row.value)]
        other.adopt(
            code,
            state,
            theirs,
            len(seen),
            np.array([row.value for row in seen]),
            np.array([row.time for row in seen], dtype=np.int64),
        )
    moved = [replace(row, tag=tags.index(TAGS[row.tag])) for row in rows[700:]]
    again = run(other, moved)
    for part in ("n", "is_anomaly", *PARTS):
        assert getattr(again, part).tobytes() == getattr(whole, part)[700:].tobytes(), part
    assert whole.verdicts is not None
    assert again.verdicts is not None
    assert again.verdicts.withheld.tolist() == whole.verdicts.withheld[700:].tolist()


def test_adopted_detector_that_is_new_is_restored_and_the_old_one_kept() -> None:
    random = np.random.default_rng(2)
    values, times = random.normal(7.0, 0.02, 400), np.arange(400) * SECOND
    rows = [Row(PH, float(value), True, True, int(time)) for value, time in zip(values, times, strict=True)]
    old = ProfileState(single("zscore", {"window": 50}), TAGS)
    run(old, rows)
    new = ProfileState(
        Profiles((Profile("default", (Choice("zscore", {"window": 50}), Choice("hampel"))),)), TAGS
    )
    new.adopt(PH, old, PH, 400, values[-100:], times[-100:])
    whole = ProfileState(Profiles(((Profile("default", (Choice("zscore"), Choice("hampel")))),)), TAGS)
    run(whole, rows)
    following = [Row(PH, 7.3, True, True, 401 * SECOND)]
    assert bits(run(new, following)) == bits(run(whole, following))


def test_readings_learned_are_those_of_the_detector_that_has_learned_longest() -> None:
    values, times = np.full(60, 7.0), np.arange(60, dtype=np.int64)
    choices = (Choice("zscore", {"window": 20}), Choice("hampel", {"window": 500}))
    state = ProfileState(Profiles((Profile("default", choices),)), TAGS)
    state.restore(PH, 10_000, values, times)
    assert run(state, every(1, (PH, 7.0))).n.tolist() == [10_000]


def names_of_eight() -> list[tuple[str, ...]]:
    names = list(PER_TAG)
    return [tuple(names[:MOST_DETECTORS]), tuple(names[-MOST_DETECTORS:])]


@pytest.mark.parametrize("names", names_of_eight())
def test_memory_of_a_tag_stays_what_was_announced_and_within_bounds(names: tuple[str, ...]) -> None:
    profile = Profile("default", tuple(Choice(name) for name in names))
    announced = memory(detectors_of(profile).values())
    assert announced <= MOST_BYTES
    state = ProfileState(Profiles((profile,)), TAGS)
    random = np.random.default_rng(1)
    rows = 5_000
    state.run(
        np.zeros(rows, np.int32),
        random.normal(7.0, 0.02, rows),
        np.ones(rows, np.bool_),
        np.arange(rows) * SECOND,
    )
    assert state.save(PH).nbytes == announced


def test_profile_that_would_remember_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = Profiles((Profile("default", (Choice("zscore", {"window": 1000}), Choice("recommended"))),))
    size = memory(detectors_of(profiles.default).values())
    monkeypatch.setattr(profile_state, "MOST_BYTES", size)
    check(profiles, TAGS)
    monkeypatch.setattr(profile_state, "MOST_BYTES", size - 1)
    with pytest.raises(UsageError, match=f"remember {size:,} bytes"):
        check(profiles, TAGS)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (Profile("default", (Choice("none"),)), "there is no detector 'none'"),
        (Profile("default", (Choice("zscore", {"width": 3}),)), "zscore has no parameter 'width'"),
        (Profile("default", (Choice("zscore", {"detector": 3}),)), "zscore has no parameter 'detector'"),
        (Profile("default", (Choice("zscore", {"window": 3}),)), "window = 3 cannot be used"),
        (Profile("default", (Choice("zscore", {"threshold": math.nan}),)), "threshold = nan cannot be used"),
        (Profile("default", (Choice("zscore", {"window": 50.5}),)), "window = 50.5 cannot be used"),
        (
            Profile("default", (Choice("limits", {"high": 1.0, "low": 2.0}),)),
            "low 2 is above high 1",
        ),
        (
            Profile("default", (Choice("limits", {"high_high": 1.0, "low_low": 2.0}),)),
            "low_low 2 is above high_high 1",
        ),
        (
            Profile("default", (Choice("zscore"),), condition=Condition("none", ">", 1.0)),
            "needs the tag 'none', which does not exist",
        ),
        (
            Profile("default", (Choice("zscore"),), condition=Condition("valve", ">", 1.0)),
            "needs the tag 'valve', which has states",
        ),
        (
            Profile("default", (Choice("zscore"),), condition=Condition("ph", "=", 1.0, word="on")),
            "needs the tag 'ph', which has no states",
        ),
    ],
)
def test_profile_that_cannot_judge_is_refused(profile: Profile, words: str) -> None:
    with pytest.raises(UsageError) as refusal:
        check(Profiles((profile,)), TAGS)
    assert words in str(refusal.value)
    assert refusal.value.hint


@pytest.mark.parametrize("name", PER_TAG)
def test_every_threshold_can_be_divided_by(name: str) -> None:
    kind = PER_TAG[name]
    for parameter in kind.PARAMETERS:
        for value in (parameter.low, parameter.high):
            assert make(name, **{parameter.name: value}).threshold > 0.0


def test_profiles_that_judge_are_accepted() -> None:
    check(PROFILES, TAGS)
    check(default_profiles(1000, 8.0), TAGS)
    check(single("limits", {"low": 1.0, "high": 1.0}), TAGS)
