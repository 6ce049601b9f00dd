"""New tags for columns of a file that the tag table does not have yet."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd

from sensormon.exchange.import_table import Columns, Table, propose, read_file
from sensormon.exchange.new_tags import no_numbers, unknown, with_new
from sensormon.model.tags import NAME, Tag, TagTable

TAGS = TagTable([Tag("flow", "Flow in", "m³/h")])


def table(**columns: list[object]) -> Table:
    frame = pd.DataFrame(columns)
    return Table(frame, "1", hashlib.sha256(repr(columns).encode()).hexdigest())


def test_unknown_number_columns_become_proposed_tags() -> None:
    file = table(
        **{
            "time": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"],
            "Flow in": [1.0, 2.0, 3.0],
            "Temp 1 [°C]": [20.5, None, 21.0],
            "Druck (bar)": ["1,5", "1,6", "1,7"],
            "remark": ["ok", "door open", "ok"],
            "empty": [None, None, None],
        }
    )
    columns = propose(file, TAGS)
    assert unknown(file, columns, TAGS) == ["Temp 1 [°C]", "Druck (bar)"]
    assert no_numbers(file, columns) == {"remark": "ok", "empty": ""}
    tags = with_new(TAGS, unknown(file, columns, TAGS), columns)
    assert [(tag.name, tag.label, tag.unit) for tag in tags][1:] == [
        ("temp_1", "Temp 1", "°C"),
        ("druck", "Druck", "bar"),
    ]
    assert not any(tag.simulated for tag in list(tags)[1:])
    again = propose(file, tags)
    assert again.values == {"Flow in": "flow", "Temp 1 [°C]": "temp_1", "Druck (bar)": "druck"}
    assert unknown(file, again, tags) == []


def test_names_in_a_column_of_tags_stay_as_they_are() -> None:
    rows = {"time": [1, 2, 3, 4], "tag": ["flow", "TI-101", "TI-101", "not a name!"], "value": [1, 2, 3, 4]}
    file = table(**rows)
    columns = Columns("time", tag="tag", value="value")
    assert unknown(file, columns, TAGS) == ["TI-101"], "what cannot be a name is rejected with its reason"
    (_, new) = with_new(TAGS, ["TI-101"], columns)
    assert (new.name, new.label) == ("TI-101", "TI-101")


def test_names_derived_from_titles_are_valid_and_unique() -> None:
    titles = ["Flow", "flow", "FLOW ", "  ", "°C", "a/b c", "x" * 300]
    tags = with_new(TAGS, titles, Columns("time"))
    names = [tag.name for tag in tags]
    assert len(set(names)) == len(titles) + 1
    assert all(NAME.fullmatch(name) for name in names)


def test_bidirectional_characters_are_removed_from_column_titles(tmp_path: Path) -> None:
    path = tmp_path / "turned.csv"
    path.write_text("time,Flow\u202e (L/\u2067h)\n2026-01-01T00:00:00Z,1.5\n", encoding="utf-8")
    read = read_file(path)
    columns = Columns("time")
    (tag,) = with_new(TagTable([]), unknown(read, columns, TagTable([])), columns)
    assert (tag.name, tag.label, tag.unit) == ("flow", "Flow", "L/h")
