"""Formulas evaluated reading by reading in plain Python: slow, obvious, and no value is None."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from operator import add, eq, ge, gt, le, lt, mod, mul, ne, sub, truediv

from sensormon.formulas.checking import Formula
from sensormon.formulas.tree import Binary, Call, Duration, Node, Number, TagRef, Truth, Unary, Word

Reading = tuple[int, float, bool]
"""Time (µs), value, whether it is good."""
Value = float | None
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "==": eq,
    "!=": ne,
}


def naive(
    formula: Formula, readings: Mapping[str, Sequence[Reading]], words: Mapping[str, Mapping[float, str]]
) -> dict[int, Value]:
    """The value at each time, by time; `readings` in order of arrival."""
    times = sorted({time for tag in formula.tags for time, *_ in readings.get(tag, ())})
    evaluator = _Naive(formula, readings, words, times)
    return {time: evaluator.at(formula.tree, place) for place, time in enumerate(times)}


class _Naive:
    def __init__(
        self,
        formula: Formula,
        readings: Mapping[str, Sequence[Reading]],
        words: Mapping[str, Mapping[float, str]],
        times: Sequence[int],
    ) -> None:
        self.formula, self.readings, self.words, self.times = formula, readings, words, times

    def at(self, node: Node, place: int) -> Value:
        match node:
            case TagRef():
                return self.tag(node.name, self.times[place])
            case Unary():
                inside = self.at(node.operand, place)
                return None if inside is None else 1.0 - inside if node.sign == "not" else -inside
            case Binary():
                return self.binary(node, place)
            case Call():
                return usable(self.call(node, place))
        assert isinstance(node, Number | Truth)
        return float(node.value)

    def tag(self, name: str, now: int) -> Value:
        past = [row for row in self.readings.get(name, ()) if row[0] <= now]
        if not past:
            return None
        newest = max(time for time, *_ in past)
        time, value, good = [row for row in past if row[0] == newest][-1]
        return value if good and now - time <= self.formula.tolerance else None

    def binary(self, node: Binary, place: int) -> Value:
        for side, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(other, Word) and isinstance(side, TagRef):
                return self.state(self.tag(side.name, self.times[place]), node, self.words[side.name], other)
        left, right = self.at(node.left, place), self.at(node.right, place)
        if node.sign in ("and", "or"):
            decides = 0.0 if node.sign == "and" else 1.0
            if decides in (left, right):
                return decides
            return None if None in (left, right) else 1.0 - decides
        if left is None or right is None:
            return None
        compare = COMPARISONS.get(node.sign)
        return float(compare(left, right)) if compare else usable(arithmetic(node.sign, left, right))

    def state(self, code: Value, node: Binary, words: Mapping[float, str], word: Word) -> Value:
        if code is None:
            return None
        return float((words.get(code, "").casefold() == word.text.casefold()) == (node.sign == "=="))

    def call(self, node: Call, place: int) -> Value:
        first = node.arguments[0]
        durations = [argument.micros for argument in node.arguments if isinstance(argument, Duration)]
        if durations:
            width, base = [*durations, 1_000_000][:2]
            if node.name in ("delay", "difference", "rate"):
                return self.back(node.name, first, place, width, base)
            if node.name == "integral":
                return self.integral(first, place, width, base)
            now = self.times[place]
            window = [i for i in range(place + 1) if self.times[i] > now - width]
            return rolled(node.name, [value for i in window if (value := self.at(first, i)) is not None])
        if node.name == "if":
            condition = self.at(first, place)
            return None if condition is None else self.at(node.arguments[1 if condition else 2], place)
        if node.name == "unit":
            return self.at(first, place)
        values = [self.at(argument, place) for argument in node.arguments]
        known = [value for value in values if value is not None]
        return function(node.name, known) if len(known) == len(values) else None

    def back(self, name: str, inside: Node, place: int, width: int, base: int) -> Value:
        then = self.times[place] - width
        past = [i for i in range(place + 1) if self.times[i] <= then]
        if not past or then - self.times[past[-1]] > self.formula.tolerance:
            return None
        before, now = self.at(inside, past[-1]), self.at(inside, place)
        if name == "delay" or before is None:
            return before
        if now is None:
            return None
        return now - before if name == "difference" else (now - before) / (width / base)

    def integral(self, inside: Node, place: int, width: int, base: int) -> Value:
        area, covered = 0.0, 0
        for i in range(1, place + 1):
            step = self.times[i] - self.times[i - 1]
            left, right = self.at(inside, i - 1), self.at(inside, i)
            if self.times[i] <= self.times[place] - width or step > self.formula.tolerance:
                continue
            if left is not None and right is not None:
                inside_of = min(step, self.times[i] - (self.times[place] - width))
                begin = right + (left - right) * inside_of / step
                area += (begin + right) / 2 * (inside_of / base)
                covered += inside_of
        return area if covered >= 0.9 * width else None


def rolled(name: str, values: Sequence[float]) -> Value:
    if name == "count":
        return float(len(values))
    if not values or (name == "std" and len(values) < 2):
        return None
    return ROLLED[name](values)


ROLLED: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "sum": math.fsum,
    "std": statistics.stdev,
    "min": min,
    "max": max,
}
FUNCTIONS: Mapping[str, Callable[[float], float]] = {
    "abs": abs,
    "sqrt": math.sqrt,
    "log": math.log,
    "log10": math.log10,
    "exp": math.exp,
    "round": round,
}


def function(name: str, values: Sequence[float]) -> Value:
    if name == "clip":
        return min(max(values[0], values[1]), values[2])
    if name in ("min", "max"):
        return min(values) if name == "min" else max(values)
    try:
        return float(FUNCTIONS[name](values[0]))
    except (ValueError, OverflowError):
        return None


ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": add,
    "-": sub,
    "*": mul,
    "/": truediv,
    "%": mod,
    "^": pow,
}


def arithmetic(sign: str, left: float, right: float) -> Value:
    try:
        result = ARITHMETIC[sign](left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(result, complex) else result


def usable(value: Value) -> Value:
    return value if value is not None and math.isfinite(value) else None
