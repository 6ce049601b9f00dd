"""The rolling z-score: correct, exact after any input, and the same live as over history."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.detectors.base import State
from sensormon.detectors.kernel import HIGHEST
from sensormon.detectors.zscore import ZScore, kernel
from sensormon.model.errors import UsageError
from sensormon.model.readings import Scores
from sensormon.model.settings import THRESHOLD, WINDOW
from tests.support import naive

COLUMNS = ("n", "score", "expected", "lower", "upper", "is_anomaly")
# The first call compiles, so no deadline; the same examples at every run.
steady = settings(deadline=None, derandomize=True, max_examples=200)
EPS = float(np.finfo(np.float64).eps)


def start(window: int = 50, threshold: float = 3.0, resolution: tuple[float, ...] = (0.0,)) -> State:
    return ZScore(window=window, threshold=threshold).start(np.array(resolution))


def run(state: State, value: object, tag: object = None, ok: object = None) -> Scores:
    column = np.asarray(value, dtype=np.float64)
    codes = np.zeros(len(column), np.int32) if tag is None else np.asarray(tag, np.int32)
    usable = np.ones(len(column), bool) if ok is None else np.asarray(ok, bool)
    return state.run(codes, column, usable, np.zeros(len(column), np.int64))


def restore(state: State, code: int, n: int, value: np.ndarray) -> None:
    state.restore(code, n, value, np.zeros(len(value), np.int64))


def assert_same_bits(scores: Scores, other: Scores, label: object = "") -> None:
    for name in COLUMNS:
        assert getattr(scores, name).tobytes() == getattr(other, name).tobytes(), (name, label)


def joined(parts: list[Scores]) -> Scores:
    return Scores(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS})


@st.composite
def streams(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interleaved readings of three tags: a level, steps of 0.01, repeats, glitches, NaN, infinities, bad."""
    rows = draw(st.integers(0, 400))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    level = draw(st.sampled_from([0.0, 37.0, -1e6, 1e9]))
    spread = draw(st.sampled_from([0, 1, 3, 1000]))
    tag = random.integers(0, draw(st.integers(1, 3)), rows).astype(np.int32)
    value = level + random.integers(-spread, spread + 1, rows) / 100
    odd = random.random(rows) < draw(st.sampled_from([0.0, 0.05, 0.3]))
    value[odd] = random.choice([math.nan, math.inf, -math.inf, level + 1e9, level - 5.0], odd.sum())
    ok = random.random(rows) >= draw(st.sampled_from([0.0, 0.2]))
    return tag, value, ok


@steady
@given(streams(), st.integers(5, 60), st.sampled_from([1.0, 2.5, 3.0, 8.0]), st.sampled_from([0.0, 0.015]))
def test_agrees_with_the_naive_reference(
    stream: tuple[np.ndarray, np.ndarray, np.ndarray], window: int, threshold: float, resolution: float
) -> None:
    tag, value, ok = stream
    resolutions = (resolution, 0.0, 2 * resolution)
    scores = run(start(window, threshold, resolutions), value, tag, ok)
    expected = naive.zscore(tag.tolist(), value.tolist(), ok.tolist(), window, threshold, resolutions)
    for i, row in enumerate(expected):
        assert scores.n[i] == row.n
        if not row.scored:
            assert np.isnan([scores.score[i], scores.expected[i], scores.lower[i], scores.upper[i]]).all()
            assert not scores.is_anomaly[i]
            continue
        rounding = 20 * EPS * row.largest if row.sd else 0.0
        slack = threshold * rounding + 1e-12 * row.margin
        assert abs(scores.expected[i] - row.mean) <= rounding
        edge = slack + rounding + EPS * (row.largest + row.margin)
        assert abs(scores.lower[i] - (row.mean - row.margin)) <= edge
        assert abs(scores.upper[i] - (row.mean + row.margin)) <= edge
        if abs(row.off - row.margin) > slack + rounding or row.sd == 0.0:
            assert scores.is_anomaly[i] == row.is_anomaly
        if row.margin == 0.0:
            assert scores.score[i] == (HIGHEST if row.is_anomaly else 0.0)
        else:
            z = min(row.off * threshold / row.margin, HIGHEST)
            allowed = (slack + rounding) / row.margin * (threshold + z) + 1e-12 * z
            assert abs(scores.score[i] - z) <= allowed + 1e-15


