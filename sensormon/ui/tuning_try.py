"""The section Try of Tuning: what other settings would have flagged in the history, and applying them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import pandas as pd
import streamlit as st

from sensormon.access.audit import Change
from sensormon.access.roles import Act
from sensormon.analysis.event_scores import MINIMUM, TOLERANCE
from sensormon.analysis.what_if import Comparison, Known, Load, all_lost, compare, curve, off_delay, total
from sensormon.detectors import PER_TAG, make
from sensormon.detectors.base import Detector
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.format import counted, duration, moment_words, pace
from sensormon.model.jobs import Job, Progress
from sensormon.model.timestamps import micros, render
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.tuner import KIND, TOGETHER, Shelf
from sensormon.ui.acts import allowed, carried_out, name_field, why_not
from sensormon.ui.component import copy_link
from sensormon.ui.detector_controls import key_of, parameter_input, reset
from sensormon.ui.drawing import chart, not_readable, panel
from sensormon.ui.glossary import meaning, prose, term, with_terms
from sensormon.ui.job_status import follow_job, job_line
from sensormon.ui.link_tags import known_tags
from sensormon.ui.memo import forget, last_remembered, remembered
from sensormon.ui.parts import dialog
from sensormon.ui.tables import chart_table
from sensormon.ui.time_range import preset
from sensormon.ui.tuning_history import (
    LENGTHS,
    MOST,
    Looked,
    choose_end,
    facts_of,
    looked_at,
    no_readings,
    read_again,
)
from sensormon.ui.viewer import Viewer
from sensormon.view.detectors import detector_words, switch_words, title
from sensormon.view.explanation import Scale
from sensormon.view.phrases import states_left_out
from sensormon.view.time_charts import before_after_chart, flag_changes, precision_recall_chart
from sensormon.view.tuning import (
    curve_table,
    figures,
    first_line,
    flag_table,
    lost_words,
    norm_words,
    value_column,
)

# Seconds that a page waits for a job before it shows its progress.
AT_ONCE = 0.3
# The most tags to compare, those with the most flags.
TAGS = 50


@dataclass(frozen=True)
class Chosen:
    """The state of the controls."""

    tag: str
    length: str
    detector: str
    params: Mapping[str, float]


def controls(m: Monitor) -> Chosen:
    """Tag, history, detector and its parameters."""
    now = m.detection.in_force
    name = known_tags(
        m,
        "tune",
        lambda: st.selectbox(
            "Tag", m.tags.numbers, format_func=m.tags.title, key="tune", bind="query-params"
        ),
    )
    if left_out := states_left_out(m.tags, m.tags.names):
        st.caption(left_out)
    length = preset(LENGTHS, "history", "15 min", label="History")
    names = list(PER_TAG)
    detector = st.selectbox(
        "Detector",
        names,
        index=names.index(now.detector),
        format_func=title,
        key="detector",
        bind="query-params",
    )
    detector = detector if detector in PER_TAG else now.detector
    start = make(detector, **now.params) if detector == now.detector else make(detector)
    st.caption(f"Catches: {start.catches}", help=f"Misses: {start.misses}\n\n{meaning('detector')}")
    params = {
        parameter.name: parameter_input(detector, parameter, getattr(start, parameter.name))
        for parameter in start.PARAMETERS
    }
    return Chosen(name or m.tags.numbers[0], length, detector, params)


def pinned(m: Monitor, chosen: Chosen, until: int) -> dict[str, str]:
    """The parameters of a link to this view: every setting, so that it does not depend on those in force."""
    values = {
        "tune": m.tags.title(chosen.tag),
        "history": chosen.length,
        "detector": title(chosen.detector),
        "upto": render(until),
    }
    for parameter in PER_TAG[chosen.detector].PARAMETERS:
        value = chosen.params[parameter.name]
        if value != parameter.unset:
            values[key_of(chosen.detector, parameter)] = f"{value:g}"
    return values


@dialog("Apply to live monitoring", icon=":material/tune:")
def apply(m: Monitor, viewer: Viewer, chosen: Chosen, looked: Looked) -> None:
    """Show what changes and what would be lost, ask for a name, and apply."""
    now = m.detection.in_force
    st.markdown(f"**{switch_words(now.detector, now.params, chosen.detector, chosen.params)}**")
    st.markdown("For all users and all tags, from the next reading on. Stored flags stay as they are.")
    since, until = looked.since, looked.until
    labelled = facts_of(m, since, until).labelled
    names = sorted(set(labelled["tag"][labelled["label"] == "true"]) & set(m.tags.names))
    histories = [m.tuner.tag_history(name, since, until, MOST) for name in names]
    warn_of_lost(m, viewer, all_lost(histories, make(chosen.detector, **chosen.params), labelled))
    with st.form("apply", border=False):
        who = name_field(m, "apply-who")
        if not st.form_submit_button("Apply", type="primary"):
            return
    change = Change(
        Act.APPLY_SETTINGS,
        "detector settings",
        detector_words(now.detector, now.params),
        detector_words(chosen.detector, chosen.params),
    )

    def put_in_force(name: str) -> None:
        m.tuner.apply(chosen.params, name, chosen.detector)

    if carried_out(m, change, put_in_force, "Nothing was changed", who):
        st.session_state["applied"] = detector_words(chosen.detector, chosen.params)
        st.rerun()


def warn_of_lost(m: Monitor, viewer: Viewer, rows: pd.DataFrame) -> None:
    """The confirmed events that these settings would lose."""
    if len(rows):
        named = zip(rows["tag"], micros(rows["start"]).tolist(), strict=True)
        words = lost_words(((m.tags[tag].label, start) for tag, start in named), viewer.zone)
        st.warning(words, title="These settings lose confirmed events")


def section(m: Monitor, viewer: Viewer) -> None:
    """Controls on the left, their effect on the right."""
    if applied := st.session_state.pop("applied", None):
        st.toast(f"Live monitoring now uses {applied}.")
    if not m.tags.numbers:
        st.info("Every tag here has states; detectors judge numbers.", title="Nothing to tune")
        return
    now = m.detection.in_force
    left, right = st.columns([1, 3], gap="medium")
    with left, panel("controls"):
        chosen = controls(m)
        st.button("Defaults", on_click=reset, args=(chosen.detector,), width="stretch")
        same = chosen.detector == now.detector and dict(chosen.params) == dict(now.params)
        asked = st.button(
            "Apply to live monitoring …",
            width="stretch",
            type="primary",
            **allowed(
                m,
                Act.APPLY_SETTINGS,
                disabled=same,
                help="Live monitoring already uses these settings." if same else None,
            ),
        )
        why_not(m, Act.APPLY_SETTINGS)
        st.caption(f"Live monitoring uses {detector_words(now.detector, now.params)}.")
    with right:
        try:
            detector = make(chosen.detector, **chosen.params)
            looked = looked_at(m, chosen.tag, chosen.length)
            if asked:
                apply(m, viewer, chosen, looked)
            effect(m, viewer, chosen, detector, looked)
        except UsageError as error:
            st.info(f"{error.hint}.", title=f"{error.what[:1].upper()}{error.what[1:]}")
        except StoreError as error:
            not_readable(error)


def effect(m: Monitor, viewer: Viewer, chosen: Chosen, detector: Detector, looked: Looked) -> None:
    """The effect of the settings on the chosen history."""
    history = looked.history
    if history.rows.empty:
        no_readings(m, viewer, looked)
        return
    facts = facts_of(m, looked.since, looked.until)
    result = compare(history, detector, facts)
    summary(m, viewer, chosen, looked, result)
    warn_of_lost(m, viewer, result.lost)
    with panel("effect"):
        both_flags(viewer, chosen, detector, looked, result)
    quality, sensitivity = st.columns([6, 5], gap="small")
    with quality, panel("quality", stretch=True):
        how_good(result, history.tag.name in facts.complete)
    worst(m, chosen, detector, looked)
    with sensitivity, panel("curve", stretch=True):
        trade_off(viewer, chosen, looked, facts, result)


def summary(m: Monitor, viewer: Viewer, chosen: Chosen, looked: Looked, result: Comparison) -> None:
    """The number of events now and with new settings, the readings used, and the choice of time."""
    history, until = looked.history, looked.until
    now = m.detection.in_force
    same = chosen.detector == now.detector and dict(chosen.params) == dict(now.params)
    st.html(f'<div class="first-line">{first_line(result.load, same)}</div>')
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        cut = f", the newest {MOST:,} of them" if len(history.rows) == MOST else ""
        apart = duration(off_delay(result.interval * 1e6) / 1e6)
        st.html(
            f'<p class="prose">{escape(history.tag.label)}, {counted(len(history.rows), "reading")} up to '
            f"{moment_words(until, m.clock.now(), viewer.zone)}{cut}. "
            f"{with_terms(f'Flags up to {apart} apart are one {{event}} (the {{off-delay}}).')}</p>",
            width="content",
        )
        with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
            choose_end(viewer, until)
            st.button("Read up to now", on_click=read_again, type="tertiary", icon=":material/refresh:")
            copy_link("copy-tuning", **pinned(m, chosen, until))


def both_flags(
    viewer: Viewer, chosen: Chosen, detector: Detector, looked: Looked, result: Comparison
) -> None:
    """The readings with the flags of both settings, and how many are kept, gained and lost."""
    tag = looked.history.tag
    figure = before_after_chart(
        result.before,
        result.after,
        tag,
        (looked.since, looked.until),
        viewer.palette,
        score=detector.score_name,
        threshold=Scale.of(detector).drawn_limit,
    )
    changes = flag_changes(result.before, result.after)
    counts = changes.value_counts()
    kept, gained, lost = (int(counts.get(change, 0)) for change in ("kept", "gained", "lost"))
    chart(
        figure,
        "effect",
        f"{tag.label} over {chosen.length}: {kept} flagged readings kept, {gained} gained, {lost} lost",
    )
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(
            f":red[◆] kept {kept:,} &emsp; :primary[▲] gained {gained:,} &emsp; :gray[□] lost {lost:,}"
            " flagged readings &emsp; :gray[shaded: expected with new settings]",
            help=meaning("kept, gained, lost", "control band"),
            width="content",
        )
        chart_table(
            "effect",
            f"{tag.label}, readings flagged with current or new settings, newest first",
            lambda: flag_table(changes, result.before, result.after, tag),
            {
                "Time": time_column(viewer),
                value_column(tag): st.column_config.TextColumn(alignment="right"),
            }
            | dict.fromkeys(("Score, current", "Score, new"), st.column_config.NumberColumn(format="%.1f")),
        )


def time_column(viewer: Viewer) -> object:
    """Times of a table in the viewer's zone."""
    return st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name)


