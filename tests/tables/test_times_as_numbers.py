"""Times written as numbers: never in 1970, never on an arbitrary day."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.model import timestamps
from sensormon.tables.times import joined, read_times
from tests.support.cells import micros

NOON = datetime(2026, 1, 31, 12)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2059, 12, 31))
SPREADSHEET = datetime(1899, 12, 30)


def column(*cells: object) -> pd.Series:
    return pd.Series(list(cells), dtype="str")


def shown(cells: pd.Series, zone: str = "UTC", **how: object) -> list[str]:
    read = read_times(cells, zone, **how)
    return [
        "wrong" if wrong else timestamps.render(time).removesuffix(".000Z").removesuffix("Z")
        for time, wrong in zip(read.time.tolist(), read.wrong.tolist(), strict=True)
    ]


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("unit", [1_000_000, 1_000, 1])
@given(time=st.lists(moments, min_size=1, max_size=5))
def test_counts_since_1970_are_read_by_their_size(unit: int, as_text: bool, time: list[datetime]) -> None:
    counts = [micros(moment) // unit for moment in time]
    cells = column(*map(str, counts)) if as_text else pd.Series(counts)
    read = read_times(cells, "Europe/Berlin")
    if read.question is None:
        assert read.time.tolist() == [count * unit for count in counts]
        assert not read.wrong.any()
    else:  # seconds such as 2026013112 are hours in digits too
        assert {choice.value for choice in read.question.choices} > {"s"}
        assert read.wrong.all()


@given(moments)
def test_nanoseconds_are_read_to_the_microsecond(time: datetime) -> None:
    count = str(micros(time) * 1_000 + 999)
    for cells in (column(count), pd.Series([int(count)])):
        read = read_times(cells, "UTC")
        assert read.question is not None or read.time.tolist() == [micros(time)]


@given(moments, st.sampled_from(".,"), st.integers(1, 6))
def test_a_fraction_of_a_second_is_kept(time: datetime, mark: str, digits: int) -> None:
    whole, part = divmod(micros(time), 1_000_000)
    text = f"{whole}{mark}{part:06d}"[: len(str(whole)) + 1 + digits]
    cut = 10 ** (6 - digits)
    read = read_times(column(text), "UTC")
    assert read.question is not None or read.time.tolist() == [micros(time) // cut * cut]


@given(st.datetimes(datetime(1990, 1, 1), datetime(2059, 12, 31)), st.integers(9, 12), st.sampled_from(".,"))
def test_days_of_a_spreadsheet_are_read_to_the_millisecond(time: datetime, digits: int, mark: str) -> None:
    time = time.replace(microsecond=time.microsecond // 1000 * 1000)
    days = (time - SPREADSHEET) / timedelta(days=1)
    # Beside a cell with all its digits: alone, 36526.3347 is rather a second than 80 ms past it.
    cells = column(f"{days:.{digits}f}".replace(".", mark), "46053.500000012")
    assert read_times(cells, "UTC").time.tolist() == [micros(time), micros(NOON) + 1_000]
    seconds = micros(time) // 1_000_000
    rough = read_times(column(f"{seconds / 86400 + 25569:.5f}"), "UTC")
    assert rough.time.tolist() == [seconds * 1_000_000], "five decimals of a day are a second"


@pytest.mark.parametrize(
    ("form", "digits"),
    [("%Y%m%d", 8), ("%Y%m%d%H%M", 12), ("%Y%m%d%H%M%S", 14)],
    ids=["day", "minute", "second"],
)
@given(time=moments)
def test_dates_in_digits_are_read(form: str, digits: int, time: datetime) -> None:
    text = time.strftime(form)
    assert len(text) == digits
    expected = [micros(datetime.strptime(text, form))]
    assert read_times(column(text), "UTC").time.tolist() == expected
    assert read_times(pd.Series([int(text)]), "UTC").time.tolist() == expected


@given(st.lists(st.floats(-1e19, 1e19) | st.integers(0, 10**6), min_size=1, max_size=8))
def test_no_number_is_a_time_outside_1990_to_2100_unasked(numbers: list[float]) -> None:
    read = read_times(pd.Series(numbers, dtype="float64"), "UTC")
    for time in read.time[~read.wrong].tolist():
        assert timestamps.parse("1990-01-01") <= time <= timestamps.parse("2100-12-31T23:59:59.999999")


@pytest.mark.parametrize("start", [0, 30_000, 500_000, 100_000_000])
@pytest.mark.parametrize("as_text", [True, False])
def test_seconds_since_a_start_are_refused_unless_asked_for(start: int, as_text: bool) -> None:
    counts = pd.Series(np.arange(start, start + 100_000, 100))
    read = read_times(counts.astype(str).astype("str") if as_text else counts, "UTC")
    assert read.wrong.all()
    assert read.near_1970.all()
    asked = read_times(counts, "UTC", form="s")
    assert asked.time.tolist() == [count * 1_000_000 for count in counts.tolist()]
    assert not asked.wrong.any()


def test_a_bad_cell_among_numbers_is_wrong_by_itself() -> None:
    cells = column("1769860800", "Bad", "1769860860", "0", None)
    read = read_times(cells, "UTC")
    assert shown(cells) == ["2026-01-31T12:00:00", "wrong", "2026-01-31T12:01:00", "wrong", "wrong"]
    assert read.near_1970.tolist() == [False, False, False, True, False]
    assert read.said == "s since 1970"
    for form in ("s", "ns"):
        assert read_times(cells, "UTC", form=form).wrong.tolist() == [False, True, False, False, True]


def test_a_count_that_a_spreadsheet_has_cut_is_no_time() -> None:
    whole = "1.769860800e+09"
    assert shown(column(whole, "1.76986E+09", whole)) == [
        "2026-01-31T12:00:00",
        "wrong",
        "2026-01-31T12:00:00",
    ]
    assert shown(column("1.76986E+12", "1,76986E+12")) == ["wrong", "wrong"]


def test_a_day_that_does_not_exist_is_wrong() -> None:
    assert shown(column("20260228", "20260229", "20261301")) == ["2026-02-28T00:00:00", "wrong", "wrong"]
    assert shown(column("202601312400", "202601312401")) == ["2026-02-01T00:00:00", "wrong"]


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("2026013112", {"s": "2034-03-15T05:25:12", "%Y%m%d%H": "2026-01-31T12:00:00"}),
        ("2601311200", {"s": "2052-06-06T18:26:40", "%y%m%d%H%M": "2026-01-31T12:00:00"}),
        ("3852705600", {"s": "2092-02-01T12:00:00", "labview": "2026-01-31T12:00:00"}),
        ("639054576000000000", {"ns": "1990-04-02T11:09:36", "ticks": "2026-01-31T12:00:00"}),
        ("740013.5", {"matlab": "2026-01-31T12:00:00"}),
        ("134143344000000000", {"filetime": "2026-01-31T12:00:00"}),
    ],
)
def test_numbers_of_two_meanings_are_asked_about(text: str, choices: dict[str, str]) -> None:
    cells = column(text, text)
    read = read_times(cells, "UTC")
    assert read.question is not None
    assert read.question.option == "--time-format"
    assert [choice.value for choice in read.question.choices] == list(choices)
    assert read.wrong.all()
    for form, expected in choices.items():
        assert shown(cells, form=form) == [expected, expected]


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("60,5", "s", "1970-01-01T00:01:00.500"),
        ("44591.5", "excel1904", "2026-01-31T12:00:00"),
        ("1769860800000", "ms", "2026-01-31T12:00:00"),
        ("1769860800000000", "µs", "2026-01-31T12:00:00"),
        ("1e300", "s", "wrong"),
        ("2026-01-31", "s", "wrong"),
    ],
)
def test_a_count_can_be_named(text: str, form: str, expected: str) -> None:
    assert shown(column(text), form=form) == [expected]


@pytest.mark.parametrize(
    ("dates", "clocks", "expected"),
    [
        (["20260131"] * 2, ["120000", "120100"], ["12:00:00", "12:01:00"]),
        ([20260131] * 2, [0, 93000], ["00:00:00", "09:30:00"]),
        (["2026-01-31"] * 2, ["0000", "0930"], ["00:00:00", "09:30:00"]),
        (["31/01/2026"] * 2, ["18.00.00", "19.00.00"], ["18:00:00", "19:00:00"]),
        (["31/01/2026"] * 2, ["12:00:00 AM", "1:05 PM"], ["00:00:00", "13:05:00"]),
        ([46053] * 2, [0.5, 0.75], ["12:00:00", "18:00:00"]),
        (["46053"] * 2, ["0,5", "0,500694444"], ["12:00:00", "12:01:00"]),
        (["2026-01-31"] * 2, [0.5, 0.500694444], ["12:00:00", "12:01:00"]),
        (["46053"] * 2, ["18:00", "19:00"], ["18:00:00", "19:00:00"]),
        (["2026-01-31 00:00:00"] * 2, ["1899-12-30 12:00:00", "0 days 13:00:00"], ["12:00:00", "13:00:00"]),
        (["31-Jan-2026"] * 2, ["12:00:00,5", "23:59"], ["12:00:00.500", "23:59:00"]),
        (["31/01/2026"] * 2, ["18.00", "9.30"], ["18:00:00", "09:30:00"]),
        (["2026-01-31"] * 2, ["00.15", "00.30"], ["00:15:00", "00:30:00"]),
        (["46053"] * 2, ["18.00", "19.30"], ["18:00:00", "19:30:00"]),
        (["46053"] * 2, ["46053.5", "46053.75"], ["12:00:00", "18:00:00"]),
        (["2026-01-31"] * 2, [12.5, 18.25], ["wrong", "18:25:00"]),
    ],
)
def test_a_date_and_a_clock_are_joined(
    dates: list[object], clocks: list[object], expected: list[str]
) -> None:
    cells = joined(pd.Series(dates), pd.Series(clocks))
    assert shown(cells) == [clock if clock == "wrong" else f"2026-01-31T{clock}" for clock in expected]


def test_a_typed_date_and_a_typed_clock_are_joined() -> None:
    dates = pd.Series(pd.to_datetime(["2026-01-31", None]))
    clocks = pd.Series([NOON.time(), NOON.time()], dtype=object)
    assert shown(joined(dates, clocks)) == ["2026-01-31T12:00:00", "wrong"]


def test_24_in_a_column_of_clocks_is_the_next_midnight() -> None:
    cells = joined(column("2026-01-31", "2026-02-01"), column("24:00:00", "00:01:00"))
    assert shown(cells) == ["2026-02-01T00:00:00", "2026-02-01T00:01:00"]


def test_clocks_that_may_be_hours_and_minutes_or_seconds_are_asked_about() -> None:
    cells = joined(pd.Series([20260131] * 3), pd.Series([0, 100, 2300]))
    read = read_times(cells, "UTC")
    assert read.question is not None
    assert read.wrong.all()
    assert read.question.choices[0].first == (
        "20260131 100 is 2026-01-31 01:00:00",
        "20260131 2300 is 2026-01-31 23:00:00",
    )
    by_answer = [shown(cells, form=choice.value)[2] for choice in read.question.choices]
    assert by_answer == ["2026-01-31T23:00:00", "2026-01-31T00:23:00"]
    several_days = joined(pd.Series([20260131, 20260131, 20260201]), pd.Series([0, 100, 2300]))
    assert shown(several_days)[1:] == ["2026-01-31T01:00:00", "2026-02-01T23:00:00"]
