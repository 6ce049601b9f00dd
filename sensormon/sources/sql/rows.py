"""Rows of a result as readings, and what cannot be one as rejections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensormon.model.qualities import quality_of
from sensormon.model.readings import Batch, Bools, Ints, Quality, Reason, Rejection, is_good
from sensormon.sources.sql.columns import Layout
from sensormon.sources.sql.times import times_of
from sensormon.sources.values import NO_VALUE, Values, Wrong, values_of

Row = Sequence[Any]
_SHOWN = 200
_NO_TIME: Wrong = Reason.BAD_TIMESTAMP, "the time is no time, or one that its zone's clock never showed"


@dataclass(frozen=True)
class Reading:
    """How rows are read: `names` are tags by what the table calls them; zone and unit as in `times_of`."""

    source: str
    layout: Layout
    names: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""
    unit: str = ""


@dataclass(frozen=True, eq=False)
class Rows:
    """What rows held. `row` is the place of each reading's row; `kinds` what each tag would be (`Tag.kind`).

    `skipped` are cells of wide rows that hold nothing.
    """

    batch: Batch
    row: Ints
    malformed: tuple[Rejection, ...]
    kinds: Mapping[str, str]
    skipped: int = 0


@dataclass(frozen=True, eq=False)
class _Cells:
    """Readings before they are judged: one entry each of these columns."""

    row: Ints
    tag: NDArray[np.int32]
    names: tuple[str, ...]
    values: Values


def readings_of(rows: Sequence[Row], reading: Reading, received: int) -> Rows:
    """The readings of these rows, in their order. Raises SourceError if their times cannot be read."""
    layout = reading.layout
    columns = list(zip(*rows, strict=True))
    times, timed = times_of(columns[layout.time], reading.zone, reading.unit)
    quality, unknown = _qualities(columns[layout.quality] if layout.quality is not None else (), len(rows))
    if layout.wide:
        cells, empty = _wide(columns, layout, len(rows))
    else:
        cells, empty = _long(columns, reading), np.zeros(len(rows), dtype=np.bool_)
    wrong = _wrong(cells, timed, quality, unknown, whole=not layout.wide)
    dropped = empty.copy()
    dropped[list(wrong)] = True
    kept = np.flatnonzero(~dropped)
    batch = _batch(cells, kept, times, quality, reading.source, received)
    malformed = tuple(
        _rejection(
            reading.source,
            received,
            cells,
            place,
            columns[layout.time][cells.row[place]],
            columns,
            layout,
            why,
        )
        for place, why in wrong.items()
        if not empty[place]
    )
    kinds = _kinds(cells, kept, layout.wide, columns)
    return Rows(batch, cells.row[kept], malformed, kinds, int(empty.sum()))


def _long(columns: Sequence[Sequence[Any]], reading: Reading) -> _Cells:
    """`tag` is -1 where the table names none."""
    tag, value = reading.layout.tag, reading.layout.value
    codes: dict[Any, int] = {}
    names: dict[str, int] = {}
    for cell in dict.fromkeys(columns[tag]):
        if cell is None or not str(cell).strip():
            codes[cell] = -1
            continue
        own = str(cell).strip()
        codes[cell] = names.setdefault(reading.names.get(own, own), len(names))
    return _Cells(
        np.arange(len(columns[tag])),
        np.array([codes[cell] for cell in columns[tag]], dtype=np.int32),
        tuple(names),
        values_of(columns[value]),
    )


def _wide(columns: Sequence[Sequence[Any]], layout: Layout, rows: int) -> tuple[_Cells, Bools]:
    """Row by row, and which cells hold nothing: that is no reading of a tag, unlike an empty value."""
    width = len(layout.wide)
    number = np.full((rows, width), np.nan)
    empty = np.zeros((rows, width), dtype=np.bool_)
    word: dict[int, str] = {}
    wrong: dict[int, Wrong] = {}
    for place, (column, _) in enumerate(layout.wide):
        values = values_of(columns[column])
        number[:, place], empty[:, place] = values.number, values.empty
        word |= {row * width + place: text for row, text in values.word.items()}
        wrong |= {row * width + place: why for row, why in values.wrong.items()}
    cells = _Cells(
        np.repeat(np.arange(rows), width),
        np.tile(np.arange(width, dtype=np.int32), rows),
        tuple(name for _, name in layout.wide),
        Values(number.ravel(), np.zeros(rows * width, dtype=np.bool_), word, wrong),
    )
    return cells, empty.ravel()


def _qualities(cells: Sequence[Any], rows: int) -> tuple[NDArray[np.uint32], Bools]:
    """The status code of each row, and which rows have a quality that is not known."""
    if not len(cells):
        return np.zeros(rows, dtype=np.uint32), np.zeros(rows, dtype=np.bool_)
    codes = {
        cell: int(Quality.GOOD) if cell is None else quality_of(cell if isinstance(cell, str) else int(cell))
        for cell in dict.fromkeys(cells)
        if cell is None or isinstance(cell, str) or (not isinstance(cell, bool) and _is_whole(cell))
    }
    known = [codes.get(cell) for cell in cells]
    unknown = np.array([code is None for code in known], dtype=np.bool_)
    return np.array([code or 0 for code in known], dtype=np.uint32), unknown


def _is_whole(cell: Any) -> bool:
    try:
        return bool(int(cell) == cell)
    except (TypeError, ValueError, OverflowError):
        return False


def _wrong(
    cells: _Cells, timed: Bools, quality: NDArray[np.uint32], unknown: Bools, *, whole: bool
) -> dict[int, Wrong]:
    """Why a cell is no reading, by its place. Without a value it is one only if its quality says so."""
    wrong = dict(cells.values.wrong)
    absent = cells.values.empty & is_good(quality)[cells.row] if whole else cells.values.empty
    wrong |= dict.fromkeys(np.flatnonzero(absent).tolist(), NO_VALUE)
    for place in np.flatnonzero(unknown[cells.row]).tolist():
        wrong[place] = (
            Reason.MALFORMED,
            "the quality is not known; use Good, Uncertain, Bad, or a status code of OPC UA",
        )
    nameless = Reason.UNKNOWN_TAG, "there is no tag"
    wrong |= dict.fromkeys(np.flatnonzero(cells.tag < 0).tolist(), nameless)
    wrong |= dict.fromkeys(np.flatnonzero(~timed[cells.row]).tolist(), _NO_TIME)
    return dict(sorted(wrong.items()))


def _batch(
    cells: _Cells, kept: Ints, times: Ints, quality: NDArray[np.uint32], source: str, received: int
) -> Batch:
    row, word = cells.row[kept], None
    words = tuple(dict.fromkeys(cells.values.word.values()))
    if words:
        place = {text: i for i, text in enumerate(words)}
        of_cell = np.full(len(cells.row), -1, dtype=np.int32)
        of_cell[list(cells.values.word)] = [place[text] for text in cells.values.word.values()]
        word = of_cell[kept]
    return Batch(
        source=source,
        received=received,
        tags=cells.names,
        tag=cells.tag[kept],
        time=times[row],
        value=cells.values.number[kept],
        quality=quality[row],
        words=words,
        word=word,
    )


def _kinds(
    cells: _Cells, kept: Ints, wide: Sequence[tuple[int, str]], columns: Sequence[Sequence[Any]]
) -> Mapping[str, str]:
    """By tag, what its readings are; only of tags that have one."""
    present = np.unique(cells.tag[kept]).tolist()
    if wide:
        return {wide[code][1]: values_of(columns[wide[code][0]]).kind for code in present}
    if not cells.values.word:
        return {cells.names[code]: "number" for code in present}
    kinds = {cells.names[code]: "number" for code in present}
    for place, text in cells.values.word.items():
        if (code := int(cells.tag[place])) >= 0 and cells.names[code] in kinds:
            name = cells.names[code]
            is_truth = text in ("false", "true") and kinds[name] != "text"
            kinds[name] = "boolean" if is_truth else "text"
    return kinds


def _rejection(
    source: str,
    received: int,
    cells: _Cells,
    place: int,
    time: Any,
    columns: Sequence[Sequence[Any]],
    layout: Layout,
    why: Wrong,
) -> Rejection:
    row, code = int(cells.row[place]), int(cells.tag[place])
    column = layout.wide[code][0] if layout.wide else layout.value
    return Rejection(
        source=source,
        received=received,
        index=row,
        tag=cells.names[code] if code >= 0 else "",
        time=shown(time),
        value=shown(columns[column][row]),
        reason=why[0],
        detail=why[1],
    )


def shown(value: object) -> str:
    """What came, as short text that can be stored."""
    text = "" if value is None else str(value)[: _SHOWN + 1]
    text = text.replace("\x00", "␀").encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
