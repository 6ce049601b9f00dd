"""The views of the recommended detector, each against a slow and obvious reference."""

from __future__ import annotations

import math
from collections import Counter, deque

import numpy as np
import pytest

from sensormon.detectors.recommended_views import (
    BLOCK,
    COURSE,
    HELD,
    MEMORY,
    MOST,
    ORDER,
    ORDERS,
    RECORD,
    RECORDS,
    SHAPE,
    SHAPES,
    VIEWS,
    WARM_UP,
    largest,
    look,
)

ROWS = 2500


def course(seed: int) -> np.ndarray:
    """Noise on a wave whose period changes, with a few spikes and a higher level at the end."""
    random = np.random.default_rng(seed)
    wave = np.sin(np.cumsum(np.where(np.arange(ROWS) < 1800, 0.05, 0.3)))
    values = 0.4 * wave + 0.05 * random.normal(size=ROWS)
    values[random.integers(200, ROWS, 8)] += 0.3
    values[2200:] += 0.5
    return values


def said(values: np.ndarray, least: float = 0.0) -> np.ndarray:
    """What each view says of each number, before it is held."""
    block, rows = np.zeros(BLOCK.size), []
    for n, value in enumerate(values.tolist()):
        look(block, n, value, least)
        rows.append([block[BLOCK.held + view * HELD + n % HELD] for view in range(VIEWS)])
    return np.array(rows)


def standardised(numbers: list[float], floor: float) -> float:
    """The last number in standard deviations above the mean of those before it."""
    past = np.array(numbers[:-1])
    return min(max((numbers[-1] - past.mean()) / max(past.std(), floor), 0.0), MOST)


def novelties(shapes: list[np.ndarray]) -> list[float]:
    """The distance of each shape to the nearest one remembered by then."""
    remembered: deque[np.ndarray] = deque(maxlen=SHAPES.kept)
    farthest, distances = 0.0, []
    for shape in shapes:
        squares = [float(np.sum((shape - other) ** 2, dtype=np.float64)) for other in remembered]
        distance = math.sqrt(min(squares) / SHAPES.width) if squares else 0.0
        kept = farthest * (1 - SHAPES.fade)
        farthest = max(kept, min(distance, SHAPES.growth * kept) if kept else distance)
        if not remembered or distance > SHAPES.novel * farthest:
            remembered.append(shape)
        distances.append(distance)
    return distances


@pytest.mark.parametrize("seed", range(3))
def test_a_record_is_a_share_of_the_range_so_far(seed: int) -> None:
    values = course(seed)
    expected = np.zeros(ROWS)
    for n in range(WARM_UP, ROWS):
        low, high = values[:n].min(), values[:n].max()
        beyond = max(values[n] - high, low - values[n], 0.0)
        expected[n] = min(RECORDS.gain * beyond / (high - low), MOST)
    assert expected.max() > 1.0
    assert said(values)[:, RECORD] == pytest.approx(expected)


def test_a_glitch_extends_the_range_by_as_much_again_at_most() -> None:
    values = course(0)[:1000]
    values[500] = 1e9
    low, high = values[:500].min(), values[:500].max()
    values[700] = high + 1.5 * (high - low)
    record = said(values)[:, RECORD]
    assert record[500] == MOST
    assert record[700] == pytest.approx(min(RECORDS.gain * 0.25, MOST))


