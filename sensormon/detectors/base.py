"""What a detector is: parameters in a frozen dataclass, and a state that scores and learns.

A detector knows values, not names: tags are codes 0, 1, 2 … and everything it remembers
is in arrays whose first axis is the code. The same compiled loop runs over a live tick
and over a year of history, so both give the same scores to the last bit.

`RowState` is the state of every detector that remembers a tag in one row of numbers: such
a detector is its parameters, its docstring and one compiled kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats, Ints, Scores
from sensormon.model.tags import Tag

HIGHEST = 1e9
"""Scores are cut off here, so that a step off a flat line has a finite one."""

ROUNDING = 4 * float(np.finfo(np.float64).eps)
"""By how much of its size a difference of two decimal readings may be off."""

RESOLUTION, LOW, HIGH, VALID_LOW, VALID_HIGH = range(5)
"""The columns of `TagFacts.table`, as kernels see them."""

N = 0
"""The place in a row where it is counted how many readings the tag has learned."""

SCORE, EXPECTED, LOWER, UPPER = range(4)
"""The places in what a kernel writes of a reading."""


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


@dataclass(frozen=True, eq=False)
class TagFacts:
    """What is known of each tag before its first reading, one place a tag code, in the tag's unit.

    `resolution` is the smallest step the sensor reports, 0 where none is stated. `low` to
    `high` is the normal band, `valid_low` to `valid_high` the possible range; infinite
    where none is stated.
    """

    resolution: Floats
    low: Floats
    high: Floats
    valid_low: Floats
    valid_high: Floats

    def __post_init__(self) -> None:
        if not (np.isfinite(self.resolution) & (self.resolution >= 0)).all():
            raise UsageError(
                "a resolution is not a number of 0 or more",
                where="detector",
                hint="Give it in the tag's unit",
            )

    def __len__(self) -> int:
        return len(self.resolution)

    @classmethod
    def of_tags(cls, tags: Iterable[Tag]) -> TagFacts:
        """The facts of these tags, in their order."""
        rows = list(tags)
        normal = [tag.normal or (-np.inf, np.inf) for tag in rows]
        return cls(
            resolution=np.array([tag.resolution for tag in rows], dtype=np.float64),
            low=np.array([low for low, _ in normal], dtype=np.float64),
            high=np.array([high for _, high in normal], dtype=np.float64),
            valid_low=np.array([tag.valid[0] for tag in rows], dtype=np.float64),
            valid_high=np.array([tag.valid[1] for tag in rows], dtype=np.float64),
        )

    @classmethod
    def of(cls, tags: TagFacts | Floats) -> TagFacts:
        """These facts; from plain resolutions, facts with neither band nor range."""
        if isinstance(tags, TagFacts):
            return tags
        resolution = np.array(tags, dtype=np.float64)
        none = np.full(len(resolution), np.inf)
        return cls(resolution, -none, none, -none, none)

    @property
    def table(self) -> NDArray[np.float64]:
        """The facts as kernels take them: one row a tag, the columns RESOLUTION, LOW …"""
        columns = (self.resolution, self.low, self.high, self.valid_low, self.valid_high)
        table: NDArray[np.float64] = np.stack(columns, axis=1, dtype=np.float64)
        return table


class State(Protocol):
    """What a detector remembers of each tag."""

    lead: int
    """How many learned readings before a reading decide its score.

    For a recursive detector, how many are enough in practice: its memory has no end.
    """

    recursive: bool
    """False where `restore` is exact to the last bit; where True, only `save` and `load` are."""

    def run(self, tag: NDArray[np.int32], value: Floats, ok: Bools, time: Ints) -> Scores:
        """Score, then learn, one reading after the other.

        `tag[i]` is the code of reading i, `time[i]` its time (µs UTC). Readings that are
        not finite or not `ok` are neither scored nor learned.
        """

    def peek(self, tag: int, value: float, time: int) -> Scores:
        """The one-row score this value would get at this time; nothing is learned."""

    def restore(self, tag: int, n: int, values: Floats, times: Ints) -> None:
        """Go on as if `n` values of this tag had been learned, the last of them `values`.

        With at least min(n, lead) values, oldest first, further scores are the same as if
        the detector had never stopped: to the last bit, or nearly where it is `recursive`.
        With fewer it begins anew with those, and n = len(values).
        """

    def save(self, tag: int) -> Floats:
        """All that is remembered of this tag, as a vector of its own."""

    def load(self, tag: int, vector: Floats) -> None:
        """Go on, to the last bit, from what `save` gave with the same parameters."""


class Detector(Protocol):
    """The parameters of a method. The constructor raises UsageError for a wrong one."""

    PARAMETERS: ClassVar[tuple[Parameter, ...]]

    @property
    def threshold(self) -> float:
        """The score above which a reading is an anomaly."""

    def start(self, tags: TagFacts | Floats) -> State:
        """A state that has learned nothing of these tags; an array is their resolutions."""


Kernel = Callable[..., None]
"""`kernel(tag, value, time, ok, params, facts, rows, n, out)`, compiled.