@steady
@given(streams(), st.integers(5, 60), st.floats(1.0, 8.0), st.sampled_from([0.0, 0.01, 0.03]))
def test_score_and_flag_never_disagree(
    stream: tuple[np.ndarray, np.ndarray, np.ndarray], window: int, threshold: float, resolution: float
) -> None:
    tag, value, ok = stream
    scores = run(start(window, threshold, (resolution,) * 3), value, tag, ok)
    assert np.array_equal(scores.score > threshold, scores.is_anomaly)
    scored = scores.score[~np.isnan(scores.score)]
    assert ((scored >= 0) & (scored <= HIGHEST)).all()


@given(st.floats(1.0, 8.0), st.floats(1e-6, 1e6))
@settings(steady, max_examples=1000)
def test_score_and_flag_never_disagree_at_the_very_margin(threshold: float, margin: float) -> None:
    state = start(5, threshold, (margin,))
    restore(state, 0, 5, np.zeros(5))
    for off, flagged in ((margin, False), (math.nextafter(margin, math.inf), True)):
        preview = state.peek(0, off, 0)
        assert preview.is_anomaly[0] == flagged
        assert (preview.score[0] > threshold) == flagged


@steady
@given(streams(), st.integers(5, 60), st.lists(st.integers(0, 400), max_size=12))
def test_any_split_into_batches_gives_the_same_bits(
    stream: tuple[np.ndarray, np.ndarray, np.ndarray], window: int, cuts: list[int]
) -> None:
    tag, value, ok = stream
    whole = run(start(window, resolution=(0.0,) * 3), value, tag, ok)
    live = start(window, resolution=(0.0,) * 3)
    edges = [0, *sorted(min(cut, len(value)) for cut in cuts), len(value)]
    parts = [run(live, value[a:b], tag[a:b], ok[a:b]) for a, b in pairwise(edges)]
    assert_same_bits(joined(parts), whole)


@steady
@given(streams(), st.sampled_from([32, 33, 60]), st.integers(0, 400))
def test_whole_blocks_give_the_same_bits_as_single_readings(
    stream: tuple[np.ndarray, np.ndarray, np.ndarray], window: int, cut: int
) -> None:
    _, value, ok = stream
    whole, single = (start(window, resolution=(0.01,)) for _ in range(2))
    parts = [run(single, value[i : i + 1], ok=ok[i : i + 1]) for i in range(len(value))]
    at_once = [run(whole, value[:cut], ok=ok[:cut]), run(whole, value[cut:], ok=ok[cut:])]
    if parts:
        assert_same_bits(joined(at_once), joined(parts))
    assert whole.save(0).tobytes() == single.save(0).tobytes()


def test_reading_by_reading_gives_the_same_bits_as_history() -> None:
    value = np.random.default_rng(1).normal(37.0, 0.2, 700)
    tag = np.arange(700) % 3
    live = start(20, resolution=(0.0, 0.01, 0.1))
    parts = [run(live, value[i : i + 1], tag[i : i + 1]) for i in range(700)]
    assert_same_bits(joined(parts), run(start(20, resolution=(0.0, 0.01, 0.1)), value, tag))


