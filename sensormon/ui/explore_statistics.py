"""Statistics of the tags in view on Explore, as a table and a file."""

from __future__ import annotations

import math
from datetime import UTC

import pyarrow as pa
import streamlit as st

from sensormon.exchange.explore_rows import file_stem
from sensormon.model.clock import SECOND
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.statistics import Statistics
from sensormon.ui.explore_view import Chosen
from sensormon.ui.memo import remembered
from sensormon.ui.table_download import of_table, table_download
from sensormon.ui.viewer import Viewer
from sensormon.view.explore import times
from sensormon.view.phrases import states_left_out
from sensormon.view.statistics import statistics_rows, statistics_table, statistics_words

NORMAL, VALID, OWN = "Normal band", "Valid range", "Own"
FRESH = 20 * SECOND
"""How long statistics are kept, µs."""
_NO_LIMITS = (-math.inf, math.inf)


def statistics_look(m: Monitor, viewer: Viewer, chosen: Chosen) -> None:
    """The statistics of each tag in view that has numbers. Raises StoreError."""
    names = [name for name in chosen.names if not m.tags[name].has_states]
    if not names:
        st.info(
            "A state is not a number: it has no mean. Choose a numeric tag above.",
            title="Only states in view",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = st.segmented_control(
            "Limits for time above and below",
            [NORMAL, VALID, OWN],
            default=NORMAL,
            required=True,
            key="stats_limits",
            bind="query-params",
        )
        own = _own_limits() if which == OWN else None
    if which == OWN and own is None:
        return
    span = (chosen.span[0], max(chosen.span[0] + 1, min(chosen.span[1], chosen.now)))
    limits = tuple(own or _limits(m.tags[name], which or NORMAL) for name in names)
    turn = m.clock.now() // FRESH  # late readings may change a past span
    wanted = (m.started, m.tags.digest, tuple(names), span, limits, turn)
    rows: list[Statistics] = remembered(
        "explore-statistics",
        wanted,
        lambda: [
            m.explorer.statistics(name, span, each, len(names))
            for name, each in zip(names, limits, strict=True)
        ],
    )
    table = statistics_table(rows, m.tags)
    st.dataframe(
        table,
        key="explore-statistics-table",
        height="content",
        column_config={str(title): st.column_config.TextColumn(alignment="right") for title in table},
    )
    content = pa.Table.from_pandas(statistics_rows(rows, m.tags), preserve_index=False)
    about = f"statistics of {', '.join(names)}, {times(*span, UTC)} UTC"
    table_download(
        m,
        viewer,
        of_table("tag", content, f"statistics_{file_stem(names, span[0])}", about),
        "CSV",
        "statistics",
    )
    if left_out := states_left_out(m.tags, chosen.names):
        st.caption(left_out)
    st.caption(statistics_words(rows))


def _own_limits() -> tuple[float, float] | None:
    """The two limits typed, for all tags; None, which is then said, if they are reversed."""
    low = st.number_input("Lower limit", value=None, key="stats_low", bind="query-params", width=150)
    high = st.number_input("Upper limit", value=None, key="stats_high", bind="query-params", width=150)
    typed = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
    if typed[0] > typed[1]:
        st.caption(":material/error: The lower limit is above the upper one.", width="content")
        return None
    return typed


def _limits(tag: Tag, which: str) -> tuple[float, float]:
    return tag.valid if which == VALID else tag.normal or _NO_LIMITS
