"""Pipeline: the path of a reading, the ledger, what was rejected, simulated faults."""

from html import escape

import streamlit as st
from pandas.api.types import is_numeric_dtype

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.intake.named_sources import sources_of
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError
from sensormon.model.format import counted, day_and_time, duration
from sensormon.model.ledger import Ledger
from sensormon.model.readings import reason_words
from sensormon.model.status import Status
from sensormon.monitor.attention import Losses
from sensormon.monitor.drills import DRILLS, Drills
from sensormon.monitor.following import Following
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.runtime import monitor
from sensormon.sources.faults import FAULTS
from sensormon.sources.simulator import Simulator
from sensormon.ui import (
    Viewer,
    anomalies_last_hour,
    chart,
    chart_table,
    marked,
    meaning,
    not_readable,
    panel,
)
from sensormon.ui.acts import allowed, carried_out, name_field, why_not
from sensormon.ui.output_list import plant_outputs
from sensormon.ui.page import page
from sensormon.ui.parts import every
from sensormon.ui.tag_choice import single_tag
from sensormon.view.collectors import collector_table, collector_words
from sensormon.view.phrases import Phrase, fault_sentence, fault_words, literal
from sensormon.view.source_table import source_table, sources_phrase
from sensormon.view.status import (
    age_table,
    age_words,
    boxes,
    dated,
    dead_letter_words,
    is_off,
    proof_words,
    refused_words,
    source_tables,
    store_phrase,
    waiting_table,
    writing_phrase,
)
from sensormon.view.time_charts import depth_chart

MINUTE = 60 * SECOND
TAGS_SHOWN = 7
"""Tags that are listed without a scroll bar."""
SHOWN = 5
"""Acknowledgements that are listed, the newest."""


@every(1)
def way(m: Monitor, viewer: Viewer) -> None:
    """The boxes, the state of the store, the ledger."""
    status, ledger = m.status(), m.ledger.now()
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
    st.html(state(status, viewer))
    st.subheader(
        "Ledger, in readings",
        anchor=False,
        help=meaning("ledger", "pending", "rejected", "dead letter", "difference"),
    )
    with panel("ledger"):
        st.html(equation(ledger, wrong=is_off(status, ledger)))
        note = m.attention.of_the_ledger
        if note is not None and not ledger.balanced:
            known = counted(sum(map(abs, status.acknowledged.values())), "reading")
            when = day_and_time(note.time, viewer.zone)
            st.caption(f"Difference of {known} acknowledged by {literal(note.who)} at {when}")
    table, reasons = source_tables(ledger, m.source_ages())
    left, right = st.columns([3, 2], gap="medium")
    number = st.column_config.NumberColumn(format="localized")
    if table.empty:
        left.caption("No source has delivered a reading yet. Each source gets its own row here.")
        return
    left.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        key="sources",
        alt="The ledger by source",
        column_config=dict.fromkeys(table.columns[1:], number),
    )
    if len(reasons):
        right.dataframe(
            reasons,
            hide_index=True,
            key="reasons",
            alt="Rejected readings by reason",
            column_config={"Readings": number},
        )
    else:
        right.caption("No rejected readings so far. They are counted here by reason.")


def state(status: Status, viewer: Viewer) -> str:
    """The state of writing in a word; the last error; restarted threads, as HTML."""
    words, last = [marked(writing_phrase(status)), marked(store_phrase(status))], status.store.last_error
    quiet = [
        f"Last database error: {dated(last, viewer.zone)}" if last else "",
        refused_words(status.source),
        *(f"Restarted automatically: {dated(restart, viewer.zone)}" for restart in status.restarts),
    ]
    rest = "".join(f'<div class="quiet">{escape(line)}</div>' for line in quiet if line)
    return f'<div class="state"><div>{" · ".join(words)}</div>{rest}</div>'


