"""Where the names of a table's columns are: after a preamble, above units, twice, or nowhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sensormon.model.errors import UsageError
from sensormon.model.tags import UNFIT
from sensormon.tables.cell_shapes import (
    is_nothing,
    is_text,
    is_trouble,
    is_typed,
    is_unit,
    is_units_row,
    names_time,
    plain_unit,
)
from sensormon.tables.column_names import VALUES, numbered
from sensormon.tables.text_rows import Row, Shape, is_row

_COMMENT = re.compile(r"(?:#+(?!N/?A|NV|DIV|VAL|REF|NAME|NULL|NUM)|//+|%+(?=\s|$))\s*")
_SHOWN = 100
_MOST_BELOW = 3
"""Rows of units and descriptions below the names."""


@dataclass(frozen=True)
class Heading:
    """`names` by column, empty where the file names none; `units` by name; `heads` are their rows.

    The table's rows begin after row `last` (0: with the first one). `notes` say what was skipped, and
    `commented` whether the file is known to have comments.
    """

    names: tuple[str, ...]
    units: Mapping[str, str]
    heads: tuple[tuple[str, ...], ...]
    last: int
    notes: tuple[str, ...]
    commented: bool = False


def find_heading(
    rows: Sequence[Row], shape: Shape, path: Path, word: str, given: Sequence[str] = ()
) -> Heading:
    """The heading above these first rows of a table. `given` are the names that a person gives instead.

    Raises UsageError where names and cells differ in number, and for two columns of one name.
    """
    rows = [row for row in rows if any(row.cells)]
    first = next(
        (
            place
            for place, row in enumerate(rows)
            if shape.typed
            and _length(row.cells) <= shape.width
            and len(row.cells) > shape.typed[-1]
            and all(is_typed(row.cells[column]) for column in shape.typed)
        ),
        len(rows),
    )
    if not shape.typed:
        first = next((place + 1 for place, row in enumerate(rows) if len(row.cells) == shape.width), 0)
    header = _header(rows[:first], shape)
    if header is None:
        # Without names a row may lack a number and still be one, rather than a line before the table.
        while (
            first and _length(rows[first - 1].cells) <= shape.width and is_row(rows[first - 1].cells, shape)
        ):
            first -= 1
        used = max((_length(row.cells) for row in rows[first:]), default=0)
        empty = [""] * (shape.width - used) if given and len(given) == used else []
        return _without(rows[:first], shape, path, word, [*given, *empty])
    names = _comment_cells(rows[header]) or rows[header].cells
    if _counts(rows[header].cells) and len(rows[header].cells) == shape.width:
        names = ("", *rows[header].cells[1:])
    below = [] if not shape.typed else rows[header + 1 : min(first, header + 1 + _MOST_BELOW)]
    seconds = []
    for row in below:
        if not is_text(row.cells) or is_trouble(row.cells) or _length(row.cells) > len(names):
            break
        seconds.append(row)
    upper = rows[header - 1] if header else None
    skipped = header
    if upper is not None and not given and (joined := _under(upper, rows[header], shape)):
        names, skipped = joined, header - 1
    notes = _skipped(rows[:skipped], word)
    fixed, doubled = _fixed(names, path, given, shape)
    notes += doubled
    units, described = _units(fixed, seconds, word)
    heads = tuple(row.cells for row in [rows[header], *seconds])
    last = (
        (seconds[-1] if seconds else rows[header]).place
        + (seconds[-1] if seconds else rows[header]).lines
        - 1
    )
    commented = any(is_comment(row.cells) for row in rows[: header + 1])
    return Heading(fixed, units, heads, last, (*notes, *described), commented)


def is_comment(cells: Sequence[str]) -> bool:
    """Whether the row is a comment: `# …`, `// …` or `% …`."""
    return bool(_COMMENT.match(cells[0]))


def _counts(cells: Sequence[str]) -> bool:
    """Whether these are names of which the first, `#`, is that of the rows' numbers."""
    return cells[0] == "#" and len(cells) > 2 and all(cells) and is_text(cells[1:])


def _length(cells: Sequence[str]) -> int:
    """The number of cells up to the last one that is not empty."""
    return max((place for place, cell in enumerate(cells, 1) if cell), default=0)


def _header(rows: Sequence[Row], shape: Shape) -> int | None:
    """Which of the rows above the first row of numbers has the names."""
    fit = [
        place
        for place, row in enumerate(rows)
        if _length(row.cells) <= shape.width
        and (len(row.cells) >= shape.width or _length(row.cells) > max(shape.typed, default=0))
        and (not is_comment(row.cells) or _counts(row.cells))
    ]
    text = [place for place in fit if is_text(rows[place].cells)]
    timed = [place for place in text if any(map(names_time, rows[place].cells))]
    if timed:
        return timed[0]
    timed = [place for place in fit if any(map(names_time, rows[place].cells))]
    if timed and (not text or timed[-1] > text[-1]):  # names such as 1, 2, 3
        return timed[-1]
    if text:
        block = [text[-1]]
        for place in reversed(text[:-1]):
            if place + 1 != block[0]:
                break
            block.insert(0, place)
        if len(block) > 1 and all(is_unit(cell) for cell in rows[block[1]].cells if cell):
            return block[0]
        return block[-1]
    if rows and len(_comment_cells(rows[-1])) == shape.width and is_text(_comment_cells(rows[-1])):
        return len(rows) - 1
    apart = [
        place
        for place, row in enumerate(rows)
        if len(row.cells) > 1 and is_text(row.cells) and any(map(names_time, row.cells))
    ]
    return apart[0] if apart else None


