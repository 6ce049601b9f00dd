"""What compiled kernels share: the places in their arrays, the limits of a score, and the loop over readings.

A kernel sees tags as codes 0, 1, 2 … and remembers a tag in one row of numbers. It is made
from a detector's `judge`, a plain function that sees one reading of one tag:

    def judge(params, facts, row, value, time, out): ...

    kernel = row_kernel(judge)

A function that a judge calls for each reading and that is long is inlined too if that is faster
over history; measure both, because inlining lengthens the first compilation.

What it is not: a place for what is normal for a tag; that is `sensormon.detectors.baseline`.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sensormon.model.readings import Bools, Floats, Ints

HIGHEST = 1e9
"""Scores are cut off here, so that a step off a flat line has a finite one."""

ROUNDING = 4 * float(np.finfo(np.float64).eps)
"""By how much of its size a difference of two decimal readings may be off."""

RESOLUTION, LOW, HIGH, VALID_LOW, VALID_HIGH = range(5)
"""The columns of `TagFacts.table`, as kernels see them."""

N = 0
"""The place in a row that counts how many readings the tag has learned."""

SCORE, EXPECTED, LOWER, UPPER = range(4)
"""The places in what a kernel writes of a reading."""

Kernel = Callable[..., None]
"""`kernel(tag, value, time, ok, params, facts, rows, n, out)`, compiled.

For each reading i it writes n[i] = rows[tag[i], N] and, if the reading is ok and finite
and there is something to judge it by, out[SCORE …UPPER, i]; then it learns the reading and
counts it in rows[tag[i], N]. `facts` is `TagFacts.table`. It has no memory but `rows`.
"""

Judge = Callable[[Floats, Floats, Floats, float, int, Floats], None]
"""`judge(params, facts, row, value, time, out)` in the subset of Python that numba compiles: see `judge`."""


def row_kernel(judge: Judge) -> Kernel:
    """The compiled loop over readings that hands each good one to this `judge`, which becomes part of it."""
    # Numba's cache on disk knows a function by its file, name, first line and bytecode, and always misses one
    # that closes over a compiled function. So each loop carries the file and the line of its judge, which it
    # finds among its globals: it is cached beside the detector and discarded when that file changes.
    # Its name has a digest of the modules that the judge's module imports, so that a change there discards it
    # too; what these compile must not be cached by itself.
    source = judge.__code__
    name = f"{source.co_name}_readings_{digest(Path(source.co_filename))}"
    code = _readings.__code__.replace(
        co_filename=source.co_filename,
        co_firstlineno=source.co_firstlineno,
        co_name=name,
        co_qualname=name,
    )
    names = {"__name__": judge.__module__, "judge": numba.njit(inline="always")(judge), "np": np, "N": N}
    kernel: Kernel = numba.njit(cache=True)(FunctionType(code, names, name))
    return kernel


def digest(file: Path) -> str:
    """A short digest of the detectors' modules that this one imports, however indirectly, and of itself."""
    waiting, digests = [file], {}
    while waiting:
        module = waiting.pop()
        if module in digests or not module.is_file():
            continue
        digests[module], names = _source(module.read_bytes())
        waiting += [file.with_name(f"{name}.py") for name in names]
    return hashlib.sha256("".join(digests[module] for module in sorted(digests)).encode()).hexdigest()[:8]


@cache
def _source(source: bytes) -> tuple[str, tuple[str, ...]]:
    """The digest of a module's source, and the names in this package that it imports from.

    Each source is parsed once in a process: all detectors import the same few modules, which take 70 ms.
    """
    names: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
    here = [name.removeprefix(f"{__package__}.") for name in names if name.startswith(f"{__package__}.")]
    return hashlib.sha256(source).hexdigest(), tuple(here)


def judge(params: Floats, facts: Floats, row: Floats, value: float, time: int, out: Floats) -> None:
    """Score one reading of one tag into `out`, then learn it into `row`.

    `params` are the detector's parameters, `facts` the tag's row of `TagFacts.table`, `row` all
    that is remembered of the tag. This one stands for the judge that `row_kernel` is given.
    """
    raise NotImplementedError


def _readings(
    tag: NDArray[np.int32],
    value: Floats,
    time: Ints,
    ok: Bools,
    params: Floats,
    facts: Floats,
    rows: Floats,
    n: Ints,
    out: Floats,
) -> None:
    for i in range(len(tag)):
        row = rows[tag[i]]
        n[i] = int(row[N])
        if ok[i] and np.isfinite(value[i]):
            judge(params, facts[tag[i]], row, value[i], time[i], out[:, i])
            row[N] += 1.0


def column(values: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """The values as compiled code takes them: contiguous, aligned, of this type, not writable.

    Always not writable, because numba compiles once more for read-only arrays, and
    pandas gives such.
    """
    view = np.require(values, dtype, ["C", "A", "E"]).view()
    view.flags.writeable = False
    return view
