"""`detect`: takes a series, returns a frame with one row per value, and explains invalid input."""

from __future__ import annotations

import inspect
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sensormon.detectors import PER_TAG, detect
from sensormon.model.errors import UsageError

COLUMNS = ["value", "score", "threshold", "expected", "lower", "upper", "is_anomaly"]
SERIES = np.random.default_rng(0).normal(37.0, 0.2, 300)


def test_the_seeds_example() -> None:
    result = detect([37.0] * 10 + [50.0], window=10)
    assert result["is_anomaly"].tolist() == [False] * 10 + [True]


def test_one_row_per_value_with_the_documented_columns() -> None:
    result = detect(SERIES)
    assert list(result.columns) == COLUMNS
    assert len(result) == 300
    assert result["value"].tolist() == SERIES.tolist()
    assert result["is_anomaly"].dtype == np.bool_
    assert (result["threshold"] == 3.0).all()
    assert result["score"].isna().tolist() == [True] * 50 + [False] * 250


def test_the_defaults_are_the_seeds() -> None:
    assert inspect.signature(detect).parameters["detector"].default == "zscore"
    pd.testing.assert_frame_equal(detect(SERIES), detect(SERIES, None, "zscore", window=50, threshold=3.0))


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series, lambda v: v.astype(object)])
def test_takes_lists_arrays_and_series(kind: type) -> None:
    pd.testing.assert_frame_equal(detect(kind(SERIES)), detect(SERIES))


def test_a_series_keeps_its_index() -> None:
    index = pd.date_range("2026-01-01", periods=300, freq="s", tz="UTC")
    assert detect(pd.Series(SERIES, index=index)).index.equals(index)


def test_times_become_the_index() -> None:
    times = pd.date_range("2026-01-01", periods=300, freq="s", tz="UTC")
    result = detect(pd.Series(SERIES), times)
    assert list(result.index) == list(times)
    assert result["score"].tolist()[50:] == detect(SERIES)["score"].tolist()[50:]


def test_nothing_in_nothing_out() -> None:
    result = detect([])
    assert list(result.columns) == COLUMNS
    assert len(result) == 0


def test_whole_numbers_and_missing_values() -> None:
    result = detect([*range(60), None, math.nan, math.inf, 10**6])
    assert result["score"].isna().tolist()[60:] == [True, True, True, False]
    assert result["is_anomaly"].tolist()[60:] == [False, False, False, True]
    assert result["value"].iloc[62] == math.inf


def test_resolution_is_the_step_that_a_flat_line_may_make() -> None:
    flat = [7.0] * 60 + [7.25]
    assert detect(flat)["is_anomaly"].iloc[-1]
    assert not detect(flat, resolution=0.5)["is_anomaly"].iloc[-1]
    assert detect(flat, resolution=0.125)["is_anomaly"].iloc[-1]


@pytest.mark.parametrize("detector", PER_TAG)
def test_causal(detector: str) -> None:
    whole = detect(SERIES, detector=detector)
    for rows in (1, 50, 51, 123, 299):
        pd.testing.assert_frame_equal(detect(SERIES[:rows], detector=detector), whole.iloc[:rows])


def test_an_unknown_detector_is_answered_with_the_known() -> None:
    with pytest.raises(UsageError, match="nonsense") as caught:
        detect(SERIES, detector="nonsense")
    for name in PER_TAG:
        assert name in str(caught.value)


def test_an_unknown_parameter_is_answered_with_the_known() -> None:
    with pytest.raises(UsageError, match="widow") as caught:
        detect(SERIES, widow=50)
    assert "window" in str(caught.value)
    assert "threshold" in str(caught.value)


@pytest.mark.parametrize("values", [["a", "b"], 5.0, [[1.0, 2.0]], pd.DataFrame({"a": [1.0]}), [1.0, {}]])
def test_non_numeric_input_is_refused(values: object) -> None:
    with pytest.raises(UsageError, match="detect"):
        detect(values)


def test_one_time_per_value() -> None:
    with pytest.raises(UsageError, match="1 times for 2 values"):
        detect([1.0, 2.0], times=[1])


GAP = [*range(100), *range(130, 200)]


@pytest.mark.parametrize(
    "times",
    [
        GAP,
        [float(second) for second in GAP],
        pd.to_datetime(GAP, unit="s"),
        pd.to_datetime(GAP, unit="s", utc=True).tz_convert("Europe/Rome"),
        [f"1970-01-01T00:{second // 60:02}:{second % 60:02}Z" for second in GAP],
    ],
    ids=["seconds", "float seconds", "dates", "dates with a zone", "text"],
)
def test_times_reach_the_detector(times: object) -> None:
    values = [1.0] * len(GAP)
    assert np.flatnonzero(detect(values, times, "gap")["is_anomaly"]).tolist() == [100]
    if isinstance(times, pd.DatetimeIndex):
        series = pd.Series(values, index=times)
        assert np.flatnonzero(detect(series, detector="gap")["is_anomaly"]).tolist() == [100]
    assert not detect(values, detector="gap")["is_anomaly"].any(), "without times they are a second apart"


