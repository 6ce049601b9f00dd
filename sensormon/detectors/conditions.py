"""The conditions under which profiles judge: since when each is met, and which readings it withholds.

A condition looks at the last good reading of its tag in order of arrival; a reading of that tag itself is
held against its own value. Readings from before the moment since which it is met count as settling.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from sensormon.detectors.kernel import column
from sensormon.model.profiles import COMPARISONS, STEADY, Condition, Profile
from sensormon.model.readings import Bools, Floats, Ints, Withheld
from sensormon.model.tags import Tag

NEVER = np.iinfo(np.int64).min
"""The moment since when a condition is met that is not."""
_CONDITION, _SETTLING, _CHANGE = int(Withheld.CONDITION), int(Withheld.SETTLING), int(Withheld.CHANGE)
_STEADY = COMPARISONS.index(STEADY)


class Conditions:
    """Since when each condition is met, and which readings are withheld for it."""

    def __init__(
        self,
        conditions: Sequence[Condition],
        of_tag: NDArray[np.int64],
        watched: NDArray[np.int64],
        comparison: NDArray[np.int64],
        value: Floats,
        settle: Ints,
    ) -> None:
        self._places = {_test(condition): place for place, condition in enumerate(conditions)}
        self._of_tag = of_tag  # the condition of each tag, -1 for none
        self._watched = watched  # by condition: the code of its tag, -1 if there is no such tag
        self._comparison = comparison
        self._value = value
        self._settle = settle  # µs
        self._since = np.full(len(value), NEVER, dtype=np.int64)
        self._held = np.full(len(value), np.nan)  # where the tag of a steady one was when it last changed

    @classmethod
    def of(cls, own: Sequence[Profile], tags: Sequence[Tag]) -> Conditions:
        """Those of these profiles, one a tag."""
        codes = {tag.name: code for code, tag in enumerate(tags)}
        conditions = list(dict.fromkeys(profile.condition for profile in own if profile.condition))
        places = {condition: place for place, condition in enumerate(conditions)}
        return cls(
            conditions,
            np.array(
                [-1 if profile.condition is None else places[profile.condition] for profile in own],
                dtype=np.int64,
            ),
            np.array([codes.get(condition.tag, -1) for condition in conditions], dtype=np.int64),
            np.array([COMPARISONS.index(condition.comparison) for condition in conditions], dtype=np.int64),
            np.array([condition.value for condition in conditions], dtype=np.float64),
            np.array([round(condition.settle * 1e6) for condition in conditions], dtype=np.int64),
        )

    def withheld(self, tag: NDArray[np.int32], value: Floats, good: Bools, time: Ints) -> NDArray[np.uint8]:
        """For each reading whether its condition lets it be judged."""
        withheld = np.zeros(len(tag), dtype=np.uint8)
        if len(self._value):
            _look(
                column(tag, np.int32),
                column(value, np.float64),
                column(good, np.bool_),
                column(time, np.int64),
                self._of_tag,
                self._watched,
                self._comparison,
                self._value,
                self._settle,
                self._since,
                self._held,
                withheld,
            )
        return withheld

    def of_tag(self, tag: int) -> Ints:
        """What is remembered of the condition of this tag, as two numbers that `restore` takes."""
        condition = self._of_tag[tag]
        if condition < 0:
            return np.array([NEVER, 0], dtype=np.int64)
        return np.array([self._since[condition], self._held.view(np.int64)[condition]], dtype=np.int64)

    def restore(self, tag: int, remembered: Ints) -> None:
        """Go on with the condition of this tag from there."""
        condition = self._of_tag[tag]
        if condition >= 0:
            self._since[condition], self._held.view(np.int64)[condition] = remembered

    def adopt(self, other: Conditions) -> None:
        """Those that both have are met since when they are there."""
        for test, place in self._places.items():
            if (theirs := other._places.get(test)) is not None:
                self._since[place], self._held[place] = other._since[theirs], other._held[theirs]

    def recall(self, tag: int, values: Floats, times: Ints) -> None:
        """See `ProfileState.recall`."""
        for condition in np.flatnonzero(self._watched == tag).tolist() if len(values) else ():
            comparison, limit = int(self._comparison[condition]), float(self._value[condition])
            if comparison == _STEADY:
                self._recall_change(condition, values, times, limit)
                continue
            met = np.array([_compares(comparison, value, limit) for value in values.tolist()])
            failed = np.flatnonzero(~met)
            if len(failed):
                after = int(failed[-1]) + 1
                self._since[condition] = times[after] if after < len(times) else NEVER
            elif self._since[condition] == NEVER:
                self._since[condition] = times[0]

    def moments(self) -> Ints:
        """All that is remembered, for `go_back`."""
        return np.concatenate([self._since, self._held.view(np.int64)])

    def go_back(self, moments: Ints) -> None:
        """Return to what `moments` gave."""
        since, held = np.split(moments, 2)
        self._since, self._held = since.copy(), held.copy().view(np.float64)

    def _recall_change(self, condition: int, values: Floats, times: Ints, limit: float) -> None:
        """When the tag of a steady condition last changed; if it did not in all these values, as it was."""
        held, changed = float(values[0]), NEVER
        for value, time in zip(values.tolist(), times.tolist(), strict=True):
            if abs(value - held) > limit:
                held, changed = value, time
        if changed != NEVER or self._since[condition] == NEVER:
            self._since[condition] = changed if changed != NEVER else times[0]
            self._held[condition] = held


def _test(condition: Condition) -> tuple[str, str, float]:
    """What decides since when a condition is met: all but its settling time."""
    return condition.tag, condition.comparison, condition.value


@numba.njit(cache=True)
def _look(
    tag: NDArray[np.int32],
    value: Floats,
    good: Bools,
    time: Ints,
    of_tag: Ints,
    watched: Ints,
    comparison: Ints,
    limit: Floats,
    settle: Ints,
    since: Ints,
    held: Floats,
    withheld: NDArray[np.uint8],
) -> None:
    for i in range(len(tag)):
        if good[i] and np.isfinite(value[i]):
            for c in range(len(watched)):
                if watched[c] == tag[i]:
                    if comparison[c] == _STEADY:
                        if not abs(value[i] - held[c]) <= limit[c]:
                            since[c], held[c] = time[i], value[i]
                    elif not _compares(comparison[c], value[i], limit[c]):
                        since[c] = NEVER
                    elif since[c] == NEVER:
                        since[c] = time[i]
        c = of_tag[tag[i]]
        if c >= 0:
            if since[c] == NEVER:
                withheld[i] = _CONDITION
            elif time[i] - since[c] < settle[c]:
                withheld[i] = _CHANGE if comparison[c] == _STEADY else _SETTLING


@numba.njit(cache=True)
def _compares(comparison: int, value: float, limit: float) -> bool:
    """By the place of the comparison in COMPARISONS."""
    if comparison == 0:
        return value > limit
    if comparison == 1:
        return value >= limit
    if comparison == 2:
        return value < limit
    if comparison == 3:
        return value <= limit
    if comparison == 4:
        return value == limit
    return value != limit