For each reading i it writes n[i] = rows[tag[i], N] and, where the reading is ok and finite
and there is something to judge it by, out[SCORE …UPPER, i]; then it learns the reading and
counts it in rows[tag[i], N]. `facts` is `TagFacts.table`. It has no memory but `rows`.
"""


class RowState:
    """The state of a detector that remembers each tag as one row of numbers: see `State`.

    A reading is an anomaly when its score is above `threshold`; kernels need not say so.
    """

    def __init__(
        self,
        kernel: Kernel,
        params: Sequence[float],
        tags: TagFacts | Floats,
        *,
        size: int,
        lead: int,
        threshold: float,
        recursive: bool = True,
    ) -> None:
        self.lead = lead
        self.recursive = recursive
        self.rows = np.zeros((len(tags), size))
        self._kernel = kernel
        self._params = np.array(params, dtype=np.float64)
        self._facts = TagFacts.of(tags).table
        self._threshold = float(threshold)

    def run(self, tag: NDArray[np.int32], value: Floats, ok: Bools, time: Ints) -> Scores:
        """Score, then learn, one reading after the other."""
        check_rows(len(self.rows), tag, value, ok, time)
        return self._run(self._facts, self.rows, tag, value, ok, time)

    def peek(self, tag: int, value: float, time: int) -> Scores:
        """The one-row score this value would get at this time; nothing is learned."""
        check_code(len(self.rows), tag)
        one = slice(tag, tag + 1)
        return self._run(
            self._facts[one],
            self.rows[one].copy(),
            np.zeros(1, np.int32),
            np.array([value]),
            np.ones(1, np.bool_),
            np.array([time]),
        )

    def restore(self, tag: int, n: int, values: Floats, times: Ints) -> None:
        """Go on as if `n` values had been learned: the last of them are learned by a blank row."""
        check_code(len(self.rows), tag)
        if len(values) < min(n, self.lead):
            n = len(values)
        rows = min(n, self.lead)
        first = len(values) - rows
        self.rows[tag] = 0.0
        one = slice(tag, tag + 1)
        self._run(
            self._facts[one],
            self.rows[one],
            np.zeros(rows, np.int32),
            values[first:],
            np.ones(rows, np.bool_),
            times[first:],
        )
        self.rows[tag, N] = n

    def save(self, tag: int) -> Floats:
        """All that is remembered of this tag, as a vector of its own."""
        check_code(len(self.rows), tag)
        vector: Floats = self.rows[tag].copy()
        return vector

    def load(self, tag: int, vector: Floats) -> None:
        """Go on, to the last bit, from what `save` gave with the same parameters."""
        check_code(len(self.rows), tag)
        check_vector(self.rows.shape[1], vector)
        self.rows[tag] = vector

    def _run(
        self,
        facts: NDArray[np.float64],
        rows: NDArray[np.float64],
        tag: NDArray[np.int32],
        value: Floats,
        ok: Bools,
        time: Ints,
    ) -> Scores:
        n = np.zeros(len(value), dtype=np.int64)
        out = np.full((4, len(value)), np.nan)
        self._kernel(
            column(tag, np.int32),
            column(value, np.float64),
            column(time, np.int64),
            column(ok, np.bool_),
            self._params,
            facts,
            rows,
            n,
            out,
        )
        return Scores(
            n=n,
            score=out[SCORE],
            expected=out[EXPECTED],
            lower=out[LOWER],
            upper=out[UPPER],
            is_anomaly=out[SCORE] > self._threshold,
        )


def check_parameters(detector: Detector) -> None:
    """Raise UsageError for the first parameter that cannot be used."""
    for parameter in detector.PARAMETERS:
        parameter.check(getattr(detector, parameter.name))


def check_code(tags: int, tag: int) -> None:
    """Raise IndexError for a code that no tag has: compiled code would touch foreign memory."""
    if not 0 <= tag < tags:
        raise IndexError(f"tag codes must be from 0 to {tags - 1}")


def check_rows(tags: int, tag: NDArray[np.int32], value: Floats, ok: Bools, time: Ints) -> None:
    """Raise IndexError or ValueError for columns that compiled code must not see."""
    if len(tag) and not 0 <= tag.min() <= tag.max() < tags:
        raise IndexError(f"tag codes must be from 0 to {tags - 1}")
    if not len(tag) == len(value) == len(ok) == len(time):
        raise ValueError(f"columns of {len(tag)}, {len(value)}, {len(ok)} and {len(time)} rows")


def check_vector(size: int, vector: Floats) -> None:
    """Raise ValueError for a vector that other parameters have saved."""
    if vector.shape != (size,):
        raise ValueError(f"a vector of {size} numbers is needed, not one of shape {vector.shape}")


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
