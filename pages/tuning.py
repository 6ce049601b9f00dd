"""Tuning: what other settings would have done to the history, and applying them."""

from collections.abc import Mapping

import streamlit as st

from sensormon.charts import before_after_chart, flag_changes
from sensormon.clock import SECOND
from sensormon.errors import SensormonError, StoreError
from sensormon.monitor import Monitor
from sensormon.page_parts import SPANS, Viewer, begin, chart, not_readable, panel
from sensormon.runtime import monitor
from sensormon.settings import THRESHOLD, WINDOW
from sensormon.words import change_words, compared, settings_words

CHOICES = ["15 min", "1 h", "6 h", "24 h"]


@st.dialog("Apply to the collector", icon=":material/tune:")
def apply(m: Monitor, params: Mapping[str, float]) -> None:
    """Says what changes and for whom, asks who it is, and applies."""
    st.markdown(f"**{change_words(m.detection().params, params)}**")
    st.markdown("For everyone and for every tag, from the next reading on. Stored flags stay as they are.")
    with st.form("apply", border=False):
        who = st.text_input("Your name, for the log", max_chars=100, required=True)
        if not st.form_submit_button("Apply", type="primary"):
            return
    if not (who or "").strip():
        st.error("Give a name, so that the log can say who changed it.")
        return
    try:
        m.apply(params, who)
    except SensormonError as error:
        st.error(str(error), title="Nothing was changed")
        return
    st.session_state["applied"] = settings_words(params)
    st.rerun()


def page(m: Monitor, viewer: Viewer) -> None:
    """Controls on the left, what they would have done on the right."""
    now = m.detection()
    left, right = st.columns([1, 3], gap="medium")
    with left, panel("controls"):
        name = st.selectbox(
            "Tag", m.tags.names, format_func=lambda one: m.tags[one].label, key="tune", bind="query-params"
        )
        span = st.segmented_control(
            "History", CHOICES, default="15 min", required=True, key="history", bind="query-params"
        )
        window = st.slider(
            "Window, readings", *WINDOW, int(now.params["window"]), key="window", bind="query-params"
        )
        threshold = st.slider(
            "Threshold, standard deviations",
            *THRESHOLD,
            float(now.params["threshold"]),
            0.1,
            format="%.1f",
            key="threshold",
            bind="query-params",
        )
        params = {**now.params, "window": window, "threshold": threshold}
        st.caption(f"The collector uses {settings_words(now.params)}.")
        if st.button("Apply to the collector …", disabled=params == dict(now.params), width="stretch"):
            apply(m, params)
    with right:
        effect(m, viewer, name, SPANS[span or CHOICES[0]], params)


def effect(m: Monitor, viewer: Viewer, name: str, seconds: int, params: Mapping[str, float]) -> None:
    """The first line, the chart with both sets of flags, the counts."""
    tag, until = m.tags[name], m.clock.now()
    since = until - seconds * SECOND
    before = m.history([name], since, until)
    after = m.rescore(name, since, until, params)
    if before.empty:
        st.info("Choose another tag or a longer history.", title=f"No readings of {tag.label} here")
        return
    length = (before["time"].max() - before["time"].min()).total_seconds()
    counts = flag_changes(before, after).value_counts()
    words = compared(int(before["is_anomaly"].sum()), int(after["is_anomaly"].sum()), length)
    st.html(f'<div class="first-line">{words}</div>')
    with panel("effect"):
        figure = before_after_chart(before, after, tag, (since, until), viewer.palette)
        chart(figure, "effect", f"{tag.label} with the flags before and after")
        st.markdown(
            f":red[◆] kept {counts.get('kept', 0):,} &emsp; :primary[▲] gained {counts.get('gained', 0):,} "
            f"&emsp; :gray[□] lost {counts.get('lost', 0):,}"
            " &emsp; :gray[shaded: expected with these settings]"
        )


@st.fragment(run_every=2)
def log(m: Monitor, viewer: Viewer) -> None:
    """Who changed what, newest first."""
    st.subheader("Changes of the settings", anchor=False)
    try:
        frame = m.detection_log()
    except StoreError as error:
        not_readable(error)
        return
    st.dataframe(
        frame.assign(params=[settings_words(params) for params in frame["params"]])[
            ["applied", "who", "detector", "params"]
        ],
        hide_index=True,
        column_config={
            "applied": st.column_config.DatetimeColumn(
                "Applied", format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name
            ),
            "who": "Who",
            "detector": "Detector",
            "params": "Settings",
        },
    )


monitored = monitor()
me = begin("Tuning", monitored)
if applied := st.session_state.pop("applied", None):
    st.toast(f"The collector now uses {applied}.")
try:
    page(monitored, me)
except StoreError as error:
    not_readable(error)
log(monitored, me)
