"""New tags for columns of a file that the tag table does not have yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensormon.exchange.import_plan import plan
from sensormon.exchange.import_table import Table, propose, read_file
from sensormon.exchange.new_tags import new_tags, passed_over, states_tag, word_columns
from sensormon.model.tags import NAME, Tag, TagTable
from sensormon.tables.column_names import tag_name
from sensormon.tables.columns import Columns
from sensormon.tables.sheet import Sheet

TAGS = TagTable([Tag("flow", "Flow in", "m³/h")])
SECONDS = [f"2026-01-01T00:00:0{second}Z" for second in range(4)]


def table(units: dict[str, str] | None = None, **columns: list[object]) -> Table:
    frame = pd.DataFrame(columns)
    return Table(Sheet(frame, np.arange(2, len(frame) + 2), units=units or {}, separator=","), "key")


def test_unknown_number_columns_become_proposed_tags() -> None:
    file = table(
        units={"level": "mm"},
        **{
            "time": SECONDS[:3],
            "Flow in": ["1.0", "2.0", "3.0"],
            "Temp 1 [°C]": ["20.5", None, "21.0"],
            "LI-7 (bar)": ["1.5", "1.6", "1.7"],
            "Behälter": ["1", "2", "3"],
            "level": ["1", "2", "3"],
            "remark": ["ok", "door open", "ok"],
            "empty": [None, None, None],
        },
    )
    columns = propose(file, TAGS)
    new = new_tags(file, columns, TAGS)
    assert [(tag.name, tag.label, tag.unit) for tag in new] == [
        ("temp_1", "Temp 1", "°C"),
        ("LI-7", "LI-7", "bar"),
        ("beh_lter", "Behälter", ""),
        ("level", "level", "mm"),
    ]
    assert not any(tag.simulated for tag in new), "a tag of a file is never simulated"
    assert passed_over(file, columns) == {"remark": "ok", "empty": ""}
    tags = TAGS.with_tags(new)
    again = propose(file, tags)
    assert again.values == {
        "Flow in": "flow",
        "Temp 1 [°C]": "temp_1",
        "LI-7 (bar)": "LI-7",
        "Behälter": "beh_lter",
        "level": "level",
    }
    assert new_tags(file, again, tags) == []


def test_names_in_a_column_of_tags_stay_as_they_are() -> None:
    file = table(time=SECONDS, tag=["flow", "TI-101", "TI-101", "Flow out"], value=["1", "2", "3", "4"])
    new = new_tags(file, propose(file, TAGS), TAGS)
    assert [(tag.name, tag.label) for tag in new] == [("TI-101", "TI-101"), ("flow_out", "Flow out")]
    made = plan(file, TAGS, "", Columns(), {}, also_new=True)
    assert made.readings.names == ("flow", "TI-101", "flow_out"), "a title is read as its tag"


def test_unknown_tags_are_left_alone_where_some_are_known() -> None:
    wide = table(time=SECONDS[:2], flow=["1", "2"], other=["3", "4"])
    known = plan(wide, TAGS, "", Columns(), {}, also_new=False)
    assert (known.columns.values, known.new, known.left_out) == ({"flow": "flow"}, (), ["other"])
    asked = plan(wide, TAGS, "", Columns(), {}, also_new=True)
    assert [tag.name for tag in asked.new] == ["other"]
    strange = plan(wide, TagTable([Tag("x", "x")]), "", Columns(), {}, also_new=False)
    assert [tag.name for tag in strange.new] == ["flow", "other"], "none is known, so all are made"


def test_words_make_a_tag_of_states() -> None:
    file = table(time=SECONDS, entity=["a", "b", "c", "a"], state=["open", "true", "1.5", "closed"])
    new = new_tags(file, propose(file, TAGS), TAGS)
    assert [(tag.name, tag.kind) for tag in new] == [("a", "text"), ("b", "boolean"), ("c", "number")]
    wide = table(time=SECONDS, flow=["1", "2", "3", "4"], valve=["open", "closed", "open", "open"])
    columns = propose(wide, TAGS)
    assert word_columns(wide, columns) == ["valve"]
    assert states_tag(wide, "valve", "valve").kind == "text"


def test_words_in_place_of_a_number_make_no_state() -> None:
    file = table(time=SECONDS, tag=["a", "b", "b", "c"], value=["1", "Bad", "I/O Timeout", "open"])
    new = new_tags(file, propose(file, TAGS), TAGS)
    assert [(tag.name, tag.kind) for tag in new] == [("a", "number"), ("b", "number"), ("c", "text")]


def test_numbers_with_a_unit_make_no_states() -> None:
    file = table(time=SECONDS, tag=["a", "b", "a", "b"], value=["1.5", "14 %", "2.5", "15 %"])
    new = new_tags(file, propose(file, TAGS), TAGS)
    assert [(tag.name, tag.kind) for tag in new] == [("a", "number"), ("b", "number")]


def test_names_derived_from_titles_are_valid_and_unique() -> None:
    names: list[str] = ["flow"]
    for title in ("Flow", "flow", "FLOW ", "  ", "°C", "a/b c", "x" * 300):
        names.append(tag_name(title, names))
    assert len({name.casefold() for name in names}) == len(names)
    assert all(NAME.fullmatch(name) for name in names)


@pytest.mark.parametrize("title", ["Flow\u202e (L/\u2067h)", "Flow (L/h)"])
def test_bidirectional_characters_are_removed_from_column_titles(tmp_path: Path, title: str) -> None:
    path = tmp_path / "turned.csv"
    path.write_text(f"time,{title}\n2026-01-01T00:00:00Z,1.5\n", encoding="utf-8")
    read = read_file(path)
    (tag,) = new_tags(read, propose(read, TagTable([])), TagTable([]))
    assert (tag.name, tag.label, tag.unit) == ("Flow", "Flow", "L/h")