@every(2)
def plant_sources(m: Monitor, viewer: Viewer) -> None:
    """Every named source: whether it delivers, how fast and how late, and what last went wrong."""
    healths = sources_of(m).health()
    if not healths:
        return
    st.subheader("Sources", anchor=False, help=meaning("quality", "gap", "duplicate"))
    st.html(marked(sources_phrase(healths)))
    table = source_table(healths, m.clock.now(), viewer.zone)
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        table,
        hide_index=True,
        placeholder="–",
        key="named-sources",
        alt="Sources with their state, rate, lag and last error, those that do not deliver first",
        column_config={
            **dict.fromkeys([name for name in table.columns if is_numeric_dtype(table[name])], number),
            **dict.fromkeys({"Last error"} & {*table.columns}, st.column_config.TextColumn(width="large")),
        },
    )
    st.page_link("pages/data.py", label="Add or change a source under Data", icon=":material/settings:")


@every(2)
def collectors(m: Monitor, following: Following) -> None:
    """Every collector and dashboard on the shared store: its lag and its ledger."""
    st.subheader("Collectors on this database", anchor=False, help=meaning("ledger", "pending", "difference"))
    try:
        accounts = following.accounts()
    except StoreError as error:
        not_readable(error)
        return
    st.html(marked(collector_words(accounts)))
    for problem in following.problems:
        st.html(marked(Phrase(problem, True)))
    number = st.column_config.NumberColumn(format="localized")
    table = collector_table(accounts, following.writer, m.clock.now())
    counts = [name for name in table.columns if is_numeric_dtype(table[name])]
    st.dataframe(
        table,
        hide_index=True,
        key="collectors",
        alt="Collectors and dashboards on this database, each with its lag and its ledger",
        column_config=dict.fromkeys(counts, number),
    )


@every(2)
def arrivals(m: Monitor) -> None:
    """When the last reading of each tag arrived; silent tags and clocks that are ahead come first."""
    st.subheader("Tags, by when they last reported", anchor=False, help=meaning("data age", "gap"))
    ages = m.tag_ages()
    st.html(marked(age_words(ages)))
    number = st.column_config.NumberColumn(format="localized")
    table = age_table(ages)
    st.dataframe(
        table,
        hide_index=True,
        height=300 if len(table) > TAGS_SHOWN else "content",
        placeholder="–",
        key="ages",
        alt="Tags with the age of their last reading, silent ones first",
        column_config=dict.fromkeys(["Age, s", "Clock ahead, s"], number),
    )


@every(2)
def journal(m: Monitor, viewer: Viewer) -> None:
    """How many readings waited in the journal over the last 15 minutes, and for how long."""
    st.subheader("Journal over the last 15 minutes", anchor=False, help=meaning("journal", "watermark"))
    depth = m.depth.frame()
    if depth.empty:
        st.caption("No readings since start. Every reading passes through the journal first.")
        return
    now = m.clock.now()
    span = (now - 15 * MINUTE, now)
    left, right = st.columns(2, gap="medium")
    with left, panel("depth"):
        st.caption("Readings waiting for the database")
        words = "Readings waiting in the journal over the last 15 minutes"
        chart(depth_chart(depth, "readings", span, viewer.palette), "depth", words)
    with right, panel("age"):
        st.caption("Age of the oldest, seconds")
        words = "Age of the oldest waiting reading over the last 15 minutes"
        chart(depth_chart(depth, "age", span, viewer.palette), "age", words)
    zone = viewer.zone_name
    chart_table(
        "depth",
        "Waiting in the journal, newest first",
        lambda: waiting_table(m.depth.frame()),
        {"Time": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=zone)},
    )


@every(2)
def dead_letters(m: Monitor) -> None:
    """Readings the database refused: how many, and a button to try them again."""
    letters = m.status().dead_letters
    waiting = letters.readings + letters.kept
    if not (waiting or letters.damaged):
        return
    st.subheader("Dead letters", anchor=False, help=meaning("dead letter"))
    with panel("dead-letters"):
        st.html(marked(Phrase(dead_letter_words(letters), True)))
        if waiting:
            why_not(m, Act.RETRY_DEAD_LETTERS)
        change = Change(Act.RETRY_DEAD_LETTERS, counted(waiting, "dead letter"), "refused", "retried")
        pressed = waiting and st.button(
            "Retry", key="retry-dead-letters", **allowed(m, Act.RETRY_DEAD_LETTERS)
        )
        if pressed and carried_out(
            m, change, lambda _: m.loader.retry_dead_letters(), "They are not retried"
        ):
            st.toast("Retrying within a second. What the database accepts now is a dead letter no longer.")


