"""New tags for a file with tags that are not in the table yet.

Pure functions. What it is not: a writer of the table; see `tag_file`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from sensormon.exchange.import_table import Table
from sensormon.model.tags import BOOLEAN, UNFIT, Tag, TagTable
from sensormon.tables.column_names import folded, known_names, tag_name, with_unit
from sensormon.tables.columns import EMPTY, MOST_WORDS, WORDS, Columns, content, sample, says_nothing
from sensormon.tables.missing import is_missing
from sensormon.tables.numbers import read_numbers
from sensormon.tables.readings import name_in

MOST = 200
"""The most tags proposed on a page for one file."""

_SHOWN = 30
_LONGEST = 200
"""The most characters of a name in a file that can become a tag."""
_LONGEST_UNIT = 16
_UNITS = frozenset({"unit", "units", "uom", "unitofmeasurement", "engineeringunits", "einheit", "eu"})


def new_tags(table: Table, columns: Columns, tags: TagTable) -> list[Tag]:
    """A tag for each column of values, or name in the column of tags, that the table does not have yet.

    A unit in brackets, in a row of units or in a column of units becomes the tag's unit. Readings that
    are all words make a tag of states. None is simulated.
    """
    return _long(table, columns, tags) if columns.tag else _wide(table, columns, tags)


def known_alone(columns: Columns, tags: TagTable) -> Columns:
    """The columns without those that are no tag of the table yet."""
    values = {name: tag for name, tag in columns.values.items() if tag in tags}
    return columns if columns.tag else replace(columns, values=values)


def word_columns(table: Table, columns: Columns) -> list[str]:
    """The columns of a wide file that are not used and hold a few words that come again: states, perhaps."""
    return (
        [] if columns.tag else [name for name, what in content(table.sheet, columns).items() if what == WORDS]
    )


def passed_over(table: Table, columns: Columns) -> dict[str, str]:
    """Columns that are not used, each with one of its cells; "" if it is empty."""
    cells = {}
    for name, what in content(table.sheet, columns).items():
        column = table.frame[name]
        filled = column[~is_missing(column, columns.missing)]
        cells[name] = "" if what == EMPTY or not len(filled) else str(filled.iloc[0])[:_SHOWN]
    return cells


def states_tag(table: Table, column: str, name: str) -> Tag:
    """The tag of states for this column of words."""
    cells = table.frame[column]
    label, unit = with_unit(column)
    return Tag(name, label, unit, simulated=False, kind=_kind(cells[~is_missing(cells)]))


def _wide(table: Table, columns: Columns, tags: TagTable) -> list[Tag]:
    new = []
    for column, name in columns.values.items():
        if name in tags or not name:
            continue
        label, unit = with_unit(column)
        unit = unit or table.sheet.units.get(column, "") or _unit_in(table, column, columns)
        unit = UNFIT.sub("", unit)[:_LONGEST_UNIT]
        of_label = name == tag_name(label) or folded(name) == folded(label)
        new.append(Tag(name, label if of_label else name, unit, simulated=False))
    return new


def _long(table: Table, columns: Columns, tags: TagTable) -> list[Tag]:
    frame, known = table.frame, known_names(tags)
    codes, cells = pd.factorize(frame[columns.tag])
    numbers = read_numbers(
        {name: frame[name] for name in columns.numbers},
        decimal=columns.decimal,
        separator=table.sheet.separator,
        missing=columns.missing,
    )
    units = next((str(name) for name in frame.columns if folded(str(name)) in _UNITS), "")
    taken, new = list(tags.names), []
    for column in columns.numbers:
        some = np.isfinite(numbers.values[column])
        has_numbers = np.bincount(codes[some & (codes >= 0)], minlength=len(cells))
        filled = (~numbers.empty[column]) & (codes >= 0)
        has_cells = np.bincount(codes[filled], minlength=len(cells))
        for code, cell in enumerate(cells):
            title = name_in(cell)
            title = title if columns.value else f"{title}.{columns.values[column]}"
            fits = 0 < len(title) <= _LONGEST and not UNFIT.search(title)
            if not fits or title.casefold() in known or not has_cells[code]:
                continue
            name = tag_name(title, taken)
            taken.append(name)
            rows = codes == code
            unit = _first(frame[units][rows]) if units else ""
            unit = unit or (table.sheet.units.get(column, "") if not columns.value else "")
            kind = "number" if has_numbers[code] else _kind(frame[column][rows & filled])
            new.append(Tag(name, title, unit, simulated=False, kind=kind))
    return new


def _unit_in(table: Table, column: str, columns: Columns) -> str:
    """The unit that stands in every cell of the column; empty if there is none."""
    cells = sample(table.frame[column], columns.missing)
    if pd.api.types.is_numeric_dtype(cells):
        return ""
    return read_numbers({"": cells}, separator=table.sheet.separator).units.get("", "")


def _kind(cells: pd.Series[Any]) -> str:
    """The kind of a tag with these cells, none of which is a number; a number with its unit is no state."""
    if len(cells) and read_numbers({"": cells}).units:
        return "number"
    words = {word for word in cells.astype(str).str.strip().str.casefold().unique() if not says_nothing(word)}
    if words and words <= set(BOOLEAN):
        return "boolean"
    return "text" if 0 < len(words) <= MOST_WORDS else "number"


def _first(cells: pd.Series[Any]) -> str:
    filled = cells[~is_missing(cells)]
    return UNFIT.sub("", str(filled.iloc[0])).strip()[:_LONGEST_UNIT] if len(filled) else ""
