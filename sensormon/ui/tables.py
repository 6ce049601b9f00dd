"""The data of a chart as a table, for people who cannot see it or want the numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

MOST = 200
"""The most rows; a table for reading is short, and the exports have all."""


def chart_table(
    key: str,
    words: str,
    make: Callable[[], pd.DataFrame],
    columns: Mapping[str, Any] | None = None,
    *,
    label: str = "As a table",
) -> None:
    """A small button that opens the chart's most important rows; `make` is called only while it is open.

    `words` says what the rows are ("Fermenter pH, the newest readings"), `columns` is a
    `column_config`. At most `MOST` rows are shown, with a line that says so if there are more.
    """
    shown = st.popover(label, type="tertiary", icon=":material/table:", key=f"table-{key}", on_change="rerun")
    if not shown.open:
        return
    with shown:
        frame = make()
        st.markdown(f"**{words}**")
        if frame.empty:
            st.caption("Nothing in this span.")
            return
        st.dataframe(
            frame.head(MOST), hide_index=True, key=f"rows-{key}", column_config=dict(columns or {}), alt=words
        )
        if len(frame) > MOST:
            st.caption(f"The first {MOST} of {len(frame):,} rows.")
