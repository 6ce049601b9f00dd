"""Labelled runs of the Skoltech Anomaly Benchmark from files, and the flags of a detector on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sensormon.analysis import skab
from sensormon.analysis.flag_rates import FlagRows
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats

_NOT_TAGS = ("datetime", "anomaly", "changepoint")


@dataclass(frozen=True, eq=False)
class SkabRun:
    """One run: a column of values a tag, and whether each row is labelled as an anomaly."""

    values: Floats
    labels: Bools


def read_skab(folder: Path) -> list[SkabRun]:
    """Every CSV file in this folder, at any depth. Raises UsageError without one, or without labels."""
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise UsageError("there is no csv file", where=str(folder), hint="Put SKAB's runs there")
    runs = []
    for file in files:
        table = pd.read_csv(file, sep=";")
        if "anomaly" not in table:
            raise UsageError(
                "there is no column 'anomaly'",
                where=str(file),
                hint="Use the files of SKAB as they were published",
            )
        tags = table[[name for name in table.columns if name not in _NOT_TAGS]]
        runs.append(SkabRun(tags.to_numpy(dtype=np.float64), table["anomaly"].to_numpy() > 0))
    return runs


def skab_counts(flag: FlagRows, runs: Iterable[SkabRun], baseline: int = 400) -> skab.RowCounts:
    """The flags compared with the labels, row by row, after the baseline of each run."""
    return skab.score_rows([(run.labels, flag(run.values)) for run in runs], baseline)
