"""Times by the clock of a zone, which shows an hour twice and skips another where it is set.

Pure functions on a column of times without a zone.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from sensormon.model.readings import Bools
from sensormon.model.timestamps import seconds_of_offset


def by_clock(
    naive: pd.Series[Any], zone: str, of: pd.Series[Any] | None
) -> tuple[pd.Series[Any], Bools, Bools]:
    """UTC without a zone, which times the clock never showed, and which it showed twice undecidably.

    `zone` is a name or an offset such as UTC+01:00. `of` says what each time belongs to: the order of its
    rows says which of two hours is meant.
    """
    rows = len(naive)
    if zone.startswith("UTC"):
        none = np.zeros(rows, dtype=np.bool_)
        return naive - pd.Timedelta(seconds=seconds_of_offset(zone)), none, none
    earlier, later = (
        naive.dt.tz_localize(ZoneInfo(zone), ambiguous=np.full(rows, summer), nonexistent="NaT")
        .dt.tz_convert("UTC")
        .dt.tz_localize(None)
        for summer in (True, False)
    )
    twice = ((earlier != later) & later.notna()).to_numpy()
    unsure: Bools = twice.copy()
    if twice.any():
        whose = np.zeros(rows, dtype=np.int64) if of is None else pd.factorize(of)[0]
        places = pd.Series(np.flatnonzero(twice))
        steps = np.diff(naive.to_numpy()[naive.notna()]).astype(np.int64)
        newest_first = (steps < 0).sum() > (steps > 0).sum()
        days = naive[twice].dt.floor("D").to_numpy()
        in_place = _in_place(naive, whose, twice, newest_first=bool(newest_first))
        for _, part in places.groupby([whose[twice], days]):
            at = part.to_numpy()
            if newest_first:
                at = at[::-1]
            if not in_place[at].all():
                continue
            first = _first_of_two(naive.iloc[at].to_numpy())
            if first is not None:
                unsure[at] = False
                later.iloc[at[first]] = earlier.iloc[at[first]]
    return later, (naive.notna() & later.isna()).to_numpy(), unsure


def _in_place(
    naive: pd.Series[Any], whose: np.ndarray[Any, Any], twice: Bools, *, newest_first: bool
) -> Bools:
    """Which rows of an hour that the clock showed twice stand between earlier and later ones of their owner.

    Rows that were shuffled, or added at the end, say nothing by their order.
    """
    clock = naive.to_numpy()
    rows = np.flatnonzero(naive.notna().to_numpy())
    rows = rows[np.argsort(whose[rows], kind="stable")]
    after = clock[rows[:-1]] < clock[rows[1:]] if newest_first else clock[rows[:-1]] > clock[rows[1:]]
    back = after & (whose[rows[:-1]] == whose[rows[1:]]) & ~(twice[rows[:-1]] & twice[rows[1:]])
    in_place = np.ones(len(clock), dtype=np.bool_)
    in_place[rows[:-1][back]] = False
    in_place[rows[1:][back]] = False
    return in_place


def _first_of_two(clock: np.ndarray[Any, Any]) -> Bools | None:
    """Which of these times, all in an hour that the clock showed twice, are the first; None if unknown.

    It is known if they step back once, where the clock was set back, or repeat one time once.
    """
    steps = np.diff(clock).astype(np.int64)
    back = np.flatnonzero(steps < 0)
    if not len(back):
        back = np.flatnonzero(steps == 0)
    return np.arange(len(clock)) <= back[0] if len(back) == 1 else None
