"""Tags of which cells are missing: false alarms as of whole data, faults still found, never silent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from sensormon.detectors import MULTIVARIATE, detect
from sensormon.detectors.incomplete import positive
from sensormon.detectors.multivariate import RowsState
from sensormon.model.errors import UsageError

Rows = np.ndarray
Damage = Callable[[Rows], None]
SEEDS = 3
every_detector = pytest.mark.parametrize("detector", MULTIVARIATE)


def noise(seed: int, tags: int, correlation: float = 0.0, rows: int = 1_400) -> Rows:
    random = np.random.default_rng(seed)
    common = random.normal(size=(rows, 1))
    return np.sqrt(1 - correlation) * random.normal(size=(rows, tags)) + np.sqrt(correlation) * common


def late(rows: Rows) -> None:
    rows[:370, 0] = np.nan


def empty(rows: Rows) -> None:
    rows[:, 2] = np.nan


def lost(share: float) -> Damage:
    def damage(rows: Rows) -> None:
        rows[np.random.default_rng(99).random(rows.shape) < share] = np.nan

    return damage


def every_third(rows: Rows) -> None:
    rows[np.arange(len(rows)) % 3 > 0, 1] = np.nan


def damaged(rows: Rows, damage: Damage) -> pd.DataFrame:
    copy = rows.copy()
    damage(copy)
    return pd.DataFrame(copy)


def share_flagged(frames: list[pd.DataFrame], detector: str) -> tuple[float, float]:
    """The share of rows flagged among those scored, and the share scored among those after the baseline."""
    results = [detect(frame, detector=detector) for frame in frames]
    scored = sum(int(result["score"].notna().sum()) for result in results)
    rows = sum(len(result) - 400 for result in results)
    return sum(int(result["is_anomaly"].sum()) for result in results) / scored, scored / rows


CASES: dict[str, tuple[int, float, Damage]] = {
    "one of 6 late": (6, 0.0, late),
    "one of 10 late": (10, 0.5, late),
    "20, a tenth lost": (20, 0.0, lost(0.1)),
    "20, a fifth lost": (20, 0.5, lost(0.2)),
    "one of 6 empty": (6, 0.0, empty),
    "one of 6 every third row": (6, 0.9, every_third),
}


@every_detector
@pytest.mark.parametrize("case", CASES)
def test_false_alarms_are_those_of_whole_data(detector: str, case: str) -> None:
    tags, correlation, damage = CASES[case]
    whole = [noise(seed, tags, correlation) for seed in range(SEEDS)]
    usual, _ = share_flagged([pd.DataFrame(rows) for rows in whole], detector)
    flagged, scored = share_flagged([damaged(rows, damage) for rows in whole], detector)
    assert scored == 1.0
    assert flagged <= 2 * usual + 0.003


@every_detector
def test_a_shift_is_found_though_cells_are_missing(detector: str) -> None:
    rows = noise(0, 6, 0.5)
    rows[1_000:1_100, [1, 3]] += np.array([5.0, -5.0])
    whole = detect(pd.DataFrame(rows), detector=detector)["is_anomaly"]
    flagged = detect(damaged(rows, lost(0.2)), detector=detector)["is_anomaly"]
    assert whole.iloc[1_020:1_100].mean() > 0.5
    assert flagged.iloc[1_020:1_100].mean() > 0.6 * whole.iloc[1_020:1_100].mean()
    assert flagged.iloc[400:1_000].mean() < 0.02


def test_a_wandering_tag_may_come_back_from_a_gap() -> None:
    rows = np.column_stack([noise(seed, 2).cumsum(axis=0) for seed in range(3)])
    for start in range(500, 1_300, 100):
        rows[start : start + 60, start // 100 % 6] = np.nan
    result = detect(pd.DataFrame(rows), detector="recommended")
    assert result["is_anomaly"].mean() < 0.005


def test_a_missing_correlated_tag_is_no_fault() -> None:
    rows = noise(3, 4, 0.99)
    rows[700:900, 1] = np.nan
    for detector in MULTIVARIATE:
        result = detect(pd.DataFrame(rows), detector=detector)
        assert result["is_anomaly"].iloc[700:900].mean() < 0.02, detector


@every_detector
def test_incomplete_rows_live_and_after_loading_score_as_in_history(detector: str) -> None:
    rows = noise(5, 5)
    lost(0.1)(rows)
    rows[:500, 0] = rows[:, 4] = np.nan
    judge = MULTIVARIATE[detector]()
    history = judge.start(5).run(rows)
    live: RowsState = judge.start(5)
    for at in range(len(rows)):
        if at in (0, 399, 400, 455, 700, 701, 1_200):
            peeked = live.peek(rows[at])
            loaded = judge.start(5)
            loaded.load(live.save())
            live = loaded
            assert peeked.score.tobytes() == history.score[at : at + 1].tobytes()
        assert live.run(rows[at : at + 1]).score.tobytes() == history.score[at : at + 1].tobytes(), at
    assert live.judged.tolist() == [True, True, True, True, False]
    assert np.isfinite(history.contributions[-1, :4]).all()
    scored = np.isfinite(history.score)
    assert scored[400:].mean() > 0.99
    sums = np.nansum(history.contributions, axis=1)
    assert sums[scored] == pytest.approx(history.score[scored], abs=1e-9)


def test_what_is_not_scored_is_said() -> None:
    rows = noise(0, 4)
    rows[:500, 1] = rows[:, 2] = np.nan
    rows[1_000:1_003] = np.nan
    result = detect(pd.DataFrame(rows, columns=["a", "late", "never", "d"]), detector="recommended")
    baseline, empty_rows, came, left = result.attrs["notes"]
    assert baseline == "Rows 0 to 399 are the baseline and not scored."
    assert empty_rows == "3 later rows without any value: not scored."
    assert came.startswith("late: judged from row 7")
    assert left.startswith("never: left out, because it has 0 values in 1,400 rows; 200 are needed")
    assert result["never"].isna().all()
    assert result["late"].iloc[800:1_000].notna().all()
    whole = detect(pd.DataFrame(noise(0, 4)), detector="recommended")
    assert whole.attrs["notes"] == ["Rows 0 to 399 are the baseline and not scored."]
    (short,) = detect(pd.DataFrame(noise(0, 4, rows=400)), detector="spe").attrs["notes"]
    assert short == "The first 400 rows are the baseline and not scored: give more, or a smaller one."
    notes = detect([*range(60), np.nan, 3]).attrs["notes"]
    assert notes[0] == "1 value missing: not scored, not learned."
    assert notes[1].startswith("50 values not scored")


@every_detector
@pytest.mark.parametrize(
    ("rows", "what", "hint"),
    [
        (
            noise(0, 590),
            "590 tags need more than 1,770 rows to learn from, and there are 1,400",
            "at most 466",
        ),
        (np.full((1_400, 3), np.nan), "0 has 0, 1 has 0, 2 has 0", "Leave out tags"),
        (np.c_[noise(0, 1), np.full((1_400, 2), np.nan)], "1 has 0, 2 has 0", "score each tag by itself"),
    ],
    ids=["many columns", "nothing", "one tag"],
)
def test_a_frame_that_can_never_be_scored_is_an_error(
    detector: str, rows: Rows, what: str, hint: str
) -> None:
    with pytest.raises(UsageError, match="no row can be scored") as caught:
        detect(pd.DataFrame(rows), detector=detector)
    assert what in str(caught.value)
    assert hint in str(caught.value)


def test_nearest_correlations_are_ones_that_data_can_have() -> None:
    wrong = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    right = positive(wrong, 0.0)
    assert np.linalg.eigvalsh(wrong)[0] < -0.5
    assert np.linalg.eigvalsh(right)[0] > -1e-12
    assert np.diag(right) == pytest.approx(1.0)
    assert (np.sign(right) == np.sign(wrong)).all()
    proper = np.array([[1.0, 0.5], [0.5, 1.0]])
    assert positive(proper, 0.0) is proper
