"""A chart as Plotly draws it, checked by tests and not at every drawing.

`plotly.graph_objects` checks and copies every property of a figure, which takes longer than all else that
makes it: a page with three charts would answer a tenth of a second later.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from sensormon.view.trace_styles import Trace

_SENT = {"float64": "f8", "float32": "f4", "int32": "i4", "int16": "i2", "int8": "i1", "uint8": "u1"}
"""What plotly.js calls the types of numbers that it takes as bytes."""


@dataclass(frozen=True)
class Drawn:
    """The traces of a chart in the order in which they are drawn, and its layout."""

    data: list[Trace]
    layout: dict[str, Any]

    def sent(self) -> dict[str, Any]:
        """The figure as a browser gets it, with its arrays as bytes."""
        return {"data": [_packed(trace) for trace in self.data], "layout": _packed(self.layout)}

    def figure(self) -> go.Figure:
        """The same with each property checked. Raises ValueError for one that Plotly does not know."""
        return go.Figure(data=self.data, layout=self.layout)


def _packed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _packed(part) for name, part in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == np.int64 and value.size and np.abs(value).max() <= np.iinfo(np.int32).max:
        value = value.astype(np.int32)
    kind = _SENT.get(str(value.dtype))
    if kind is None or not value.size:
        return value.tolist()
    packed = {"dtype": kind, "bdata": b64encode(value.tobytes()).decode("ascii")}
    return packed | ({"shape": ", ".join(map(str, value.shape))} if value.ndim > 1 else {})
