"""What all charts have in common: no legend, a clear ground, the font, the look of hovers and of value axes.

Each function returns a part of Plotly's layout, new at every call: callers change it as they need.
"""

from __future__ import annotations

from typing import Any

from sensormon.view.palette import Palette
from sensormon.view.traces import chart_text

FONT = '"Source Sans", "Source Sans Pro", sans-serif'


def plain_layout(palette: Palette) -> dict[str, Any]:
    """A layout without margins, axes and height."""
    return {
        "autosize": True,
        "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "color": palette.text},
        "hoverlabel": {
            "bgcolor": palette.panel,
            "bordercolor": palette.border,
            "align": "left",
            "font": {"family": FONT, "size": 13, "color": palette.text},
        },
    }


def value_axis(palette: Palette, ticks: int) -> dict[str, Any]:
    """An axis of values with about this number of ticks, which cannot be zoomed."""
    return {
        "gridcolor": palette.grid,
        "zeroline": False,
        "fixedrange": True,
        "nticks": ticks,
        "tickfont": {"size": 11, "color": palette.secondary},
    }


def axis_title(text: str, palette: Palette) -> dict[str, Any]:
    """The title of an axis."""
    return {"text": chart_text(text), "standoff": 4, "font": {"size": 11, "color": palette.secondary}}
