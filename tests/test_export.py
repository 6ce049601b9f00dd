"""Files that people take away open the same everywhere, and run nothing."""

from __future__ import annotations

import io
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from sensormon.export import anomalies_csv, readings_csv, readings_parquet
from sensormon.tags import Tag, TagTable

BERLIN = ZoneInfo("Europe/Berlin")


def flagged(tag="ph", rows=1):
    time = pd.to_datetime([1_790_000_000_250_000] * rows, unit="us", utc=True).astype("datetime64[us, UTC]")
    return pd.DataFrame(
        {
            "id": range(rows), "tag": tag, "time": time, "received": time, "value": 8.91, "quality": 0,
            "n": 60, "score": 15.75, "expected": 7.02, "lower": 6.66, "upper": 7.38, "is_anomaly": True,
            "settings": 1, "source": "simulator", "origin": "live",
        }
    )  # fmt: skip


def opened(data: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(data))


def test_times_are_utc_with_z_and_in_the_viewer_s_zone_which_is_named():
    table = opened(anomalies_csv(flagged(), TagTable([Tag("ph", "pH", unit="pH")]), BERLIN, "Europe/Berlin"))
    assert table.loc[0, "time (UTC)"] == "2026-09-21T14:13:20.250000Z"
    assert table.loc[0, "time (Europe/Berlin)"].startswith("2026-09-21 16:13:20.25")
    assert (table.loc[0, "unit"], table.loc[0, "score"]) == ("pH", 15.75)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_text_that_a_spreadsheet_would_run_is_made_harmless(start):
    tags = TagTable([Tag("ph", f"{start}cmd", unit=f"{start}1")])
    table = opened(anomalies_csv(flagged(), tags, BERLIN, "Europe/Berlin"))
    assert table.loc[0, "label"] == f"'{start}cmd"
    assert table.loc[0, "unit"] == f"'{start}1"


def test_a_negative_number_stays_a_number():
    tags = TagTable([Tag("ph", "pH")])
    assert opened(anomalies_csv(flagged().assign(value=-5.0), tags, BERLIN, "x")).loc[0, "value"] == -5.0


def test_a_tag_that_is_no_longer_in_the_table_is_exported_under_its_name():
    table = opened(anomalies_csv(flagged("old"), TagTable([]), BERLIN, "Europe/Berlin"))
    assert table.loc[0, "label"] == "old"


def test_no_rows_are_a_header_alone():
    data = anomalies_csv(flagged(rows=0), TagTable([]), BERLIN, "Europe/Berlin")
    assert data.decode().count("\n") == 1


def test_readings_read_back_from_either_format():
    rows = flagged(rows=3)
    assert opened(readings_csv(rows))["value"].tolist() == [8.91] * 3
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(readings_parquet(rows))), rows)