@pytest.mark.parametrize("window", [5, 7, 60])
def test_restored_at_any_point_it_continues_bit_for_bit(window: int) -> None:
    value = np.random.default_rng(2).normal(1e6, 0.2, 4 * window + 3)
    value[window // 2] = 1e9
    whole = run(start(window), value)
    for n in range(len(value)):
        state = start(window)
        run(state, value[::-1])  # earlier state must not matter
        restore(state, 0, n, value[max(0, n - state.lead) : n])
        assert_same_bits(run(state, value[n:]), whole.take(np.arange(n, len(value))), n)


@steady
@given(streams(), st.integers(5, 60), st.integers(0, 400), st.integers(0, 30))
def test_restoring_one_tag_leaves_the_others_alone(
    stream: tuple[np.ndarray, np.ndarray, np.ndarray], window: int, cut: int, more: int
) -> None:
    tag, value, ok = stream
    whole = run(start(window, resolution=(0.0,) * 3), value, tag, ok)
    state = start(window, resolution=(0.0,) * 3)
    run(state, value[:cut], tag[:cut], ok[:cut])
    learned = value[:cut][(tag[:cut] == 1) & ok[:cut] & np.isfinite(value[:cut])]
    restore(state, 1, len(learned), learned[-(window + more) :])  # more history than it needs is harmless
    rest = run(state, value[cut:], tag[cut:], ok[cut:])
    assert_same_bits(rest, whole.take(np.arange(min(cut, len(value)), len(value))))


def test_restore_with_too_few_values_starts_again_from_them() -> None:
    value = np.random.default_rng(3).normal(0.0, 1.0, 90)
    state = start(50)
    restore(state, 0, 5000, value[:20])
    assert_same_bits(run(state, value[20:]), run(start(50), value).take(np.arange(20, 90)))


@steady
@given(streams(), st.integers(5, 60), st.integers(0, 2), st.floats())
def test_peek_scores_without_learning(
    stream: tuple[np.ndarray, np.ndarray, np.ndarray], window: int, code: int, guess: float
) -> None:
    tag, value, ok = stream
    peeked, plain = start(window, resolution=(0.01,) * 3), start(window, resolution=(0.01,) * 3)
    run(peeked, value, tag, ok)
    run(plain, value, tag, ok)
    preview = peeked.peek(code, guess, 0)
    assert_same_bits(preview, peeked.peek(code, guess, 0))
    assert_same_bits(preview, run(plain, [guess], [code]))
    restore(plain, 0, 0, np.array([]))  # `plain` has learned the guess, `peeked` has not
    again = start(window, resolution=(0.01,) * 3)
    run(again, value, tag, ok)
    assert_same_bits(run(peeked, value, tag, ok), run(again, value, tag, ok))


@pytest.mark.parametrize("window", [5, 50, 1000])
def test_a_glitch_leaves_no_trace_after_the_window(window: int) -> None:
    value = np.random.default_rng(4).normal(37.0, 0.2, 5 * window)
    for at in (0, window - 1, window, window + window // 2):
        glitched = value.copy()
        glitched[at] = 1e9
        gone = np.arange(at + window + 1, len(value))
        assert_same_bits(run(start(window), glitched).take(gone), run(start(window), value).take(gone))


def test_a_real_fault_long_after_a_glitch_is_flagged() -> None:
    value = np.random.default_rng(5).normal(37.0, 0.2, 85_200)
    value[100] = 1e9
    value[85_100] += 20 * 0.2
    scores = run(start(), value)
    assert scores.is_anomaly[100]
    assert scores.is_anomaly[85_100]
    assert scores.score[85_100] == pytest.approx(20, rel=0.4)


def test_huge_values_blind_it_for_at_most_one_window() -> None:
    value = np.random.default_rng(6).normal(37.0, 0.2, 400)
    wild = value.copy()
    wild[[100, 101]] = 1.7e308, -1.7e308
    scores, calm = run(start(), wild), run(start(), value)
    assert scores.is_anomaly[100]
    gone = np.arange(152, 400)
    assert_same_bits(scores.take(gone), calm.take(gone))


def test_non_finite_and_bad_values_are_neither_scored_nor_learned() -> None:
    value = np.random.default_rng(7).normal(37.0, 0.2, 300)
    plain = run(start(), value)
    with_odd = np.insert(value, [60, 60, 60, 200], [math.nan, math.inf, -math.inf, 99.0])
    ok = np.ones(304, bool)
    ok[203] = False
    scores = run(start(), with_odd, ok=ok)
    odd = np.array([60, 61, 62, 203])
    assert np.isnan(scores.score[odd]).all()
    assert np.isnan(scores.lower[odd]).all()
    assert not scores.is_anomaly[odd].any()
    assert_same_bits(scores.take(np.setdiff1d(np.arange(304), odd)), plain)


@pytest.mark.parametrize(("window", "warm_up"), [(5, 5), (50, 50), (1000, 50)])
def test_scored_from_the_end_of_the_warm_up_on(window: int, warm_up: int) -> None:
    scores = run(start(window), np.random.default_rng(8).normal(0.0, 1.0, 1100))
    assert np.isnan(scores.score[:warm_up]).all()
    assert not scores.is_anomaly[:warm_up].any()
    assert np.isfinite(scores.score[warm_up:]).all()
    assert scores.n.tolist() == list(range(1100))


def test_ten_times_37_then_50_is_an_anomaly() -> None:
    scores = run(start(10), [37.0] * 10 + [50.0])
    assert scores.is_anomaly.tolist() == [False] * 10 + [True]
    assert (scores.expected[10], scores.lower[10], scores.upper[10]) == (37.0, 37.0, 37.0)


@pytest.mark.parametrize("level", [0.1, 37.3, -1e-9, 1e9 / 3, 1e300])
def test_on_a_flat_window_any_other_value_is_an_anomaly(level: float) -> None:
    state = start(50)
    scores = run(state, [level] * 173)
    assert (scores.score[50:] == 0.0).all()
    assert (scores.expected[50:] == level).all()
    assert (scores.lower[50:] == level).all()
    for other in (np.nextafter(level, math.inf), np.nextafter(level, -math.inf), level + 1.0):
        preview = state.peek(0, other, 0)
        assert preview.is_anomaly[0] == (other != level)


def test_on_a_flat_window_a_step_within_the_resolution_is_none() -> None:
    state = start(50, resolution=(0.5,))
    run(state, [37.0] * 60)
    for other, flagged in ((37.25, False), (37.5, False), (36.5, False), (37.75, True), (36.25, True)):
        preview = state.peek(0, other, 0)
        assert preview.is_anomaly[0] == flagged
        assert preview.score[0] == pytest.approx(abs(other - 37.0) / 0.5 * 3.0)
        assert (preview.lower[0], preview.upper[0]) == pytest.approx((36.5, 37.5))


@pytest.mark.parametrize(
    ("resolution", "decimals", "first"), [(0.1, 1, 300), (0.01, 2, 650), (0.001, 3, 36_900)]
)
def test_one_step_of_a_decimal_sensor_is_within_its_resolution(
    resolution: float, decimals: int, first: int
) -> None:
    for k in range(first, first + 100):
        state = start(50, resolution=(resolution,))
        run(state, [round(k * resolution, decimals)] * 50)
        for steps, flagged in ((1, False), (-1, False), (2, True), (-2, True)):
            assert state.peek(0, round((k + steps) * resolution, decimals), 0).is_anomaly[0] == flagged


def test_no_column_layout_recompiles() -> None:
    columns = np.zeros(40, np.int32), np.arange(40.0), np.ones(40, bool), np.arange(40)
    start().run(*columns)
    for column in columns:
        column.flags.writeable = False
    start().run(*columns)
    start().run(*(column[::2] for column in columns))
    assert len(kernel.signatures) == 1


@pytest.mark.parametrize("code", [-1, 1, 2**31])
def test_a_tag_code_that_does_not_exist_is_refused(code: int) -> None:
    state = start()
    with pytest.raises(IndexError, match="from 0 to 0"):
        state.run(np.array([code]), np.zeros(1), np.ones(1, bool), np.zeros(1, np.int64))
    with pytest.raises(IndexError, match="from 0 to 0"):
        state.peek(code, 1.0, 0)
    with pytest.raises(IndexError, match="from 0 to 0"):
        restore(state, code, 0, np.array([]))


@pytest.mark.parametrize("resolution", [-0.1, math.nan, math.inf])
def test_a_resolution_that_is_none_is_refused(resolution: float) -> None:
    with pytest.raises(UsageError, match="resolution"):
        start(resolution=(resolution,))


def test_what_is_flagged_is_learned() -> None:
    state = start(10)
    run(state, [37.0] * 10 + [50.0])
    assert state.peek(0, 37.0, 0).expected[0] == pytest.approx(38.3)


def test_false_alarms_on_normal_noise_are_half_a_percent() -> None:
    value = np.random.default_rng(9).normal(37.0, 0.2, 200_000)
    assert 0.003 < run(start(), value).is_anomaly.mean() < 0.008


def test_limits_are_those_of_the_settings() -> None:
    limits = {parameter.name: (parameter.low, parameter.high) for parameter in ZScore.PARAMETERS}
    assert limits == {"window": WINDOW, "threshold": THRESHOLD}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window", 4),
        ("window", 1001),
        ("window", 50.5),
        ("window", "50"),
        ("window", True),
        ("window", None),
        ("window", math.nan),
        ("threshold", 0.9),
        ("threshold", 8.1),
        ("threshold", math.nan),
        ("threshold", math.inf),
        ("threshold", "3"),
    ],
)
def test_a_wrong_parameter_is_named_in_one_line(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=name) as caught:
        ZScore(**{name: value})
    assert "\n" not in str(caught.value)
