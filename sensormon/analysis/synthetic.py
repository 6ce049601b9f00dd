"""How often a detector alarms for nothing, and how often it sees a fault: measured on made-up series.

Plain functions over a `Detect`, which takes a series and gives what it flagged. All are
seeded: the same call gives the same figures. The series are of normal noise with standard
deviation 1, so that the size of a fault is in standard deviations; they say what a
detector can do at best, not what it does on a plant's own data. For that there are `nab_series`
and `skab_counts`, which score labelled recordings.

>>> share = detection_share(flags_of("recommended"), "spike", runs=20)
>>> share > 0.9
True
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sensormon.analysis import nab, skab
from sensormon.detectors import detect
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.tags import Tag
from sensormon.sources.simulator import Simulator

Detect = Callable[[Floats], Bools]
"""Flags a series, one flag a value."""

PHIS = (0.0, 0.5, 0.9, 0.99)
"""Autocorrelations of clean noise from independent to slowly wandering."""

SPIKE, LEVEL_SHIFT, DRIFT, STUCK = "spike", "level_shift", "drift", "stuck"
NOISE, QUIET = "noise", "quiet"
SIZES = {SPIKE: 6.0, LEVEL_SHIFT: 2.0, DRIFT: 3.0, STUCK: 0.0, NOISE: 3.0, QUIET: 0.2}
"""The faults and their usual size: in standard deviations, of noise and quiet the noise's factor."""

FAULT_ROWS = 200
"""How long a fault lasts, in readings; a spike is one reading somewhere in them."""

_SETTLE = 1000  # readings left out until an autoregression has forgotten where it began


@dataclass(frozen=True)
class EventCounts:
    """Events flagged rightly, flagged wrongly, and missed."""

    found: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """Share of the flags that are right; NaN without a flag."""
        flags = self.found + self.wrong
        return self.found / flags if flags else float("nan")

    @property
    def recall(self) -> float:
        """Share of the events that were flagged; NaN without an event."""
        events = self.found + self.missed
        return self.found / events if events else float("nan")


def flags_of(detector: str, **params: float) -> Detect:
    """The flags of a detector by name, at these parameters and its defaults for the others."""

    def flags(values: Floats) -> Bools:
        return detect(values, detector=detector, **params)["is_anomaly"].to_numpy(dtype=np.bool_)

    return flags


def autoregressive(phi: float, rows: int, random: np.random.Generator) -> Floats:
    """Stationary normal noise with standard deviation 1, each value correlated `phi` with the one before.

    Raises ValueError for a phi that is not from 0 to below 1.
    """
    if not 0.0 <= phi < 1.0:
        raise ValueError(f"phi = {phi} is not from 0 to below 1")
    drawn = random.normal(size=rows)
    if phi == 0.0:
        return drawn
    values = np.empty(rows)
    value = 0.0
    share = float(np.sqrt(1.0 - phi * phi))
    for i, new in enumerate(drawn.tolist()):
        value = phi * value + share * new if i else new
        values[i] = value
    return values


def with_fault(
    values: Floats, fault: str, start: int, random: np.random.Generator, size: float | None = None
) -> Floats:
    """The series with a fault from row `start` to its end; `size` is that of `SIZES` unless given.

    A spike is added to one row, up or down, drawn from `random`. Raises ValueError for a
    fault that does not exist or a start with no row before and after it.
    """
    if fault not in SIZES:
        raise ValueError(f"there is no fault {fault!r}")
    if not 0 < start < len(values):
        raise ValueError(f"a fault from row {start} of {len(values)}")
    size = SIZES[fault] if size is None else size
    faulty = np.array(values, dtype=np.float64)
    rows = len(values) - start
    if fault == SPIKE:
        faulty[start + random.integers(rows)] += size * random.choice([-1.0, 1.0])
    elif fault == LEVEL_SHIFT:
        faulty[start:] += size
    elif fault == DRIFT:
        faulty[start:] += size * np.arange(1, rows + 1) / rows
    elif fault == STUCK:
        faulty[start:] = faulty[start - 1]
    else:
        faulty[start:] *= size
    return faulty


def seconds_apart(rows: int, gap_before: int | None = None, gap: float = 60.0) -> Ints:
    """Times (µs) of readings a second apart; before row `gap_before` there are `gap` seconds more."""
    times = np.arange(rows, dtype=np.int64) * 1_000_000
    if gap_before is not None:
        times[gap_before:] += round(gap * 1e6)
    return times


def correlated_rows(phi: float, rows: int, tags: int, random: np.random.Generator) -> Floats:
    """Normal rows of several tags, mixed from as many independent series of `autoregressive`.

    The mixture is drawn anew with each call; one column a tag.
    """
    sources = [autoregressive(phi, rows, random) for _ in range(tags)]
    return np.stack(sources, axis=1) @ random.normal(size=(tags, tags))


