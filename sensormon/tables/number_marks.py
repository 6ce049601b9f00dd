"""What the marks in the numbers of a file mean: which of point and comma stands before the decimals.

37,125 is 37.125 to one country and 37125 to another. The other numbers of the file decide, then, for
the comma, the semicolon or tab between its columns; if nothing does, somebody has to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sensormon.model.readings import Bools, Floats
from sensormon.tables.cells import matching

NAMES = {".": "decimal point", ",": "decimal comma"}
"""The decimal marks, as a sentence names them."""

_ODD = 0.02
"""The share of cells that may contradict the others, each a mistake of its own row."""
_SIGN = "[+-]? ?"
_FREE = r"(?:\d+(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?|(?i:inf|infinity)"
_GROUPED = r"[1-9]\d{{0,2}}(?:(?:{other}\d{{3}})+|(?: \d{{3}})+|(?:'\d{{3}})+)(?:{mark}\d*)?"
_ESCAPED = {".": r"\.", ",": ","}
_IN_DOUBT = r"[+-]? ?[1-9]\d{0,2}[.,]\d{3}"
"""One mark and three digits behind it: a thousand or three decimals."""


def pattern(mark: str) -> str:
    """The pattern (RE2) of numbers with this decimal mark; the other, spaces or apostrophes group them."""
    marks = {"mark": _ESCAPED[mark], "other": _ESCAPED[_other(mark)]}
    return f"{_SIGN}(?:{_FREE.format(**marks)}|{_GROUPED.format(**marks)})"


def values(cells: pa.Array, numbers: Bools, mark: str) -> Floats:
    """The cells that are `numbers` with this decimal mark, as floats; NaN for the others."""
    texts = pc.if_else(pa.array(numbers), cells, pa.scalar(None, cells.type))
    texts = pc.replace_substring_regex(texts, f"[+ '{_other(mark)}]", "")
    if mark == ",":
        texts = pc.replace_substring(texts, ",", ".")
    floats: Floats = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
    return floats


def _other(mark: str) -> str:
    return "." if mark == "," else ","


@dataclass(frozen=True, eq=False)
class Marks:
    """Which cells of a column are numbers with a point, with a comma, and in doubt between the two."""

    point: Bools
    comma: Bools
    doubt: Bools

    @property
    def numbers(self) -> Bools:
        """Which cells are numbers either way."""
        return self.point | self.comma


def marks_of(cells: pa.Array) -> Marks:
    """The marks of a column's tidy texts."""
    point, comma = matching(cells, pattern(".")), matching(cells, pattern(","))
    both = point & comma
    doubt = both & matching(cells, _IN_DOUBT) if both.any() else both
    return Marks(point, comma, doubt)


@dataclass(frozen=True)
class Evidence:
    """How many cells of a file are numbers only with a point or only with a comma, and an example of each.

    `points_in_doubt` and `commas_in_doubt` count those with one mark and three digits behind it.
    """

    point: int = 0
    comma: int = 0
    points_in_doubt: int = 0
    commas_in_doubt: int = 0
    point_example: str = ""
    comma_example: str = ""

    @property
    def decides(self) -> bool:
        """Whether some cell is a number only one way."""
        return bool(self.point or self.comma)

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(
            self.point + other.point,
            self.comma + other.comma,
            self.points_in_doubt + other.points_in_doubt,
            self.commas_in_doubt + other.commas_in_doubt,
            self.point_example or other.point_example,
            self.comma_example or other.comma_example,
        )


def evidence(cells: pa.Array, marks: Marks) -> Evidence:
    """What the cells of one column show."""
    point, comma = marks.point & ~marks.comma, marks.comma & ~marks.point
    commas = marks.doubt & matching(cells, ".*,.*") if marks.doubt.any() else marks.doubt
    return Evidence(
        int(point.sum()),
        int(comma.sum()),
        int((marks.doubt & ~commas).sum()),
        int(commas.sum()),
        cells[int(point.argmax())].as_py() if point.any() else "",
        cells[int(comma.argmax())].as_py() if comma.any() else "",
    )


def decided(shown: Evidence, separator: str) -> tuple[str, str]:
    """The decimal mark and what says so; no mark if nothing decides and a number could be a thousandfold."""
    in_doubt = shown.points_in_doubt + shown.commas_in_doubt
    default = "," if separator in {";", "\t"} else "."
    if shown.decides:
        mark = default if shown.point == shown.comma else "." if shown.point > shown.comma else ","
        fewer, more = sorted((shown.point, shown.comma))
        if in_doubt and fewer > _ODD * more:
            return "", ""
        return mark, f"as {shown.point_example if mark == '.' else shown.comma_example} shows"
    if not in_doubt:
        return ".", ""
    if shown.commas_in_doubt:
        by_separator = default == "," and not shown.points_in_doubt
        between = "semicolon" if separator == ";" else "tab"
        return (",", f"by the {between} between the columns") if by_separator else ("", "")
    return (".", "") if separator != ";" else ("", "")
