"""One column of tags where a table needs several to say whose readings a row has.

A device beside a sensor, a measurement beside a field: with one of them alone the readings of several
points would become one tag's. What it is not: a guess what the other columns are; see `columns`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from sensormon.tables.column_names import TAGS, TIMES, VALUES, folded
from sensormon.tables.sheet import Sheet

TAG = "tag"
"""The name of the column with both."""

_PLACES = frozenset({"host", "hostname", "station", "site", "location", "machine", "plant", "line", "room"})
"""Columns that may say whose a reading is, beside those that are called as tags are."""
_REMAINING = 0.1
"""A column keeps series apart if no more of the rows that were alike are still so with it."""


def with_series(sheet: Sheet) -> Sheet:
    """The table with a column `tag` of all columns that say together whose readings a row has.

    The same table where one column is enough, or none is called as one of tags, values or times.
    """
    frame = sheet.frame
    names = [str(name) for name in frame.columns]
    times = [name for name in names if folded(name) in TIMES]
    texts = [name for name in names if _is_text(frame[name])]
    tags = sorted((name for name in texts if folded(name) in TAGS), key=_rank)
    more = [name for name in texts if folded(name) in _PLACES]
    values = any(folded(name) in VALUES and name not in tags for name in names)
    if not times or TAG in map(str.casefold, names) or not more + tags[1:] or (tags and not values):
        return sheet
    keys = _keys(frame, times, tags[:1], tags[1:] + more)
    if not set(keys) - set(tags[:1]):
        return sheet
    first, *others = [name for name in names if name in keys]
    joined = frame[first].str.cat(frame[others], sep=".") if others else frame[first]
    note = f"The tags are named by {' and '.join(keys)}, which keep the readings of one time apart"
    return replace(sheet, frame=frame.assign(**{TAG: joined}), notes=(*sheet.notes, note))


def _keys(
    frame: pd.DataFrame, times: Sequence[str], first: Sequence[str], others: Sequence[str]
) -> list[str]:
    """The columns that keep rows of the same time apart, `first` among them; `first` if none do."""
    keys = [*first]
    exact = int(frame.duplicated().sum())
    alike = int(frame.duplicated([*times, *keys]).sum()) - exact
    before = alike
    for name in others:
        if alike <= _REMAINING * before:
            break
        left = int(frame.duplicated([*times, *keys, name]).sum()) - exact
        if left < alike:
            keys, alike = [*keys, name], left
    return keys if alike <= _REMAINING * before else [*first]


def _rank(name: str) -> int:
    return TAGS.index(folded(name))


def _is_text(column: pd.Series[Any]) -> bool:
    return bool(column.dtype == "str") and bool(column.notna().any())
