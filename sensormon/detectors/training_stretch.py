"""Whether a stretch of rows can train a model of several tags, and if not, why.

Pure functions on arrays, one column a tag; a missing cell is NaN. What disturbs a model for as long as it
lives is refused: tags without values or that never change, too few rows in common, a level that
is another one at the end than at the start, and a trend. Levels are means without the highest and the lowest
tenth, so neither single odd rows nor rounding decide.

What it is not: a judgement of whether the process ran well; that is for a person to say.

References: Cao and Rhinehart, J. Process Control 5 (1995) 363, for the question; Mann, Econometrica 13
(1945) 245, for the test of a trend.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from sensormon.detectors.multivariate import rows_for
from sensormon.model.format import counted, listed
from sensormon.model.readings import Bools, Floats, Ints

LEAST_ROWS = 200
"""Rows that each pair of tags must have in common; more for more than 66 tags."""

MOVED = 3.0
"""The levels of two thirds differ by at most this many standard deviations within the thirds."""

BLOCKS = 20
"""Of the test for a trend."""

TREND = 0.6
"""The least rank correlation of the blocks' levels with time that is a trend (9 in 100,000 by chance)."""

DRIFTED = 1.0
"""The least change over the stretch, in standard deviations within the blocks, that counts as a drift."""

SHOWN = 6
"""Tags named in one sentence; the others are counted."""

ELSEWHERE = 3.0
"""A tag is at another level if it is off the trained one by more than this many of its spreads."""


def least_rows(tags: int) -> int:
    """How many rows each pair of tags must have in common, in a model of this many tags."""
    return max(LEAST_ROWS, rows_for(tags))


def problems(names: Sequence[str], rows: Floats) -> list[str]:
    """Why a model cannot be trained on these rows, one reason an entry, with the tags; none if it can.

    >>> rows = np.random.default_rng(0).normal(size=(300, 2))
    >>> problems(["inlet", "outlet"], rows)
    []
    >>> problems(["inlet", "outlet"], np.where([True, False], rows, 7.0))
    ['outlet never changes']
    """
    counts: Ints = np.isfinite(rows).sum(axis=0)
    empty = counts == 0
    if empty.any():
        return [f"{_names(names, empty)} {_has(empty)} no value"]
    values = np.where(np.isfinite(rows), rows, np.nan)
    few = _few(names, values)
    if few:
        return few
    constant = np.nanmax(values, axis=0) == np.nanmin(values, axis=0)
    reasons = []
    if constant.any():
        reasons.append(f"{_names(names, constant)} never {'changes' if constant.sum() == 1 else 'change'}")
    moved, drifting = np.zeros(len(names), np.bool_), np.zeros(len(names), np.bool_)
    for place in np.flatnonzero(~constant):
        own = values[:, place]
        moved[place] = _moves(own[np.isfinite(own)])
        drifting[place] = not moved[place] and _drifts(own[np.isfinite(own)])
    if moved.any():
        are = "is" if moved.sum() == 1 else "are"
        reasons.append(f"{_names(names, moved)} {are} not settled: the level changes on the way")
    if drifting.any():
        reasons.append(f"{_names(names, drifting)} {'drifts' if drifting.sum() == 1 else 'drift'}")
    return reasons


def steady_elsewhere(names: Sequence[str], mean: Floats, spread: Floats, rows: Floats) -> list[str]:
    """The tags that have settled at another level than the trained one, if these rows could train a model.

    None if a tag is still on its way, or if all are where they were. `mean` and `spread` are of the trained
    model; `rows` are the last ones. It costs as much as sorting them.
    """
    if len(rows) == 0 or problems(names, rows):
        return []
    levels = np.array([_level(column[np.isfinite(column)]) for column in rows.T])
    off = np.abs(levels - mean) > ELSEWHERE * spread
    return [names[place] for place in np.flatnonzero(off).tolist()]


def _few(names: Sequence[str], values: Floats) -> list[str]:
    """The reason if tags, or pairs of them, have too few rows in common."""
    need = least_rows(len(names))
    finite = np.isfinite(values)
    own = finite.sum(axis=0)
    if (own < need).any():
        short = [f"{names[place]} has {int(own[place]):,}" for place in np.flatnonzero(own < need).tolist()]
        return [f"{counted(need, 'value')} of each tag are needed, and {listed(short, SHOWN)}"]
    common = finite.T.astype(np.float64) @ finite.astype(np.float64)
    pairs = [
        f"{names[a]} and {names[b]} have {int(common[a, b]):,}"
        for a, b in itertools.combinations(range(len(names)), 2)
        if common[a, b] < need
    ]
    return [f"{counted(need, 'row')} in common are needed, and {listed(pairs, SHOWN)}"] if pairs else []


def _moves(values: Floats) -> bool:
    """Whether the thirds of the stretch are at different levels, or its first tenth is at another one."""
    thirds = np.array_split(values, 3)
    levels = np.array([_level(third) for third in thirds])
    within = float(np.median([_spread(third - _level(third)) for third in thirds]))
    if np.ptp(levels) > MOVED * within:
        return True
    start, rest = values[: len(values) // 10], values[len(values) // 10 :]
    return bool(abs(_level(start) - _level(rest)) > MOVED * _spread(rest - _level(rest)))


def _drifts(values: Floats) -> bool:
    """Whether the levels of successive blocks rise or fall, by an amount that matters."""
    blocks = np.array_split(values, BLOCKS)
    levels = np.array([_level(block) for block in blocks])
    within = _spread(np.concatenate([block - _level(block) for block in blocks]))
    first, second = np.triu_indices(BLOCKS, 1)
    differences = levels[second] - levels[first]
    rank_correlation = np.sign(differences).mean()
    change = float(np.median(differences / (second - first))) * (BLOCKS - 1)
    return bool(abs(rank_correlation) >= TREND and abs(change) > DRIFTED * within)


def _level(values: Floats) -> float:
    """The mean of these values without the highest and the lowest tenth."""
    cut = len(values) // 10
    return float(np.sort(values)[cut : len(values) - cut].mean())


def _spread(errors: Floats) -> float:
    """A robust standard deviation of errors around 0; of a coarsely rounded tag its 5-95 % range decides."""
    low, high = np.quantile(errors, (0.05, 0.95))
    robust = max(1.4826 * float(np.median(np.abs(errors))), float(high - low) / 3.29)
    return robust if robust > 0 else float(errors.std())


def _names(names: Sequence[str], which: Bools) -> str:
    return listed([names[place] for place in np.flatnonzero(which).tolist()], SHOWN)


def _has(which: Bools) -> str:
    return "has" if which.sum() == 1 else "have"
