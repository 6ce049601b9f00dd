"""Tables and charts with the colour and the mark of each severity, as `view/severity.py` has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from sensormon.model.events import Severity
from sensormon.model.readings import Ints
from sensormon.view.drawn import Drawn
from sensormon.view.palette import Palette
from sensormon.view.severity import SYMBOLS, severity_colour, severity_words

_MARKS = {Severity.HIGH: "diamond", Severity.MEDIUM: "triangle-up", Severity.LOW: "circle"}
COLUMN = "Severity"


def coloured(table: pd.DataFrame, palette: Palette) -> Styler:
    """The table with the colours of its column `Severity`, which has `severity_words`.

    It is for Streamlit alone, which asks a Styler for the style of each cell and for nothing else that pandas
    would render: that takes 0.1 s of 1,000 rows, at every press of Next. The name is always the same, since
    a browser draws the table again whenever it gets another.
    """
    styler = table.style.set_uuid(COLUMN)
    styles = _cell_styles(table, palette)
    vars(styler).update(_compute=lambda: styler, _translate=lambda *_: {"cellstyle": styles})
    return styler


def _cell_styles(table: pd.DataFrame, palette: Palette) -> list[dict[str, Any]]:
    """The colours of the cells, as pandas hands them to whatever shows the table; its index counts from 0."""
    place = table.columns.get_loc(COLUMN)
    return [
        {
            "props": [("color", severity_colour(name, palette))],
            "selectors": [
                f"row{row}_col{place}" for row in np.flatnonzero(table[COLUMN] == severity_words(name))
            ],
        }
        for name in SYMBOLS
        if severity_words(name) in set(table[COLUMN])
    ]


def mark_severities(chart: Drawn, starts: Ints, ends: Ints, severities: list[str], palette: Palette) -> None:
    """Give the flags of a chart the mark of the event they belong to.

    Event i lasts from `starts[i]` to `ends[i]` (µs UTC), both included; they ascend and do not overlap.
    A flag of no event keeps the mark that every flag has.
    """
    for trace in chart.data:
        marker = trace.get("marker", {})
        if marker.get("symbol") != "diamond" or not len(trace["x"]):
            continue
        times = np.round(np.asarray(trace["x"], dtype=np.float64) * 1e3).astype(np.int64)
        place = np.searchsorted(starts, times, side="right") - 1
        of = [
            severities[at] if at >= 0 and time <= ends[at] else ""
            for at, time in zip(place.tolist(), times.tolist(), strict=True)
        ]
        trace["marker"] = {
            **marker,
            "symbol": [_MARKS[Severity(name)] if name in SYMBOLS else "diamond" for name in of],
            "color": [severity_colour(name, palette) if name in SYMBOLS else palette.anomaly for name in of],
        }
