"""One grammar of times: text of many forms, the same in a column and alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sensormon.model import timestamps
from sensormon.model.errors import UsageError
from sensormon.tables.times import read_times
from tests.support.cells import CLOCKS, DAY_FIRST, ISO_FORMS, NAMED, ZONES, iso_text, micros, slow_iso

moments = st.datetimes(datetime(1990, 1, 1), datetime(2068, 12, 31))


def column(*cells: object) -> pd.Series:
    return pd.Series(list(cells), dtype="str")


def shown(cells: pd.Series, zone: str = "UTC", **how: object) -> list[str]:
    read = read_times(cells, zone, **how)
    return [
        "wrong" if wrong else timestamps.render(time).removesuffix(".000Z").removesuffix("Z")
        for time, wrong in zip(read.time.tolist(), read.wrong.tolist(), strict=True)
    ]


NOON = "2026-01-31T12:00:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31 12:00:00,123", "2026-01-31T12:00:00.123"),
        ("2026-01-31T12:00:00.1234567899Z", "2026-01-31T12:00:00.123456"),
        ("20260131T120000Z", NOON),
        ("20260131T120000.5Z", "2026-01-31T12:00:00.500"),
        ("2026-01-31T12", NOON),
        ("2026-01-31 12:00", NOON),
        ("2026-01-31 12.00", NOON),
        ("31.01.2026 12.00", NOON),
        ("2026-01-31", "2026-01-31T00:00:00"),
        ("2026-01-31 14:00:00+02", NOON),
        ("2026-01-31 17:30:00 +0530", NOON),
        ("2026-01-31 06:30:00\u22125:30", NOON),
        ("2026-01-31T12:00:00UTC", NOON),
        ("2026-01-31 12:00:00 gmt", NOON),
        ("2026-01-31 14:00 UTC+2", NOON),
        ("2026-01-31T13:00:00+01:00[Europe/Berlin]", NOON),
        ("2026-01-30T24:00", "2026-01-31T00:00:00"),
        ("2026-01-30 24:00:00.000Z", "2026-01-31T00:00:00"),
        ("2026/01/31 12:00:00", NOON),
        ("2026/1/31 9:05", "2026-01-31T09:05:00"),
        ("2026.01.31 12:00:00", NOON),
        ('"2026-01-31 12:00:00"', NOON),
        ("31.01.2026 12.00.00", NOON),
        ("31. 1. 2026 12:00", NOON),
        ("31/01/2026 12:00:00 PM", NOON),
        ("1/31/2026 12:00:00\u202fPM", NOON),
        ("\u200e1/31/2026, 12:00 p.m.", NOON),
        ("31-01-26 12:00", NOON),
        ("31/01/2026 12:00:00:250", "2026-01-31T12:00:00.250"),
        ("31-Jan-2026 12:00", NOON),
        ("31-JAN-26 12.00.00.000000 PM", NOON),
        ("31JAN2026:12:00:00", NOON),
        ("31/Jan/2026:13:00:00 +0100", NOON),
        ("Jan 31, 2026 12:00:00 PM", NOON),
        ("January 31st, 2026 12:00", NOON),
        ("31. Januar 2026 12:00", NOON),
        ("31. März 2026 12:00", "2026-03-31T12:00:00"),
        ("Sat Jan 31 12:00:00 2026", NOON),
        ("Sat Jan 31 12:00:00 UTC 2026", NOON),
        ("Sat, 31 Jan 2026 12:00:00 +0000", NOON),
        ("Saturday, January 31, 2026 12:00:00 PM", NOON),
        ("Sa., 31.01.2026 12:00", NOON),
        ("2026-01-31 12:00:00.5 +0000 UTC", "2026-01-31T12:00:00.500"),
        ("2026-01-31 13:00:00 +0100 CET", NOON),
        ("31 janv. 2026 12:00", NOON),
        ("Sat Jan 31 2026 13:00:00 GMT+0100 (Central European Standard Time)", NOON),
    ],
)
def test_a_time_is_read_as_people_write_it(text: str, expected: str) -> None:
    assert shown(column(text), latest=timestamps.parse("2026-12-31")) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026",
        "12:00:00",
        "2026-02-30",
        "30/02/2026",
        "2026-01-31T25:00",
        "2026-01-31T24:00:01",
        "2026-01-31T24:00:00.5",
        "2026-01-31T12:60",
        "2026-01-31T12:00.5",
        "2026-01-31 12:00+99:00",
        "2026-01-31T12:00[Europe/Berlin]",
        "2026-01-31 12:00 CST",
        "2026-01-31 13:00 PM",
        "2026-01-31 0:30 AM",
        "2026-01-31-05:00",
        "31 Foo 2026",
        "32/01/2026",
        "2026-01-31 12:00 and a bit",
        "1" * 100_000,
        "2026-01-31 " + "1" * 1_000_000,
    ],
)
def test_what_is_no_time_is_wrong_by_itself(text: str) -> None:
    assert shown(column(f"{NOON}Z", text, NOON, NOON)) == [NOON, "wrong", NOON, NOON]


@given(
    moment=moments,
    form=st.sampled_from(ISO_FORMS),
    mark=st.sampled_from(".,"),
    digits=st.integers(0, 9),
    zone=st.sampled_from(sorted(ZONES)),
)
def test_a_time_written_in_iso_8601_is_read_back(
    moment: datetime, form: str, mark: str, digits: int, zone: str
) -> None:
    text = iso_text(moment, form, mark, digits, zone)
    kept = 10 ** max(6 - digits, 0)
    expected = micros(moment) // kept * kept - ZONES[zone] * 60_000_000
    assert timestamps.parse(text) == expected == slow_iso(text)
    assert read_times(column(text), "UTC").time.tolist() == [expected]


@given(
    st.one_of(
        st.from_regex(timestamps.ISO, fullmatch=True),
        st.text("0123456789-:.,+TZ UCGM", max_size=30),
        st.tuples(moments, st.text("0123456789-:.,+TZ ", max_size=3), st.integers(0, 20)).map(
            lambda parts: parts[0].isoformat()[: parts[2]] + parts[1] + parts[0].isoformat()[parts[2] :]
        ),
    )
)
@example("0001-01-01T00:00+02:00")
@example("2026-01-31T12:00:00.5+05:00:30")
@example("2026-W05-6")
@example("2026-01-31x12:00")
def test_a_time_alone_and_in_a_column_are_read_alike(text: str) -> None:
    expected = read_by(timestamps.parse, text)
    read = read_times(column(text), "UTC", form="iso")
    assert read.time[~read.wrong].tolist() == [time for time in expected if time <= timestamps.FOREVER]
    # The reference knows neither offsets with seconds nor the name of a zone behind one.
    if expected != read_by(slow_iso, text):
        assert re.search(r"[+-]\d\d:\d\d:\d\d|\[", text)


def read_by(parse: Callable[[str], int], text: str) -> list[int]:
    try:
        return [parse(text)]
    except ValueError:
        return []


@given(st.lists(moments, min_size=1, max_size=5), st.sampled_from(DAY_FIRST), st.sampled_from(CLOCKS))
def test_dates_that_put_the_day_first_are_read_back(times: list[datetime], form: str, clock: str) -> None:
    cells = column(*(time.strftime(f"{form} {clock}") for time in times))
    expected = [micros(time.replace(microsecond=0)) for time in times]
    read = read_times(cells, "UTC", day_first=True)
    assert read.time.tolist() == expected
    unasked = read_times(cells, "UTC", decimal_comma=True)
    if unasked.question is None and "%y" not in form:
        assert unasked.time.tolist() == expected


@given(st.lists(moments, min_size=1, max_size=5), st.sampled_from(DAY_FIRST))
def test_nothing_is_guessed_of_the_order_of_day_and_month(times: list[datetime], form: str) -> None:
    form = form.replace(".", "/").replace("%y", "%Y")
    cells = column(*(time.strftime(form) for time in times))
    midnights = [micros(time.replace(hour=0, minute=0, second=0, microsecond=0)) for time in times]
    read = read_times(cells, "UTC")
    if read.question is None:
        assert read.time.tolist() == midnights
    else:
        assert read.question.option == "--day-first"
        assert read.wrong.any()
        by_answer = [read_times(cells, "UTC", day_first=first) for first in (True, False)]
        assert by_answer[0].time.tolist() == midnights
        assert by_answer[0].time.tolist() != by_answer[1].time.tolist()


@given(moments, st.sampled_from(NAMED), st.sampled_from(CLOCKS))
def test_dates_with_the_name_of_a_month_are_read_back(time: datetime, form: str, clock: str) -> None:
    cells = column(time.strftime(f"{form} {clock}"))
    assert read_times(cells, "UTC").time.tolist() == [micros(time.replace(microsecond=0))]


@pytest.mark.parametrize("latest", [timestamps.FOREVER, timestamps.parse("2026-12-31")])
def test_a_year_of_two_digits_is_found_by_the_days_around_it(latest: int) -> None:
    european = column("30/01/26 12:00", "31/01/26 12:00", "01/02/26 12:00")
    assert shown(european, latest=latest) == [
        "2026-01-30T12:00:00",
        "2026-01-31T12:00:00",
        "2026-02-01T12:00:00",
    ]
    logger = column("26/01/30 12:00", "26/01/31 12:00", "26/02/01 12:00")
    read = read_times(logger, "UTC", latest=latest)
    if read.question is None:
        assert shown(logger, latest=latest) == shown(european)
    else:
        assert [choice.value for choice in read.question.choices] == ["dmy", "ymd"]
        assert shown(logger, form="ymd") == shown(european)


def test_dots_put_the_day_first_unless_the_file_contradicts() -> None:
    assert shown(column("03.04.2026", "05.04.2026")) == ["2026-04-03T00:00:00", "2026-04-05T00:00:00"]
    assert shown(column("03.04.2026", "03.25.2026")) == ["2026-03-04T00:00:00", "2026-03-25T00:00:00"]


def test_a_question_shows_the_first_rows_in_both_readings() -> None:
    read = read_times(column("03/04/2026 18:00", "03/03/2026", "05/04/2026 18:00", "x"), "Europe/Berlin")
    assert read.question is not None
    assert read.question.option == "--day-first"
    assert [(choice.value, choice.first) for choice in read.question.choices] == [
        ("yes", ("03/04/2026 18:00 is 2026-04-03 18:00:00", "05/04/2026 18:00 is 2026-04-05 18:00:00")),
        ("no", ("03/04/2026 18:00 is 2026-03-04 18:00:00", "05/04/2026 18:00 is 2026-05-04 18:00:00")),
    ]
    assert read.wrong.tolist() == [True, False, True, True], "what reads the same either way is read"


def test_one_mistyped_date_among_many_is_wrong_by_itself() -> None:
    days = [datetime(2026, 1, 1) + timedelta(days=day) for day in range(300)]
    cells = column(*(day.strftime("%d/%m/%Y") for day in days), "01/31/2026")
    read = read_times(cells, "UTC")
    assert read.time[:-1].tolist() == [micros(day) for day in days]
    assert read.wrong.nonzero()[0].tolist() == [300]
    mixed = column("13/01/2026", "01/13/2026", "02/03/2026")
    assert read_times(mixed, "UTC").question is not None


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("31.01.2026 12:00", "%d.%m.%Y %H:%M", NOON),
        ("2026-031 12", "%Y-%j %H", NOON),
        ("20260131 90000", "%Y%m%d %H%M%S", "2026-01-31T09:00:00"),
        ("31/01/2026 13:00 +0100", "%d/%m/%Y %H:%M %z", NOON),
        ("03/04/2026", "mdy", "2026-03-04T00:00:00"),
        ("03/04/2026", "dmy", "2026-04-03T00:00:00"),
        ("03/04/2026", "iso", "wrong"),
    ],
)
def test_a_format_can_be_named(text: str, form: str, expected: str) -> None:
    assert shown(column(text), form=form) == [expected]


@pytest.mark.parametrize("form", ["tomorrow", "%H:%M", "%Q%Y%d", "%d %d %Y"])
def test_a_format_that_is_none_is_refused(form: str) -> None:
    with pytest.raises(UsageError, match=r"format|pattern"):
        read_times(column("2026-01-31"), "UTC", form=form)


def test_typed_cells_and_text_in_one_column_are_read() -> None:
    cells = pd.Series([datetime(2026, 1, 31, 12), "2026-01-31 12:00", None, float("nan")], dtype=object)
    assert shown(cells) == [NOON, NOON, "wrong", "wrong"]


def test_half_a_character_in_a_cell_is_no_time() -> None:
    assert shown(pd.Series(["2026-01-31 12:00\ud800", NOON], dtype=object)) == ["wrong", NOON]


def test_dates_that_are_the_same_in_every_order_are_not_asked_about() -> None:
    read = read_times(column("20-03-20 12:00", "20-03-20 12:10"), "UTC")
    assert read.question is None
    assert shown(column("20-03-20 12:00")) == ["2020-03-20T12:00:00"]
    assert read_times(column("20-03-21 12:00"), "UTC").question is not None
