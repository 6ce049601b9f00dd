"""Charts reach the browser as Plotly itself would send them, without its checks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.io
import pytest

from sensormon.ui.drawing import ready
from sensormon.view.drawn import Drawn


def sent(figure: Any) -> Any:
    """What the browser gets of this figure, except for Plotly's own theme, which no chart here has."""
    spec = json.loads(plotly.io.to_json(figure, validate=False))
    spec["layout"].pop("template", None)
    return spec


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.0, np.nan, 3.5]),
        np.array([1.0, 2.5], dtype=np.float32),
        np.array([[1.0, 2.0], [3.0, 4.0]]),
        np.array([], dtype=np.float64),
        np.array([1, -2, 100_000]),
        np.array([1 << 40, 2]),
        np.array(["a", None], dtype=object),
    ],
    ids=["floats", "narrow floats", "a table", "nothing", "whole", "large", "text"],
)
def test_arrays_are_sent_as_plotly_sends_them(values: np.ndarray[Any, Any]) -> None:
    chart = Drawn([{"type": "scatter", "x": [1, 2, 3], "customdata": values}], {"height": 90})
    assert sent(ready(chart).to_dict()) == sent(chart.figure().to_dict())


def test_styles_inside_a_trace_keep_their_arrays() -> None:
    marker = {"color": "red", "opacity": np.array([1.0, 0.35])}
    chart = Drawn(
        [{"type": "bar", "y": np.array([1.0, 2.0]), "marker": marker}], {"yaxis": {"range": [0, 2]}}
    )
    assert sent(ready(chart).to_dict()) == sent(chart.figure().to_dict())


def test_property_that_plotly_does_not_know_is_refused_by_the_check() -> None:
    with pytest.raises(ValueError, match="colour"):
        Drawn([{"type": "scatter", "line": {"colour": "red"}}], {}).figure()
