"""Which lines of a text are plain rows, found at the speed of arrays; the others need to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sensormon.model.readings import Bools, Ints

_LINE, _QUOTE, _HASH, _NUL = 10, 34, 35, 0
_BLOCK = 1 << 22


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of a text: line i is `data[starts[i]:ends[i]]`. `blank` ones are empty.

    `plain` ones have the number of cells asked for, and quotation marks only around whole cells.
    """

    data: bytes
    starts: Ints
    ends: Ints
    plain: Bools
    blank: Bools

    def __len__(self) -> int:
        return len(self.ends)

    def text(self, index: int) -> str:
        """The line as text."""
        return self.data[self.starts[index] : self.ends[index]].decode("utf-8", "replace")


def scan(data: bytes, start: int, separator: str, width: int, step: Callable[[], None]) -> Lines:
    """The lines from byte `start` on, where a plain row has `width` cells. `step` may raise."""
    sign = ord(separator)
    ends = _positions(data, start, _LINE, step)
    if start < len(data) and not data.endswith(b"\n"):
        ends = np.append(ends, len(data))
    starts = np.concatenate([[start], ends[:-1] + 1]).astype(np.int64)[: len(ends)]
    blank = starts == ends
    separators = _positions(data, start, sign, step)
    quotes = _positions(data, start, _QUOTE, step)
    plain = ~blank
    if len(quotes):
        regular, inside = _quoted(data, starts, ends, separators, quotes, sign)
        separators = separators[~inside]
        plain &= regular
    plain &= np.diff(np.searchsorted(separators, ends), prepend=0) == width - 1
    nuls = _positions(data, start, _NUL, step)
    plain[np.searchsorted(ends, nuls)] = False
    first = np.frombuffer(data, np.uint8)[np.minimum(starts, max(len(data) - 1, 0))]
    plain &= first != _HASH
    return Lines(data, starts, ends, plain, blank)


def _positions(data: bytes, start: int, sign: int, step: Callable[[], None]) -> Ints:
    """Where this byte is, from `start` on; block by block, to need no second copy of the text."""
    view = np.frombuffer(data, np.uint8)
    parts = []
    for block in range(start, len(data), _BLOCK):
        step()
        parts.append(np.flatnonzero(view[block : block + _BLOCK] == sign) + block)
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _quoted(
    data: bytes, starts: Ints, ends: Ints, separators: Ints, quotes: Ints, sign: int
) -> tuple[Bools, Bools]:
    """The lines whose marks stand in pairs around whole cells, and the separators inside of pairs."""
    view = np.frombuffer(data, np.uint8)
    line = np.searchsorted(ends, quotes)
    before = np.searchsorted(quotes, starts)
    opening = (np.arange(len(quotes)) - before[line]) % 2 == 0
    left = np.where(quotes == starts[line], _LINE, view[quotes - 1])
    right = np.where(quotes + 1 >= ends[line], _LINE, view[np.minimum(quotes + 1, len(data) - 1)])
    doubled_left = np.where(before[line] < np.arange(len(quotes)), left == _QUOTE, False)
    good = np.where(
        opening,
        (left == _LINE) | (left == sign) | doubled_left,
        (right == _LINE) | (right == sign) | (right == _QUOTE),
    )
    regular = np.diff(np.append(before, len(quotes))) % 2 == 0
    regular[line[~good]] = False
    of = np.searchsorted(ends, separators)
    inside = (np.searchsorted(quotes, separators) - before[of]) % 2 == 1
    return regular, inside
