"""Anomalies: events to acknowledge and label, why a reading was flagged or not, readings as a file."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import blake2b
from html import escape

import pandas as pd
import streamlit as st

from sensormon.anomaly_table import anomaly_table
from sensormon.charts import count_chart, live_chart
from sensormon.clock import SECOND
from sensormon.detector_words import detector_words
from sensormon.errors import SensormonError, StoreError
from sensormon.event_actions import LABELS, LONGEST_NAME, LONGEST_NOTE, State
from sensormon.event_table import NO_LABEL, chosen_events, event_table, events_line, history_table, lasted
from sensormon.events import Severity
from sensormon.explanation import Judged, explain, quality_words, score_names, score_of
from sensormon.export import anomalies_csv
from sensormon.monitor import Monitor
from sensormon.page_parts import SPANS, Viewer, begin, chart, not_readable, panel, picking_chart
from sensormon.runtime import monitor
from sensormon.timestamps import to_datetime
from sensormon.traces import micros
from sensormon.words import clock_time, counted, day_and_time, expected_band, pace

MOST = 10_000
CHOICES = ["15 min", "1 h", "6 h", "24 h", "7 d"]
# No docstrings below names here: Streamlit would write them on the page.
CONTEXT = 50_000  # readings drawn around an event, at the most
NEAR = 8  # readings listed before and after the chosen one
SHELVE = {"1 h": 3_600, "8 h": 28_800, "24 h": 86_400, "until …": 0}
AWAY = 20 * SECOND  # after so long on another page the list is made anew


# -- what is shown ------------------------------------------------------------------------


def scored_by(m: Monitor, frame: pd.DataFrame) -> tuple[str, float | None]:
    """What the scores of these readings are called, and their threshold."""
    return score_of(frame["settings"].unique(), score_names(m.judges()))


def tag_filter(m: Monitor) -> list[str]:
    """The tags to show; none means all. Many tags are a list to search, few are pills."""
    label, key = "Tags, all where none is chosen", "tags"

    if len(m.tags) > 12:
        return st.multiselect(label, m.tags.names, format_func=m.tags.title, key=key, bind="query-params")
    return st.pills(
        label, m.tags.names, selection_mode="multi", format_func=m.tags.title, key=key, bind="query-params"
    )


def moment(m: Monitor, filters: tuple[object, ...]) -> int:
    """Up to when events are listed: held still, so that no row moves under the viewer's hand."""
    now, state = m.clock.now(), st.session_state
    kept = state.get("moment")
    held = kept is not None and state.get("filters") == filters and 0 <= now - state.get("seen", 0) <= AWAY
    state["filters"], state["seen"] = filters, now
    if not held:
        state["moment"] = now
    return int(state["moment"])


@st.fragment(run_every=5)
def news(m: Monitor, viewer: Viewer, acts: int) -> None:
    """How much has come since the list was made; what others did is shown at once."""
    state = st.session_state
    state["seen"] = m.clock.now()
    if m.acts != acts:
        st.rerun()
    try:
        count = m.anomaly_count(state["moment"])
    except StoreError:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        since = clock_time(state["moment"], viewer.zone)
        st.caption(f"As of {since}, {counted(count, 'reading')} flagged since", width="content")
        if count and st.button("Show", key="renew", type="tertiary"):
            state.pop("moment")
            st.rerun()