def cell(words: tuple[str, str]) -> str:
    """A figure with its basis in small print."""
    parts = ", ".join(f"<span>{escape(part)}</span>" for part in words[1].split(", "))
    return f"<td>{escape(words[0])}<small>{parts}</small></td>"


def how_good(result: Comparison, complete: bool) -> None:
    """Precision, recall and delay, now and with these settings."""
    body = "".join(
        f"<tr><th>{term(name.lower(), name)}<small>{escape(what)}</small></th>{cell(old)}{cell(new)}</tr>"
        for name, what, old, new in figures(result.scores_before, result.scores_after)
    )
    st.html(
        '<table class="figures"><tr><th>Against known faults</th><th>Current</th>'
        "<th>With new settings</th></tr>"
        f"{body}</table>"
    )
    known_from = (
        "Known faults: simulated faults and confirmed events."
        if complete
        else "Known faults: labelled events; flags outside them do not count in precision."
    )
    late = duration(TOLERANCE * result.interval)
    prose(
        f"{known_from} Small print: {{95 % interval|95 % confidence interval}}. A flag up to {late} after a "
        f"fault still counts; at least {MINIMUM} events are needed."
    )


def trade_off(viewer: Viewer, chosen: Chosen, looked: Looked, facts: Known, result: Comparison) -> None:
    """Precision and recall over the threshold, with the two settings on it."""
    swept = make(chosen.detector, **chosen.params).sensitivity
    if swept is None:
        st.info(f"{title(chosen.detector)} has no threshold.", title="No curve")
        return
    if result.scores_after.known < MINIMUM:
        count = counted(result.scores_after.known, "known event")
        st.info(
            f"{count} in this history; {MINIMUM} are needed. Choose a longer history.",
            title="Precision and recall: not measurable",
        )
        return
    others = {name: value for name, value in chosen.params.items() if name != swept}
    labels = tuple(facts.labelled["label"])
    points = remembered(
        "tuning-curve",
        (looked.until, chosen.tag, chosen.length, chosen.detector, tuple(others.items()), labels),
        lambda: curve(looked.history, chosen.detector, chosen.params, swept, facts),
    )
    before, after = result.scores_before, result.scores_after
    figure = precision_recall_chart(
        points,
        [
            ("current", "square-open", before.precision, before.recall),
            ("with new settings", "triangle-up", after.precision, after.recall),
        ],
        viewer.palette,
    )
    chart(figure, "curve", f"Precision over recall at {len(points)} thresholds")
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(":gray[□] current &emsp; :primary[▲] with new settings", width="content")
        chart_table(
            "curve", "Precision and recall by threshold", lambda: curve_table(points), label="As a table"
        )
    parameter = next(
        candidate for candidate in PER_TAG[chosen.detector].PARAMETERS if candidate.name == swept
    )
    low, high = points["threshold"].min(), points["threshold"].max()
    st.caption(
        f"{parameter.label_with_unit}: {len(points)} values from {low:g} to {high:g}; the "
        "history is rescored at each, because what a detector learns depends on its threshold."
    )


