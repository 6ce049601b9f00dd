"""A table as it stands in a file, before anybody says what its columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from sensormon.model.readings import Ints


@dataclass(frozen=True)
class WrongLine:
    """A line that is not a row of the table: its number as people count, its text and what is wrong."""

    place: int
    text: str
    detail: str


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table of a file.

    `frame` has the cells: text as it stands (CSV and other text), or numbers, dates and truth values
    where the file has types (Parquet, Excel). An empty cell is missing (NaN or None).
    `place[i]` is where row i is, as people count, in `word`s: lines of a text, rows of a sheet.
    `units` are those the file names, by column. `wrong` are lines that are no rows, `notes` say in
    sentences what was passed over. `name` is the file, or the member or sheet of it. `separator` stands
    between the cells of a text (a space for runs of white space); it is empty where the file has types.
    """

    frame: pd.DataFrame
    place: Ints
    word: str = "line"
    name: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    wrong: tuple[WrongLine, ...] = ()
    notes: tuple[str, ...] = ()
    separator: str = ""