def _under(upper: Row, row: Row, shape: Shape) -> tuple[str, ...]:
    """Names of two rows, where the lower one repeats `time, value` under each tag; empty if it does not."""
    plain = [cell for cell in row.cells if cell and not names_time(cell)]
    if len(set(plain)) == len(plain) or not is_text(upper.cells) or _length(upper.cells) > shape.width:
        return ()
    names, tag = [], ""
    for place, cell in enumerate(row.cells):
        tag = (upper.cells[place] if place < len(upper.cells) else "") or tag
        alone = not tag or not cell or names_time(cell)
        names.append(cell if alone else tag if numbered(cell) in VALUES else f"{tag} {cell}")
    return tuple(names)


def _comment_cells(row: Row) -> tuple[str, ...]:
    """The cells of a comment such as `# time temp`; none for another row."""
    if not is_comment(row.cells):
        return ()
    head = _COMMENT.sub("", row.cells[0], count=1)
    return (head, *row.cells[1:]) if head else row.cells[1:]


def _without(above: Sequence[Row], shape: Shape, path: Path, word: str, given: Sequence[str]) -> Heading:
    """The heading of a table without names. Raises UsageError where the row above it may be meant as one."""
    comments = [row for row in above if is_comment(row.cells)]
    if above and above[-1] not in comments and not given:
        cells = [cell for cell in above[-1].cells if cell]
        if len(cells) > 1 or " " not in cells[0]:
            raise UsageError(
                f"{word} {above[-1].place} has {len(cells):,} "
                f"{'name' if len(cells) == 1 else 'names'}, but the rows below have {shape.width:,} cells",
                where=str(path),
                hint="Name every column in the first line, or give the names of the columns",
            )
    names = tuple(given) or tuple(f"column {place}" for place in range(1, shape.width + 1))
    if len(names) != shape.width:
        raise _miscounted(names, shape.width, path)
    fixed, _ = _fixed(names, path, (), shape)
    last = above[-1].place + above[-1].lines - 1 if above else 0
    notes = [*_skipped(above, word)]
    if not given:
        notes.append("The file does not name its columns")
    return Heading(fixed, {}, (), last, tuple(notes), bool(comments))


def _miscounted(names: Sequence[str], width: int, path: Path) -> UsageError:
    return UsageError(
        f"{len(names):,} names are given for {width:,} columns",
        where=str(path),
        hint="Give one name for each column, in their order",
    )


def _fixed(
    names: Sequence[str], path: Path, given: Sequence[str], shape: Shape
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names as they can be shown, and a note. Columns of times may share a name: they are numbered."""
    if given:
        if len(given) not in (len(names), _length(names), shape.width):
            raise _miscounted(given, _length(names), path)
        names = given
    clean = [UNFIT.sub("", " ".join(name.split())).strip() for name in names]
    clean = [_COMMENT.sub("", name, count=1) if names_time(name) else name for name in clean]
    twice = [name for name, count in Counter(filter(None, clean)).items() if count > 1]
    if wrong := [name for name in twice if not names_time(name)]:
        shown = ", ".join(repr(name[:_SHOWN]) for name in wrong[:5])
        raise UsageError(
            f"the column {wrong[0][:_SHOWN]!r} occurs twice"
            if len(wrong) == 1
            else f"the columns {shown} occur twice",
            where=str(path),
            hint="Rename one of them" if len(wrong) == 1 else "Rename one of each",
        )
    count: Counter[str] = Counter()
    numbered = []
    for name in clean:
        count[name] += 1
        while count[name] > 1 and f"{name} {count[name]}" in clean:
            count[name] += 1
        numbered.append(f"{name} {count[name]}" if name in twice and count[name] > 1 else name)
    notes = tuple(f"The columns named {name!r} were numbered" for name in twice)
    return tuple(numbered), notes


def _units(names: Sequence[str], rows: Sequence[Row], word: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The units in these rows below the names, by name; and sentences for the rows."""
    units: dict[str, str] = {}
    notes = []
    for row in rows:
        if not units and is_units_row(row.cells):
            pairs = zip(names, row.cells, strict=False)
            units = {name: plain_unit(cell) for name, cell in pairs if name and not is_nothing(cell)}
            notes.append(f"{word.capitalize()} {row.place} has the units")
        else:
            shown = "; ".join(cell for cell in row.cells if cell)[:_SHOWN]
            notes.append(f"{word.capitalize()} {row.place} describes the columns and was skipped: {shown}")
    return units, tuple(notes)


def _skipped(rows: Sequence[Row], word: str) -> tuple[str, ...]:
    if not rows:
        return ()
    text = "; ".join(" ".join(cell for cell in row.cells if cell) for row in rows)
    shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    if len(rows) == 1:
        return (f"{word.capitalize()} {rows[0].place}, before the table, was skipped: {shown}",)
    return (
        f"{word.capitalize()}s {rows[0].place} to {rows[-1].place}, before the table, were skipped: {shown}",
    )