def page(m: Monitor, viewer: Viewer) -> None:
    """Filters, counts, the events with the chosen one beside them, the flagged readings."""
    with st.container(horizontal=True, gap="medium"):
        span = st.segmented_control(
            "Time range", CHOICES, default="1 h", required=True, key="within", bind="query-params"
        )
        names = tag_filter(m)
        least = st.number_input(
            "Lowest score",
            0.0,
            100.0,
            0.0,
            0.5,
            format="%.1f",
            key="score",
            bind="query-params",
            width=140,
        )
    with st.container(horizontal=True, gap="medium"):
        states = many("State", [str(one) for one in State], "state")
        severities = many("Severity", [str(one) for one in Severity], "severity")
        labels = many("Label", [*LABELS, NO_LABEL], "label")
    span = span or "1 h"  # an address may name none
    until = moment(m, (span, names, least))
    since, tags = until - SPANS[span] * SECOND, names or None  # also those that left the table
    rows = m.anomalies(tags, since, until, least, MOST)
    acts = m.acts
    found = m.events(tags, since, m.clock.now() + 1)
    found = found[micros(found["start"]) < until].reset_index(drop=True)
    if rows.empty and found.empty:
        st.info(
            "Choose a longer time range, more tags or a lower score to see more.", title="No anomalies here"
        )
    else:
        with panel("counts"):
            st.markdown(events_line(found, span, SPANS[span]))
            if not found.attrs.get("complete", True):
                st.caption("There are too many flagged readings; the oldest events are left out.")
            starts = found.rename(columns={"start": "time"})
            figure = count_chart(starts, (since, until), viewer.palette, noun="events")
            chart(figure, "counts", f"Events over the last {span}")
        left, right = st.columns([9, 6], gap="small")
        with left:
            one = events(m, viewer, chosen_events(found, states, severities, labels, least))
            news(m, viewer, acts)
        with right:
            if one is not None:
                detail(m, viewer, one)
    any_reading(m, viewer, names or list(m.tags.names), (since, until))
    if not rows.empty:
        flagged(m, viewer, rows, span, until)


def many(label: str, options: list[str], key: str) -> list[str]:
    """Pills of which none means all."""
    return st.pills(label, options, selection_mode="multi", key=key, bind="query-params")


# -- events -------------------------------------------------------------------------------


def events(m: Monitor, viewer: Viewer, shown: pd.DataFrame) -> pd.Series | None:
    """The list, and what can be done to the chosen ones; the event to show, the newest without a choice."""
    if shown.empty:
        st.info("No event has these states, severities and labels.", title="No such event")
        return None
    ids = [int(one) for one in shown["id"]]
    # Rows are chosen by place: with other events in the list it is another table.
    key = f"events-{blake2b(repr(ids).encode(), digest_size=8).hexdigest()}"
    wanted = set(st.session_state.get("chosen", []))

    def choose() -> None:
        picked = [ids[row] for row in st.session_state[key]["selection"]["rows"] if row < len(ids)]
        st.session_state["chosen"] = picked
        st.session_state.pop("reading", None)

    st.dataframe(
        event_table(shown, m.tags),
        hide_index=True,
        height=min(460, 38 + 35 * len(shown)),
        on_select=choose,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [row for row, one in enumerate(ids) if one in wanted]}},
        key=key,
        alt="Events, newest first",
        column_config={
            "Time": st.column_config.DatetimeColumn(
                format="MM-DD HH:mm:ss", timezone=viewer.zone_name, width=103
            ),
            "Tag": st.column_config.TextColumn(width=147),
            "Peak": st.column_config.TextColumn(width=75, alignment="right"),
            "Score": st.column_config.NumberColumn(format="%.1f", width=52),
            "State": st.column_config.TextColumn(width=108),
            "Severity": st.column_config.TextColumn(width=65),
            "Label": st.column_config.TextColumn(width=65),
            "Lasted": st.column_config.TextColumn(width=120),
        },
    )
    chosen = [one for one in ids if one in wanted]
    buttons(m, viewer, chosen, shown)
    return shown.iloc[ids.index(chosen[0])] if chosen else shown.iloc[0]


