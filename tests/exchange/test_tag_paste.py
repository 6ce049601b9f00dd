"""Rows pasted from a spreadsheet, as changes of the tag table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.exchange.tag_paste import HEADINGS, paste
from sensormon.model.errors import UsageError
from sensormon.model.tag_edit import Edited, cells, changes, read_cells
from sensormon.model.tags import Tag, TagTable

TAGS = TagTable(
    [
        Tag(
            "ph", "Fermenter pH", "pH", "Fermenter", (5.0, 9.0), (6.5, 7.5), priority="high", simulated=False
        ),
        Tag("rpm", "Agitator", "rpm", valid=(200.0, 700.0)),
        Tag("valve", "Feed valve", states=("closed", "open"), simulated=False),
    ]
)


def edited(text: str, decimal: str = "") -> Edited:
    return read_cells(paste(text, TAGS, decimal).frame, TAGS)


def test_rows_change_what_their_columns_say_and_add_tags() -> None:
    after = edited(
        "tag\tUnit\tValid low\tValid high\tDescription\nph\tpH\t5\t8\tbehind the pump\nti_1\t°C\t0\t200\t\n"
    )
    assert after.problems == ()
    assert changes(TAGS, after.tags) == [
        "Fermenter pH: description none → behind the pump; valid 5–9 → 5–8 pH",
        "Ti 1 (ti_1): added, unit °C, valid 0–200 °C",
    ]
    assert after.tags["ph"].normal == (6.5, 7.5), "columns that are not pasted stay"
    assert after.tags["ph"].priority == "high"
    assert after.tags["valve"].states == ("closed", "open")


def test_lines_may_end_in_any_way() -> None:
    for end in ("\n", "\r\n", "\r"):
        assert edited(end.join(["Name\tUnit\t", "ph\tmV\t", ""])).tags["ph"].unit == "mV"


def test_an_empty_cell_empties() -> None:
    after = edited("Name\tUnit\tNormal low\tNormal high\nph\t\t\t\n")
    assert (after.tags["ph"].unit, after.tags["ph"].normal) == ("", None)


@pytest.mark.parametrize("mark", ["\t", ";"])
def test_decimal_commas_are_read_where_the_cells_leave_no_doubt(mark: str) -> None:
    rows = [["Name", "Valid low", "Valid high"], ["a", "0,5", "1,25"], ["b", "-3,75", "10,5"]]
    after = edited("\n".join(mark.join(row) for row in rows))
    assert (after.tags["a"].valid, after.tags["b"].valid) == ((0.5, 1.25), (-3.75, 10.5))


def test_numbers_that_can_be_read_in_two_ways_are_asked_for() -> None:
    text = "Name\tValid low\tValid high\na\t1,200\t1,500\n"
    question = paste(text, TAGS).question
    assert question is not None
    assert {choice.value for choice in question.choices} == {",", "."}
    assert edited(text, ",").tags["a"].valid == (1.2, 1.5)
    assert edited(text, ".").tags["a"].valid == (1200.0, 1500.0)


def test_what_cannot_be_read_is_named_by_its_row() -> None:
    pasted = paste("Name\tValid low\tSimulated\tSerial no\na\tlow\tperhaps\t7\n", TAGS)
    assert pasted.problems == (
        "Row 2, Valid low: 'low' is not a number",
        "Row 2, Simulated: 'perhaps' is neither yes nor no",
    )
    assert pasted.ignored == ("Serial no",)


def test_profiles_are_named_by_tag() -> None:
    assert paste("Name\tProfile\nph\tmixing\nrpm\t\n", TAGS).profiles == {"ph": "mixing"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no rows under"),
        ("Name\tUnit\n", "no rows under"),
        ("Label\tUnit\nx\tbar\n", "none of the headings is Name"),
        ("Name\tTag\na\tb\n", "two columns stand for Name"),
        ("Name\na\nb\na\n", "rows 2 and 4 are both a"),
        ("Name\n" + "\n".join(f"t{i}" for i in range(5_001)), "5,001 rows are too many"),
        ("x" * 2_000_001, "characters are too many"),
        ("Name,Valid low,Valid high\na,1,5,9,5\n", "row 2 has more cells than there are headings"),
        ('Name\tNothing\na\t"x\nb\ty\n', "line 3 cannot be read"),
        ('Name\tDescription\na\t"' + "x\n" * 100_000, "cannot be read"),
    ],
)
def test_rows_that_mean_no_table_are_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        paste(text, TAGS)


def test_rows_may_end_in_any_way() -> None:
    for end in ("\n", "\r\n", "\r"):
        assert list(edited(f"Name\tUnit{end}a\tbar{end}b\tm{end}").tags.names[-2:]) == ["a", "b"]


def test_wrong_names_and_ranges_are_found_as_in_the_table() -> None:
    after = edited("Name\tValid low\tValid high\tPriority\nbad name\t1\t2\t\nb\t5\t1\t\nc\t1\t2\turgent\n")
    assert len(after.problems) == 3
    assert "priority must be one of" in after.problems[2]


def test_the_table_pasted_whole_changes_nothing() -> None:
    whole = cells(TAGS)
    text = whole.to_csv(sep="\t", index=False)
    after = edited(text)
    assert after.problems == ()
    assert changes(TAGS, after.tags) == []


@given(
    st.lists(
        st.lists(st.sampled_from([*HEADINGS, "", "ph", "5", "a\tb", '"', "=1+1", "\x00", "é"]), max_size=5),
        max_size=5,
    )
)
def test_any_text_is_read_or_refused(rows: list[list[str]]) -> None:
    try:
        pasted = paste("\n".join("\t".join(row) for row in rows), TAGS)
    except UsageError:
        return
    read_cells(pasted.frame, TAGS)
