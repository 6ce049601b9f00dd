"""The strip of many tags: how often each was flagged over time, in cells that follow the clock.

A cell covers a fixed stretch of UTC, such as 10:40 to 10:45, and its shade depends on its own readings alone:
once its time is over it changes only if late readings come in. Times are milliseconds UTC. Nothing here
raises if the store is unavailable: memory has the newest readings. What it is not: the state of a tag now;
see `live_now`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from sensormon.analysis.gaps import GAP
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError
from sensormon.model.readings import Ints
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.view.shared import Shared

Answer = dict[str, Any]

CELLS = 96
"""The most cells of a row, apart from the one that has only begun."""
BEFORE = 30
"""Also read: this many cells before the row, so that a gap at its edge is judged as it was before."""
FRESH = 2 * SECOND
"""How old a shared strip may be (µs)."""
SPANS = 8
"""The most strips shared by all viewers."""

_WIDTHS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600)


def cell_width(span: int) -> int:
    """How long a cell is (s) in a row of `span` seconds; it divides the day, so cells begin at round times.

    >>> [cell_width(span) for span in (300, 900, 3_600, 21_600, 86_400)]
    [5, 10, 60, 300, 900]
    """
    return next((width for width in _WIDTHS if span <= CELLS * width), _WIDTHS[-1])


class LiveStrip:
    """Answers for one monitor; viewers of the same span share them."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._shared = Shared(monitor.clock, SPANS)

    def answer(self, span: int, until: int | None = None) -> Answer:
        """All tags over the last `span` seconds up to now, or to `until` (µs UTC).

        `since` is where the first cell begins, `width` how long each is (ms), `parts` their number; the last
        one has only begun. `rows` has by tag, in the table's order, how many readings were `seen` and how
        many of them flagged (`count`). Of its cells only the abnormal ones are sent: `flagged` as cell, count
        and readings, `doubtful` as cells, `empty` (no reading when one was due) as stretches of cells. While
        the store is unavailable the cells before the first reading in memory are left out.
        """
        return self._shared.of(f"strip {span}", until, lambda: self._make(span, until), FRESH)

    def _make(self, span: int, until: int | None) -> Answer:
        m = self._monitor
        now = until or m.clock.now()
        width = cell_width(span) * SECOND
        parts = -(-span * SECOND // width) + 1
        since = now // width * width - (parts - 1) * width
        first = since - BEFORE * width
        stop = min(since + parts * width, now + 1) if until else since + parts * width
        try:
            table, known = m.readings.activity(first, stop, width), 0
        except StoreError:
            table = _activity(m.readings.recent(first), first, width)
            known = max(0, int(table["part"].min()) - BEFORE) if len(table) else parts
        table["part"] -= BEFORE
        by_tag = _split(table[table["part"] < parts])
        rows = [_row(name, by_tag.get(name), known, parts) for name in m.tags.names]
        return {
            "since": since / 1e3,
            "width": width / 1e3,
            "parts": parts,
            "rows": rows,
        }


def _split(table: pd.DataFrame) -> dict[str, tuple[Ints, Ints, Ints, Ints]]:
    """By tag its cells in order, and how many readings each has, flagged ones, doubtful ones."""
    codes, names = pd.factorize(table["tag"])
    part = table["part"].to_numpy(dtype=np.int64)
    order = np.lexsort((part, codes))
    columns = [
        table[name].to_numpy(dtype=np.int64)[order] for name in ("part", "readings", "flagged", "doubtful")
    ]
    ends = np.cumsum(np.bincount(codes)).tolist() if len(names) else []
    result: dict[str, tuple[Ints, Ints, Ints, Ints]] = {}
    for name, start, end in zip(names, [0, *ends], ends, strict=False):
        cells, readings, flagged, doubtful = (column[start:end] for column in columns)
        result[str(name)] = cells, readings, flagged, doubtful
    return result


def _row(name: str, cells: tuple[Ints, Ints, Ints, Ints] | None, known: int, parts: int) -> Answer:
    if cells is None:
        unseen = _runs(np.arange(known, parts))
        return {"name": name, "seen": 0, "count": 0, "flagged": [], "doubtful": [], "empty": unseen}
    part, readings, flagged, doubtful = cells
    inside = part >= 0
    empty = holes(part + BEFORE, readings, parts + BEFORE) - BEFORE
    marked = (inside & (flagged > 0)).nonzero()[0]
    return {
        "name": name,
        "seen": int(readings[inside].sum()),
        "count": int(flagged[inside].sum()),
        "flagged": np.column_stack((part[marked], flagged[marked], readings[marked])).tolist(),
        "doubtful": part[inside & (doubtful > 0)].tolist(),
        "empty": _runs(empty[empty >= known]),
    }


def _runs(cells: Ints) -> list[list[int]]:
    """Cells that follow each other as stretches: the first one, and the one after the last."""
    if not len(cells):
        return []
    breaks = (np.diff(cells) > 1).nonzero()[0]
    firsts = cells[np.concatenate(([0], breaks + 1))]
    lasts = cells[np.concatenate((breaks, [len(cells) - 1]))]
    stretches: list[list[int]] = np.column_stack((firsts, lasts + 1)).tolist()
    return stretches


def holes(part: Ints, readings: Ints, parts: int) -> Ints:
    """The cells without a reading when one was due, given those that have some and how many each.

    A tag that reports less than once per cell has empty cells that are not holes. The last cell
    has only begun: it is no hole, and how many readings it has says nothing.
    """
    if not len(part):
        return np.arange(parts)
    over = part < parts - 1
    often = float(np.median(readings[over] if over.any() else readings)) >= GAP
    step = 1.0 if often or len(part) < 2 else GAP * float(np.median(np.diff(part)))
    edges = np.concatenate(([-1], part[over], [parts - 1]))
    apart = np.diff(edges)
    stretches = [
        np.arange(a + 1, b)
        for (a, b), size in zip(pairwise(edges.tolist()), apart.tolist(), strict=True)
        if size > step
    ]
    return np.concatenate(stretches) if stretches else np.arange(0)


def _activity(frame: pd.DataFrame, since: int, width: int) -> pd.DataFrame:
    """`StoredReadings.activity` of readings in memory."""
    doubtful = (frame["quality"].to_numpy(dtype=np.int64) >> 30) > 0
    table = pd.DataFrame(
        {
            "tag": frame["tag"],
            "part": (micros(frame["time"]) - since) // width,
            "readings": 1,
            "flagged": frame["is_anomaly"].astype(int),
            "doubtful": doubtful.astype(int),
        }
    )
    return table.groupby(["tag", "part"], as_index=False).sum()
