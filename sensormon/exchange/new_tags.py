"""Tags for a file that names some which are not in the table yet.

Pure functions. What it is not: a writer of the table; see `tag_file`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from sensormon.exchange.import_numbers import mostly, to_numbers
from sensormon.exchange.import_table import Columns, Table
from sensormon.model.tags import NAME, Tag, TagTable

MOST = 200
"""Tags proposed of one file at the most."""

_LOOKED_AT = 1_000
_SHOWN = 30
_UNIT = re.compile(r"(.*\S)\s*[(\[]([^()\[\]]{1,16})[)\]]")


def unknown(table: Table, columns: Columns, tags: TagTable) -> list[str]:
    """What could be a tag and is none: columns of numbers, or names in the column of tags."""
    if columns.tag:
        names = [str(one) for one in table.frame[columns.tag].dropna().unique()]
        return [one for one in names if one not in tags and NAME.fullmatch(one)][:MOST]
    return [one for one in _others(table, columns) if _numbers(table, one)][:MOST]


def no_numbers(table: Table, columns: Columns) -> dict[str, str]:
    """Columns of a wide file that can be no tag, each with a cell that is no number; "" for an empty one."""
    if columns.tag:
        return {}
    found = {}
    for one in _others(table, columns):
        if not _numbers(table, one):
            values = table.frame[one].dropna().head(_LOOKED_AT)
            wrong = values[np.isnan(to_numbers(values))]
            found[one] = str(wrong.iloc[0])[:_SHOWN] if len(wrong) else ""
    return found


def with_new(tags: TagTable, names: Sequence[str], columns: Columns) -> TagTable:
    """The table with a tag more for each of these; a column's unit in brackets is the tag's.

    Names in a column of tags stay as they are; a column's title becomes the label, and a name is
    made of it. Nobody simulates them.
    """
    made = list(tags)
    for one in names:
        found = _UNIT.fullmatch(one.strip())
        label, unit = (found[1], found[2].strip()) if found else (one.strip(), "")
        name = one if columns.tag else _name(label, {tag.name for tag in made})
        label = "" if columns.tag else label
        made.append(Tag(name, label or name, unit, profile={"simulate": False}))
    return TagTable(made)


def _others(table: Table, columns: Columns) -> list[str]:
    return [one for one in table.frame.columns if one != columns.time and one not in columns.values]


def _numbers(table: Table, column: str) -> bool:
    values = table.frame[column].dropna().head(_LOOKED_AT)
    return mostly(to_numbers(values), values)


def _name(label: str, taken: set[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.:/-]+", "_", label).strip("_.:/-").lower()[:100] or "tag"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name