@pytest.mark.parametrize("seed", range(3))
def test_a_shape_is_as_new_as_it_is_far_from_those_remembered(seed: int) -> None:
    values = course(seed)
    shapes = [values[n - 7 : n + 1].astype(np.float32) for n in range(7, ROWS)]
    distances = novelties(shapes)
    expected = np.zeros(ROWS)
    for n in range(WARM_UP, ROWS):
        expected[n] = standardised(distances[: n - 6], 1e-6)
    assert expected.max() > 3.0
    assert said(values)[:, SHAPE] == pytest.approx(expected, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_a_course_is_eight_means_of_four(seed: int) -> None:
    values = course(seed)
    ends = range(32, ROWS, 2)
    shapes = [values[n - 31 : n + 1].reshape(8, 4).mean(axis=1).astype(np.float32) for n in ends]
    distances = novelties(shapes)
    expected = np.zeros(ROWS)
    for j, n in enumerate(ends):
        if n >= WARM_UP:
            expected[n] = standardised(distances[: j + 1], 1e-6)
    assert expected.max() > 3.0
    assert said(values)[:, COURSE] == pytest.approx(expected, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_an_order_is_as_new_as_the_bits_it_costs(seed: int) -> None:
    values = course(seed)
    levels = np.floor(values.reshape(-1, 4).mean(axis=1) * ORDERS.levels).astype(int) % ORDERS.ring
    seen: dict[int | None, Counter[int]] = {}
    bits: list[float] = []
    for j, level in enumerate(levels.tolist()):
        chance = 1 / ORDERS.ring
        for context in (None, *([int(levels[j - 1])] if j else [])):
            counts = seen.setdefault(context, Counter())
            near = counts[(level + 1) % ORDERS.ring] + counts[(level - 1) % ORDERS.ring]
            times, total, kinds = (
                counts[level] + near / 2,
                counts.total(),
                sum(n > 0 for n in counts.values()),
            )
            if total:
                chance = times / (total + kinds) if times else chance * kinds / (total + kinds)
            counts[level] += 1
        bits.append(-math.log2(chance))
    expected, means = np.zeros(ROWS), []
    for j in range(ORDERS.bits, len(bits)):
        means.append(sum(bits[j - ORDERS.bits + 1 : j + 1]) / ORDERS.bits)
        if j >= ORDERS.start:
            expected[4 * j + 3] = standardised(means, ORDERS.least)
    assert expected.max() > 2.0
    assert said(values)[:, ORDER] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_what_is_said_holds_for_ten_readings() -> None:
    values, block = course(1), np.zeros(BLOCK.size)
    every = said(values)
    for n, value in enumerate(values.tolist()):
        look(block, n, value, 0.0)
        expected = every[max(0, n - HELD + 1) : n + 1].max(axis=0)
        assert [largest(block, view) for view in range(VIEWS)] == expected.tolist()


def test_the_counts_of_an_order_are_bounded() -> None:
    rows = int(4 * ORDERS.full * 1.5)
    random, block = np.random.default_rng(0), np.zeros(BLOCK.size)
    for n, value in enumerate(random.random(rows).tolist()):
        look(block, n, value, 0.0)
    counts = block[BLOCK.counts :].view(np.float32).reshape(ORDERS.ring + 1, -1)
    assert counts[:, ORDERS.ring].max() < ORDERS.full
    assert np.allclose(counts[:, : ORDERS.ring].sum(axis=1), counts[:, ORDERS.ring], rtol=1e-3)


def test_steps_of_the_sensor_are_not_new() -> None:
    values = np.random.default_rng(0).choice([0.0, 0.1, 0.2], 1000, p=[0.01, 0.98, 0.01])
    values[:WARM_UP] = 0.1
    assert said(values)[:, [RECORD, SHAPE, COURSE]].any()
    assert not said(values, least=0.1 + 1e-9)[:, [RECORD, SHAPE, COURSE]].any()


def test_a_view_forgets_with_its_memory() -> None:
    random = np.random.default_rng(2)
    values = random.random(int(4 * MEMORY))
    values[: int(MEMORY)] += np.where(random.random(int(MEMORY)) < 0.1, 3.0, 0.0)
    block = np.zeros(BLOCK.size)
    for n, value in enumerate(values.tolist()):
        look(block, n, value, 0.0)
    mean, variance, count = block[BLOCK.statistics : BLOCK.statistics + 3]
    assert count == MEMORY
    assert math.sqrt(variance) < mean
