"""Pipeline: the way of a reading, the ledger, what was rejected, simulated faults."""

from html import escape

import streamlit as st

from sensormon.errors import StoreError, UsageError
from sensormon.ledger import Ledger
from sensormon.monitor import Monitor
from sensormon.page_parts import Viewer, anomalies_last_hour, begin, marked, not_readable, panel
from sensormon.runtime import monitor
from sensormon.sources.faults import FAULTS
from sensormon.sources.simulator import Simulator
from sensormon.status_words import boxes, source_tables, store_phrase
from sensormon.words import duration, fault_words, refused


@st.fragment(run_every=1)
def way(m: Monitor) -> None:
    """The boxes, the state of the store, the ledger."""
    status, ledger = m.status(), m.ledger()
    arrow = '<span class="arrow">→</span>'
    st.html(
        '<div class="way">'
        + arrow.join(
            f'<div class="box{" wrong" if box.abnormal else ""}"><div>{escape(box.name)}</div>'
            f'<div class="count">{escape(box.count)}</div>'
            + "".join(f'<div class="quiet">{escape(line)}</div>' for line in box.lines)
            + "</div>"
            for box in boxes(status, ledger, anomalies_last_hour(m))
        )
        + "</div>"
    )
    words = marked(store_phrase(status.store, status.journal, status.now))
    last = f"Last error: {escape(status.store.last_error)}" if status.store.last_error else "No error so far"
    st.html(f'<div>{words}</div><div class="quiet">{last}</div>')
    st.subheader("Ledger, in readings", anchor=False)
    with panel("ledger"):
        st.html(equation(ledger))
    table, reasons = source_tables(ledger)
    left, right = st.columns([3, 2], gap="medium")
    number = st.column_config.NumberColumn(format="localized")
    left.dataframe(
        table, hide_index=True, key="sources", column_config=dict.fromkeys(table.columns[1:], number)
    )
    if len(reasons):
        right.dataframe(reasons, hide_index=True, key="reasons")
    else:
        right.caption("Nothing was rejected so far.")


def equation(ledger: Ledger) -> str:
    """received = stored + rejected + dead-lettered + pending, as HTML."""
    total = ledger.total

    def term(name: str, count: int, wrong: bool = False) -> str:
        style = " abnormal" if wrong else ""
        return f'<span class="term{style}"><b>{count:,}</b>{name}</span>'

    def sign(text: str) -> str:
        return f'<span class="sign">{text}</span>'

    return (
        '<div class="sum">'
        + term("received", total.received)
        + sign("=")
        + sign("+").join(
            (
                term("stored", total.stored),
                term("rejected", total.rejected),
                term("dead-lettered", total.dead_lettered),
                term("pending", total.pending),
            )
        )
        + sign("&ensp;")
        + term("difference", total.difference, not ledger.balanced)
        + "</div>"
    )


@st.fragment(run_every=5)
def rejections(m: Monitor, viewer: Viewer) -> None:
    """The newest rejected readings, as they came, with the reason."""
    st.subheader("Latest rejected readings", anchor=False)
    try:
        frame = m.rejected(200)
    except StoreError as error:
        not_readable(error)
        return
    if frame.empty:
        st.caption("None so far. A reading that is refused is kept here, with its reason.")
        return
    labelled = frame.assign(reason=[refused(reason) for reason in frame["reason"]])
    st.dataframe(
        labelled[["received", "source", "tag", "time", "value", "reason", "detail"]],
        hide_index=True,
        height=300,
        key="rejected",
        column_config={
            "received": st.column_config.DatetimeColumn(
                "Received", format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name
            ),
            "source": "Source",
            "tag": "Tag",
            "time": "Time, as it came",
            "value": "Value, as it came",
            "reason": "Reason",
            "detail": "Detail",
        },
    )


def faults(m: Monitor, simulator: Simulator) -> None:
    """Switch faults of the simulator on, and see which are at work."""
    st.subheader("Simulated faults", anchor=False)
    with panel("faults"):
        with st.form("fault", border=False):
            one, two, three, four = st.columns([2, 2, 1, 1], vertical_alignment="bottom")
            fault = one.selectbox("Fault", FAULTS, format_func=fault_words)
            tag = two.selectbox(
                "Of", [tag.name for tag in simulator.tags], format_func=lambda name: m.tags[name].label
            )
            seconds = three.number_input("For, seconds", 1, 3_600, 30)
            start = four.form_submit_button("Start", width="stretch")
        if start:
            try:
                m.inject(fault, tag, seconds)
            except UsageError as error:
                st.error(str(error), title="The fault cannot be made")
        running(m, simulator)


@st.fragment(run_every=1)
def running(m: Monitor, simulator: Simulator) -> None:
    """The faults at work, each with the time it has left."""
    now = m.clock.now()
    active = simulator.active(now)
    if not active:
        st.caption("None is running. Every simulated fault is recorded beside the readings it touched.")
        return
    for fault in active:
        left = duration((fault.end - now) / 1e6)
        st.markdown(f"{fault_words(fault.fault)} of {m.tags[fault.tag].label}, {left} left")


monitored = monitor()
me = begin("Pipeline", monitored)
way(monitored)
if monitored.simulator is not None:
    faults(monitored, monitored.simulator)
rejections(monitored, me)
