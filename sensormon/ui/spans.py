"""Choosing a span of time: so long up to now, everything there is, or from when to when."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from sensormon.ingest.validation import EARLIEST, FUTURE
from sensormon.model.clock import SECOND
from sensormon.model.timestamps import from_local, local_time
from sensormon.monitor.monitor import Monitor
from sensormon.ui.viewer import Viewer

LENGTHS = {"1 h": 3_600, "24 h": 86_400, "7 d": 604_800, "30 d": 2_592_000}
ALL, CHOSEN = "Everything", "From … to …"


def span_input(m: Monitor, viewer: Viewer, key: str) -> tuple[int, int]:
    """Since and until (µs UTC); with the widgets `key`, `key_from` and `key_to` in the address."""
    choice = st.segmented_control(
        "Span", [*LENGTHS, ALL, CHOSEN], default="24 h", required=True, key=key, bind="query-params"
    )
    now = m.clock.now()
    if choice == ALL:
        return EARLIEST, now + FUTURE
    if choice != CHOSEN:
        return now - LENGTHS[choice or "24 h"] * SECOND, now + SECOND
    here = local_time(now, viewer.zone).replace(second=0)
    with st.container(horizontal=True):
        ends = [
            st.datetime_input(
                f"{word} ({viewer.zone_name})",
                start,
                format="YYYY-MM-DD",
                step=60,
                key=f"{key}_{name}",
                bind="query-params",
                width=240,
            )
            for word, name, start in (
                ("From", "from", here - timedelta(hours=1)),
                ("To", "to", here + timedelta(minutes=1)),
            )
        ]
    since, until = (
        now if one is None else from_local(one, viewer.zone, last=last)
        for one, last in zip(ends, (False, True), strict=True)
    )
    return since, until
