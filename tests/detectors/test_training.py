"""Training a model of several tags: what is refused and why, and a model that runs live as it was trained."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from sensormon.detectors import MULTIVARIATE
from sensormon.detectors.trained_state import TrainedState
from sensormon.detectors.training import KINDS, TrainedModel, train
from sensormon.detectors.training_stretch import least_rows, problems
from sensormon.model.errors import UsageError

Rows = np.ndarray
NAMES = ["flow", "level", "pressure", "speed"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def related(seed: int, rows: int = 600, tags: int = 4) -> Rows:
    """Noise of which half the variance is common to all tags, around 37."""
    random = np.random.default_rng(seed)
    return 37.0 + (random.normal(size=(rows, tags)) + random.normal(size=(rows, 1))) / np.sqrt(2)


def trained(kind: str, rows: Rows, **params: float) -> TrainedModel:
    return train(NAMES, rows, kind, params, first=0, last=(len(rows) - 1) * 1_000_000)


def no_value(rows: Rows) -> None:
    rows[:, 1] = np.nan


def constant(rows: Rows) -> None:
    rows[:, 2] = 7.0


def few_values(rows: Rows) -> None:
    rows[150:, 3] = np.nan


def never_together(rows: Rows) -> None:
    rows[:300, 0] = rows[300:, 3] = np.nan


def step(rows: Rows) -> None:
    rows[300:, 1] += 4.0


def transient(rows: Rows) -> None:
    rows[:, 1] += 8.0 * np.exp(-np.arange(len(rows)) / 40)


def drift(rows: Rows) -> None:
    rows[:, [0, 2]] += np.linspace(0, 2.0, len(rows))[:, None]


def bad_and_drifting(rows: Rows) -> None:
    constant(rows)
    rows[:, 0] += np.linspace(0, 2.0, len(rows))


@every_kind
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (no_value, "level has no value"),
        (constant, "pressure never changes"),
        (few_values, "200 values of each tag are needed, and speed has 150"),
        (never_together, "200 rows in common are needed, and flow and speed have 0"),
        (step, "level is not settled"),
        (transient, "level is not settled"),
        (drift, "flow, pressure drift"),
        (bad_and_drifting, "pressure never changes; flow drifts"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_stretch_that_would_spoil_the_model_is_refused(
    kind: str, damage: Callable[[Rows], None], reason: str
) -> None:
    rows = related(0)
    damage(rows)
    with pytest.raises(UsageError, match=reason) as caught:
        trained(kind, rows)
    assert "200 rows or more" in str(caught.value)


def test_few_rows_are_refused_by_the_number_of_tags() -> None:
    assert least_rows(4) == 200
    assert least_rows(100) == 300
    (reason,) = problems(NAMES, related(0, rows=199))
    assert reason.startswith("200 values of each tag are needed, and flow has 199, level has 199")


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_steady_noise_and_whole_cycles_are_accepted(phi: float) -> None:
    refused = 0
    for seed in range(20):
        rows = related(seed, rows=2_000)
        for at in range(1, len(rows)):
            rows[at] = 37.0 + phi * (rows[at - 1] - 37.0) + (rows[at] - 37.0)
        rows += 5.0 * np.sin(2 * np.pi * np.arange(len(rows)) / 200)[:, None]
        rows[np.random.default_rng(seed).random(rows.shape) < 0.2] = np.nan
        refused += bool(problems(NAMES, rows))
    assert refused == 0


def test_odd_rows_do_not_make_a_steady_stretch_unsettled() -> None:
    rows = related(1)
    rows[[50, 300, 301, 599]] += 1e6
    assert problems(NAMES, rows) == []


@every_kind
def test_wrong_names_kinds_and_parameters_are_refused(kind: str) -> None:
    rows = related(0)
    with pytest.raises(UsageError, match="fewer than two"):
        train(["flow"], rows[:, :1], kind, {}, first=0, last=1)
    with pytest.raises(UsageError, match="flow comes twice"):
        train(["flow", "level", "flow", "speed"], rows, kind, {}, first=0, last=1)
    with pytest.raises(UsageError, match="no model of kind 'zscore'"):
        trained("zscore", rows)
    for params in ({"baseline": 400.0}, {"size": 1.0}):
        with pytest.raises(UsageError, match="has no parameter"):
            trained(kind, rows, **params)
    with pytest.raises(UsageError, match="cannot be used"):
        trained(kind, rows, **{MULTIVARIATE[kind].PARAMETERS[1].name: 99.0})
    with pytest.raises(ValueError, match="for 4 tags"):
        trained(kind, rows[:, :3])


@every_kind
def test_it_scores_as_the_detector_that_had_the_stretch_as_its_baseline(kind: str) -> None:
    rows = related(2, rows=1_000)
    rows[:600][np.random.default_rng(0).random((600, 4)) < 0.1] = np.nan
    rows[800:850, 1] += 6.0
    rows[900, :2] = rows[901] = np.nan
    whole = MULTIVARIATE[kind](baseline=600).start(4).run(rows)
    live = TrainedState(trained(kind, rows[:600])).run(rows[600:])
    assert live.score.tobytes() == whole.score[600:].tobytes()
    assert live.contributions.tobytes() == whole.contributions[600:].tobytes()
    assert live.is_anomaly[220:250].any()
    assert live.is_anomaly[:200].mean() < 0.02
    assert np.nansum(live.contributions, axis=1)[225] == pytest.approx(live.score[225])
    assert live.contributions[225].argmax() == 1


@every_kind
def test_kept_as_json_it_is_the_same_model(kind: str) -> None:
    rows = related(3, rows=900)
    parameter = MULTIVARIATE[kind].PARAMETERS[1]
    model = trained(kind, rows[:600], **{parameter.name: parameter.low})
    text = json.dumps(model.to_dict(), allow_nan=False)
    again = TrainedModel.from_dict(json.loads(text))
    assert (again.kind, again.names, again.params) == (kind, tuple(NAMES), {parameter.name: parameter.low})
    assert (again.first, again.last, again.rows) == (0, 599_000_000, 600)
    first, second = TrainedState(model).run(rows[600:]), TrainedState(again).run(rows[600:])
    assert first.score.tobytes() == second.score.tobytes()
    assert json.dumps(again.to_dict()) == text


@every_kind
def test_a_table_that_is_no_model_is_refused(kind: str) -> None:
    table = trained(kind, related(3)).to_dict()
    learned = table["learned"]
    for wrong in (
        {},
        {**table, "kind": "zscore"},
        {**table, "names": ["a", "b"]},
        {**table, "params": [1]},
        {**table, "learned": None},
        {**table, "learned": {**learned, "mean": ["x"] * 4}},
        {**table, "learned": {**learned, "form": [[np.nan] * 4] * 4}},
        {**table, "first": None},
    ):
        with pytest.raises(UsageError):
            TrainedModel.from_dict(wrong)


@every_kind
def test_saved_and_loaded_at_any_row_it_goes_on_the_same(kind: str) -> None:
    rows = related(4, rows=1_200)
    model = trained(kind, rows[:600])
    later = rows[600:]
    later[100:200, 0] += 5.0
    later[np.random.default_rng(1).random(later.shape) < 0.05] = np.nan
    whole, live = TrainedState(model, steady=250), TrainedState(model, steady=250)
    scores = whole.run(later)
    for at in range(len(later)):
        if at % 50 == 0:
            loaded = TrainedState(model, steady=250)
            loaded.load(live.save())
            live = loaded
            assert live.peek(later[at]).score.tobytes() == scores.score[at : at + 1].tobytes()
        assert live.run(later[at : at + 1]).score.tobytes() == scores.score[at : at + 1].tobytes(), at
    assert live.save().tobytes() == whole.save().tobytes()
    for vector in (np.zeros(0), live.save()[:-1], np.full(9, np.nan), np.array([5.0])):
        with pytest.raises(ValueError, match="not saved by a detector of as many tags"):
            TrainedState(model).load(vector)


@every_kind
def test_steady_elsewhere_names_the_tags_after_a_number_of_rows(kind: str) -> None:
    rows = related(5, rows=3_000)
    rows[1_000:, 1] += np.minimum(np.arange(2_000) / 100, 1.0) * 8.0
    state = TrainedState(trained(kind, rows[:600]), steady=500)
    named = []
    for at in range(600, 3_000, 50):
        state.run(rows[at : at + 50])
        named.append(state.elsewhere())
    first = next(place for place, names in enumerate(named) if names)
    assert 1_350 <= 650 + 50 * first <= 1_650
    assert all(names == ["level"] for names in named[first:])
    assert problems(NAMES, rows[2_500:]) == []


def test_a_tag_without_values_or_change_is_not_steady() -> None:
    rows = related(6, rows=1_200)
    for value in (np.nan, 50.0):
        state = TrainedState(trained("hotelling", rows[:600]), steady=300)
        later = rows[600:].copy()
        later[:, 0] += 9.0
        later[:, 1] = value
        state.run(later)
        assert state.elsewhere() == []
    with pytest.raises(UsageError, match="0 rows cannot be steady"):
        TrainedState(trained("hotelling", rows[:600]), steady=0)
