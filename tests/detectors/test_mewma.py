"""The multivariate EWMA: calm while a process drifts, alarms that end, and a state that can be kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sensormon.detectors import detect
from sensormon.detectors.mewma import Mewma
from sensormon.detectors.mewma_fit import SLOW, fit

Rows = np.ndarray
ROWS = 6_000


def related(seed: int, rows: int = ROWS, tags: int = 8) -> Rows:
    """Noise of which half the variance is common to all tags."""
    random = np.random.default_rng(seed)
    return (random.normal(size=(rows, tags)) + random.normal(size=(rows, 1))) / np.sqrt(2)


def flags(rows: Rows) -> np.ndarray:
    return Mewma().start(rows.shape[1]).run(rows).is_anomaly


def runs_of(flagged: np.ndarray) -> list[tuple[int, int]]:
    """First row and number of rows of each flagged stretch."""
    edges = np.diff(np.r_[0, flagged.astype(int), 0])
    starts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    return list(zip(starts.tolist(), (ends - starts).tolist(), strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_a_slow_walk_of_a_healthy_process_is_followed(seed: int) -> None:
    walk = 0.03 * np.random.default_rng(seed + 100).normal(size=(ROWS, 8)).cumsum(axis=0)
    assert flags(related(seed) + walk)[400:].mean() < 0.02


@pytest.mark.parametrize("seed", range(3))
def test_a_cycle_longer_than_the_baseline_is_followed(seed: int) -> None:
    random = np.random.default_rng(seed + 200)
    wave = 2 * np.pi * np.arange(ROWS)[:, None] / 1_440 + random.uniform(0, 2 * np.pi, 8)
    assert flags(related(seed) + random.uniform(2, 6, 8) * np.sin(wave))[400:].mean() < 0.01


@pytest.mark.parametrize("size", [3.0, 5.0, 10.0])
def test_each_step_of_a_set_point_is_an_event_that_ends(size: int) -> None:
    rows = related(1)
    steps = list(range(1_000, ROWS, 1_000))
    for place, at in enumerate(steps):
        rows[at:, 2] += size if place % 2 == 0 else -size
    flagged = flags(rows)
    events = runs_of(flagged)
    assert max(length for _, length in events) <= 100
    for at in steps:
        assert flagged[at : at + 20].any()
        assert not flagged[at + 100 : at + 900].any()


def test_a_slow_shift_to_a_lasting_level_stays_an_alarm() -> None:
    rows = related(2)
    rows[2_000:2_400, 3] -= np.minimum(np.arange(400) / 40, 1.0) * 6.0
    flagged = flags(rows)
    assert flagged[2_045:2_400].all()
    assert not flagged[2_440:].any()


def test_a_coarse_sensor_cannot_show_that_it_was_set() -> None:
    rows = related(3)
    rows[:, 0] = np.round(rows[:, 0])
    rows[2_000:2_400, 0] -= 6.0
    assert flags(rows)[2_020:2_400].all()


def test_what_most_tags_do_together_was_not_set() -> None:
    rows = related(10)
    rows[2_000:2_400] += 6.0
    assert flags(rows)[2_020:2_400].all()


def test_a_tag_that_grows_lively_floods_no_more_after_a_while() -> None:
    rows = related(4)
    rows[1_000:, 5] *= 2.5
    assert flags(rows)[3_000:].mean() < 0.01


def test_a_new_state_is_reported_and_becomes_normal() -> None:
    rows = related(5)
    rows[2_000:, [1, 4]] += np.minimum(np.arange(ROWS - 2_000) / 300, 1.0)[:, None] * np.array([8.0, -8.0])
    state = Mewma().start(8)
    flagged = state.run(rows).is_anomaly
    assert len(state.new_states) == 1
    at = state.new_states[0]
    assert 3_000 < at < 3_100
    assert not flagged[at:].any()
    note = detect(pd.DataFrame(rows), detector="recommended").attrs["notes"][-1]
    assert note.startswith(f"New state at row {at - 1:,}: ")


def test_live_and_loaded_at_any_point_it_scores_as_in_history() -> None:
    rows = related(6, rows=4_500, tags=5)
    rows[:380, 0] = np.nan
    rows[2_000:2_400, 1] += 7.0
    rows[2_500:, [2, 3]] += np.minimum(np.arange(2_000) / 300, 1.0)[:, None] * np.array([8.0, -8.0])
    rows[np.random.default_rng(0).random(rows.shape) < 0.05] = np.nan
    history = Mewma().start(5)
    whole = history.run(rows)
    assert history.new_states
    assert 400 < history.since[0] < 1_000
    live = Mewma().start(5)
    for at in range(len(rows)):
        if at % 97 == 0:
            loaded = Mewma().start(5)
            loaded.load(live.save())
            live = loaded
        score = live.run(rows[at : at + 1])
        assert score.score.tobytes() == whole.score[at : at + 1].tobytes(), at
        assert score.contributions.tobytes() == whole.contributions[at : at + 1].tobytes(), at
    assert live.new_states == history.new_states
    assert live.save().tobytes() == history.save().tobytes()


def test_it_remembers_some_30_kb_of_8_tags() -> None:
    state = Mewma().start(8)
    state.run(related(7))
    assert state.save().nbytes < 32_000


def test_a_vector_of_other_tags_is_refused() -> None:
    state = Mewma().start(8)
    state.run(related(8, rows=500))
    for vector in (state.save()[:-1], np.zeros(3), np.full(40, np.nan)):
        with pytest.raises(ValueError, match="not saved by a detector of as many tags"):
            Mewma().start(8).load(vector)
    with pytest.raises(ValueError, match="not saved by a detector of as many tags"):
        Mewma().start(7).load(state.save())


def test_quiet_rows_score_as_by_the_definition() -> None:
    rows = related(9, rows=460, tags=3)
    rows[:, 2] = rows[:, 2].cumsum()
    rows[430, 1] = np.nan
    model = fit(rows[:400], 0.1)
    assert model.gain.tolist() == [SLOW, SLOW, 1.0]
    state = Mewma().start(3)
    scores = state.run(rows)
    reference, average, lively = model.reference.copy(), model.average.copy(), np.ones(3)
    spread = np.sqrt(np.diag(model.covariance))
    for at in range(400, 460):
        error = (rows[at] - model.mean) / model.scale - reference
        new = np.nan_to_num(np.clip(error / model.step, -10, 10))
        average += 0.1 * (new - average)
        off = average / np.sqrt(np.maximum(lively, 1.0))
        parts = off * (model.form @ off)
        assert scores.statistic[at] == pytest.approx(parts.sum())
        assert scores.contributions[at] == pytest.approx(parts / state.limit)
        assert not scores.is_anomaly[at]
        reference += np.where(model.gain == 1.0, np.nan_to_num(error), SLOW * new * model.step)
        had = np.isfinite(error)
        shares = np.minimum((average / spread) ** 2, 9.0 * np.maximum(lively, 1.0))
        lively += np.where(had, (shares - lively) / 1_000, 0.0)
