"""Exported files open the same everywhere and execute nothing."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.exchange.exporter import labelled
from sensormon.exchange.table_writer import EXCEL_ROWS, FORMS, ExcelFile, plain_csv, table_csv, with_zone
from sensormon.model.errors import UsageError
from sensormon.model.tags import TagTable
from tests.support.excel import cells
from tests.support.tables import frame_file


def flagged(tag="ph", rows=1):
    time = pd.to_datetime([1_790_000_000_250_000] * rows, unit="us", utc=True).astype("datetime64[us, UTC]")
    return pd.DataFrame(
        {
            "id": range(rows),
            "tag": tag,
            "time": time,
            "received": time,
            "value": 8.91,
            "quality": 0,
            "n": 60,
            "score": 15.75,
            "expected": 7.02,
            "lower": 6.66,
            "upper": 7.38,
            "is_anomaly": True,
            "settings": 1,
            "source": "simulator",
            "origin": "live",
        }
    )


def opened(data: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(data))


def test_times_are_in_utc_and_in_the_named_viewers_zone():
    table = opened(frame_file(flagged().assign(unit="pH"), "CSV", "Europe/Berlin"))
    assert table.loc[0, "time (UTC)"] == "2026-09-21T14:13:20.250000Z"
    assert table.loc[0, "time (Europe/Berlin)"].startswith("2026-09-21 16:13:20.25")
    assert (table.loc[0, "unit"], table.loc[0, "score"]) == ("pH", 15.75)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_formulas_in_text_are_made_harmless(start):
    rows = flagged().assign(label=f"{start}cmd", unit=f"{start}A1")
    table = opened(frame_file(rows, "CSV", "Europe/Berlin"))
    assert table.loc[0, "label"] == f"'{start}cmd"
    assert table.loc[0, "unit"] == f"'{start}A1"


def test_a_negative_number_stays_a_number():
    rows = flagged().assign(value=-5.0)
    assert opened(frame_file(rows, "CSV", "Europe/Berlin")).loc[0, "value"] == -5.0


@pytest.mark.parametrize("number", ["-5", "+0.25", "-1.5e-07"])
def test_a_number_that_is_text_stays_as_it_is(number):
    rows = pd.DataFrame({"value": [number, f"{number}+A1", f"{number}\n=A1"]})
    safe = ["value", number, f"'{number}+A1", f"'{number}\n=A1"]
    assert [cell for (cell,) in csv.reader(io.StringIO(frame_file(rows, "CSV", "UTC").decode()))] == safe
    assert [cell for (cell,) in cells(frame_file(rows, "Excel", "UTC"))] == safe


def test_a_removed_tag_is_exported_under_its_name():
    rows = labelled(pa.Table.from_pandas(flagged("old"), preserve_index=False), TagTable([]))
    table = opened(table_csv(rows))
    assert table.loc[0, "label"] == "old"


def test_no_rows_are_a_header_alone():
    data = frame_file(flagged(rows=0), "CSV", "Europe/Berlin")
    assert data.decode().count("\n") == 1


def test_readings_read_back_from_either_format():
    rows = flagged(rows=3)
    assert opened(frame_file(rows, "CSV", "UTC"))["value"].tolist() == [8.91] * 3
    table = pd.read_parquet(io.BytesIO(frame_file(rows, "Parquet", "UTC")))
    named = {"time (UTC)": "time", "received (UTC)": "received"}
    pd.testing.assert_frame_equal(table.rename(columns=named), rows)


FORMULAS = ["=1+1", "+1+A1", "-A1", "@SUM(A1)", "\tx", "plain"]


def notes() -> pd.DataFrame:
    """Times, some text, numbers with a missing one, booleans."""
    rows = pd.concat([flagged()[["time", "value", "is_anomaly"]]] * 6, ignore_index=True)
    return rows.assign(note=FORMULAS, value=[1.5, -2.0, float("nan"), float("inf"), 0.0, 3.0])


def test_a_frame_as_csv_has_each_time_in_utc_and_in_the_named_zone():
    table = opened(frame_file(notes(), "CSV", "Europe/Berlin"))
    assert list(table)[:2] == ["time (UTC)", "time (Europe/Berlin)"]
    assert table.loc[0, "time (UTC)"] == "2026-09-21T14:13:20.250000Z"
    assert table.loc[0, "time (Europe/Berlin)"] == "2026-09-21 16:13:20.250000"
    assert table["note"].tolist() == [*(f"'{text}" for text in FORMULAS[:-1]), "plain"]
    assert list(opened(frame_file(notes(), "CSV", "UTC")))[:2] == ["time (UTC)", "value"]


def test_a_frame_as_parquet_keeps_times_as_times():
    table = pd.read_parquet(io.BytesIO(frame_file(notes(), "Parquet", "Europe/Berlin")))
    assert (table["time (UTC)"] == table["time (Europe/Berlin)"]).all()
    assert str(table["time (Europe/Berlin)"].dtype) == "datetime64[us, Europe/Berlin]"
    assert table["note"].tolist() == FORMULAS, "Parquet runs nothing, so nothing is changed"


def test_excel_files_hold_dates_numbers_text_and_no_formula():
    head, *rows = cells(frame_file(notes(), "Excel", "Europe/Berlin"))
    assert head == ["time (UTC)", "time (Europe/Berlin)", "value", "is_anomaly", "note"]
    moment = pd.Timestamp("1899-12-30") + pd.to_timedelta(rows[0][1], unit="D")
    assert moment.round("ms") == pd.Timestamp("2026-09-21 16:13:20.250")
    assert [row[4] for row in rows] == [*(f"'{text}" for text in FORMULAS[:-1]), "plain"]
    assert [row[2] for row in rows] == [1.5, -2.0, None, None, 0.0, 3.0]


def test_excel_says_before_the_first_row_that_there_are_too_many():
    long = pd.DataFrame({"value": np.zeros(EXCEL_ROWS + 1)})
    with pytest.raises(UsageError, match="1,048,576 rows are more than the 1,048,575"):
        frame_file(long, "Excel", "UTC")


@pytest.mark.parametrize("form", FORMS)
def test_a_streamed_file_equals_a_whole_one_and_leaves_no_trace(form, tmp_path):
    whole = with_zone(pa.Table.from_pandas(notes(), preserve_index=False), "Europe/Berlin")
    stream = io.BytesIO()
    file = FORMS[form].begin(stream)
    for start in range(0, 6, 2):
        file.write(whole.slice(start, 2))
    file.close()
    at_once = frame_file(notes(), form, "Europe/Berlin")
    if form == "CSV":
        assert stream.getvalue() == at_once
    elif form == "Excel":
        assert cells(stream.getvalue()) == cells(at_once)
    else:
        pd.testing.assert_frame_equal(pd.read_parquet(stream), pd.read_parquet(io.BytesIO(at_once)))
    file = ExcelFile(io.BytesIO(), tmp_path)
    file.write(whole)
    file.abandon()
    assert list(tmp_path.iterdir()) == []


@settings(deadline=None)
@given(
    texts=st.lists(
        st.sampled_from(["a", "=1", "-x", "a,b", 'q"q', "line\nline", "", "ä", "@x"]), min_size=1, max_size=8
    ),
    numbers=st.lists(st.floats(width=32), min_size=8, max_size=8),
)
def test_csv_by_arrow_reads_as_csv_by_pandas(texts, numbers):
    rows = len(texts)
    frame = pd.DataFrame(
        {
            "text": texts,
            "number": numbers[:rows],
            "whole": range(rows),
            "flag": [n > 0 for n in numbers[:rows]],
        }
    )
    fast, slow = table_csv(pa.Table.from_pandas(frame, preserve_index=False)), plain_csv(frame)
    pd.testing.assert_frame_equal(opened(fast), opened(slow), check_exact=True)
