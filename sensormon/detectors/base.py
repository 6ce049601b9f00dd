"""What a detector is: parameters in a frozen dataclass, and a state that scores and learns.

A detector knows values, not names: tags are codes 0, 1, 2 … and everything it remembers is
in arrays whose first axis is the code. Whatever people read about it, from its title to why
it flagged a reading, is an attribute or a method of its class. A detector that judges each
tag by itself derives from `Detector`, one that judges several tags at once from
`sensormon.detectors.multivariate.RowDetector`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from sensormon.detectors.judged import Judged, Sentence, distinct
from sensormon.model.errors import UsageError
from sensormon.model.readings import Bools, Floats, Ints, Scores
from sensormon.model.tags import Tag

UNSET = 1e9
"""A parameter this far out stands for each tag's own."""


@dataclass(frozen=True)
class Parameter:
    """A parameter as a person sets it: its limits, both included, the step of a slider, its unit.

    `label` is what people call it, `terms` are the glossary's terms that explain it, and
    `unset` is the value that stands for each tag's own, if it has one.
    """

    name: str
    low: float
    high: float
    step: float
    unit: str
    _: KW_ONLY
    label: str
    terms: tuple[str, ...] = ()
    unset: float | None = None

    @property
    def label_with_unit(self) -> str:
        """Its label on a control: "Window, readings"."""
        return f"{self.label}, {self.unit}"

    def check(self, value: object) -> None:
        """Raise UsageError unless the value can be used."""
        whole = self.step == int(self.step)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float | np.integer | np.floating)
            or not self.low <= value <= self.high
            or (whole and value != int(value))
        ):
            kind = "a whole number" if whole else "a number"
            raise UsageError(
                f"{self.name} = {value!r} cannot be used",
                where="detector settings",
                hint=f"Give {kind} of {self.unit} from {self.low:g} to {self.high:g}",
            )


class Described:
    """What every detector says of itself. The constructor raises UsageError for a wrong parameter."""

    title: ClassVar[str]
    """What people call it."""

    score_name: ClassVar[str]
    """What its score is called."""

    PARAMETERS: ClassVar[tuple[Parameter, ...]]

    catches: ClassVar[str]
    """What it catches, as Markdown: the docstring's paragraph `Catches:`."""

    misses: ClassVar[str]
    """What it misses, and what to prefer then, as Markdown: the docstring's paragraph `Misses:`."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.catches = _between(cls.__doc__ or "", "Catches:", "Misses:")
        cls.misses = _between(cls.__doc__ or "", "Misses:", "\n\n")

    def __post_init__(self) -> None:
        for parameter in self.PARAMETERS:
            parameter.check(getattr(self, parameter.name))


def _between(text: str, start: str, end: str) -> str:
    return " ".join(text.partition(start)[2].partition(end)[0].split())


@dataclass(frozen=True, eq=False)
class TagFacts:
    """What is known of each tag before its first reading, one place a tag code, in the tag's unit.

    `resolution` is the smallest step the sensor reports, 0 if none is stated. `low` to
    `high` is the normal band, `valid_low` to `valid_high` the possible range; infinite
    if none is stated.
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

    def take(self, codes: Sequence[int]) -> TagFacts:
        """The facts of these tags alone."""
        rows = np.array(codes, dtype=np.int64)
        return TagFacts(
            self.resolution[rows],
            self.low[rows],
            self.high[rows],
            self.valid_low[rows],
            self.valid_high[rows],
        )

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
    """False if `restore` is exact to the last bit; if True, only `save` and `load` are."""

    def run(self, tag: NDArray[np.int32], value: Floats, ok: Bools, time: Ints) -> Scores:
        """Score, then learn, one reading after the other.

        `tag[i]` is the code of reading i, `time[i]` its time (µs UTC). Readings that are
        not finite or not `ok` are neither scored nor learned.
        """

    def peek(self, tag: int, value: float, time: int) -> Scores:
        """The one-row score this value would get at this time; nothing is learned."""

    def restore(self, tag: int, n: int, values: Floats, times: Ints) -> None:
        """Continue as if `n` values of this tag had been learned, the last of them `values`.

        With at least min(n, lead) values, oldest first, further scores are the same as if
        the detector had never stopped: to the last bit, or nearly if it is `recursive`.
        With fewer it starts over with those, and n = len(values).
        """

    def save(self, tag: int) -> Floats:
        """All that is remembered of this tag, as a vector of its own."""

    def load(self, tag: int, vector: Floats) -> None:
        """Go on, to the last bit, from what `save` gave with the same parameters."""


class Detector(Described, ABC):
    """The parameters of a method that judges each tag by itself."""

    limit_from_band: ClassVar[bool] = False
    """True if the score's limit is read off a flagged reading's band, which is flat on a flat line."""

    @property
    @abstractmethod
    def threshold(self) -> float:
        """The score above which a reading is an anomaly."""

    @property
    @abstractmethod
    def sensitivity(self) -> str | None:
        """The parameter that makes it more or less sensitive; None if it has no such parameter."""

    @property
    @abstractmethod
    def needed(self) -> int:
        """How many readings of a tag it learns before it judges the first."""

    @abstractmethod
    def start(self, tags: TagFacts | Floats) -> State:
        """A state that has learned nothing of these tags; an array is their resolutions."""

    @abstractmethod
    def sentence(self, reading: Judged, tag: Tag) -> Sentence:
        """Why it flagged this reading, which it judged with these parameters, or why it did not."""

    def sigma(self, reading: Judged, tag: Tag) -> float:
        """The standard deviation it held the reading against, in the tag's unit; NaN if the band hides it."""
        return math.nan

    def numbers(self, reading: Judged) -> str:
        """Score and threshold: "z 5.2, above 3.0", or "z 2.4, threshold 3.0"."""
        score, threshold = distinct(reading.score, self.threshold)
        link = "above" if reading.is_anomaly else "threshold"
        return f"{self.score_name} {score}, {link} {threshold}"