def rounded(values: Floats, resolution: float) -> Floats:
    """The values as a sensor of this resolution reports them; 0 leaves them as they are."""
    return np.round(values / resolution) * resolution if resolution > 0 else values


def false_alarm_rate(
    flags: Detect, phi: float = 0.0, series: int = 20, rows: int = 20_000, seed: int = 0
) -> float:
    """Share of the readings of clean noise that are flagged; the warm-up counts as not flagged."""
    random = np.random.default_rng(seed)
    count = 0
    for _ in range(series):
        count += int(flags(autoregressive(phi, rows + _SETTLE, random)[_SETTLE:]).sum())
    return count / (series * rows)


def detection_share(
    flags: Detect,
    fault: str,
    clean: int = 1000,
    runs: int = 200,
    resolution: float = 0.0,
    size: float | None = None,
    seed: int = 0,
) -> float:
    """Share of the runs in which a reading of the fault is flagged, after `clean` clean readings.

    The noise is independent; `resolution` is in its standard deviations. An alarm by chance
    during the fault counts too: see `false_alarm_rate` for how rare it is.
    """
    random = np.random.default_rng(seed)
    found = 0
    for _ in range(runs):
        noise = random.normal(size=clean + FAULT_ROWS)
        found += bool(flags(rounded(with_fault(noise, fault, clean, random, size), resolution))[clean:].any())
    return found / runs


def count_events(flagged: Bools, truth: Bools, first: int = 0) -> EventCounts:
    """Each true row an event of its own, from row `first` on, so that a warm-up can be left out."""
    flagged, truth = flagged[first:], truth[first:]
    return EventCounts(
        found=int((flagged & truth).sum()),
        wrong=int((flagged & ~truth).sum()),
        missed=int((~flagged & truth).sum()),
    )


def simulated_spikes(
    flags: Detect, tag: Tag, rows: int = 20_000, first: int = 200, seed: int = 0
) -> EventCounts:
    """Spikes of the simulator's usual rate on this tag, one reading a second, each an event."""
    end = 1_700_000_000_000_000
    batch = Simulator([tag], seed, 1.0).backfill(end, minutes=rows / 60)
    spikes = np.isin(batch.time, [one.time for one in batch.injected])
    return count_events(flags(batch.value), spikes, first)


NabScores = dict[str, dict[str, nab.SeriesScore]]
"""The score of each series by file, and of each profile in it."""


def nab_series(flags: Detect, folder: Path, windows: dict[str, list[list[str]]]) -> NabScores:
    """The score of each series of `windows`, csv files under `folder`, with each profile.

    `windows` holds the first and last timestamp of each labelled anomaly, by file, as in the
    benchmark's `combined_windows.json`. Raises UsageError for a timestamp that a file has not.
    """
    scores: NabScores = {}
    for file, labels in windows.items():
        table = pd.read_csv(folder / file, parse_dates=["timestamp"])
        rows = {stamp: row for row, stamp in reversed(list(enumerate(table["timestamp"])))}
        try:
            edges = [(rows[pd.Timestamp(left)], rows[pd.Timestamp(right)]) for left, right in labels]
        except KeyError as error:
            raise UsageError(
                f"a window begins or ends at {error.args[0]}, where there is no reading",
                where=str(folder / file),
                hint="Labels and series are of different versions",
            ) from error
        flagged = flags(table["value"].to_numpy(dtype=np.float64))
        scores[file] = {
            name: nab.score_series(flagged, edges, profile) for name, profile in nab.PROFILES.items()
        }
    return scores


def nab_scores(scores: NabScores) -> dict[str, float]:
    """The normalised score of each profile over all these series; NaN without a window."""
    return {name: nab.normalised(one[name] for one in scores.values()) for name in nab.PROFILES}


SKAB_NOT_TAGS = ("datetime", "anomaly", "changepoint")


def skab_counts(detector: str, files: list[Path], baseline: int = 400) -> skab.RowCounts:
    """The rows that a detector over several tags flags in these runs, against their labels.

    The first `baseline` rows of each run are what it learns, and are not counted.
    """
    runs = []
    for file in files:
        table = pd.read_csv(file, sep=";")
        if "anomaly" not in table:
            raise UsageError(
                "there is no column 'anomaly'", where=str(file), hint="Give runs of SKAB as published"
            )
        tags = table[[name for name in table.columns if name not in SKAB_NOT_TAGS]]
        flagged = detect(tags, detector=detector, baseline=baseline)["is_anomaly"]
        runs.append((table["anomaly"].to_numpy() > 0, flagged.to_numpy(dtype=np.bool_)))
    return skab.score_rows(runs, baseline)