@every(2)
def losses(m: Monitor, viewer: Viewer) -> None:
    """Losses that nobody has acknowledged yet, and the form for it; who acknowledged what before."""
    shown: Losses = st.session_state.get("losses-shown", m.attention.losses)
    sentences = m.attention.now()
    if sentences:
        st.subheader("Needs attention", anchor=False, help=meaning("ledger", "dead letter", "journal"))
        with panel("attention"):
            st.html("".join(f"<div>{marked(Phrase(text, True))}</div>" for text in sentences))
            st.caption(
                "`python -m sensormon verify` on the stopped monitor says more. A further loss shows again."
            )
            why_not(m, Act.ACCEPT_LOSS)
            with st.form("attention", border=False):
                who = name_field(m, "attention-who")
                asked = st.form_submit_button(
                    "Acknowledge",
                    key="attention-acknowledge",
                    icon=":material/check:",
                    **allowed(m, Act.ACCEPT_LOSS),
                )

            def acknowledge(name: str) -> None:
                m.attention.acknowledge(shown, name)

            change = Change(Act.ACCEPT_LOSS, "reported losses", "; ".join(sentences), "acknowledged")
            if asked and carried_out(m, change, acknowledge, "It could not be acknowledged", who):
                st.rerun()
    st.session_state["losses-shown"] = m.attention.losses
    for note in reversed(m.attention.history[-SHOWN:]):
        st.caption(
            f"{day_and_time(note.time, viewer.zone)}, acknowledged by {literal(note.who)}: "
            f"{literal('; '.join(note.what))}"
        )


def demonstrations(m: Monitor, drills: Drills) -> None:
    """The buttons that break the running system, and the results."""
    st.subheader("Break it, and watch it come back", anchor=False)
    st.caption(
        "Real faults on this running monitor, one at a time. Every reading is counted afterwards as proof."
    )
    with panel("demonstrations"):
        why_not(m, Act.CAUSE_FAULT)
        pressed = ""
        with st.container(horizontal=True):
            for drill in DRILLS.values():
                if st.button(
                    drill.title, key=f"demo-{drill.name}", **allowed(m, Act.CAUSE_FAULT, help=drill.sentence)
                ):
                    pressed = drill.name
        if pressed:
            change = Change(Act.CAUSE_FAULT, f"drill: {DRILLS[pressed].title}", "", "started")
            carried_out(m, change, lambda _: drills.start(pressed), "The drill was not started")
        past_drills(drills)


@every(1)
def past_drills(drills: Drills) -> None:
    """The demonstrations so far, newest first, step by step, with the proof."""
    if not drills.runs:
        st.caption("None so far.")
    for run in reversed(drills.runs):
        if run.proof is not None:
            verdict = Phrase(proof_words(run.proof), not run.proof.holds)
            title = "Nothing lost, nothing stored twice" if run.proof.holds else "The proof fails"
        else:
            title = run.problem or "Running"
            verdict = Phrase("", False)
        steps = "".join(
            f'<div class="quiet">{(time - run.started) / 1e6:,.1f} s: {escape(text)}</div>'
            for time, text in list(run.steps)
        )
        failed = bool(run.problem) or (run.proof is not None and not run.proof.holds)
        head = marked(Phrase(f"{run.drill.title}: {title}", failed))
        st.html(f"<div><b>{head}</b></div>{steps}<div>{marked(verdict)}</div>")


def equation(ledger: Ledger, *, wrong: bool) -> str:
    """received = stored + rejected + dead-lettered + pending, as HTML."""
    total = ledger.total

    def part(name: str, count: int, wrong: bool = False) -> str:
        style = " abnormal" if wrong else ""
        return f'<span class="term{style}"><b>{count:,}</b>{name}</span>'

    def signed(text: str, term: str) -> str:
        return f'<span class="signed"><span class="sign">{text}</span>{term}</span>'  # a single line for both

    return (
        '<div class="sum">'
        + part("received", total.received)
        + signed("=", part("stored", total.stored))
        + signed("+", part("rejected", total.rejected))
        + signed("+", part("dead-lettered", total.dead_lettered))
        + signed("+", part("pending", total.pending))
        + signed("&ensp;", part("difference", total.difference, wrong))
        + "</div>"
    )


