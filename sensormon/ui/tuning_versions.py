"""The section Versions of Tuning: who changed the settings, when, and from what to what."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import streamlit as st

from sensormon.model.errors import StoreError
from sensormon.monitor.monitor import Monitor
from sensormon.ui.parts import every
from sensormon.ui.viewer import Viewer
from sensormon.view.detectors import detector_words, switch_words


@every(2)
def section(m: Monitor, viewer: Viewer) -> None:
    """Who changed what, from what to what, newest first."""
    st.subheader("Settings history", anchor=False)
    try:
        frame = m.tuner.detection_log()
    except StoreError:
        st.caption("The history is in the database and will be shown once it is back.")
        return
    rows = [row for _, row in frame.iterrows()]
    changes = [
        switch_words(old["detector"], old["params"], new["detector"], new["params"])
        for new, old in pairwise(rows)
    ]
    changes += [detector_words(row["detector"], row["params"]) for row in rows[-1:]]
    st.dataframe(
        pd.DataFrame(
            {"applied": frame["applied"], "who": frame["who"], "change": changes, "id": frame["id"]}
        ),
        hide_index=True,
        alt="Settings history, newest first",
        column_config={
            "applied": st.column_config.DatetimeColumn(
                "Applied", format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name
            ),
            "who": "Who",
            "change": st.column_config.TextColumn("Old → new", width="large"),
            "id": st.column_config.NumberColumn(
                "No.", help="Every stored flag carries the number of the settings that raised it"
            ),
        },
    )
