"""Why `detect` has not scored a row, in sentences for people."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sensormon.detectors.multivariate import RowsState, rows_for
from sensormon.model.errors import UsageError
from sensormon.model.format import counted, listed
from sensormon.model.readings import Floats

SHOWN = 10
"""Tags named in one sentence; the others are counted."""


def series_notes(values: Floats, score: Floats) -> list[str]:
    """Of one tag: how many values are missing, and how many were too early or could not be judged."""
    missing = int((~np.isfinite(values)).sum())
    unscored = int(np.isnan(score).sum()) - missing
    notes = [f"{counted(missing, 'value')} missing: not scored, not learned."] if missing else []
    if unscored > 0:
        notes.append(f"{counted(unscored, 'value')} not scored: the detector had too few values to judge by.")
    return notes


def row_notes(state: RowsState, rows: Floats, score: Floats, names: Iterable[object]) -> list[str]:
    """Of several tags: the baseline, rows without values, tags that are left out or came late, new states."""
    titles, values = [str(name) for name in names], np.isfinite(rows)
    if len(rows) <= state.baseline:
        rest = (
            f"The first {state.baseline:,} rows are the baseline and not scored: give more, or a smaller one."
        )
        return [rest] if len(rows) else []
    first = int(np.isfinite(score).argmax())
    start = int(state.since[state.judged].min())
    notes = [f"Rows 0 to {start - 1:,} are the baseline and not scored."]
    empty = int((~values[first:].any(axis=1)).sum())
    if empty:
        notes.append(f"{counted(empty, 'later row')} without any value: not scored.")
    for place in np.flatnonzero(state.judged & (state.since > start)).tolist():
        notes.append(
            f"{titles[place]}: judged from row {int(state.since[place]):,} on; before, it had too few values."
        )
    for row in state.new_states:
        notes.append(
            f"New state at row {row - 1:,}: the alarm had gone on for so long that the last rows count as "
            "normal from then on."
        )
    for place in np.flatnonzero(~state.judged).tolist():
        notes.append(
            f"{titles[place]}: left out, because it has {counted(int(values[:, place].sum()), 'value')} in "
            f"{len(rows):,} rows; {state.enough:,} are needed before it can be judged."
        )
    return notes


def nothing_scored(state: RowsState, rows: Floats, names: Iterable[object]) -> UsageError:
    """The error if no row could be scored: what is missing, and what to do."""
    count, values = len(rows), np.isfinite(rows).sum(axis=0)
    able = int((values >= state.enough).sum())
    need = rows_for(max(able, 2))
    if able < 2:
        few = [f"{name} has {int(n):,}" for name, n in zip(names, values, strict=True) if n < state.enough]
        what = f"fewer than two tags have the {state.enough:,} values that are needed: {listed(few, SHOWN)}"
        hint = "Leave out tags with few values, give more rows, or score each tag by itself"
    elif need >= np.isfinite(rows).any(axis=1).sum():
        what = f"{counted(able, 'tag')} need more than {need:,} rows to learn from, and there are {count:,}"
        hint = f"Give at most {max(2, (count - 1) // 3):,} columns, or more rows"
    else:
        what, hint = "only the last rows make up enough values to learn from", "Give more rows"
    return UsageError(f"no row can be scored: {what}", where="detect", hint=hint)
