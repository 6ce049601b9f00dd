"""Tags as they are copied from a spreadsheet: a row of headings, a row per tag, into cells to be checked.

What it is not: the check of what the cells say (`model/tag_edit.read_cells`), or a place to save.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from sensormon.model.errors import UsageError
from sensormon.model.tag_edit import NUMBERS, PRIORITY, SIMULATED, TEXTS, cells
from sensormon.model.tags import TagTable
from sensormon.tables.numbers import read_numbers
from sensormon.tables.questions import Question

LONGEST = 2_000_000
"""Characters that may be pasted."""
MOST = 5_000
"""Rows that may be pasted."""
PROFILE = "Profile"
"""The heading of the names of profiles."""
HEADINGS = (*TEXTS, *NUMBERS, PRIORITY, SIMULATED, PROFILE)
"""What a heading may be; letters count the same in either case. Only Name is needed."""
_ALSO = {"tag": "Name", "tag name": "Name", "units": "Unit", "eu": "Unit", "area": "Group"}
"""What else plants call them."""
_YES, _NO = {"true", "yes", "y", "1", "x"}, {"false", "no", "n", "0", ""}


@dataclass(frozen=True, eq=False)
class Pasted:
    """The cells of the table with the pasted ones in it, as `read_cells` takes them.

    `profiles` names the profile of each tag that has one in its row. `ignored` are headings that mean
    nothing here. `problems` has a line for each cell that cannot be read. With a `question`, the numbers
    can be read in several ways, and none of them is in the cells.
    """

    frame: pd.DataFrame
    profiles: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    question: Question | None = None


def paste(text: str, before: TagTable, decimal: str = "") -> Pasted:
    """Put these rows into the cells of this table.

    A row with the name of a tag changes what its columns say, and empties what they leave empty; columns that
    are not pasted stay as they are. Any other row is a new tag. `decimal` is the decimal mark if the person
    chose one. Raises UsageError if there is nothing to read, no column Name, or a name twice.
    """
    columns, ignored = _columns(_rows(text))
    numbers = {name: pd.Series(columns[name], dtype="str") for name in NUMBERS if name in columns}
    read = read_numbers(numbers, decimal=decimal, separator="")  # any clipboard has tabs
    if read.question is not None:
        return Pasted(cells(before), ignored=ignored, question=read.question)
    problems = [
        f"Row {row + 2}, {name}: {columns[name][row][:100]!r} is not a number"
        for name in numbers
        for row in np.flatnonzero(~np.isfinite(read.values[name]) & ~read.empty[name])
    ]
    flags: list[bool | None] = []
    for row, cell in enumerate(columns.get(SIMULATED, ())):
        known = cell.casefold() in _YES | _NO
        flags.append(cell.casefold() in _YES)
        if not known:
            problems.append(f"Row {row + 2}, {SIMULATED}: {cell[:100]!r} is neither yes nor no")
    filled: dict[str, Sequence[Any]] = {name: columns[name] for name in (*TEXTS, PRIORITY) if name in columns}
    filled |= {name: [None if np.isnan(value) else value for value in read.values[name]] for name in numbers}
    if SIMULATED in columns:
        filled[SIMULATED] = flags
    profiles = {
        name: profile
        for name, profile in zip(columns["Name"], columns.get(PROFILE, ()), strict=False)
        if profile
    }
    return Pasted(_joined(before, filled), profiles, ignored, tuple(problems))


def _rows(text: str) -> list[list[str]]:
    """The rows with something in them. Raises UsageError if there are none, too many, or unreadable ones."""
    if len(text) > LONGEST:
        raise UsageError(
            f"{len(text):,} characters are too many",
            where="the pasted rows",
            hint=f"Paste {LONGEST:,} at most at a time",
        )
    first = text.lstrip("\r\n").partition("\n")[0]
    mark = max("\t;,", key=first.count)
    lines = csv.reader(StringIO(text, newline=None), delimiter=mark, strict=True)
    try:
        rows = [[cell.strip() for cell in row] for row in lines if any(map(str.strip, row))]
    except csv.Error as error:
        raise UsageError(
            f"line {lines.line_num} cannot be read: {error}",
            where="the pasted rows",
            hint='A cell that begins with " must end with "; inside it, write "" for "',
        ) from error
    if len(rows) < 2:
        raise UsageError(
            "there are no rows under a row of headings",
            where="the pasted rows",
            hint="Copy the headings too; Name is needed, and any of " + ", ".join(HEADINGS[1:]),
        )
    if len(rows) - 1 > MOST:
        raise UsageError(
            f"{len(rows) - 1:,} rows are too many",
            where="the pasted rows",
            hint=f"Paste {MOST:,} at most at a time",
        )
    for number, row in enumerate(rows[1:], 2):  # a decimal comma between commas would shift the others
        if any(row[len(rows[0]) :]):
            raise UsageError(
                f"row {number} has more cells than there are headings",
                where="the pasted rows",
                hint="Put cells with commas in quotes, or paste from the spreadsheet itself",
            )
    return rows


def _columns(rows: list[list[str]]) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """The columns that mean something by their names, and the headings of the others. Raises UsageError."""
    known = {heading.casefold(): heading for heading in HEADINGS} | _ALSO
    columns: dict[str, list[str]] = {}
    ignored: list[str] = []
    for place, heading in enumerate(rows[0]):
        name = known.get(" ".join(heading.casefold().split()))
        if name is None:
            ignored += [heading[:100]] if heading else []
            continue
        if name in columns:
            raise UsageError(
                f"two columns stand for {name}", where="the pasted rows", hint="Paste one of them only"
            )
        columns[name] = [row[place] if place < len(row) else "" for row in rows[1:]]
    if "Name" not in columns:
        raise UsageError(
            "none of the headings is Name",
            where="the pasted rows",
            hint="Give the column with the tags' names the heading Name",
        )
    names = columns["Name"]
    for row, name in enumerate(names):
        if name and (earlier := names.index(name)) != row:
            raise UsageError(
                f"rows {earlier + 2} and {row + 2} are both {name[:100]}",
                where="the pasted rows",
                hint="Paste each tag once",
            )
    return columns, tuple(ignored)


def _joined(before: TagTable, filled: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """The cells of the table with these columns of rows in it; a row keeps the index of its tag."""
    frame = cells(before).astype("object")
    places = [before.code(name) for name in filled["Name"]]
    new = iter(range(len(frame), len(frame) + len(places)))
    index = [place if place >= 0 else next(new) for place in places]
    frame = frame.reindex([*frame.index, *(place for place in index if place >= len(frame))])
    for name, values in filled.items():
        frame.loc[index, name] = pd.Series(list(values), index=index, dtype="object")
    return frame
