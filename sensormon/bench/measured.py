"""What every benchmark is asked and what it answers.

Times depend on the machine, so each benchmark measures a reference in the same run: compare figures with
that, never with those of another run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Figures = dict[str, float]


@dataclass(frozen=True)
class Size:
    """How much to measure: without options what fits into five minutes.

    `readings` is how many are stored before the clock runs, where that counts. `full` measures as long
    and as wide as the tables in the documentation.
    """

    readings: int | None = None
    full: bool = False


@dataclass(frozen=True)
class Measured:
    """Named figures, with their units in the names, and those of the `reference` measured in the same run.

    `ratio` is ours to the reference, by the name of the figure; `load` the machine's load average over a
    minute before and after, with its processors.
    """

    figures: Mapping[str, float]
    reference: Mapping[str, float]
    ratio: Mapping[str, float]
    load: Mapping[str, float]


Benchmark = Callable[[Size], Measured]


def machine_load() -> float:
    """The load average over the last minute."""
    return os.getloadavg()[0]


def load_since(before: float) -> Figures:
    """`Measured.load` of a measurement that ends now and began with this load."""
    return {"before": before, "after": machine_load(), "processors": float(os.cpu_count() or 1)}


def ratios(figures: Mapping[str, float], reference: Mapping[str, float]) -> Figures:
    """Of each figure that both have, ours to the reference's, unless that is 0."""
    return {name: figures[name] / reference[name] for name in figures if reference.get(name)}


def seconds(call: Callable[[], object]) -> float:
    """How long this takes by the clock."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def processor_seconds(call: Callable[[], object]) -> float:
    """How long this keeps this process's processors busy; other programs do not count."""
    started = time.process_time()
    call()
    return time.process_time() - started


def percentile(taken: Sequence[float], share: float) -> float:
    """Of these times (s) the one in this place (0 to 100), in ms."""
    return float(np.percentile(taken, share)) * 1e3


def spread(name: str, taken: Sequence[float]) -> Figures:
    """The median and the 99th percentile of these times (s), in ms."""
    return {f"{name} p50": percentile(taken, 50), f"{name} p99": percentile(taken, 99)}
