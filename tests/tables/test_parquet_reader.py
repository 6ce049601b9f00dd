"""Parquet files of other programs: every plain column as it was meant, and one line for what is damaged."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sensormon.model.errors import UsageError
from sensormon.model.jobs import Cancelled
from sensormon.tables.parquet_reader import OWN, Budget
from sensormon.tables.table_reader import read_sheets

MOMENT = datetime(2026, 1, 31, 12, 0, 0, 123_456, UTC)
COLUMNS: dict[str, tuple[pa.Array, list[Any]]] = {
    "text": (pa.array(["a", None, "ü"]), ["a", None, "ü"]),
    "long text": (pa.array(["a", None, "ü"], pa.large_string()), ["a", None, "ü"]),
    "category": (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
    "category of numbers": (pa.array([1.5, None, 1.5]).dictionary_encode(), [1.5, None, 1.5]),
    "bytes": (pa.array([b"1.5", None, b"\xff"]), ["1.5", None, "\ufffd"]),
    "whole": (pa.array([1, 2, 1 << 62]), [1, 2, 1 << 62]),
    "whole with gaps": (pa.array([1, None, 3]), [1.0, None, 3.0]),
    "unsigned": (pa.array([1, 2, (1 << 64) - 1], pa.uint64()), [1, 2, (1 << 64) - 1]),
    "half": (pa.array(np.array([1.5, 2.5, 3.5], dtype=np.float16)), [1.5, 2.5, 3.5]),
    "double": (pa.array([1.5, None, float("inf")]), [1.5, None, float("inf")]),
    "decimal": (pa.array([Decimal("1.50"), None, Decimal("-2.25")]), [1.5, None, -2.25]),
    "truth": (pa.array([True, False, True]), [True, False, True]),
    "nothing": (pa.nulls(3), [None, None, None]),
    "day": (pa.array([date(2026, 1, 31), None, date(1969, 12, 31)]), ["2026-01-31", None, "1969-12-31"]),
    "time": (pa.array([time(12, 0), None, time(1, 2, 3)]), ["12:00:00.000000", None, "01:02:03.000000"]),
    "list": (pa.array([[1.5], [], None]), ["list<element: double>"] * 3),
    "struct": (pa.array([{"x": 1}, {"x": 2}, None]), ["struct<x: int64>"] * 3),
}


def plain(cell: Any) -> Any:
    if pd.isna(cell):
        return None
    return cell.date().isoformat() if isinstance(cell, pd.Timestamp) else cell


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_every_column_comes_as_it_was_meant(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({name: column for name, (column, _) in COLUMNS.items()})
    pq.write_table(table, path, compression=compression, row_group_size=2)
    (sheet,) = read_sheets(path, "")
    frame, first = sheet.frame, f"{sheet.word} {sheet.place[0]}"
    assert first == "row 1"
    cells = {name: [plain(cell) for cell in frame[name].tolist()] for name in frame.columns}
    assert cells == {name: expected for name, (_, expected) in COLUMNS.items()}


@pytest.mark.parametrize("zone", [None, "Europe/Berlin", "+05:30", "Nowhere/At_All"])
def test_times_come_in_microseconds(tmp_path: Path, zone: str | None) -> None:
    path = tmp_path / "a.parquet"
    count = round(MOMENT.timestamp() * 1_000_000)
    counts = {"s": count // 1_000_000, "ms": count // 1_000, "us": count, "ns": count * 1_000 + 789}
    columns = {unit: pa.array([number, None], pa.timestamp(unit, zone)) for unit, number in counts.items()}
    pq.write_table(pa.table(columns), path)
    frame = read_sheets(path, "")[0].frame
    for unit, lost in {"s": 123_456, "ms": 456, "us": 0, "ns": 0}.items():
        assert (frame[unit].dt.tz is None) == (zone is None)
        expected = pd.Timestamp(MOMENT - timedelta(microseconds=lost))
        assert frame[unit][0].tz_localize(None) == expected.tz_localize(None)
        assert pd.isna(frame[unit][1])


def test_a_time_that_no_calendar_has_is_no_time(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "ms": pa.array([-(1 << 63) + 1, 0], pa.timestamp("ms")),
        "us": pa.array([(1 << 63) - 1, 0], pa.timestamp("us", "UTC")),
        "late": pa.array([(1 << 31) - 1, 0], pa.date32()),
        "early": pa.array([-(1 << 31), 0], pa.date32()),
    }
    pq.write_table(pa.table(columns), path)
    frame = read_sheets(path, "")[0].frame
    for name in columns:
        assert pd.isna(frame[name][0])
        assert frame[name][1].tz_localize(None) == pd.Timestamp(0)


def test_an_index_is_what_pandas_says(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame = pd.DataFrame({"a": [1.5, 2.5]})
    frame.set_index(pd.RangeIndex(10, 30, 10, name="t")).to_parquet(path)
    assert read_sheets(path, "")[0].frame.to_dict("list") == {"t": [10, 20], "a": [1.5, 2.5]}
    frame.set_index(pd.Index(["x", "y"])).to_parquet(path)
    assert list(read_sheets(path, "")[0].frame.columns) == ["a"]
    frame.set_index(pd.DatetimeIndex(["2026-01-31", "2026-02-01"])).to_parquet(path)
    assert set(read_sheets(path, "")[0].frame.columns) == {"timestamp", "a"}


WRONG = {
    "no JSON": b"{",
    "not UTF-8": b"\xff",
    "nested": b"[" * 100_000,
    "a list": b"[]",
    "no list of columns": b'{"index_columns": 5}',
    "a column that is not there": b'{"index_columns": ["nope", 7, null, ["a"], {"kind": "range"}]}',
    "a huge range": json.dumps(
        {"index_columns": [{"kind": "range", "name": "r", "start": 10**30, "stop": 0, "step": 0}]}
    ).encode(),
    "a wrong type": json.dumps(
        {
            "index_columns": ["timestamp"],
            "columns": [
                {"name": "a", "pandas_type": "datetimetz", "numpy_type": "x", "metadata": {"timezone": 5}}
            ],
            "column_indexes": [{"name": None, "pandas_type": "bytes", "numpy_type": "object"}],
        }
    ).encode(),
}


@pytest.mark.parametrize("metadata", WRONG.values(), ids=WRONG.keys())
def test_wrong_metadata_of_pandas_changes_nothing(tmp_path: Path, metadata: bytes) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"timestamp": [1, 2], "a": [1.5, 2.5]})
    pq.write_table(table.replace_schema_metadata({b"pandas": metadata}), path)
    assert read_sheets(path, "")[0].frame.to_dict("list") == {"timestamp": [1, 2], "a": [1.5, 2.5]}


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"timestamp": range(2_000), "a": np.arange(2_000) / 3}), path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(8):
        data = bytearray(whole)
        for place in rng.integers(4, len(data), 20):
            data[place] ^= int(rng.integers(1, 256))
        path.write_bytes(data[: rng.integers(100, len(data))] if rng.random() < 0.3 else data)
        try:
            read_sheets(path, "Give a table")
        except UsageError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017  either is right, and nothing else


def test_the_work_ends_with_the_viewer_who_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"timestamp": [1], "a": [1.0]}), path)

    def leave() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        read_sheets(path, "", Budget(OWN.bytes, OWN.seconds, leave))
    assert len(read_sheets(path, "")[0].frame) == 1, "the next one gets its turn"


def test_several_are_read_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"timestamp": [1], "a": [1.0]}), path)
    rows: list[int] = []
    threads = [
        threading.Thread(target=lambda: rows.append(len(read_sheets(path, "")[0].frame))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert rows == [1] * 3
