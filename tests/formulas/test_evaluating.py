"""Formulas over readings: as a slow obvious reference has it, and the same bits wherever one starts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensormon.formulas.checking import Formula, check
from sensormon.formulas.evaluating import Course, evaluate
from sensormon.model.clock import SECOND
from sensormon.model.tags import Tag, TagTable
from tests.support.naive_formulas import Reading, naive

TAGS = TagTable(
    [
        Tag("a", "A", "°C"),
        Tag("b", "B", "°C"),
        Tag("s", "S", states=("off", "on")),
        Tag("p", "P", kind="boolean"),
    ]
)
WORDS = {"s": {0.0: "off", 1.0: "on"}, "p": {0.0: "false", 1.0: "true"}}
FORMULAS = [
    "a - b",
    "a / b",
    "a % b",
    "abs(a) ^ 0.5 + sqrt(b)",
    "log(a) + log10(b) + exp(a / 10)",
    "clip(a, -5, b)",
    "min(a, b, 3) + max(a, b) + round(a)",
    'if(s == "on", a, -b)',
    'if(p and not a > 3 or s != "off", 1, 0)',
    "p or a > b",
    "p and a > b",
    "mean(a, 10s) + sum(b, 7s)",
    "std(a - b, 13s)",
    "min(a, 9s) - max(b, 20s) + count(a, 5s)",
    "integral(a, 20s)",
    "integral(p, 20s, 1min)",
    "delay(a, 5s) + difference(b, 3s)",
    "rate(a, 4s, 1min)",
    "mean(if(a > 0, a, b), 30s) - mean(mean(a, 10s), 20s)",
    'if(a >= b and true == p or false, unit(a, "bar"), 1)',
]


@st.composite
def histories(draw: st.DrawFn) -> dict[str, list[Reading]]:
    """Readings of four tags at steps of half a second up to 4 s, some late, bad, or twice at a time."""
    history = {}
    for tag, values in {
        "a": st.floats(-20, 20),
        "b": st.floats(-20, 20),
        "s": st.sampled_from([0.0, 1.0]),
        "p": st.sampled_from([0.0, 1.0]),
    }.items():
        steps = draw(st.lists(st.integers(-1, 8), max_size=25))
        now, rows = 1_790_000_000 * SECOND, []
        for step in steps:
            now += step * SECOND // 2
            rows.append((now, draw(values), draw(st.integers(0, 9)) > 0))
        history[tag] = rows
    return history


def course(readings: list[Reading]) -> Course:
    times, values, good = zip(*readings, strict=True) if readings else ((), (), ())
    return Course.of(np.array(times, np.int64), np.array(values, float), np.array(good, bool))


@settings(max_examples=12)
@given(histories(), st.sampled_from([0.0, 1.0, 3.0, 60.0]))
def test_every_value_is_that_of_the_plain_reference(
    history: dict[str, list[Reading]], tolerance: float
) -> None:
    for text in FORMULAS:
        formula = check(text, TAGS, tolerance)
        times, values = evaluate(formula, {tag: course(rows) for tag, rows in history.items()}, WORDS)
        expected = naive(formula, history, WORDS)
        assert times.tolist() == list(expected)
        for value, wanted in zip(values.tolist(), expected.values(), strict=True):
            if wanted is None:
                assert math.isnan(value), text
            else:
                assert value == pytest.approx(wanted, rel=1e-9, abs=1e-7), text


def long_history(rows: int) -> dict[str, Course]:
    rng = np.random.default_rng(7)
    times = 1_790_000_000 * SECOND + np.cumsum(rng.integers(1, 3, rows)) * SECOND
    good = rng.random(rows) > 0.01
    return {
        "a": Course.of(times, 37 + rng.normal(size=rows), good),
        "b": Course.of(times + SECOND // 2, 20 + rng.normal(size=rows), good),
        "s": Course.of(times[::100], rng.integers(0, 2, len(times[::100])).astype(float), good[::100]),
        "p": Course.of(times, rng.integers(0, 2, rows).astype(float), good),
    }


@pytest.mark.parametrize("text", FORMULAS)
def test_values_are_the_same_bits_wherever_the_evaluation_starts(text: str) -> None:
    formula: Formula = check(text, TAGS, 5.0)
    history = long_history(3_000)
    times, values = evaluate(formula, history, WORDS)
    for start in (times[400], times[1_111] + 1, times[2_500]):
        kept = {tag: own.since(start - formula.back - formula.tolerance) for tag, own in history.items()}
        part_times, part = evaluate(formula, kept, WORDS, after=int(start) - 1)
        first = int(np.searchsorted(times, start))
        assert np.array_equal(part_times, times[first:])
        assert part.tobytes() == values[first:].tobytes()


def test_window_of_a_day_costs_no_more_than_one_of_a_minute_and_stays_exact() -> None:
    rows = 200_000
    times = 1_790_000_000 * SECOND + np.arange(rows) * SECOND
    values = 1e6 + np.sin(np.arange(rows))
    _, mean = evaluate(check("mean(a, 1d)", TAGS, 5.0), {"a": Course(times, values)})
    assert mean[-1] == pytest.approx(math.fsum(values[-86_400:]) / 86_400, rel=1e-14)
    _, spread = evaluate(check("std(a, 1d)", TAGS, 5.0), {"a": Course(times, values)})
    assert spread[-1] == pytest.approx(values[-86_400:].std(ddof=1), rel=1e-9)


def test_integral_of_a_slow_tag_is_that_of_its_duration_alone() -> None:
    times = np.arange(0, 600, 60, dtype=np.int64) * SECOND
    steady = Course.of(times, np.full(10, 2.0), np.ones(10, dtype=np.bool_))
    _, values = evaluate(check("integral(a, 90s)", TAGS, 60.0), {"a": steady})
    assert values[2:].tolist() == [180.0] * 8, "2 for 90 s, not for the two steps of 60 s that reach into it"
