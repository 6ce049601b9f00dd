"""The outputs of outputs.toml on the Pipeline page: whether each publishes or serves, and its last error."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

import pandas as pd
import streamlit as st

from sensormon.monitor.monitor import Monitor
from sensormon.outputs.outputs import outputs_of
from sensormon.outputs.report import OutputHealth
from sensormon.ui.drawing import marked
from sensormon.ui.parts import every
from sensormon.ui.viewer import Viewer
from sensormon.view.phrases import Phrase
from sensormon.view.source_table import link_words, trouble_words

_IF_ANY = ("Left out", "Collector", "Last error")
"""Columns that are left out while no output has anything to say there."""


@every(2)
def plant_outputs(m: Monitor, viewer: Viewer) -> None:
    """Every output; nothing where there is no file of them."""
    healths = outputs_of(m).health()
    if not healths:
        return
    st.subheader("Outputs", anchor=False)
    st.html(marked(outputs_phrase(healths)))
    st.dataframe(
        output_table(healths, m.clock.now(), viewer.zone),
        hide_index=True,
        key="outputs",
        alt="Outputs with their state, what they published and their last error, the troubled first",
        column_config={
            name: st.column_config.NumberColumn(format="localized") for name in ("Published", "Left out")
        },
    )


def outputs_phrase(healths: Sequence[OutputHealth]) -> Phrase:
    """How many work, and which do not: "1 of 2 outputs work · not broker"."""
    troubled = [health.name for health in healths if not health.works]
    words = f"{len(healths) - len(troubled)} of {len(healths)} outputs work"
    return Phrase(f"{words} · not {', '.join(troubled[:5])}" if troubled else words, bool(troubled))


def output_table(healths: Sequence[OutputHealth], now: int, zone: tzinfo) -> pd.DataFrame:
    """The outputs, those that do not work first."""
    ordered = sorted(healths, key=lambda health: health.works)
    table = pd.DataFrame(
        {
            "Output": [health.name for health in ordered],
            "Kind": [health.kind for health in ordered],
            "To": [health.place for health in ordered],
            "State": [link_words(health.link, health.since, health.detail, now) for health in ordered],
            "Published": [health.published for health in ordered],
            "Left out": [health.dropped for health in ordered],
            "Collector": [health.collector for health in ordered],
            "Last error": [trouble_words(health.trouble, zone) for health in ordered],
        }
    )
    return table.drop(columns=[name for name in _IF_ANY if not table[name].astype(bool).any()])
