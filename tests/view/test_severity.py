"""Severities have the same symbol and colour in the list, the chart and the bell."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pandas as pd
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.elements.lib.pandas_styler_utils import marshall_styler
from streamlit.proto.ArrowData_pb2 import ArrowData

from sensormon.model.events import Severity
from sensormon.view.drawn import Drawn
from sensormon.view.live_now import STATE_WORDS, TagState, severity_of
from sensormon.view.palette import DARK, LIGHT
from sensormon.view.severity import OPEN_SYMBOLS, SYMBOLS, severity_colour, severity_words
from sensormon.view.severity_marks import coloured, mark_severities


def test_no_two_severities_share_a_symbol_or_a_colour() -> None:
    assert set(SYMBOLS) == set(Severity)
    assert len(set(SYMBOLS.values())) == len(Severity)
    for palette in (LIGHT, DARK):
        assert len({severity_colour(severity, palette) for severity in Severity}) == len(Severity)


def test_the_bell_has_the_same_symbols() -> None:
    bell = files("sensormon.ui.browser").joinpath("bell.js").read_text(encoding="utf-8")
    assert re.findall(r'(high|medium|low): \["(.)", "(.)"\]', bell) == [
        (str(key), SYMBOLS[key], OPEN_SYMBOLS[key]) for key in SYMBOLS
    ]


def test_a_tag_on_live_has_the_symbol_and_the_severity_of_its_event() -> None:
    for severity in Severity:
        states = [state for state in TagState if severity_of(state) == severity]
        assert states
        for state in states:
            over = "ended" in STATE_WORDS[state]
            assert STATE_WORDS[state].startswith(
                f"{(OPEN_SYMBOLS if over else SYMBOLS)[severity]} {severity}"
            )
    assert {severity_of(state) for state in TagState if state > TagState.LOW} == {""}


def test_flags_of_a_chart_have_the_mark_of_their_event() -> None:
    seconds = np.array([1.0, 2.0, 5.0, 9.0])
    flags = {"type": "scatter", "x": seconds * 1e3, "y": [1, 1, 1, 1]}
    chart = Drawn([{**flags, "marker": {"symbol": "diamond", "color": LIGHT.anomaly}}], {})
    starts, ends = np.array([1_000_000, 5_000_000]), np.array([2_000_000, 5_000_000])
    mark_severities(chart, starts, ends, ["medium", "low"], LIGHT)
    (trace,) = chart.figure().data
    assert list(trace.marker.symbol) == ["triangle-up", "triangle-up", "circle", "diamond"]
    assert list(trace.marker.color) == [LIGHT.uncertain, LIGHT.uncertain, LIGHT.secondary, LIGHT.anomaly]


def test_table_colours_the_words_of_each_severity() -> None:
    words = [severity_words(name) for name in ("low", "high", "", "low")]
    table = pd.DataFrame({"Flags": [1, 2, 3, 4], "Severity": words})
    proto = ArrowData()
    marshall_styler(proto, coloured(table, LIGHT), "")
    assert proto.styler.styles.splitlines() == [
        f"#T_Severity_row1_col1 {{ color: {LIGHT.anomaly} }}",
        f"#T_Severity_row0_col1, #T_Severity_row3_col1 {{ color: {LIGHT.secondary} }}",
    ]
    shown = convert_arrow_bytes_to_pandas_df(proto.styler.display_values)
    assert shown.to_dict("list") == {"Flags": ["1", "2", "3", "4"], "Severity": words}


def test_same_table_is_sent_the_same_so_that_no_browser_draws_it_again() -> None:
    first, again = ArrowData(), ArrowData()
    for proto in (first, again):
        marshall_styler(proto, coloured(pd.DataFrame({"Severity": ["◆ high"]}), DARK), "")
    assert first == again
