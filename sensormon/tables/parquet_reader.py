"""Parquet files from outside, read in a process of its own within a budget of memory and time.

What it is not: the reader of a case's members, whose form is known; see `exchange.case_tables`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from sensormon.tables.budget import OWN, SHARED_BYTES, SHARED_SECONDS, Budget, too_large
from sensormon.tables.reading_process import read_apart

__all__ = ["OWN", "SHARED_BYTES", "SHARED_SECONDS", "Budget", "read_parquet", "too_large"]

_CHILD = Path(__file__).with_name("parquet_child.py")


def read_parquet(path: Path, budget: Budget) -> pd.DataFrame:
    """The table in this file, with an index that only counts rows.

    Raises UsageError for a file beyond the budget, ValueError for one that cannot be read, and what
    `budget.step` raises.
    """
    rows = read_apart(_CHILD, path, budget, hint="Give a file with one column per tag")
    frame: pd.DataFrame = rows.to_pandas(split_blocks=True)
    return frame
