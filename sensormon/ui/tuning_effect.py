"""What a profile would have flagged on one tag: the chart, how good it is, the curve over its threshold."""

from __future__ import annotations

from html import escape

import streamlit as st

from sensormon.analysis.event_scores import MINIMUM, TOLERANCE
from sensormon.analysis.what_if import Comparison, Known, curve, with_parameter
from sensormon.detectors import PER_TAG, make
from sensormon.model.format import counted, duration
from sensormon.model.profiles import Profile
from sensormon.ui.drawing import chart
from sensormon.ui.glossary import meaning, prose, term
from sensormon.ui.memo import remembered
from sensormon.ui.tables import chart_table
from sensormon.ui.tuning_choice import Chosen
from sensormon.ui.tuning_history import Looked
from sensormon.ui.viewer import Viewer
from sensormon.view.detectors import title
from sensormon.view.explanation import UNKNOWN_SCALE, Scale
from sensormon.view.time_charts import before_after_chart, flag_changes, precision_recall_chart
from sensormon.view.tuning import curve_table, figures, flag_table, spoke_words, value_column


def both_flags(viewer: Viewer, chosen: Chosen, profile: Profile, looked: Looked, result: Comparison) -> None:
    """The readings with the flags of both settings, and how many are kept, gained and lost."""
    tag = looked.history.tag
    before, after = result.before.frame, result.after.frame
    scale = _scale(profile)
    figure = before_after_chart(
        before,
        after,
        tag,
        (looked.since, looked.until),
        viewer.palette,
        score=scale.name,
        threshold=scale.drawn_limit,
    )
    changes = flag_changes(before, after)
    counts = changes.value_counts()
    kept, gained, lost = (int(counts.get(change, 0)) for change in ("kept", "gained", "lost"))
    chart(
        figure,
        "effect",
        f"{tag.label} over {chosen.length}: {kept} flagged readings kept, {gained} gained, {lost} lost",
    )
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(
            f"Flagged readings: :red[◆] kept {kept:,} &emsp; :primary[▲] gained {gained:,} &emsp; "
            f":gray[□] lost {lost:,} &emsp; :gray[shaded: expected with new settings]",
            help=meaning("kept, gained, lost", "control band"),
            width="content",
        )
        chart_table(
            "effect",
            f"{tag.label}, readings flagged with current or new settings, newest first",
            lambda: flag_table(changes, before, after, tag),
            {
                "Time": time_column(viewer),
                value_column(tag): st.column_config.TextColumn(alignment="right"),
            }
            | dict.fromkeys(("Score, current", "Score, new"), st.column_config.NumberColumn(format="%.1f")),
        )
    if words := spoke_words(result.before.spoke, result.after.spoke):
        st.caption(words)


def _scale(profile: Profile) -> Scale:
    """The scale of the profile's scores, if one detector makes all of them."""
    if len(profile.detectors) > 1:
        return UNKNOWN_SCALE
    (choice,) = profile.detectors
    return Scale.of(make(choice.detector, **choice.params))


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


def trade_off(
    viewer: Viewer, chosen: Chosen, profile: Profile, looked: Looked, facts: Known, result: Comparison
) -> None:
    """Precision and recall over the threshold of one of the detectors, with both settings on it."""
    judges = {choice.detector: make(choice.detector, **choice.params) for choice in profile.detectors}
    swept = {name: judge.sensitivity for name, judge in judges.items() if judge.sensitivity}
    if not swept:
        st.info("None of the detectors has a threshold.", title="No curve")
        return
    if result.scores_after.known < MINIMUM:
        count = counted(result.scores_after.known, "known event")
        st.info(
            f"{count} in this history; {MINIMUM} are needed. Choose a longer history.",
            title="Precision and recall: not measurable",
        )
        return
    name = next(iter(swept))
    if len(swept) > 1:
        name = (
            st.segmented_control(
                "Threshold of", list(swept), format_func=title, default=name, required=True, key="swept"
            )
            or name
        )
    parameter = next(each for each in PER_TAG[name].PARAMETERS if each.name == swept[name])
    others = with_parameter(profile, name, parameter.name, parameter.low)
    labels = tuple(facts.labelled["label"])
    points = remembered(
        "tuning-curve",
        (looked.until, chosen.tag, chosen.length, name, others, labels),
        lambda: curve(looked.history, profile, name, parameter.name, facts),
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
    low, high = points["threshold"].min(), points["threshold"].max()
    st.caption(
        f"{parameter.label_with_unit}: {len(points)} values from {low:g} to {high:g}; the "
        "history is rescored at each, because what a detector learns depends on its threshold."
    )
