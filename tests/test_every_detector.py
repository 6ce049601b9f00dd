"""What holds for every detector in PER_TAG: a new one is tested by being listed."""

from __future__ import annotations

import math
import pkgutil
from typing import Any

import numpy as np
import pytest

from sensormon import detectors
from sensormon.detectors import MULTIVARIATE, PER_TAG
from sensormon.errors import UsageError
from sensormon.readings import Scores

COLUMNS = ("n", "score", "expected", "lower", "upper", "is_anomaly")
ROWS = 2000

every_detector = pytest.mark.parametrize("kind", [pytest.param(k, id=n) for n, k in PER_TAG.items()])


def history() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three interleaved tags with noise, spikes, a shift, a stuck stretch, NaN and bad readings."""
    random = np.random.default_rng(0)
    tag = random.integers(0, 3, ROWS).astype(np.int32)
    value = np.array([37.0, 7.0, 450.0])[tag] + np.array([0.2, 0.02, 5.0])[tag] * random.normal(size=ROWS)
    value[::97] *= 1.5
    value[900:1100] += 2.0
    value[1300:1500] = 7.0
    value[::211] = math.nan
    return tag, value, random.random(ROWS) > 0.02


def start(kind: Any) -> Any:
    return kind().start(np.array([0.01, 0.001, 1.0]))


def same(one: Scores, other: Scores) -> bool:
    return all(getattr(one, name).tobytes() == getattr(other, name).tobytes() for name in COLUMNS)


def test_every_file_is_registered() -> None:
    files = {module.name for module in pkgutil.iter_modules(detectors.__path__)} - {
        "base",
        "multivariate",
        "pca",
    }
    assert files == {
        kind.__module__.rsplit(".", 1)[1] for kind in [*PER_TAG.values(), *MULTIVARIATE.values()]
    }


@every_detector
def test_is_documented(kind: Any) -> None:
    text = kind.__doc__
    for part in (">>> ", "Reference", "Catches", "Misses", *(f"`{p.name}`" for p in kind.PARAMETERS)):
        assert part in text, f"{kind.__name__}'s docstring lacks {part}"
    assert text.count("\n") > 8


@every_detector
def test_parameters_have_limits_that_hold(kind: Any) -> None:
    for parameter in kind.PARAMETERS:
        assert parameter.unit
        assert parameter.step > 0
        assert parameter.low <= getattr(kind(), parameter.name) <= parameter.high
        for good in (parameter.low, parameter.high):
            kind(**{parameter.name: good})
        for bad in (parameter.low - parameter.step, parameter.high + parameter.step, "x", None, math.nan):
            with pytest.raises(UsageError, match=parameter.name):
                kind(**{parameter.name: bad})


@every_detector
def test_parameters_are_frozen_and_compared_by_value(kind: Any) -> None:
    assert kind() == kind()
    assert hash(kind()) == hash(kind())
    with pytest.raises(AttributeError):
        kind().threshold = 1.0


@every_detector
def test_says_something_of_each_row(kind: Any) -> None:
    scores = start(kind).run(*history())
    assert [getattr(scores, name).dtype for name in COLUMNS] == [np.int64, *[np.float64] * 4, np.bool_]
    assert {len(getattr(scores, name)) for name in COLUMNS} == {ROWS}
    assert scores.is_anomaly.any()
    assert np.array_equal(scores.score > kind().threshold, scores.is_anomaly)


@every_detector
def test_counts_what_each_tag_has_learned(kind: Any) -> None:
    tag, value, ok = history()
    n = start(kind).run(tag, value, ok).n
    good = ok & np.isfinite(value)
    for code in range(3):
        before = np.cumsum(good[tag == code]) - good[tag == code]
        assert np.array_equal(n[tag == code], before)


@every_detector
def test_same_input_same_output_and_input_untouched(kind: Any) -> None:
    columns, kept = history(), history()
    assert same(start(kind).run(*columns), start(kind).run(*columns))
    for column, before in zip(columns, kept, strict=True):
        assert column.tobytes() == before.tobytes()


@every_detector
def test_any_layout_of_the_columns_gives_the_same(kind: Any) -> None:
    tag, value, ok = history()
    strided = [np.repeat(column, 2)[::2] for column in (tag, value, ok)]
    frozen = [column.copy() for column in (tag, value, ok)]
    for column in frozen:
        column.flags.writeable = False
    expected = start(kind).run(tag, value, ok)
    assert same(start(kind).run(*strided), expected)
    assert same(start(kind).run(*frozen), expected)
    assert same(start(kind).run(tag.astype(np.int64), value.astype(">f8"), ok), expected)


@every_detector
def test_live_equals_history(kind: Any) -> None:
    tag, value, ok = history()
    whole, live = start(kind).run(tag, value, ok), start(kind)
    for i in range(ROWS):
        one = slice(i, i + 1)
        assert same(live.run(tag[one], value[one], ok[one]), whole.take(np.arange(i, i + 1))), i


@every_detector
def test_causal(kind: Any) -> None:
    tag, value, ok = history()
    whole = start(kind).run(tag, value, ok)
    for rows in (0, 1, 60, 333, 1999):
        cut = start(kind).run(tag[:rows], value[:rows], ok[:rows])
        assert same(cut, whole.take(np.arange(rows)))


@every_detector
def test_a_tag_is_scored_as_if_it_were_alone(kind: Any) -> None:
    tag, value, ok = history()
    whole = start(kind).run(tag, value, ok)
    for code in range(3):
        mine = tag == code
        assert same(start(kind).run(tag[mine], value[mine], ok[mine]), whole.take(mine))


@every_detector
def test_peek_leaves_the_state_unchanged(kind: Any) -> None:
    tag, value, ok = history()
    whole, state = start(kind).run(tag, value, ok), start(kind)
    for a in range(0, ROWS, 100):
        b = a + 100
        for code in range(3):
            for guess in (37.0, 1e9, math.nan):
                assert len(state.peek(code, guess)) == 1
        told = state.peek(int(tag[a]), float(value[a]))
        scores = state.run(tag[a:b], value[a:b], ok[a:b])
        assert same(scores, whole.take(np.arange(a, b)))
        if ok[a]:
            assert same(told, scores.take(np.arange(1)))


@every_detector
def test_restored_from_its_last_readings_it_goes_on_the_same(kind: Any) -> None:
    tag, value, ok = history()
    whole = start(kind).run(tag, value, ok)
    good = ok & np.isfinite(value)
    for cut in (0, 1, 70, 149, 150, 151, 1000, 1777):
        state = start(kind)
        for code in range(3):
            learned = value[:cut][(tag[:cut] == code) & good[:cut]]
            state.restore(code, len(learned), learned[max(0, len(learned) - state.lead) :])
        assert same(state.run(tag[cut:], value[cut:], ok[cut:]), whole.take(np.arange(cut, ROWS)))


@every_detector
@pytest.mark.parametrize("level", [0.0, 37.3, -1e9, 1e-300])
def test_a_flat_line_and_a_step_off_it_stay_finite(kind: Any, level: float) -> None:
    state = kind().start(np.zeros(1))
    value = np.full(3000, level)
    scores = state.run(np.zeros(3000, np.int32), value, np.ones(3000, bool))
    assert np.isfinite(scores.score[-1000:]).all()
    assert np.isfinite(scores.expected[-1000:]).all()
    assert np.isfinite(state.peek(0, level + 1.0).score).all()


@every_detector
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_one_odd_value_does_not_blind_it(kind: Any, odd: float) -> None:
    value = np.random.default_rng(1).normal(37.0, 0.2, 3000)
    value[2500] += 20 * 0.2
    with_odd = np.insert(value, 300, odd)
    plain = kind().start(np.zeros(1)).run(np.zeros(3000, np.int32), value, np.ones(3000, bool))
    scores = kind().start(np.zeros(1)).run(np.zeros(3001, np.int32), with_odd, np.ones(3001, bool))
    assert math.isnan(scores.score[300])
    assert not scores.is_anomaly[300]
    assert same(scores.take(np.arange(3001) != 300), plain)
    assert scores.is_anomaly[2501]
