"""`bench rescore`: the cost of a moved slider, and of the kernels alone."""

from __future__ import annotations

from collections import deque
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
    ratios,
    seconds,
)
from sensormon.detectors import PER_TAG, longest_lead
from sensormon.detectors.zscore import ZScore
from sensormon.model.profiles import Profile, single
from sensormon.model.readings import Floats
from sensormon.model.tags import Tag


def rescore(size: Size, readings: int = 100_000) -> Measured:
    """The cost of a moved slider: a tag's history rescored and compared, ms, the median of five.

    For each detector with its defaults and, if it has a window, with the widest one. The history is
    a reading per second, every 50th a known spike.
    """
    before = machine_load()
    readings = size.readings or readings
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
    tag = Tag("temp", "Temperature", valid=(0.0, 100.0), normal=(36.0, 38.0), resolution=0.01)
    history = History(tag, frame.iloc[:-readings], frame.iloc[-readings:].reset_index(drop=True))
    faults = pd.DataFrame({"tag": "temp", "time": time_of[spikes], "fault": "spike"})
    labelled = pd.DataFrame({"tag": [], "start": [], "end": [], "label": []})
    facts = Known(faults, labelled, frozenset({"temp"}))
    figures, reference = _scoring(3 * readings)
    for name, cls in PER_TAG.items():
        for window in (
            None,
            *(int(parameter.high) for parameter in cls.PARAMETERS if parameter.name == "window"),
        ):
            profile = single(name, {} if window is None else {"window": window}).default

            def moved(profile: Profile = profile) -> None:
                compare(history, as_stored(history, profile), rescored(history, profile), facts)

            moved()  # compiles it, or loads the compiled code
            taken = [seconds(moved) for _ in range(5)]
            figures[f"{name}{'' if window is None else f', window {window}'}, ms"] = percentile(taken, 50)
    return Measured(figures, reference, ratios(figures, reference), load_since(before))


def _scoring(points: int) -> tuple[Figures, Figures]:
    """Readings per second of the z-score kernel on 3 interleaved tags, and of the naive code."""
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, points)
    codes = (np.arange(points) % 3).astype(np.int32)
    ok = np.ones(points, dtype=np.bool_)
    times = np.arange(points, dtype=np.int64)
    few = values[:30_000]
    figures: Figures = {}
    reference: Figures = {}
    for window in (50, 1000):
        state = ZScore(window=window).start(np.zeros(3))
        state.run(codes[:10], values[:10], ok[:10], times[:10])  # compiles it, or loads the compiled code
        fast = points / seconds(partial(state.run, codes, values, ok, times))
        slow = len(few) / seconds(partial(_naive, few, window))
        figures[f"window {window}, readings/s"] = fast
        reference[f"window {window}, readings/s"] = slow
    return figures, reference


def _naive(values: Floats, window: int) -> None:
    seen: list[deque[float]] = [deque(maxlen=window) for _ in range(3)]
    for i, value in enumerate(values.tolist()):
        last = seen[i % 3]
        if len(last) >= 50:
            abs(value - np.mean(last)) / np.std(last)
        last.append(value)