@every(5)
def rejections(m: Monitor, viewer: Viewer) -> None:
    """The newest rejected readings, as received, with the reason."""
    st.subheader(
        "Latest rejected readings", anchor=False, help=meaning("rejected", "valid range", "duplicate")
    )
    try:
        frame = m.stored.rejected(200)
    except StoreError as error:
        not_readable(error)
        return
    if frame.empty:
        st.caption("None so far. Rejected readings are listed here with their reason.")
        return
    labelled = frame.assign(reason=[reason_words(reason) for reason in frame["reason"]])
    st.dataframe(
        labelled[["received", "source", "tag", "time", "value", "reason", "detail"]],
        hide_index=True,
        height=300,
        key="rejected",
        alt="Latest rejected readings, newest first",
        column_config={
            "received": st.column_config.DatetimeColumn(
                "Received", format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name
            ),
            "source": "Source",
            "tag": "Tag",
            "time": "Time, as received",
            "value": "Value, as received",
            "reason": "Reason",
            "detail": "Detail",
        },
    )


def faults(m: Monitor, simulator: Simulator) -> None:
    """Switch on faults of the simulator, and list the active ones."""
    st.subheader(
        "Simulated faults", anchor=False, help=meaning("level shift", "drift", "stuck sensor", "gap")
    )
    with panel("faults"):
        locked = why_not(m, Act.CAUSE_FAULT)
        fault_column, tag_column, seconds_column, start_column = st.columns(
            [2, 2, 1, 1], vertical_alignment="bottom"
        )
        fault = fault_column.selectbox(
            "Fault", FAULTS, format_func=fault_words, key="fault", bind="query-params", disabled=locked
        )
        names = [tag.name for tag in simulator.tags]

        def draw() -> str | None:
            return tag_column.selectbox(
                "Tag", names, format_func=m.tags.title, key="fault_of", disabled=bool(locked)
            )

        tag = single_tag(m, "fault_of", draw, offered=names, usual=names[0]) or names[0]
        seconds = seconds_column.number_input(
            "Duration, seconds", 1, 3_600, 30, key="fault_seconds", bind="query-params", disabled=locked
        )
        start = start_column.button(
            "Start", width="stretch", type="primary", key="fault-start", **allowed(m, Act.CAUSE_FAULT)
        )
        st.caption(fault_sentence(fault))
        change = Change(Act.CAUSE_FAULT, f"{tag}", "", f"{fault_words(fault)} for {seconds} s")
        if start:
            carried_out(
                m, change, lambda _: m.source.inject(fault, tag, seconds), "The fault cannot be started"
            )
        running(m, simulator)


@every(1)
def running(m: Monitor, simulator: Simulator) -> None:
    """The active faults, each with its remaining time."""
    now = m.clock.now()
    active = simulator.active(now)
    if not active:
        st.caption("None running. Every simulated fault is recorded with the readings it affects.")
        return
    for fault in active:
        left = duration((fault.end - now) / 1e6)
        st.markdown(f"**{fault_words(fault.fault)}** of {literal(m.tags[fault.tag].label)}, {left} left")
    st.page_link("pages/live.py", label="Watch it on the Live page", icon=":material/arrow_forward:")


monitored = monitor()
with page("Pipeline") as me:
    way(monitored, me)
    plant_sources(monitored, me)
    plant_outputs(monitored, me)
    if monitored.following is not None:
        collectors(monitored, monitored.following)
    arrivals(monitored)
    journal(monitored, me)
    losses(monitored, me)
    dead_letters(monitored)
    if monitored.drills is not None:
        demonstrations(monitored, monitored.drills)
    if monitored.source.simulator is not None:
        faults(monitored, monitored.source.simulator)
    rejections(monitored, me)