@pytest.mark.parametrize(
    "times", [["noon", "later"], [0.0, math.nan], [pd.Timestamp(0), pd.NaT], [1e30, 2e30]]
)
def test_invalid_times_are_refused(times: object) -> None:
    with pytest.raises(UsageError, match="times cannot be read"):
        detect([1.0, 2.0], times)


DATES = pd.Timestamp("2026-01-31T12:00:00") + pd.to_timedelta(GAP, unit="s")
TEXTS = [date.isoformat() for date in DATES]


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(TEXTS),
        pd.Index(TEXTS, dtype=object),
        pd.Index(TEXTS, dtype=pd.ArrowDtype(pa.string())),
        pd.CategoricalIndex(TEXTS),
        pd.Index(DATES, dtype=pd.ArrowDtype(pa.timestamp("ms"))),
        pd.Index(DATES.tz_localize("Asia/Tokyo"), dtype=pd.ArrowDtype(pa.timestamp("us", "Asia/Tokyo"))),
        pd.Index(DATES - DATES[0], dtype=pd.ArrowDtype(pa.duration("us"))),
        pd.PeriodIndex(DATES, freq="s"),
        DATES - DATES[0],
        DATES.as_unit("s"),
        DATES.tz_localize("Europe/Rome"),
        pd.Index(list(DATES.to_pydatetime()), dtype=object),
    ],
    ids=lambda index: f"{type(index).__name__} of {index.dtype}",
)
def test_times_in_the_index_of_a_series_are_used(index: pd.Index) -> None:
    result = detect(pd.Series([1.0] * len(GAP), index=index), detector="gap")
    assert np.flatnonzero(result["is_anomaly"]).tolist() == [100]
    assert result.index.equals(index)


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(["first", "second"]),
        pd.Index(["2026-01-31", None]),
        pd.Index([True, False]),
        pd.DatetimeIndex(["2026-01-31", pd.NaT]),
        pd.MultiIndex.from_tuples([(1, 2), (1, 3)]),
        pd.interval_range(0, 2),
    ],
    ids=["text", "none", "bool", "NaT", "levels", "intervals"],
)
def test_index_that_is_no_time_is_a_type_error_that_says_what_to_pass(index: pd.Index) -> None:
    series = pd.Series([1.0, 2.0], index=index)
    with pytest.raises(TypeError, match="Pass times="):
        detect(series)
    with pytest.raises(UsageError):
        detect(series)
    assert len(detect(series, times=[0, 1])) == 2


MASK = np.arange(100) == 70
SPIKED = np.where(MASK, 99.0, np.random.default_rng(1).normal(size=100))


@pytest.mark.parametrize(
    "values",
    [
        np.ma.masked_array(SPIKED, MASK),
        np.ma.masked_array((SPIKED * 100).astype(int), MASK),
        pd.Series(SPIKED).astype("Float64").mask(pd.Series(MASK)),
        pd.Series(SPIKED.round()).astype("Int64").mask(pd.Series(MASK)),
        pd.Series(SPIKED).astype(pd.ArrowDtype(pa.float64())).mask(pd.Series(MASK)),
        pa.array(SPIKED, mask=MASK),
        [pd.NA if masked else value for value, masked in zip(SPIKED, MASK, strict=True)],
    ],
    ids=["masked", "masked int", "Float64", "Int64", "Arrow series", "Arrow", "NA"],
)
def test_masked_values_are_missing(values: object) -> None:
    result = detect(values)
    plain = detect([math.nan if masked else float(value) for value, masked in zip(SPIKED, MASK, strict=True)])
    assert np.isnan(result["value"][70])
    assert np.isnan(result["score"][70])
    assert result["score"].isna().tolist() == plain["score"].isna().tolist()
    frame = pd.DataFrame({"a": values, "b": SPIKED[::-1], "c": SPIKED.round(1)})
    cells = frame.astype({"b": "Float64"})
    rows = detect(cells, detector="hotelling", baseline=60)
    assert rows["a"].iloc[70] == 0.0
    assert rows["b"].iloc[70] != 0.0


def test_times_are_no_values() -> None:
    with pytest.raises(UsageError, match="they are times"):
        detect(pd.Series(DATES))
