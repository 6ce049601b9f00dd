"""Connecting to a DuckDB file, and what every query on one needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from sensormon.stores.duckdb_rows import naive

Rows = Callable[..., list[tuple[Any, ...]]]
"""Runs a query with its values."""

Frames = Callable[..., pd.DataFrame]
"""The same, and gives a frame, times as datetime64[us, UTC]."""


def connect(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Open the file, without anything that DuckDB would fetch from outside."""
    return duckdb.connect(
        str(path),
        read_only=read_only,
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "checkpoint_threshold": "256MB",  # the loader checkpoints on its own schedule
            "threads": "2",
        },
    )


def roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    """Roll back what can be rolled back."""
    try:
        cursor.rollback()
    except duckdb.Error:
        cursor.close()  # a lost connection has nothing left to roll back; the first error is the news


def wal(path: Path) -> Path:
    """DuckDB's own write-ahead file."""
    return path.with_name(path.name + ".wal")


def free_name(path: Path) -> Path:
    """Where a harmed file is moved: PATH.damaged-1, -2 …"""
    number = 1
    while True:
        name = path.with_name(f"{path.name}.damaged-{number}")
        if not name.exists() and not wal(name).exists():
            return name
        number += 1


def bounded(
    tags: Sequence[str] | None, since: int, until: int, time: str = "time"
) -> tuple[str, list[object]]:
    """The condition that every query on readings has, and its values: bounded in time, of these tags.

    `time` is the column that is bounded.
    """
    where, values = f"{time} >= ? AND {time} < ?", [naive(since), naive(until)]
    if tags is not None:
        return f"{where} AND tag IN (SELECT unnest(?::VARCHAR[]))", [*values, list(tags)]
    return where, list(values)


def microseconds(times: pd.Series[Any]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Times as microseconds UTC."""
    naive = times.dt.tz_localize(None) if times.dt.tz is not None else times
    return naive.astype("datetime64[us]").to_numpy().astype(np.int64)


def of_span(
    columns: str,
    tags: Sequence[str] | None,
    since: int,
    until: int,
    below_id: int | None,
    anomalies: bool = False,
) -> tuple[str, list[object]]:
    """The query of readings of a span, without an order, and its values."""
    where, values = bounded(tags, since, until)
    if anomalies:
        where += " AND is_anomaly"
    if below_id is not None:
        where += " AND id < ?"
        values.append(below_id)
    return f"SELECT {columns} FROM readings WHERE {where}", values  # noqa: S608
