"""Cells of a column as numbers and words; those that are neither, with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from sensormon.model.readings import Bools, Floats, Reason
from sensormon.model.tags import BOOLEAN, LONGEST_STATE, UNFIT

Wrong = tuple[Reason, str]
EXACT = 1 << 53
"""Beyond it two whole numbers become the same float."""
NO_VALUE: Wrong = Reason.NOT_A_NUMBER, "there is no value"


@dataclass(frozen=True, eq=False)
class Values:
    """`word` has the words by row, where `number` is NaN; `wrong` why a row is no value; `empty` is NULL."""

    number: Floats
    empty: Bools
    word: Mapping[int, str] = field(default_factory=dict)
    wrong: Mapping[int, Wrong] = field(default_factory=dict)
    kind: str = "number"
    """What a tag of these values is: number, boolean or text."""


def values_of(cells: Sequence[object]) -> Values:
    """The values of these cells."""
    kinds = set(map(type, cells))
    if kinds <= {int, float} and (numbers := _all_numbers(cells)) is not None:
        return Values(numbers, np.zeros(len(cells), dtype=np.bool_))
    number = np.full(len(cells), np.nan)
    empty = np.zeros(len(cells), dtype=np.bool_)
    word: dict[int, str] = {}
    wrong: dict[int, Wrong] = {}
    for row, cell in enumerate(cells):
        if cell is None:
            empty[row] = True
        elif isinstance(cell, bool):
            word[row] = BOOLEAN[cell]
        elif isinstance(cell, int | float | Decimal):
            number[row], unfit = _of_number(cell)
            if unfit:
                wrong[row] = unfit
        elif isinstance(cell, str):
            if problem := wrong_word(cell.strip()):
                wrong[row] = Reason.NOT_A_NUMBER, problem
            else:
                word[row] = cell.strip()
        else:
            what = type(cell).__name__
            wrong[row] = Reason.NOT_A_NUMBER, f"the value must be a number or a word, not {what}"
    return Values(number, empty, word, wrong, _kind(kinds))


def _all_numbers(cells: Sequence[Any]) -> Floats | None:
    """These numbers at once; None if one of them is too large to be taken without a look."""
    try:
        number = np.array(cells, dtype=np.float64)
    except OverflowError:
        return None
    return None if (np.abs(number) >= EXACT).any() else number


def _of_number(cell: float | Decimal) -> tuple[float, Wrong | None]:
    """The number as it is stored, and why it cannot be, if so."""
    try:
        number = float(cell)
    except (OverflowError, ValueError):  # the second for a signalling NaN
        return math.nan, (Reason.NOT_FINITE, "the value is too large for a number")
    whole = not isinstance(cell, float) and math.isfinite(cell) and abs(number) >= EXACT and cell == int(cell)
    if whole and int(number) != cell:
        return math.nan, (Reason.NOT_A_NUMBER, "this whole number is too large to be kept exactly")
    return number, None


def _kind(kinds: set[type]) -> str:
    if str in kinds:
        return "text"
    return "boolean" if kinds & {bool} and not kinds & {int, float, Decimal} else "number"


def wrong_word(word: str) -> str:
    """Why this text can be no state's word, whatever its tag; empty if it can be one."""
    if not word:
        return "there is no value"
    if len(word) > LONGEST_STATE:
        return f"the value is text of {len(word):,} characters; a state has at most {LONGEST_STATE}"
    if unfit := UNFIT.search(word):
        return f"the value holds the invisible character U+{ord(unfit[0]):04X}"
    return ""
