"""What a detector is: parameters in a frozen dataclass, and a state that scores and learns.

A detector knows values, not names: tags are codes 0, 1, 2 … and everything it remembers
is in arrays whose first axis is the code. The same compiled loop runs over a live tick
and over a year of history, so both give the same scores to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sensormon.errors import UsageError
from sensormon.readings import Bools, Floats, Ints, Scores


@dataclass(frozen=True)
class Parameter:
    """A parameter as a person sets it: its limits, both included, the step of a slider, its unit."""

    name: str
    low: float
    high: float
    step: float
    unit: str

    def check(self, value: object) -> None:
        """Raise UsageError unless the value can be used."""
        whole = self.step == int(self.step)
        number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
        if not (number and self.low <= value <= self.high and (not whole or value == int(value))):  # type: ignore[operator, call-overload]
            kind = "a whole number" if whole else "a number"
            raise UsageError(
                f"{self.name} = {value!r} cannot be used",
                where="detector settings",
                hint=f"Give {kind} of {self.unit} from {self.low:g} to {self.high:g}",
            )


class State(Protocol):
    """What a detector remembers of each tag."""

    lead: int
    """How many learned readings before a reading decide its score."""

    def run(self, tag: NDArray[np.int32], value: Floats, ok: Bools) -> Scores:
        """Score, then learn, one reading after the other.

        `tag[i]` is the code of reading i. Readings that are not finite or not `ok` are
        neither scored nor learned.
        """

    def peek(self, tag: int, value: float) -> Scores:
        """The one-row score this value would get now; nothing is learned."""

    def restore(self, tag: int, n: int, values: Floats) -> None:
        """Go on as if `n` values of this tag had been learned, the last of them `values`.

        With at least min(n, lead) values, oldest first, further scores are the same to
        the last bit as if the detector had never stopped. With fewer it begins anew
        with those, and n = len(values).
        """


class Detector(Protocol):
    """The parameters of a method. The constructor raises UsageError for a wrong one."""

    PARAMETERS: ClassVar[tuple[Parameter, ...]]

    @property
    def threshold(self) -> float:
        """The score above which a reading is an anomaly."""

    def start(self, resolution: Floats) -> State:
        """A state that has learned nothing; `resolution[code]` is each tag's smallest step."""


def no_scores(n: Ints) -> Scores:
    """Columns to be filled: nothing scored yet, nothing flagged."""
    rows = len(n)
    return Scores(
        n=n,
        score=np.full(rows, np.nan),
        expected=np.full(rows, np.nan),
        lower=np.full(rows, np.nan),
        upper=np.full(rows, np.nan),
        is_anomaly=np.zeros(rows, dtype=np.bool_),
    )


def column(values: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """The values as compiled code takes them: contiguous, aligned, of this type, not writable.

    Always not writable, because numba compiles once more for read-only arrays, and
    pandas gives such.
    """
    view = np.require(values, dtype, ["C", "A", "E"]).view()
    view.flags.writeable = False
    return view
