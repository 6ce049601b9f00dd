"""The readings in view on the Explore page as a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

import pyarrow as pa
import streamlit as st

from sensormon.exchange.explore_rows import described, drawn_points, every_reading, file_stem
from sensormon.monitor.monitor import Monitor
from sensormon.ui.explore_view import Chosen
from sensormon.ui.table_download import Rows, form_input, of_table, table_download
from sensormon.ui.viewer import Viewer
from sensormon.view.explore import times
from sensormon.view.explore_chart import Series

SMALL = 10_000
"""Up to this many readings are read to count them exactly."""


def export_look(m: Monitor, viewer: Viewer, chosen: Chosen, drawn: list[Series]) -> None:
    """The readings in view as a file. Raises StoreError."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = st.segmented_control(
            "What", ["every reading", "the points drawn"], default="every reading", required=True, key="taken"
        )
        form = form_input("taken-as")
    rows = _points(m, chosen, drawn) if what == "the points drawn" else _readings(m, chosen)
    table_download(m, viewer, rows, form, "explore")
    own = "" if viewer.zone_name == "UTC" else f", with a second column in {viewer.zone_name}"
    st.caption(f"Times in UTC{own}. For pictures use PNG or SVG above the chart.")


def _points(m: Monitor, chosen: Chosen, drawn: list[Series]) -> Rows:
    lines = [(line.tag.name, line.now) for line in drawn]
    points = drawn_points(lines, *chosen.span, m.simulated.spans())
    table = described(pa.Table.from_pandas(points, preserve_index=False), m.tags, m.state_words(chosen.names))
    return of_table("point", table, file_stem(chosen.names, chosen.span[0]), _about(chosen))


def _readings(m: Monitor, chosen: Chosen) -> Rows:
    name, words = file_stem(chosen.names, chosen.span[0]), m.state_words(chosen.names)
    count = m.exporter.count_readings(chosen.names, *chosen.span)
    if count <= SMALL:
        table = pa.concat_tables(every_reading(m.streams, m.tags, chosen.names, *chosen.span, words))
        return of_table("reading", table, name, _about(chosen))
    content = (chosen.names, chosen.span, count)

    def pieces() -> Iterator[pa.Table]:
        return every_reading(m.streams, m.tags, chosen.names, *chosen.span, words)

    return Rows("reading", count, name, content, pieces, _about(chosen))


def _about(chosen: Chosen) -> str:
    """Which readings, for the audit trail."""
    return f"{', '.join(chosen.names)}, {times(*chosen.span, UTC)} UTC"
