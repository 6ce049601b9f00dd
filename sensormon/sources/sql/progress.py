"""How far a table was read: the last value of the cursor, and which rows at or before it are known.

Pure: rows in, the rows that are new out. Rows come in order of the cursor, from a little before the last
value on. Those with the last value itself are recognised by what is kept with it; those further back, where
late rows are looked for, by those that were met in the pass before. What is neither may have been read
before a restart, so whoever takes it must look it up.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sensormon.sources.sql.cursors import before, check_order, from_json, to_json
from sensormon.sources.sql.rows import Row

MOST_TIES = 2_000
"""Rows with the last value of the cursor that are kept one by one; beyond, each is looked up."""
MOST_SEEN = 500_000
"""Rows that are remembered while late ones are looked for; beyond, each is looked up."""

Print = int
"""Of a row: 64 bits of its digest, the same in every process."""


@dataclass(frozen=True)
class Place:
    """Up to where rows were read: `cursor` is the last value, None before the first row; `ties` are the rows
    with that value, None where they are too many. `began` is the own time of the first reading (µs UTC).
    """

    cursor: Any = None
    ties: frozenset[Print] | None = frozenset()
    began: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        ties = None if self.ties is None else [f"{tie:x}" for tie in sorted(self.ties)]
        return {"cursor": to_json(self.cursor), "ties": ties, "began": self.began}


def place_of(kept: Mapping[str, Any] | None) -> Place:
    """The place that was kept; the beginning if none was."""
    if kept is None:
        return Place()
    ties = None if kept["ties"] is None else frozenset(int(tie, 16) for tie in kept["ties"])
    return Place(from_json(kept["cursor"]), ties, kept["began"])


def print_of(row: Row) -> Print:
    """Equal for equal rows."""
    return int.from_bytes(hashlib.blake2b(repr(tuple(row)).encode(), digest_size=8).digest())


@dataclass(frozen=True)
class Sifted:
    """`unsure` rows may be known, `new` ones are not; `place` is reached once both are taken."""

    unsure: Sequence[Row]
    new: Sequence[Row]
    place: Place


class Seen:
    """Rows that were met and may come again when late ones are looked for; bounded."""

    def __init__(self) -> None:
        self._values: dict[Print, Any] = {}
        self._enough = MOST_SEEN // 8

    def __contains__(self, row: Row) -> bool:
        return print_of(row) in self._values

    def add(self, rows: Sequence[Row], values: Sequence[Any], since: Any) -> None:
        """Remember those of these rows whose cursor is `since` or later, and forget what is before it."""
        for row, value in zip(
            rows[bisect_left(values, since) :], values[bisect_left(values, since) :], strict=True
        ):
            if len(self._values) >= MOST_SEEN:
                break
            self._values[print_of(row)] = value
        if len(self._values) > self._enough:
            self._values = {each: value for each, value in self._values.items() if value >= since}
            self._enough = min(MOST_SEEN, max(MOST_SEEN // 8, 2 * len(self._values)))


class Pass:
    """One run of the query from `place` on; with `looks` rows further back may be late ones.

    `floor` is where reading began, None at the first row; `column` the place of the cursor, `name` its name.
    """

    def __init__(self, place: Place, floor: Any, column: int, name: str, seen: Seen, *, looks: bool) -> None:
        self.place = place
        self._start = place
        self._floor = floor
        self._column = column
        self._name = name
        self._seen = seen
        self._looks = looks
        self._last: Any = None

    def sift(self, rows: Sequence[Row]) -> Sifted:
        """Which of these are to be taken. Raises SourceError if they are not in order."""
        values = self.values(rows)
        check_order(values, self._last, self._name)
        self._last = values[-1]
        floor = 0 if self._floor is None else bisect_left(values, self._floor)
        start = self._start.cursor
        known = floor if start is None else max(floor, bisect_right(values, start))
        again = zip(rows[floor:known], values[floor:known], strict=True)
        unsure = [row for row, value in again if self._is_unsure(row, value)]
        return Sifted(unsure, rows[known:], self._reached(rows, values, known))

    def cut(self, sifted: Sifted, row: int) -> Sifted:
        """The same up to this row of the new ones."""
        new = sifted.new[:row]
        return Sifted(sifted.unsure, new, self._reached(new, self.values(new), 0))

    def taken(self, sifted: Sifted, began: int | None = None) -> Place:
        """The place that is reached with these rows; `began` is the own time of the first reading."""
        first = self.place.began if self.place.began is not None else began
        self.place = replace(sifted.place, began=first)
        return self.place

    def values(self, rows: Sequence[Row]) -> Sequence[Any]:
        """The cursor's, of these rows."""
        return [row[self._column] for row in rows]

    def _is_unsure(self, row: Row, value: Any) -> bool:
        """Of a row at or before the last value read."""
        if value == self._start.cursor:
            if self._start.ties is not None:
                return print_of(row) not in self._start.ties
        elif not self._looks:
            return False  # what is bound lies a little before the place: these were read
        return row not in self._seen

    def _reached(self, rows: Sequence[Row], values: Sequence[Any], known: int) -> Place:
        """After these rows, of which those from `known` on are new."""
        place = self.place
        cursor = values[-1] if known < len(rows) else place.cursor
        if cursor is None:
            return place
        first, end = bisect_left(values, cursor), bisect_right(values, cursor)
        prints = frozenset(map(print_of, rows[first:end])) if end - first <= MOST_TIES else None
        if cursor != place.cursor:
            return Place(cursor, prints, place.began)
        ties = None if prints is None or place.ties is None else place.ties | prints
        return replace(place, ties=ties if ties is not None and len(ties) <= MOST_TIES else None)


def bound_of(place: Place, since: Any, lowest: Any) -> Any:
    """What is bound as the cursor: before the last value, or `since` if late rows are looked for."""
    if place.cursor is None:
        return lowest
    return before(place.cursor if since is None else since)
