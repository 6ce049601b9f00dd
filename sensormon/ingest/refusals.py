"""The rows of a request that are refused: each with its place and reason, the first ones in full.

A request may have a hundred thousand rows that are all wrong. What is kept of it is bounded:
the first `LISTED` as they came, the others counted by reason. So the ledger stays exact, and
the sender still learns the place of every one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensormon.model.readings import Ints, Reason, Rejection

LISTED = 100
"""This many refused rows of a request are kept as they came, with a sentence for a person."""
ACCEPTED = 0
"""The code of a row that is not refused."""
Codes = NDArray[np.uint8]
_REASONS = tuple(Reason)
_CODES = {reason: code for code, reason in enumerate(_REASONS, 1)}


def code_of(reason: Reason) -> int:
    """The number that stands for this reason in a column; above `ACCEPTED`."""
    return _CODES[reason]


def reason_of(code: int) -> Reason:
    """The reason that this number stands for."""
    return _REASONS[code - 1]


@dataclass(frozen=True, eq=False)
class Refused:
    """All refused rows of a tick or request, in order: `index[i]` was refused for `reason[i]`.

    `listed` has the first ones in full.
    """

    index: Ints
    reason: Codes
    listed: tuple[Rejection, ...]

    def __len__(self) -> int:
        return len(self.index)

    @classmethod
    def of(cls, rejections: Iterable[Rejection]) -> Refused:
        """These rejections, all of them listed."""
        rows = tuple(sorted(rejections, key=lambda row: row.index))
        return cls(
            np.array([row.index for row in rows], dtype=np.int64),
            np.array([_CODES[row.reason] for row in rows], dtype=np.uint8),
            rows,
        )

    def counts(self) -> dict[Reason, int]:
        """How many rows were refused, by reason."""
        counts = np.bincount(self.reason, minlength=1)
        return {reason_of(int(code)): int(counts[code]) for code in np.flatnonzero(counts)}

    def unlisted(self) -> dict[str, int]:
        """How many rows that are not listed were refused, by reason."""
        if len(self.index) == len(self.listed):
            return {}
        rest = Counter(self.counts())
        rest.subtract(Counter(rejection.reason for rejection in self.listed))
        return {str(reason): count for reason, count in rest.items() if count}

    def without(self, reason: Reason) -> Refused:
        """These without the ones that were refused for this reason."""
        kept = self.reason != code_of(reason)
        listed = tuple(rejection for rejection in self.listed if rejection.reason is not reason)
        return Refused(self.index[kept], self.reason[kept], listed)

    def ranges(self) -> list[list[int]]:
        """Every refused row, as ranges [first, last], both included."""
        if not len(self.index):
            return []
        ends = np.flatnonzero(np.diff(self.index) != 1)
        first = self.index[np.concatenate(([0], ends + 1))]
        last = self.index[np.concatenate((ends, [-1]))]
        pairs: list[list[int]] = np.column_stack((first, last)).tolist()
        return pairs

    def joined(
        self, rows: Ints, index: Ints, reason: Codes, most: int, full: Callable[[int, int], Rejection]
    ) -> Refused:
        """These and further ones, of which the first `most` are listed.

        Row `rows[i]` of a batch has the place `index[i]` in its request; `full` makes the
        rejection of a row of the batch, from the row and its place.
        """
        listed = [full(int(row), int(place)) for row, place in zip(rows[:most], index[:most], strict=True)]
        both = sorted((*self.listed, *listed), key=lambda rejection: rejection.index)
        everything = np.concatenate((self.index, index))
        order = np.argsort(everything, kind="stable")
        return Refused(everything[order], np.concatenate((self.reason, reason))[order], tuple(both[:most]))


NOTHING = Refused(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint8), ())
"""No row was refused."""


def places(rows: Ints, positions: Sequence[int] | None) -> Ints:
    """The places in a request of these rows of its batch; by default the rows themselves."""
    if positions is None:
        return rows
    return np.array([positions[row] for row in rows.tolist()], dtype=np.int64)
