"""The functions of formulas by name: how they are written, and what each says."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Function:
    """`form` is how it is written; `least` and `most` are how many arguments it takes."""

    form: str
    meaning: str
    least: int
    most: int


FUNCTIONS = {
    "if": Function("if(condition, a, b)", "a where the condition is true, otherwise b", 3, 3),
    "abs": Function("abs(x)", "x without its sign", 1, 1),
    "sqrt": Function("sqrt(x)", "the square root; no value below 0", 1, 1),
    "log": Function("log(x)", "the natural logarithm; no value at 0 or below", 1, 1),
    "log10": Function("log10(x)", "the logarithm to base 10", 1, 1),
    "exp": Function("exp(x)", "e to the power x", 1, 1),
    "round": Function("round(x)", "the nearest whole number", 1, 1),
    "clip": Function("clip(x, low, high)", "x, at least low and at most high", 3, 3),
    "min": Function("min(a, b, …) or min(x, 10min)", "the lowest of several, or of x over a duration", 2, 20),
    "max": Function("max(a, b, …) or max(x, 10min)", "the highest, likewise", 2, 20),
    "mean": Function("mean(x, 10min)", "the mean over the duration up to now", 2, 2),
    "sum": Function("sum(x, 10min)", "the sum over the duration", 2, 2),
    "std": Function("std(x, 10min)", "the sample standard deviation over the duration", 2, 2),
    "count": Function("count(x, 10min)", "how many values there are in the duration", 2, 2),
    "integral": Function(
        "integral(x, 1h) or integral(x, 1d, 1h)",
        "the area under x over the duration, time in seconds or in the third argument's unit",
        2,
        3,
    ),
    "delay": Function("delay(x, 10min)", "x as it was that long ago", 2, 2),
    "difference": Function("difference(x, 10min)", "x minus x that long ago", 2, 2),
    "rate": Function(
        "rate(x, 10min) or rate(x, 10min, 1min)",
        "the difference by time, per second or per the third argument",
        2,
        3,
    ),
    "unit": Function('unit(x, "bar")', "x, taken to be in this unit; the value stays as it is", 2, 2),
}
"""By name, in the order in which the documentation shows them."""

ROLLING = ("mean", "sum", "std", "count", "min", "max", "integral")
"""The functions over the readings of a duration; `min` and `max` also have a form of several values."""
BACK = ("delay", "difference", "rate")
"""The functions that look at one moment a duration ago."""
_ELSEWHERE = {
    "avg": "mean",
    "average": "mean",
    "ln": "log",
    "pow": "^",
    "power": "^",
    "stdev": "std",
    "diff": "difference",
    "total": "integral",
}
"""What functions of other programs are called here."""


def like(name: str) -> str:
    """What to do about a function that does not exist."""
    near = get_close_matches(name.lower(), FUNCTIONS, 1, 0.6)
    if name.lower() in _ELSEWHERE:
        return f"Use {_ELSEWHERE[name.lower()]}"
    if near:
        return f"Did you mean {near[0]}?"
    return f"Known: {', '.join(FUNCTIONS)}"
