"""`bench rescore`: a moved slider of Tuning, and what each kernel takes of a tag's history alone."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from sensormon.analysis.rescoring import History
from sensormon.analysis.what_if import Known, as_stored, compare, rescored
from sensormon.bench.measured import (
    Figures,
    Measured,
    Size,
    load_since,
    machine_load,
    percentile,
    processor_seconds,
    ratios,
)
from sensormon.detectors import PER_TAG, longest_lead, make
from sensormon.detectors.base import TagFacts
from sensormon.model.profiles import single
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag

_WINDOWS = {"zscore": (50, 500, 1000), "hampel": (50, 1000)}
_TAG = Tag("temp", "Temperature", valid=(0.0, 100.0), normal=(36.0, 38.0), resolution=0.01)
_ROUNDS = 5


def rescore(size: Size, readings: int = 1_000_000) -> Measured:
    """Processor time in ms, the median of five: readings of a tag at 1 Hz, every 50th a known spike.

    "alone" is the kernel over columns that are at hand; "with frames" is a moved slider, the history
    scored and compared as Tuning does it. The reference is the rolling mean and standard deviation of
    pandas, of numpy (cumulative sums) and, where it is installed, of bottleneck. After one large value
    those are no longer exact; the z-score is.
    """
    before = machine_load()
    readings = size.readings or readings
    history, facts = _history(readings)
    value = history.rows["value"].to_numpy(dtype=np.float64)
    figures: Figures = {}
    reference: Figures = {}
    for name in PER_TAG:
        for window in _WINDOWS.get(name, (0,)):
            title = f"{name}, window {window}" if window else name
            params: dict[str, float] = {"window": window} if window else {}
            figures[f"{title}, alone, ms"] = _median(partial(_alone, name, params, value))
            figures[f"{title}, with frames, ms"] = _median(partial(_moved, history, name, params, facts))
    for window in _WINDOWS["zscore"]:
        reference[f"zscore, window {window}, alone, ms"] = _median(partial(_pandas, value, window))
        reference[f"numpy, window {window}, ms"] = _median(partial(_numpy, value, window))
        if importlib.util.find_spec("bottleneck") is not None:
            reference[f"bottleneck, window {window}, ms"] = _median(partial(_bottleneck, value, window))
    return Measured(figures, reference, ratios(figures, reference), load_since(before))


def _median(call: Callable[[], object]) -> float:
    call()  # compiles what it needs, or loads the compiled code
    return percentile([processor_seconds(call) for _ in range(_ROUNDS)], 50)


def _alone(name: str, params: dict[str, float], value: Floats) -> None:
    rows = len(value)
    state = make(name, **params).start(TagFacts.of_tags([_TAG]))
    codes, every = np.zeros(rows, dtype=np.int32), np.ones(rows, dtype=np.bool_)
    state.run(codes, value, every, np.arange(rows, dtype=np.int64) * 1_000_000)


def _moved(history: History, name: str, params: dict[str, float], facts: Known) -> None:
    profile = single(name, params).default
    compare(history, as_stored(history, profile), rescored(history, profile), facts)


def _pandas(value: Floats, window: int) -> None:
    rolling = pd.Series(value).rolling(window)
    np.abs(value - rolling.mean()) / rolling.std()


def _numpy(value: Floats, window: int) -> None:
    sums, squares = (np.cumsum(np.insert(column, 0, 0.0)) for column in (value, value * value))
    mean = (sums[window:] - sums[:-window]) / window
    variance = (squares[window:] - squares[:-window]) / window - mean * mean
    np.abs(value[window - 1 :] - mean) / np.sqrt(np.maximum(variance, 1e-12))


def _bottleneck(value: Floats, window: int) -> None:
    library = importlib.import_module("bottleneck")
    np.abs(value - library.move_mean(value, window)) / library.move_std(value, window)


def _history(readings: int) -> tuple[History, Known]:
    rng = np.random.default_rng(0)
    rows = readings + 2 * longest_lead()
    spikes = rng.random(rows) < 0.02
    time_of = pd.to_datetime(np.arange(rows) * 1_000_000 + 1_700_000_000_000_000, unit="us", utc=True)
    frame = pd.DataFrame(
        {
            "id": np.arange(rows),
            "time": time_of,
            "value": np.round(rng.normal(37.0, 0.2, rows) + 3.0 * spikes, 2),
            "quality": np.zeros(rows, np.uint32),
            "n": np.arange(rows),
            **dict.fromkeys(("score", "expected", "lower", "upper"), np.nan),
            "is_anomaly": spikes,
        }
    )
    lead, shown = frame.iloc[:-readings], frame.iloc[-readings:].reset_index(drop=True)
    faults = pd.DataFrame({"tag": _TAG.name, "time": time_of[spikes], "fault": "spike"})
    labelled = pd.DataFrame({"tag": [], "start": [], "end": [], "label": []})
    return History(_TAG, lead, shown), Known(faults, labelled, frozenset({_TAG.name}))