def worst(m: Monitor, chosen: Chosen, detector: Detector, looked: Looked) -> None:
    """The alarm load of all tags together, and of each, the worst with these settings first."""
    with panel("worst"):
        if len(m.tags.numbers) * len(looked.history.rows) > TOGETHER and not st.toggle(
            f"Count the events of all {len(m.tags.numbers):,} tags", key="all_tags"
        ):
            st.caption("This reads and rescores the history of each tag, which takes a moment.")
            return
        loads = every_load(m, chosen, detector, looked)
        if loads is None:
            return
        together = total(loads)
        subset = (
            f"The {len(loads)} tags with the most flags" if len(loads) < len(m.tags.numbers) else "All tags"
        )
        st.markdown(
            f"**{subset} together:** currently {pace(together.before, together.seconds)}, with new settings "
            f"{pace(together.after, together.seconds)}. {norm_words(together)}",
            help=meaning("alarm load", "event"),
        )
        st.dataframe(
            pd.DataFrame(
                {
                    "Tag": [m.tags[name].label for name in loads],
                    "Time span": [duration(load.seconds) for load in loads.values()],
                    "Events, current": [load.before for load in loads.values()],
                    "Events, new settings": [load.after for load in loads.values()],
                    "Per 10 min, current": [load.pace(load.before) for load in loads.values()],
                    "Per 10 min, new settings": [load.pace(load.after) for load in loads.values()],
                }
            ),
            hide_index=True,
            alt="Events of each tag with current and new settings, the worst first",
            height=min(38 + 35 * len(loads), 388),
            column_config={
                name: st.column_config.NumberColumn(format="%.1f")
                for name in ("Per 10 min, current", "Per 10 min, new settings")
            },
        )


