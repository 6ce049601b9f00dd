"""Calculated tags in words, tables and frames for charts."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from sensormon.formulas.checking import Formula
from sensormon.formulas.functions import FUNCTIONS
from sensormon.model.format import duration, listed
from sensormon.model.readings import Floats, Ints
from sensormon.model.tags import Tag, TagTable
from sensormon.model.timestamps import to_datetime
from sensormon.monitor.calculated_runner import CalculatedStatus

BADGE = "calculated"
"""The mark of a calculated tag wherever tags are shown."""
SHOWN = 10
"""How many of the newest values a preview lists."""
_MOST_NAMES = 6


def does(formula: Formula, tags: TagTable, unit: str) -> str:
    """What the formula will do, in one sentence or three."""
    names = [tags.title(tag) for tag in formula.tags]
    several = len(names) > 1
    when = f"one of {listed(names, _MOST_NAMES)}" if several else names[0]
    gives = "0 or 1" if formula.kind == "condition" else f"a value in {unit}" if unit else "a value"
    sentence = f"Gives {gives} whenever {when} has a reading"
    if several:
        age = duration(formula.tolerance / 1e6)
        sentence += f", from the last good value of each, at most {age} old; if one is missing, it gives none"
    else:
        sentence += "; none if that is not good"
    return sentence + "."


def status_words(status: CalculatedStatus) -> str:
    """What a calculated tag does now."""
    if status.problem:
        return status.problem
    parts = [f"{status.values:,} values"]
    if status.without:
        parts.append(f"{status.without:,} times without a value")
    if status.late:
        parts.append(f"{status.late:,} late readings left out")
    return ", ".join(parts) + " since the start"


def list_frame(statuses: Sequence[CalculatedStatus], tags: TagTable) -> pd.DataFrame:
    """A row a calculated tag."""
    rows = [(status, tags[status.tag]) for status in statuses]
    return pd.DataFrame(
        {
            "Name": [status.tag for status, _ in rows],
            "Formula": [tag.formula for _, tag in rows],
            "Unit": [tag.unit for _, tag in rows],
            "Last value": [to_datetime(status.time) if status.time else pd.NaT for status, _ in rows],
            "State": [status_words(status) for status, _ in rows],
        }
    )


def functions_table() -> str:
    """The functions as a table in Markdown."""
    lines = [
        f"| `{function.form.replace(' or ', '` or `')}` | {function.meaning} |"
        for function in FUNCTIONS.values()
    ]
    return "\n".join(["| function | gives |", "| --- | --- |", *lines])


def preview_frame(times: Ints, values: Floats, tag: Tag) -> pd.DataFrame:
    """The values as readings of the tag that a chart draws, without rows that have none."""
    rows = np.isfinite(values)
    count = int(rows.sum())
    return pd.DataFrame(
        {
            "id": np.arange(count),
            "tag": tag.name,
            "time": pd.to_datetime(times[rows], unit="us", utc=True).as_unit("us"),
            "value": values[rows],
            "quality": np.zeros(count, dtype=np.uint32),
            "n": np.arange(count),
            "settings": np.zeros(count, dtype=np.int32),  # no version of the profiles judged them
            "score": np.nan,
            "expected": np.nan,
            "lower": np.nan,
            "upper": np.nan,
            "is_anomaly": False,
        }
    )


def newest_frame(times: Ints, values: Floats, tag: Tag, zone: ZoneInfo) -> pd.DataFrame:
    """The newest values, newest first; a dash where there is none."""
    last = slice(-1, -SHOWN - 1, -1)
    clocks = [f"{to_datetime(int(time)).astimezone(zone):%H:%M:%S.%f}"[:-5] for time in times[last]]
    return pd.DataFrame({"Time": clocks, "Value": [tag.render(float(value)) for value in values[last]]})


def share_words(values: Floats) -> str:
    """How much of a preview has a value, with what to do if little has."""
    rows = len(values)
    if not rows:
        return "None of its tags has a reading in this time."
    usable = int(np.isfinite(values).sum())
    words = f"{usable:,} of {rows:,} times have a value."
    if usable < rows / 2:
        words += (
            " The others lack a good value of some tag within the tolerance, where a longer one may help, "
            "or a whole window, or have no result, as a division by 0 has none."
        )
    return words
