"""The Numenta benchmark from several starts, and what of a score carries over to other folders.

One start misleads by up to five points: a detector that begins some readings later learns other
things. So every series is scored from each of `STARTS`, that many readings dropped, and a
score is a mean with the standard deviation over the starts. A folder's readings have much in
common, so a constant must be chosen without the folder it is judged on: `leave_one_folder_out`.

References: Lavin and Ahmad, ICMLA 2015, for the score; Stone, Journal of the Royal Statistical
Society B 36 (1974) 111, for choosing on other data than is judged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sensormon.analysis import nab
from sensormon.analysis.nab import SeriesScore, Window
from sensormon.analysis.typed_faults import Flag
from sensormon.model.errors import UsageError
from sensormon.model.readings import Floats, Ints

STARTS = (0, 13, 29, 47, 71, 97)
"""Readings dropped from the beginning of every series."""

Profiles = dict[str, SeriesScore]
"""The score of one series by profile."""
ByStart = tuple[Mapping[str, Profiles], ...]
"""For each start the scores of all series, by file."""


@dataclass(frozen=True, eq=False)
class NabSeries:
    """A labelled series: its file within the benchmark, values, times (µs UTC) and windows of rows."""

    file: str
    values: Floats
    times: Ints
    windows: tuple[Window, ...]

    def later(self, rows: int) -> NabSeries:
        """The series without its first rows; a window that ends in them is gone."""
        windows = tuple((max(first - rows, 0), last - rows) for first, last in self.windows if last >= rows)
        return NabSeries(self.file, self.values[rows:], self.times[rows:], windows)


@dataclass(frozen=True)
class Spread:
    """A mean over the starts and the standard deviation; NaN if there is but one start."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """The spread of these figures; NaN of none."""
        if not figures:
            return cls(math.nan, math.nan)
        deviation = float(np.std(figures, ddof=1)) if len(figures) > 1 else math.nan
        return cls(float(np.mean(figures)), deviation)


def folder_of(file: str) -> str:
    """The folder of the benchmark that a file is in."""
    return file.partition("/")[0]


def read_nab(folder: Path) -> list[NabSeries]:
    """The series that `windows.json` in this folder names.

    It has the first and last timestamp of each labelled anomaly by file, as the benchmark's
    `combined_windows.json`. Raises UsageError if it is not JSON, and for a timestamp that is not
    in its file.
    """
    labels = folder / "windows.json"
    try:
        windows: dict[str, list[list[str]]] = json.loads(labels.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(
            f"it is not JSON ({error})", where=str(labels), hint="Use combined_windows.json of the benchmark"
        ) from error
    return [_read(folder, file, edges) for file, edges in windows.items()]


def _read(folder: Path, file: str, edges: list[list[str]]) -> NabSeries:
    table = pd.read_csv(folder / file, parse_dates=["timestamp"])
    rows = {stamp: row for row, stamp in reversed(list(enumerate(table["timestamp"])))}
    try:
        windows = tuple((rows[pd.Timestamp(left)], rows[pd.Timestamp(right)]) for left, right in edges)
    except KeyError as error:
        raise UsageError(
            f"a window begins or ends at {error.args[0]}, where there is no reading",
            where=str(folder / file),
            hint="Take labels and series from the same version of the benchmark",
        ) from error
    times = table["timestamp"].to_numpy(dtype="datetime64[us]").astype(np.int64)
    return NabSeries(file, table["value"].to_numpy(dtype=np.float64), times, windows)


def score_starts(flag: Flag, series: Iterable[NabSeries], starts: Sequence[int] = STARTS) -> ByStart:
    """The score of every series in every profile, from every start."""
    kept = list(series)
    return tuple({whole.file: _scored(flag, whole.later(start)) for whole in kept} for start in starts)


def _scored(flag: Flag, series: NabSeries) -> Profiles:
    flags = flag(series.values, series.times)
    return {name: nab.score_series(flags, series.windows, profile) for name, profile in nab.PROFILES.items()}


def folders(scores: ByStart) -> list[str]:
    """The folders of the scored series, sorted."""
    return sorted({folder_of(file) for file in scores[0]})


def points(scores: ByStart, profile: str = nab.STANDARD_NAME, of: Iterable[str] | None = None) -> Spread:
    """The normalised score over all series, or those of some folders; NaN without a window."""
    kept = set(folders(scores) if of is None else of)
    return Spread.of(
        [
            nab.normalised(own[profile] for file, own in start.items() if folder_of(file) in kept)
            for start in scores
        ]
    )


def wrong_flags(scores: ByStart, folder: str) -> Spread:
    """How many flagged readings of a folder lie outside its windows."""
    return Spread.of(
        [
            float(
                sum(own[nab.STANDARD_NAME].wrong for file, own in start.items() if folder_of(file) == folder)
            )
            for start in scores
        ]
    )


def leave_one_folder_out(
    candidates: Mapping[str, ByStart], profile: str = nab.STANDARD_NAME
) -> tuple[Spread, dict[str, str]]:
    """The score of a choice on folders it was not made on, and the candidate chosen for each folder.

    For each folder, the candidate with the best mean over all the others is scored on it; the
    normalised score is over all folders. Candidates are scores of the same series from the same
    starts. A single candidate has its own score. Raises ValueError without a candidate, and
    if there are not two folders with a window to choose on.
    """
    if not candidates:
        raise ValueError("there is no candidate")
    first = next(iter(candidates.values()))
    chosen = {}
    for folder in folders(first):
        others = [other for other in folders(first) if other != folder]
        means = {name: points(scores, profile, others).mean for name, scores in candidates.items()}
        if any(math.isnan(mean) for mean in means.values()):
            raise ValueError(f"there is no window outside {folder} to choose by")
        chosen[folder] = max(means, key=means.__getitem__)
    combined = tuple(
        {file: candidates[chosen[folder_of(file)]][start][file] for file in first[start]}
        for start in range(len(first))
    )
    return points(combined, profile), chosen
