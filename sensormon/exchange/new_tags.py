"""New tags for a file with tags that are not in the table yet.

Pure functions. What it is not: a writer of the table; see `tag_file`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from sensormon.exchange.import_table import Columns, Table
from sensormon.model.tags import NAME, Tag, TagTable
from sensormon.tables.numbers import mostly, to_numbers

MOST = 200
"""The most tags proposed for one file."""

_LOOKED_AT = 1_000
_SHOWN = 30
_UNIT = re.compile(r"(.*\S)\s*[(\[]([^()\[\]]{1,16})[)\]]")


def unknown(table: Table, columns: Columns, tags: TagTable) -> list[str]:
    """What could be a new tag: columns of numbers, or names in the column of tags."""
    if columns.tag:
        names = [str(name) for name in table.frame[columns.tag].dropna().unique()]
        return [name for name in names if name not in tags and NAME.fullmatch(name)][:MOST]
    return [column for column in _others(table, columns) if _numbers(table, column)][:MOST]


def no_numbers(table: Table, columns: Columns) -> dict[str, str]:
    """Columns of a wide file that cannot be tags, each with one non-numeric cell; "" if it is empty."""
    if columns.tag:
        return {}
    examples = {}
    for column in _others(table, columns):
        if not _numbers(table, column):
            values = table.frame[column].dropna().head(_LOOKED_AT)
            wrong = values[np.isnan(to_numbers(values))]
            examples[column] = str(wrong.iloc[0])[:_SHOWN] if len(wrong) else ""
    return examples


def with_new(tags: TagTable, names: Sequence[str], columns: Columns) -> TagTable:
    """The table with a new tag for each of these titles; a unit in brackets becomes the tag's unit.

    Names in a column of tags stay as they are. The title of a column becomes the label, and the name
    is derived from it. The new tags are not simulated.
    """
    table = list(tags)
    for title in names:
        match = _UNIT.fullmatch(title.strip())
        label, unit = (match[1], match[2].strip()) if match else (title.strip(), "")
        name = title if columns.tag else _name(label, {tag.name for tag in table})
        label = "" if columns.tag else label
        table.append(Tag(name, label or name, unit, simulated=False))
    return TagTable(table)


def _others(table: Table, columns: Columns) -> list[str]:
    return [name for name in table.frame.columns if name != columns.time and name not in columns.values]


def _numbers(table: Table, column: str) -> bool:
    values = table.frame[column].dropna().head(_LOOKED_AT)
    return mostly(to_numbers(values), values)


def _name(label: str, taken: set[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9_.:/-]+", "_", label).strip("_.:/-").lower()[:100] or "tag"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain}_{number}", number + 1
    return name
