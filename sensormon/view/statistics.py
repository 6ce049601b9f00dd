"""The statistics of tags as a table, for the screen and for a file. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from sensormon.analysis.gaps import GAP
from sensormon.model.clock import SECOND
from sensormon.model.format import duration
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.statistics import Statistics
from sensormon.stores.long_spans import SHARES
from sensormon.view.explore import finer, step_words

_PER_HOUR = {"/h": 1.0, "/min": 60.0, "/s": 3_600.0}
_PERCENTILES = ("5th percentile", "Median", "95th percentile")
_AT = tuple(SHARES.index(share) for share in (0.05, 0.5, 0.95))


def integral_of(value: float, unit: str) -> tuple[float, str]:
    """An integral over hours with its unit: of a flow the quantity, of anything else the unit times h.

    >>> integral_of(2.0, "m³/h"), integral_of(2.0, "L/min"), integral_of(2.0, "°C")
    ((2.0, 'm³'), (120.0, 'L'), (2.0, '°C·h'))
    """
    for ending, factor in _PER_HOUR.items():
        if unit.endswith(ending) and len(unit) > len(ending):
            return value * factor, unit[: -len(ending)]
    return value, f"{unit}·h" if unit else "h"


def statistics_table(rows: Sequence[Statistics], tags: TagTable) -> pd.DataFrame:
    """A row per statistic and a column per tag, as people read them."""
    return pd.DataFrame({tags.title(row.tag): dict(_shown(row, tags[row.tag])) for row in rows}).rename_axis(
        "Statistic"
    )


def statistics_rows(rows: Sequence[Statistics], tags: TagTable) -> pd.DataFrame:
    """A row per tag and a column per statistic, as numbers, for a file; times in seconds."""
    listed = []
    for row in rows:
        spread, time, tag = row.spread, row.by_time, tags[row.tag]
        integral, unit = integral_of(time.integral, tag.unit)
        low, high = (limit if math.isfinite(limit) else None for limit in row.limits)
        quantiles = spread.quantiles or (math.nan,) * len(SHARES)
        listed.append(
            {
                "tag": row.tag,
                "label": tag.label,
                "unit": tag.unit,
                "readings": spread.readings,
                "mean": spread.mean,
                "time-weighted mean": time.mean,
                "standard deviation": spread.sd,
                "minimum": quantiles[0],
                "5th percentile": quantiles[_AT[0]],
                "median": quantiles[_AT[1]],
                "95th percentile": quantiles[_AT[2]],
                "maximum": quantiles[-1],
                "upper limit": high,
                "seconds above": time.above if high is not None else None,
                "lower limit": low,
                "seconds below": time.below if low is not None else None,
                "integral": integral if time.covered else None,
                "integral unit": unit,
                "good share of time": time.good,
                "cell (s)": row.step / SECOND,
            }
        )
    table = pd.DataFrame(listed)
    numbers = [name for name in table if name not in ("tag", "label", "unit", "readings", "integral unit")]
    return table.astype(dict.fromkeys(numbers, "float64"))


def statistics_words(rows: Sequence[Statistics]) -> str:
    """How the statistics were computed."""
    steps = sorted({row.step for row in rows})
    widths = " or ".join(map(step_words, steps))
    sampled = any(row.spread.used < row.spread.readings for row in rows)
    estimate = " Percentiles are estimated from an even sample of the readings." if sampled else ""
    return (
        "Readings, mean, standard deviation, minimum, maximum and percentiles are of the good readings, each "
        f"counted once.{estimate} Time-weighted mean, times above and below, and integral are by time: means "
        f"over {widths}, dropouts of up to {GAP} usual intervals bridged, longer gaps left out."
    )


def _shown(row: Statistics, tag: Tag) -> list[tuple[str, str]]:
    spread, time = row.spread, row.by_time
    integral, unit = integral_of(time.integral, tag.unit)
    low, high = row.limits
    quantiles = spread.quantiles or (math.nan,) * len(SHARES)
    percentiles = [(name, tag.render(quantiles[at])) for name, at in zip(_PERCENTILES, _AT, strict=True)]
    return [
        ("Readings", f"{spread.readings:,}"),
        ("Mean", finer(tag, spread.mean)),
        ("Time-weighted mean", finer(tag, time.mean)),
        ("Standard deviation", finer(tag, spread.sd)),
        ("Minimum", tag.render(quantiles[0])),
        *percentiles,
        ("Maximum", tag.render(quantiles[-1])),
        ("Time above", _beyond(time.above, time.covered, high, tag)),
        ("Time below", _beyond(time.below, time.covered, low, tag)),
        ("Integral", f"{integral:,.{tag.decimals}f} {unit}" if time.covered else "–"),
        ("Good quality", f"{100 * time.good:.1f} % of time"),
    ]


def _beyond(seconds: float, covered: float, limit: float, tag: Tag) -> str:
    """How long it was beyond a limit; a dash without one."""
    if not math.isfinite(limit) or not covered:
        return "–"
    share = 100 * seconds / covered
    words = "never" if not seconds else f"{duration(seconds)} ({'<0.1' if share < 0.1 else f'{share:.1f}'} %)"
    return f"{tag.render(limit)}: {words}"