def every_load(m: Monitor, chosen: Chosen, detector: Detector, looked: Looked) -> Mapping[str, Load] | None:
    """The load of every tag; None while a job computes it, which is shown. Histories stay cached."""
    wanted = (m.started, chosen.tag, chosen.length, looked.until)
    shelf = remembered("tuning-all", wanted, Shelf)
    history = looked.history
    work = m.tuner.all_loads(shelf, history, looked.since, looked.until, detector, TAGS, 2 * TOGETHER)
    if len(m.tags.numbers) * len(history.rows) <= TOGETHER:
        return work(Progress())

    def begin() -> Job:
        outdated: Job | None = last_remembered("tuning-job")
        if outdated is not None:
            outdated.progress.cancel()
        job = m.jobs.start(KIND, f"Events of all {len(m.tags.numbers):,} tags", work, alone=False)
        m.jobs.wait(job, AT_ONCE)
        return job

    job = remembered("tuning-job", (*wanted, chosen.detector, tuple(sorted(chosen.params.items()))), begin)
    if job.running:
        follow_job(m, job)
    elif job.result is None:
        job_line(m, job, "Completed work is kept.")
        st.button("Count again", key="tuning-again", on_click=forget, args=("tuning-job",))
    loads: Mapping[str, Load] | None = job.result
    return loads
