"""A checked formula over readings: which times have a value, and which.

A row is a time at which at least one of the formula's tags has a reading. Each tag then counts with its last
reading up to that time (of several at the same time the last that arrived) if that is good and not older
than the tolerance; otherwise it has no value there. What has no value makes what depends on it have none:
NaN, never a number in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from sensormon.formulas.checking import Formula, per, rolls
from sensormon.formulas.functions import BACK
from sensormon.formulas.tree import Binary, Call, Duration, Node, Number, TagRef, Truth, Unary, Word
from sensormon.formulas.windows import COUNT, HIGH, LOW, MEAN, SQUARES, SUM, windowed
from sensormon.model.readings import Bools, Floats, Ints
from sensormon.model.state_words import Words, codes_of

COVERED = 0.9
"""The least share of its duration that an integral needs readings for."""

NO_WORDS: Words = {}


@dataclass(frozen=True, eq=False)
class Course:
    """The readings of a tag, their times rising; the value of one that is not good is NaN."""

    times: Ints
    values: Floats

    @classmethod
    def of(cls, times: Ints, values: Floats, good: Bools) -> Course:
        """The course of readings given in order of arrival; of several with the same time the last counts."""
        if len(times) > 1 and not (np.diff(times) > 0).all():
            order = np.argsort(times, kind="stable")
            last = np.append(np.diff(times[order]) > 0, [True])
            order = order[last]
            times, values, good = times[order], values[order], good[order]
        return cls(times, np.where(good & np.isfinite(values), values, np.nan))

    def joined(self, later: Course) -> Course:
        """These readings and others that arrived later."""
        if not len(later.times):
            return self
        times = np.concatenate([self.times, later.times])
        values = np.concatenate([self.values, later.values])
        return Course.of(times, values, ~np.isnan(values))

    def since(self, time: int) -> Course:
        """Those with this time or a later one."""
        start = int(np.searchsorted(self.times, time))
        return Course(self.times[start:], self.values[start:])


NO_READINGS = Course(np.zeros(0, dtype=np.int64), np.zeros(0))


def row_times(courses: Sequence[Course]) -> Ints:
    """The times at which any of these has a reading, rising."""
    times = [course.times for course in courses]
    if all(len(other) == len(times[0]) and np.array_equal(other, times[0]) for other in times[1:]):
        return times[0]
    return np.unique(np.concatenate(times))


def held(times: Ints, course: Course, tolerance: int) -> Floats:
    """The value at each time: that of the last reading up to it, NaN if it is older or not good."""
    if len(times) == len(course.times) and np.array_equal(times, course.times):
        return course.values
    if not len(course.times):
        return np.full(len(times), np.nan)
    place = np.searchsorted(course.times, times, side="right") - 1
    known = np.maximum(place, 0)
    fresh = (place >= 0) & (times - course.times[known] <= tolerance)
    return np.where(fresh, course.values[known], np.nan)


def evaluate(
    formula: Formula, courses: Mapping[str, Course], words: Words = NO_WORDS, *, after: int | None = None
) -> tuple[Ints, Floats]:
    """The times (µs UTC) and values of the rows; NaN where there is no value.

    Right for rows at least `formula.back` after the first reading that could be there. With `after` only
    the rows after this time.
    """
    times = row_times([courses.get(tag, NO_READINGS) for tag in formula.tags])
    columns = {tag: held(times, courses.get(tag, NO_READINGS), formula.tolerance) for tag in formula.tags}
    values = over_rows(formula, times, columns, words)
    if after is not None:
        first = int(np.searchsorted(times, after, side="right"))
        times, values = times[first:], values[first:]
    return times, values


def over_rows(
    formula: Formula, times: Ints, columns: Mapping[str, Floats], words: Words = NO_WORDS
) -> Floats:
    """The value of each row, given the value of each tag in it."""
    if not len(times):
        return np.zeros(0)
    with np.errstate(all="ignore"):
        return _Evaluator(times, columns, words, formula.tolerance).of(formula.tree)


class _Evaluator:
    def __init__(self, times: Ints, columns: Mapping[str, Floats], words: Words, tolerance: int) -> None:
        self._times = times
        self._columns = columns
        self._words = words
        self._tolerance = tolerance

    def of(self, node: Node) -> Floats:
        """The values of this part; a condition is 1 or 0."""
        match node:
            case Number():
                return np.full(len(self._times), node.value)
            case Truth():
                return np.full(len(self._times), float(node.value))
            case TagRef():
                return self._columns[node.name]
            case Unary():
                inside = self.of(node.operand)
                return 1.0 - inside if node.sign == "not" else -inside
            case Binary():
                return self._binary(node)
            case Call():
                return _finite(self._call(node))
        raise TypeError(f"{node} has no value")  # the check refuses it

    def _binary(self, node: Binary) -> Floats:
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(other, Word) and isinstance(side, TagRef):
                return self._state(side.name, other.text, node.sign)
        left, right = self.of(node.left), self.of(node.right)
        if node.sign in _SIGNS:
            return _finite(_SIGNS[node.sign](left, right))
        unknown = np.isnan(left) | np.isnan(right)
        if node.sign == "and":  # false if one of them is, whatever the other
            return np.where((left == 0) | (right == 0), 0.0, np.where(unknown, np.nan, 1.0))
        if node.sign == "or":
            return np.where((left == 1) | (right == 1), 1.0, np.where(unknown, np.nan, 0.0))
        return np.where(unknown, np.nan, _COMPARISONS[node.sign](left, right).astype(np.float64))

    def _state(self, tag: str, word: str, sign: str) -> Floats:
        column = self._columns[tag]
        equal = np.isin(column, codes_of(self._words.get(tag, {}), word))
        true = equal if sign == "==" else ~equal
        return np.where(np.isnan(column), np.nan, true.astype(np.float64))

    def _call(self, node: Call) -> Floats:
        if rolls(node):
            return self._rolling(node)
        if node.name in BACK:
            return self._back(node)
        parts = [self.of(argument) for argument in node.arguments if not isinstance(argument, Word)]
        match node.name:
            case "if":
                condition, yes, no = parts
                result = np.where(np.isnan(condition), np.nan, np.where(condition == 1, yes, no))
            case "unit":
                result = parts[0]
            case "clip":
                result = np.minimum(np.maximum(parts[0], parts[1]), parts[2])
            case "min" | "max":
                result = reduce(np.minimum if node.name == "min" else np.maximum, parts)
            case _:
                result = _FUNCTIONS[node.name](parts[0])
        return result

    def _rolling(self, node: Call) -> Floats:
        width = _micros(node.arguments[1])
        inside = self.of(node.arguments[0])
        if node.name == "integral":
            return self._integral(inside, width, per(node))
        figures = windowed(self._times, np.ascontiguousarray(inside), width)
        count = figures[:, COUNT]
        some = count > 0
        match node.name:
            case "count":
                return count
            case "std":
                return np.where(count > 1, np.sqrt(figures[:, SQUARES] / np.maximum(count - 1, 1)), np.nan)
        column = {"mean": MEAN, "sum": SUM, "min": LOW, "max": HIGH}[node.name]
        return np.where(some, figures[:, column], np.nan)

    def _integral(self, inside: Floats, width: int, base: int) -> Floats:
        """The area in the window, its first trapezium cut at the start, in units of `base` (µs)."""
        steps = np.diff(self._times, prepend=self._times[0])
        areas = (inside + np.concatenate([[np.nan], inside[:-1]])) / 2.0 * (steps / base)
        usable = np.isfinite(areas) & (steps <= self._tolerance)
        areas = np.where(usable, areas, np.nan)
        covered = windowed(self._times, np.where(usable, steps.astype(np.float64), np.nan), width)[:, SUM]
        sums = windowed(self._times, areas, width)[:, SUM]
        start = self._times - width
        first = np.searchsorted(self._times, start, side="right")  # the one that may reach into the window
        before = np.maximum(first - 1, 0)
        outside = np.where(usable[first], start - self._times[before], 0)
        share = outside / np.maximum(steps[first], 1)
        middle = inside[before] + (inside[first] - inside[before]) * share / 2.0
        sums = sums - np.where(outside > 0, middle * (outside / base), 0.0)
        return np.where(covered - outside >= COVERED * width, sums, np.nan)

    def _back(self, node: Call) -> Floats:
        width = _micros(node.arguments[1])
        inside = self.of(node.arguments[0])
        before = held(self._times - width, Course(self._times, inside), self._tolerance)
        if node.name == "delay":
            return before
        off = inside - before
        return off if node.name == "difference" else off / (width / per(node))


def _micros(node: Node) -> int:
    if not isinstance(node, Duration):
        raise TypeError(f"{node} is not a duration")  # the check refuses it
    return node.micros


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)


def _modulo(left: Floats, right: Floats) -> Floats:
    return np.where(right == 0, np.nan, np.mod(left, right))


_SIGNS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": _modulo,
    "^": np.power,
}
_COMPARISONS: Mapping[str, Callable[[Floats, Floats], Bools]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
_FUNCTIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log": np.log,
    "log10": np.log10,
    "exp": np.exp,
    "round": np.rint,
}
