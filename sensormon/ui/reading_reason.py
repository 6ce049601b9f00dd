"""Why the chosen reading was flagged or not: sentence, numbers, chart, the readings around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from sensormon.analysis.masking import masked_by_spikes
from sensormon.detectors.judged import Judged
from sensormon.detectors.zscore import ZScore
from sensormon.model.clock import DAY, SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.format import clock_time
from sensormon.model.readings import OwnScore, is_learned
from sensormon.model.tag_models import SOURCE
from sensormon.model.tags import Tag
from sensormon.model.timestamps import micros
from sensormon.monitor.monitor import Monitor
from sensormon.ui.drawing import chart, panel, picking_chart
from sensormon.ui.viewer import Viewer
from sensormon.view.detectors import detector_words, title
from sensormon.view.explanation import Scales, as_judged_by, explain, masking_words, quality_words
from sensormon.view.phrases import literal, states_left_out
from sensormon.view.tag_models import judged_words
from sensormon.view.time_charts import live_chart

CONTEXT = 50_000
"""The most readings drawn in one chart."""
_NEAR = 8  # readings listed before and after the chosen one


def scales_of(m: Monitor) -> Scales:
    """The scales of scores, by the versions of the settings."""
    return Scales(m.detection.readable())


def picker(key: str) -> Callable[[int], None]:
    """A callback that stores the id of the chosen reading."""

    def pick(reading: int) -> None:
        st.session_state[key] = reading

    return pick


def reason(m: Monitor, viewer: Viewer, frame: pd.DataFrame, key: str, otherwise: int) -> None:
    """Why the reading chosen under this key was flagged or not: sentence, numbers, chart, neighbours."""
    wanted = st.session_state.get(key, otherwise)
    rows = frame.sort_values(["time", "id"], ignore_index=True)
    at = rows.index[rows["id"] == wanted]
    if not len(at):
        at = rows.index[rows["id"] == otherwise]
    if not len(at):
        return
    place = int(at[0])
    row = rows.iloc[place]
    _walk(key, [int(number) for number in rows["id"]], place)
    tag, time = m.tags[row["tag"]], int(micros(rows["time"].iloc[[place]])[0])
    if row["source"] == SOURCE:
        by_model(m, viewer, row.to_dict(), time)
        return
    settings = m.detection.by_id().get(int(row["settings"]))
    if settings is None:
        st.caption("The settings that scored this reading are not in the database yet.")
        return
    reading = Judged.of(row.to_dict())
    own = m.readings.verdicts(int(row["id"]))
    why = explain(tag, reading, settings, own)
    sentence = escape(why.sentence)
    st.html(f'<span class="abnormal">◆ {sentence}</span>' if reading.is_anomaly else f"<b>{sentence}</b>")
    if masked := _masked(m, tag, time, reading, settings, own.get("zscore")):
        st.markdown(literal(masked))
    for other in why.others:
        st.caption(literal(other))
    digits = tag.decimals + 2
    sigma = f"{why.sigma:,.{digits}f} {tag.unit}".rstrip() if why.sigma == why.sigma else "–"
    score_label = "Score" if why.score_name == "score" else f"Score ({why.score_name})"
    facts = {
        "Time": clock_time(time, viewer.zone),
        "Value": tag.render(reading.value),
        "Expected": tag.render_band(reading.expected, reading.upper),
        "σ": sigma,
        score_label: f"{reading.score:,.2f}" if reading.score == reading.score else "–",
        "Threshold": f"{why.threshold:,.2f}",
        "Readings learned": f"{reading.n:,}",
        "Quality": quality_words(reading.quality),
        "Detector": detector_words(why.detector, why.params),
        **({"Profile": reading.profile} if reading.profile else {}),
        "Settings": f"#{settings.id} ({settings.who})",
    }
    cells = "".join(f"<div><span>{escape(name)}</span>{escape(text)}</div>" for name, text in facts.items())
    st.html(f'<div class="facts">{cells}</div>')
    near = rows.iloc[max(0, place - _NEAR) : place + _NEAR + 1]
    span = tuple(int(edge) for edge in micros(near["time"].iloc[[0, -1]]))
    figure = live_chart(
        near,
        tag,
        (span[0], max(span[1], span[0] + SECOND)),
        viewer.palette,
        130,
        mark=time,
        scales=scales_of(m),
    )
    chart(figure, f"near-{key}", f"{tag.label} around the chosen reading")
    with st.expander("Nearby readings", key=f"around-{key}"):
        _neighbours(m, viewer, near, key, int(row["id"]))


def _walk(key: str, ids: list[int], place: int) -> None:
    """Buttons, and the arrow keys, that go to the reading before and after."""
    keys = ("ArrowLeft", "ArrowRight") if not st.session_state.get("pressed") else (None, None)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"walk-{key}"):
        for name, icon, by, pressed in (
            ("Previous reading", ":material/chevron_left:", -1, keys[0]),
            ("Next reading", ":material/chevron_right:", 1, keys[1]),
        ):
            to = place + by
            st.button(
                name,
                key=f"{'earlier' if by < 0 else 'later'}-{key}",
                icon=icon,
                shortcut=pressed,
                disabled=not 0 <= to < len(ids),
                on_click=picker(key),
                args=(ids[min(max(to, 0), len(ids) - 1)],),
            )


def _masked(
    m: Monitor, tag: Tag, time: int, reading: Judged, settings: DetectorSettings, own: OwnScore | None
) -> str:
    """What kept the rolling z-score from flagging this reading; empty if nothing did, or if that is unknown.

    `own` is what the z-score said of it; without it the reading's own numbers count. The window is read from
    the store and counts only if its sigma is the one the reading was held against.
    """
    profile = settings.in_use.by_name.get(reading.profile, settings.in_use.default)
    choice = profile.choice("zscore")
    if reading.is_anomaly or choice is None or not math.isfinite(reading.score):
        return ""
    heard = reading if own is None else as_judged_by(reading, own)
    window = int(choice.params["window"])
    detector = ZScore(window, choice.params["threshold"])
    before = m.stored.frame([tag.name], time - DAY, time, limit=4 * window)
    learned = before[is_learned(before["quality"].to_numpy(), before["withheld"].to_numpy())]
    values = learned.sort_values(["time", "id"])["value"].to_numpy(dtype=np.float64)[-window:]
    masking = masked_by_spikes(values, heard.value, detector.threshold, detector.sigma(heard, tag))
    return "" if masking is None else masking_words(masking, tag, heard.score, detector.threshold)


def by_model(m: Monitor, viewer: Viewer, row: Mapping[Any, Any], time: int) -> None:
    """What a model of several tags said of a row of them, and each tag's part of it."""
    own = m.readings.verdicts(int(row["id"]))
    parts = {m.tags.title(name) if name in m.tags else name: score.score for name, score in own.items()}
    sentence = escape(f"{judged_words(float(row['score']), parts)}.")
    st.html(f'<span class="abnormal">◆ {sentence}</span>' if row["is_anomaly"] else f"<b>{sentence}</b>")
    st.caption(f"Model {literal(str(row['profile']))}, row of {clock_time(time, viewer.zone)}.")
    table = pd.DataFrame({"Tag": list(parts), "Contribution, × limit": list(parts.values())})
    st.dataframe(
        table.sort_values("Contribution, × limit", ascending=False),
        hide_index=True,
        key=f"contributions-{row['id']}",
        alt="Contributions of the tags to the score",
        column_config={"Contribution, × limit": st.column_config.NumberColumn(format="%.2f")},
    )


