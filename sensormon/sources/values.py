"""Cells of a column as numbers and words; those that are neither, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from sensormon.model.readings import Bools, Floats, Reason
from sensormon.model.tags import BOOLEAN, LONGEST_STATE, UNFIT

Wrong = tuple[Reason, str]
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
    if kinds <= {int, float}:
        try:
            return Values(np.array(cells, dtype=np.float64), np.zeros(len(cells), dtype=np.bool_))
        except OverflowError:
            pass  # a number that is too large is looked for below
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
            try:
                number[row] = float(cell)
            except (OverflowError, ValueError):  # the second for a signalling NaN
                wrong[row] = Reason.NOT_FINITE, "the value is too large for a number"
        elif isinstance(cell, str):
            if problem := wrong_word(cell.strip()):
                wrong[row] = Reason.NOT_A_NUMBER, problem
            else:
                word[row] = cell.strip()
        else:
            what = type(cell).__name__
            wrong[row] = Reason.NOT_A_NUMBER, f"the value must be a number or a word, not {what}"
    return Values(number, empty, word, wrong, _kind(kinds))


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