def buttons(m: Monitor, viewer: Viewer, chosen: list[int], shown: pd.DataFrame) -> None:
    """What can be done to the chosen events."""
    none = not chosen
    held = shown[shown["id"].isin(chosen)]["state"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if st.button("Acknowledge", key="acknowledge", type="primary", disabled=none):
            act(m, chosen, "acknowledge")
        label = st.menu_button("Label", LABELS, key="label-as", disabled=none)
        if label:
            act(m, chosen, "label", label=label)
        length = st.menu_button("Shelve", list(SHELVE), key="shelve-for", disabled=none)
        if length and SHELVE[length]:
            act(m, chosen, "shelve", until=m.clock.now() + SHELVE[length] * SECOND)
        elif length:
            shelve_until(m, viewer, chosen)
        if st.button("Note", key="note", disabled=none):
            note(m, chosen)
        if str(State.ACKNOWLEDGED) in held.to_numpy() and st.button("Take back", key="unacknowledge"):
            act(m, chosen, "unacknowledge")
        if str(State.SHELVED) in held.to_numpy() and st.button("Unshelve", key="unshelve"):
            act(m, chosen, "unshelve")
        who = st.session_state.get("who", "")
        words = f"{counted(len(chosen), 'event')} chosen" if chosen else "Choose events in the first column"
        st.caption(f"{words} · as {who}" if who else words, width="content")


def act(m: Monitor, ids: list[int], action: str, **more: object) -> None:
    """Do it in the viewer's name, which is asked for once."""
    who = st.session_state.get("who", "")
    if who:
        done(m, ids, action, who, more)
    else:
        ask_name(m, ids, action, more)


def done(m: Monitor, ids: list[int], action: str, who: str, more: dict[str, object]) -> None:
    """Record it and show the list anew."""
    try:
        m.act(ids, action, who, **more)
    except SensormonError as error:
        st.error(str(error), title="Nothing was recorded")
        return
    st.session_state["who"] = who.strip()
    st.session_state["said"] = f"{action.capitalize()}: {counted(len(ids), 'event')}"
    st.rerun()


@st.dialog("Who are you?", icon=":material/badge:")
def ask_name(m: Monitor, ids: list[int], action: str, more: dict[str, object]) -> None:
    """The name that goes into the log."""
    with st.form("name", border=False):
        who = st.text_input("Your name, for the log", max_chars=LONGEST_NAME, key="name-given", required=True)
        st.caption("It is asked for once and stored with each thing you do.")
        if st.form_submit_button("Go on", type="primary"):
            done(m, ids, action, who or "", more)


@st.dialog("Shelve until", icon=":material/snooze:")
def shelve_until(m: Monitor, viewer: Viewer, ids: list[int]) -> None:
    """A time in the viewer's zone."""
    now = to_datetime(m.clock.now()).astimezone(viewer.zone).replace(tzinfo=None, second=0, microsecond=0)
    with st.form("until", border=False):
        time = st.datetime_input(f"Until ({viewer.zone_name})", now + timedelta(hours=12), key="until-given")
        who = st.text_input("Your name, for the log", st.session_state.get("who", ""), max_chars=LONGEST_NAME)
        if st.form_submit_button("Shelve", type="primary") and time is not None:
            until = round(time.replace(tzinfo=viewer.zone).timestamp() * SECOND)
            done(m, ids, "shelve", who or "", {"until": until})


@st.dialog("Note", icon=":material/edit_note:")
def note(m: Monitor, ids: list[int]) -> None:
    """A sentence that stays with the events."""
    with st.form("write", border=False):
        text = st.text_area(f"Note on {counted(len(ids), 'event')}", max_chars=LONGEST_NOTE, key="note-given")
        who = st.text_input("Your name, for the log", st.session_state.get("who", ""), max_chars=LONGEST_NAME)
        if st.form_submit_button("Save", type="primary"):
            done(m, ids, "note", who or "", {"note": text or ""})


def detail(m: Monitor, viewer: Viewer, event: pd.Series) -> None:
    """The event in its context, why it was flagged, with which settings, and what was done."""
    tag = m.tags[event["tag"]]
    start, end = (int(one) for one in micros(pd.Series([event["start"], event["end"]])))
    before = max(120 * SECOND, (end - start) // 4)
    around = (start - before, min(end + before // 2, m.clock.now()))
    with panel("context"):
        st.html(
            f"<b>{escape(tag.label)}</b> · {day_and_time(start, viewer.zone)} · "
            f"{lasted(event['seconds'], event['readings'])} · {event['severity']} · {escape(event['state'])}"
        )
        frame = m.history([tag.name], *around, limit=CONTEXT)
        figure = live_chart(
            frame, tag, around, viewer.palette, 240, pick=True, shade=(start, end), score=scored_by(m, frame)
        )
        picking_chart(figure, f"context-{event['id']}", f"{tag.label} around the event", picker("reading"))
        st.caption("Shaded: where the reading was expected. Click a reading to see why, or why not.")
        reason(m, viewer, frame, "reading", int(event["peak_id"]))
        history = history_table(m.event_history(min(event["ids"]), max(event["ids"])), event["ids"])
        if event["shelved_until"] is not pd.NaT and event["state"] == State.SHELVED:
            shelved = int(micros(pd.Series([event["shelved_until"]]))[0])
            st.caption(f"Shelved until {day_and_time(shelved, viewer.zone)}")
        if history.empty:
            st.caption("Nobody has done anything with this event yet.")
            return
        zone = viewer.zone_name
        st.dataframe(
            history.drop(columns="Until") if history["Until"].isna().all() else history,
            hide_index=True,
            key="history",
            placeholder="",
            column_config={
                "Time": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=zone),
                "Until": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone=zone),
            },
        )


# -- why, and why not ---------------------------------------------------------------------


def picker(key: str) -> Callable[[int], None]:
    """Keeps the id of the reading that is chosen."""

    def pick(reading: int) -> None:
        st.session_state[key] = reading

    return pick


def reason(m: Monitor, viewer: Viewer, frame: pd.DataFrame, key: str, otherwise: int) -> None:
    """Why the reading chosen under this key was flagged or was not: sentence, numbers, chart, neighbours."""
    wanted = st.session_state.get(key, otherwise)
    rows = frame.sort_values(["time", "id"], ignore_index=True)
    at = rows.index[rows["id"] == wanted]
    if not len(at):
        at = rows.index[rows["id"] == otherwise]
    if not len(at):
        return
    place = int(at[0])
    row = rows.iloc[place]
    tag, time = m.tags[row["tag"]], int(micros(rows["time"].iloc[[place]])[0])
    settings = m.settings_by_id().get(int(row["settings"]))
    if settings is None:
        st.caption("The settings that judged this reading are not in the database yet.")
        return
    reading = Judged.of(row)
    why = explain(tag, reading, settings)
    sentence = escape(why.sentence)
    st.html(f'<span class="abnormal">◆ {sentence}</span>' if reading.is_anomaly else f"<b>{sentence}</b>")
    digits = tag.decimals + 2
    sigma = f"{why.sigma:,.{digits}f} {tag.unit}".rstrip() if why.sigma == why.sigma else "–"
    score_label = "Score" if why.score_name == "score" else f"Score ({why.score_name})"
    facts = {
        "Time": clock_time(time, viewer.zone),
        "Value": tag.render(reading.value),
        "Expected": expected_band(tag, reading.expected, reading.upper),
        "σ": sigma,
        score_label: f"{reading.score:,.2f}" if reading.score == reading.score else "–",
        "Threshold": f"{why.threshold:,.2f}",
        "n learned before": f"{reading.n:,}",
        "Quality": quality_words(reading.quality),
        "Detector": detector_words(settings.detector, settings.params),
        "Settings of": f"{settings.who}, no. {settings.id}",
    }
    cells = "".join(f"<div><span>{escape(name)}</span>{escape(text)}</div>" for name, text in facts.items())
    st.html(f'<div class="facts">{cells}</div>')
    near = rows.iloc[max(0, place - NEAR) : place + NEAR + 1]
    span = tuple(int(one) for one in micros(near["time"].iloc[[0, -1]]))
    figure = live_chart(
        near,
        tag,
        (span[0], max(span[1], span[0] + SECOND)),
        viewer.palette,
        130,
        mark=time,
        score=scored_by(m, near),
    )
    chart(figure, f"near-{key}", f"{tag.label} around the chosen reading")
    with st.expander("Readings around it", key=f"around-{key}"):
        neighbours(m, viewer, near, key, int(row["id"]))


def neighbours(m: Monitor, viewer: Viewer, near: pd.DataFrame, key: str, chosen: int) -> None:
    """The readings around the chosen one, to choose another."""
    ids = [int(one) for one in near["id"]]
    table_key = f"{key}-{chosen}"

    def choose() -> None:
        picked = st.session_state[table_key]["selection"]["rows"]
        if picked and picked[0] < len(ids):
            picker(key)(ids[picked[0]])

    tag = m.tags[near["tag"].iloc[0]]
    table = pd.DataFrame(
        {
            "Time": near["time"],
            "Value": [tag.render(value) for value in near["value"]],
            "Expected": [
                expected_band(tag, expected, upper)
                for expected, upper in zip(near["expected"], near["upper"], strict=True)
            ],
            "Score": near["score"],
            "Flagged": ["◆" if one else "" for one in near["is_anomaly"]],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        on_select=choose,
        selection_mode="single-row",
        selection_default={"selection": {"rows": [ids.index(chosen)]}},
        key=table_key,
        placeholder="–",
        column_config={
            "Time": st.column_config.DatetimeColumn(format="HH:mm:ss.SSS", timezone=viewer.zone_name),
            "Score": st.column_config.NumberColumn(format="%.2f"),
        },
    )


def any_reading(m: Monitor, viewer: Viewer, tags: list[str], span: tuple[int, int]) -> None:
    """The readings of one tag, to ask of any of them why it was not flagged."""
    if not st.toggle("Why was a reading not flagged? Choose any", key="any"):
        return
    with panel("any"):
        name = st.selectbox("Tag", tags, format_func=m.tags.title, key="any-tag")
        since = max(span[0], span[1] - 900 * SECOND)
        frame = m.history([name], since, span[1], limit=CONTEXT)
        if frame.empty:
            st.caption("No readings of this tag in the last 15 minutes of the time range.")
            return
        figure = live_chart(
            frame, m.tags[name], (since, span[1]), viewer.palette, 220, pick=True, score=scored_by(m, frame)
        )
        picking_chart(figure, "any-chart", f"{m.tags[name].label}, click a reading", picker("any-reading"))
        st.caption("The last 15 minutes of the time range. Click a reading.")
        reason(m, viewer, frame, "any-reading", int(frame["id"].iloc[-1]))


# -- flagged readings ---------------------------------------------------------------------


def flagged(m: Monitor, viewer: Viewer, rows: pd.DataFrame, span: str, until: int) -> None:
    """The readings one by one, and as a file."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        if len(rows) < MOST:
            count = f"**{counted(len(rows), 'anomaly')}** in {span}, {pace(len(rows), SPANS[span])}"
        else:
            count = f"**More than {MOST:,} anomalies** in {span}; the newest {MOST:,} are shown and exported"
        st.markdown(f"Flagged readings: {count}", width="content")
        st.download_button(
            f"Download {counted(len(rows), 'row')} as CSV",
            anomalies_csv(rows, m.tags, viewer.zone, viewer.zone_name),
            file_name=f"anomalies_{day_and_time(until, viewer.zone).replace(' ', '_').replace(':', '')}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            help=f"Times in UTC and in {viewer.zone_name}",
        )
    with st.expander("Flagged readings one by one"):
        st.dataframe(
            anomaly_table(rows, m.tags, score_names(m.settings_by_id())),
            hide_index=True,
            height=460,
            key="flagged",
            column_config={
                "Time": st.column_config.DatetimeColumn(
                    format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name, width=150
                ),
                "Tag": st.column_config.TextColumn(width=150),
                "Value": st.column_config.TextColumn(width=85, alignment="right"),
                "Expected": st.column_config.TextColumn(width=130, alignment="right"),
                "Score": st.column_config.NumberColumn("Score", format="%.1f", width=60),
                "Why": st.column_config.TextColumn(width=190),
            },
        )


monitored = monitor()
me = begin("Anomalies", monitored)
if said := st.session_state.pop("said", None):
    st.toast(said)
try:
    page(monitored, me)
except StoreError as error:
    not_readable(error)