def _neighbours(m: Monitor, viewer: Viewer, near: pd.DataFrame, key: str, chosen: int) -> None:
    """The readings around the chosen one, to choose another."""
    ids = [int(number) for number in near["id"]]
    speakers = [title(name) if name else "" for name in scales_of(m).speakers(near)]
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
                tag.render_band(expected, upper)
                for expected, upper in zip(near["expected"], near["upper"], strict=True)
            ],
            "Score": near["score"],
            **({"Detector": speakers} if len(set(speakers)) > 1 else {}),
            "Flagged": ["◆" if flagged else "" for flagged in near["is_anomaly"]],
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
    """The readings of one tag, to explain why any of them was not flagged."""
    if not st.toggle("Explain any reading", key="any"):
        return
    with panel("any"):
        left_out = states_left_out(m.tags, tags)
        tags = [name for name in tags if not m.tags[name].has_states]
        if left_out:
            st.caption(left_out)
        if not tags:
            return
        name = st.selectbox("Tag", tags, format_func=m.tags.title, key="any-tag")
        since = max(span[0], span[1] - 900 * SECOND)
        frame = m.stored.frame([name], since, span[1], limit=CONTEXT)
        if frame.empty:
            st.caption("No readings of this tag in the last 15 minutes of the time range.")
            return
        figure = live_chart(
            frame, m.tags[name], (since, span[1]), viewer.palette, 220, pick=True, scales=scales_of(m)
        )
        picking_chart(figure, "any-chart", f"{m.tags[name].label}, click a reading", picker("any-reading"))
        st.caption("The last 15 minutes of the time range. Click a reading.")
        reason(m, viewer, frame, "any-reading", int(frame["id"].iloc[-1]))
