"""What holds for every detector in MULTIVARIATE; listing a new one is enough to test it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensormon.detectors import MULTIVARIATE, detect
from sensormon.detectors.multivariate import RowScores
from sensormon.model.errors import UsageError

every_detector = pytest.mark.parametrize("kind", [pytest.param(k, id=n) for n, k in MULTIVARIATE.items()])
NAMES = ("statistic", "score", "expected", "lower", "upper", "is_anomaly", "contributions")


def history(rows: int = 700) -> np.ndarray:
    """Five correlated tags, the last one constant, with a shift, a spike and lost values."""
    random = np.random.default_rng(0)
    values = random.normal(size=(rows, 5)) @ random.normal(size=(5, 5)) + 37.0
    values[:, 4] = 7.0
    values[600:640, 1] += 20.0
    values[500] += 30.0
    values[[100, 450, 610], 2] = math.nan
    values[460] = math.nan
    return values


def same(scores: RowScores, others: RowScores, rows: slice = slice(None)) -> bool:
    return all(getattr(scores, n).tobytes() == getattr(others, n)[rows].tobytes() for n in NAMES)


@every_detector
def test_is_documented_and_its_limits_hold(kind: Any) -> None:
    for part in (">>> ", "References", "Catches", "Misses", *(f"`{p.name}`" for p in kind.PARAMETERS)):
        assert part in kind.__doc__
    for parameter in kind.PARAMETERS:
        for good in (parameter.low, parameter.high):
            kind(**{parameter.name: int(good) if parameter.step == 1 else good})
        for bad in (parameter.low - parameter.step, parameter.high + parameter.step, "x", math.nan):
            with pytest.raises(UsageError, match=parameter.name):
                kind(**{parameter.name: bad})


@every_detector
def test_describes_itself_where_it_is_defined(kind: Any) -> None:
    assert all((kind.title, kind.score_name, kind.catches, kind.misses))
    labels = [parameter.label for parameter in kind.PARAMETERS]
    assert all(labels)
    assert len(set(labels)) == len(labels)


@every_detector
def test_causal_and_live_equals_history(kind: Any) -> None:
    values = history()
    whole, live = kind().start(5).run(values), kind().start(5)
    assert whole.is_anomaly[625:640].all()
    assert np.isnan(whole.score[:400]).all()
    for i in range(len(values)):
        if i % 50 == 0:
            assert same(live.peek(values[i]), whole, slice(i, i + 1))
        assert same(live.run(values[i : i + 1]), whole, slice(i, i + 1)), i


@every_detector
@pytest.mark.parametrize("cut", [0, 1, 399, 400, 401, 620])
def test_saved_and_loaded_it_continues_the_same(kind: Any, cut: int) -> None:
    values = history()
    before, after = kind().start(5), kind().start(5)
    before.run(values[:cut])
    after.load(before.save())
    assert same(after.run(values[cut:]), kind().start(5).run(values), slice(cut, None))


@every_detector
def test_contributions_sum_to_the_score_and_follow_their_tags(kind: Any) -> None:
    values, order = history(), [3, 0, 4, 1, 2]
    plain, moved = kind().start(5).run(values), kind().start(5).run(values[:, order])
    np.testing.assert_allclose(plain.contributions.sum(axis=1), plain.score, atol=1e-9)
    np.testing.assert_allclose(moved.contributions, plain.contributions[:, order], rtol=1e-6, atol=1e-9)


@every_detector
def test_odd_values_neither_blind_it_nor_overflow(kind: Any) -> None:
    values = history()
    values[470, 0], values[471, 1], values[472] = 1e300, math.inf, -1e300
    scores = kind().start(5).run(values)
    assert np.isnan(scores.score[460])
    assert np.isfinite(np.delete(scores.score, 460)[400:]).all()
    assert scores.is_anomaly[625:640].all()


@every_detector
def test_a_constant_frame_stays_calm(kind: Any) -> None:
    scores = kind().start(3).run(np.full((600, 3), 7.3))
    assert not scores.is_anomaly.any()
    assert np.isfinite(scores.score[400:]).all()


@pytest.mark.parametrize("detector", ["hotelling", "spe"])
def test_clean_noise_is_flagged_at_about_rate_alpha(detector: str) -> None:
    random = np.random.default_rng(2)
    rows = random.normal(size=(20_000, 8)) @ random.normal(size=(8, 8))
    assert detect(pd.DataFrame(rows), detector=detector)["is_anomaly"].mean() < 0.005


def test_a_frame_in_a_frame_out() -> None:
    frame = pd.DataFrame(history(), columns=list("abcde"))
    result = detect(frame, detector="recommended", baseline=400)
    assert list(result.columns[7:]) == list("abcde")
    assert len(result) == len(frame)
    with pytest.raises(UsageError, match="zscore"):
        detect(frame, detector="zscore")
    with pytest.raises(UsageError, match="two"):
        detect(frame[["a"]], detector="spe")
