"""The frames found, compared: list, overlay, envelope, and the live one against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

import pyarrow as pa
import streamlit as st

from sensormon.analysis.envelope import (
    FEWEST,
    MEAN,
    MEDIAN,
    Envelope,
    Leaving,
    Spread,
    check_spread,
    envelope,
    leaving,
)
from sensormon.analysis.event_frames import Frame, Frames
from sensormon.analysis.frame_figures import Figures, Samples, course_of, figures
from sensormon.analysis.frame_rules import FrameRule
from sensormon.events.frame_definitions import MOST_CHOSEN, FrameDefinition, Golden
from sensormon.exchange.explore_rows import file_stem
from sensormon.model.errors import UsageError
from sensormon.model.format import counted, day_and_time, duration
from sensormon.monitor.monitor import Monitor
from sensormon.ui.drawing import chart, not_done
from sensormon.ui.explore_view import Chosen
from sensormon.ui.frames_follow import Followed, Running, ends_now, follow
from sensormon.ui.memo import remembered
from sensormon.ui.table_download import form_input, of_table, table_download
from sensormon.ui.url_state import held, hold
from sensormon.ui.viewer import Viewer
from sensormon.ui.widget_keys import choose_rows, chosen_rows, fresh_key, replace_widget
from sensormon.view.explore import times
from sensormon.view.frames_chart import LIVE, FrameLine, overlay_chart
from sensormon.view.frames_table import Goes, frame_file, frame_table
from sensormon.view.frames_words import spread_words
from sensormon.view.phrases import literal, states_left_out

PICKED = "picked"
"""What the address holds: the starts of the chosen frames."""
MOST_JUDGED = 500
"""The most frames that are compared with an envelope, the newest."""
NEWEST = 5
"""Frames drawn while none is chosen."""
BY_TIME, BY_SHARE = "Time", "Percent"
_ROWS = "frames-rows"
_SPREADS = {MEAN: "Mean ± k σ", MEDIAN: "Median and percentiles"}


@dataclass(frozen=True)
class Compared:
    """What frames are compared by: the readings and the figures of each tag, how they are aligned."""

    names: tuple[str, ...]
    samples: Mapping[str, Samples]
    figures: Mapping[str, Figures]


def compare(
    m: Monitor,
    viewer: Viewer,
    chosen: Chosen,
    rule: FrameRule,
    frames: Frames,
    shown: FrameDefinition | None,
) -> Golden | None:
    """All of it; returns the envelope of the frames chosen now, if there are enough. Raises StoreError."""
    compared = _compared(m, chosen, frames)
    every = frames.frames
    picked = _picked(every)
    if left_out := states_left_out(m.tags, chosen.names):
        st.caption(left_out)
    saved = shown.golden if shown else None
    listed = st.container(gap="small")  # above the controls that it depends on
    by_share, spread = _controls(saved if len(picked) < FEWEST else None)
    fresh = _golden(compared, [every[row] for row in picked], spread, by_share=by_share)
    golden = fresh or saved
    drawn = picked or [row for row, frame in enumerate(every) if frame.whole][-NEWEST:]
    seconds = golden.seconds if golden else max([every[row].seconds for row in drawn], default=0.0)
    follows = ends_now(chosen)
    live = frames.live if follows else None
    if golden is None and live is not None:
        seconds = max(seconds, live.seconds)
    goes = _goes(m, compared, every, golden)
    with listed:
        table = frame_table(every, compared.figures, goes, m.tags, seconds, by_share=by_share)
        _list(viewer, every, picked, table)
        _envelope_words(m, compared, golden, fresh, picked, every, viewer)
    drawn = [row for row in drawn if every[row] is not live]

    def draw(running: Running | None) -> None:
        _overlay(m, viewer, compared, every, drawn, running, golden, seconds, by_share=by_share)

    if follows:
        follow(m, viewer, chosen, Followed(rule, frames, compared.names, golden, seconds, by_share, draw))
    else:
        draw(None)
    _export(m, viewer, chosen, frame_file(every, compared.figures, goes, m.tags))
    return fresh


def _compared(m: Monitor, chosen: Chosen, frames: Frames) -> Compared:
    """The readings of the tags in view that are numbers, and their figures."""
    names = tuple(name for name in chosen.names if not m.tags[name].has_states)
    spans = [(frame.start, frame.end) for frame in frames.frames]

    def read() -> Compared:
        samples = m.frame_reader.samples_of(names, *chosen.span, spans)
        known = {name: figures(each, frames.frames) for name, each in samples.items()}
        return Compared(names, samples, known)

    wanted = (m.started, frames, names, chosen.span, m.tags.digest)
    compared: Compared = remembered("frames-compared", wanted, read)
    return compared


def _controls(saved: Golden | None) -> tuple[bool, Spread]:
    """How frames are aligned, and how wide an envelope is; those of the saved envelope while it counts."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="frames-controls"):
        align = st.segmented_control(
            "Align at the start, by",
            [BY_TIME, BY_SHARE],
            default=BY_TIME,
            required=True,
            key="align",
            bind="query-params",
            disabled=saved is not None,
            help="Percent stretches every frame to its own length",
        )
        kind = st.selectbox(
            "Envelope",
            list(_SPREADS),
            format_func=lambda name: _SPREADS[name],
            key="envelope",
            bind="query-params",
            disabled=saved is not None,
            width=230,
        )
        usual = Spread()
        if kind == MEDIAN:
            low = _number("From, %", 0.0, 49.0, usual.low, "low")
            high = st.number_input(
                "To, %", 51.0, 100.0, usual.high, key="high", bind="query-params", width=110
            )
            spread = Spread(MEDIAN, low=low, high=high)
        else:
            k = _number("k", 0.5, 10.0, usual.k, "k")
            spread = Spread(MEAN, k=k)
    if saved is not None:
        return saved.by_share, saved.spread
    return align == BY_SHARE, spread


def _number(label: str, least: float, most: float, usual: float, key: str) -> float:
    given = st.number_input(label, least, most, usual, 0.5, key=key, bind="query-params", width=110)
    return usual if given is None else float(given)


def _picked(frames: Sequence[Frame]) -> list[int]:
    """The rows of the chosen frames."""
    starts = {int(part) for part in held(PICKED).split(",") if part.isascii() and part.isdigit()}
    return [row for row, frame in enumerate(frames) if frame.start in starts][:MOST_CHOSEN]


def _golden(compared: Compared, chosen: Sequence[Frame], spread: Spread, *, by_share: bool) -> Golden | None:
    """The envelope of these frames; None if there are too few of them."""
    whole = [frame for frame in chosen if frame.whole]
    if len(whole) < FEWEST or not compared.names:
        return None
    seconds = max(frame.seconds for frame in whole)
    if by_share:
        seconds = sorted(frame.seconds for frame in whole)[len(whole) // 2]
    try:
        check_spread(spread)
    except UsageError as error:
        not_done(error, "No envelope")
        return None
    bands: dict[str, Envelope] = {}
    for name in compared.names:
        courses = [
            course_of(compared.samples[name], frame, seconds=seconds, by_share=by_share) for frame in whole
        ]
        bands[name] = envelope(courses, spread)
    spans = tuple((frame.start, frame.end) for frame in whole)
    return Golden(spans, by_share, seconds, spread, bands)


def _goes(m: Monitor, compared: Compared, frames: Sequence[Frame], golden: Golden | None) -> Goes:
    """How each frame goes against the envelope; only the newest ones of very many are compared."""
    if golden is None:
        return ()
    first = max(0, len(frames) - MOST_JUDGED)
    result: list[Mapping[str, Leaving]] = [{} for _ in range(first)]
    for frame in frames[first:]:
        result.append(
            {
                name: leaving(
                    course_of(
                        compared.samples[name], frame, seconds=golden.seconds, by_share=golden.by_share
                    ),
                    golden.envelopes[name],
                    m.tags[name].resolution,
                )
                for name in compared.names
                if name in golden.envelopes
            }
        )
    return result


def _list(viewer: Viewer, frames: Sequence[Frame], picked: list[int], table: object) -> None:
    """The list; its first column chooses frames."""
    starts = tuple(frame.start for frame in frames)
    if st.session_state.get("frames-listed") != starts:
        st.session_state["frames-listed"] = starts
        replace_widget(_ROWS)
    key = fresh_key(_ROWS)

    def choose() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        hold(PICKED, ",".join(str(starts[row]) for row in sorted(rows)[:MOST_CHOSEN] if row < len(starts)))

    if chosen_rows(key) != picked:
        choose_rows(key, picked)
    st.dataframe(
        table,
        hide_index=True,
        height=min(320, 38 + 35 * max(1, len(frames))),
        on_select=choose,
        selection_mode="multi-row",
        key=key,
        lazy=False,
        alt="Event frames; the first column chooses them",
        column_config={
            "No.": st.column_config.NumberColumn(width=48),
            "Start": st.column_config.DatetimeColumn(
                format="YYYY-MM-DD HH:mm:ss", timezone=viewer.zone_name, width=150
            ),
            "Duration": st.column_config.TextColumn(width=96),
            "First left": st.column_config.TextColumn(width=210),
            "Outside": st.column_config.NumberColumn(
                "Outside, %",
                format="%.0f",
                width=84,
                help="The part of the frame outside the envelope, of the tag that is outside for longest",
            ),
        },
    )


def _envelope_words(
    m: Monitor,
    compared: Compared,
    golden: Golden | None,
    fresh: Golden | None,
    picked: list[int],
    frames: Sequence[Frame],
    viewer: Viewer,
) -> None:
    """What the envelope is, or what is missing for one."""
    whole = sum(frames[row].whole for row in picked)
    if fresh is not None:
        st.caption(f"Golden envelope: {spread_words(fresh.spread, len(fresh.frames))}. Save it to keep it.")
        if len(fresh.frames) < 8 and fresh.spread.kind == MEDIAN:
            st.caption("With so few frames, percentiles lie near the lowest and highest value; choose more.")
        if left := len(picked) - whole:
            st.caption(f"{counted(left, 'chosen frame')} without a known start or end left out.")
    elif golden is not None:
        said = spread_words(golden.spread, len(golden.frames))
        when = times(golden.frames[0][0], golden.frames[-1][1], viewer.zone)
        st.caption(f"Golden envelope, as saved: {said}, {when}. Choose {FEWEST} or more for another.")
        if away := [name for name in golden.envelopes if name not in compared.names]:
            st.caption(literal(f"Not in view: {', '.join(map(m.tags.title, away))}."))
    elif picked:
        short = "" if whole == len(picked) else f", {whole} of them complete"
        st.caption(f"{len(picked)} chosen{short}: an envelope needs at least {FEWEST} complete frames.")
    else:
        st.caption(f"Choose {FEWEST} or more frames that went well in the list to make a golden envelope.")


def _overlay(
    m: Monitor,
    viewer: Viewer,
    compared: Compared,
    frames: Sequence[Frame],
    drawn: Sequence[int],
    running: Running | None,
    golden: Golden | None,
    seconds: float,
    *,
    by_share: bool,
) -> None:
    """The chart of the drawn frames over one another, the live one in front."""
    if not compared.names or not (drawn or running) or not seconds > 0:
        return

    def line(frame: Frame, label: str, samples: Mapping[str, Samples]) -> FrameLine:
        courses = {
            name: course_of(samples[name], frame, seconds=seconds, by_share=by_share)
            for name in compared.names
        }
        return FrameLine(label, day_and_time(frame.start, viewer.zone), courses)

    lines = [line(frames[row], str(row + 1), compared.samples) for row in drawn]
    if running is not None:
        lines.append(line(running.frame, LIVE, running.samples))
    tags = [m.tags[name] for name in compared.names]
    bands = {
        name: band for name, band in (golden.envelopes if golden else {}).items() if name in compared.names
    }
    figure = overlay_chart(lines, tags, bands, viewer.palette, seconds, by_share=by_share)
    labels = ", ".join(each.label for each in lines)
    chart(figure, "frames-overlay", f"Frames {labels} over one another, aligned at their start")
    said = "Chosen frames" if len(drawn) and held(PICKED) else f"The newest {len(drawn)} complete frames"
    steps = [each.step for each in compared.samples.values() if each.step]
    source = f", from means over {duration(max(steps) / 1e6)}" if steps else ""
    share = (
        f" The open frame is taken to last {duration(seconds)}." if by_share and running is not None else ""
    )
    st.caption(f"{said}, numbered as in the list{source}; ◆ outside the envelope.{share}")


def _export(m: Monitor, viewer: Viewer, chosen: Chosen, table: object) -> None:
    """The frames as a file."""
    form = form_input("frames-as")
    content = pa.Table.from_pandas(table, preserve_index=False)
    about = f"event frames of {', '.join(chosen.names)}, {times(*chosen.span, UTC)} UTC"
    rows = of_table("frame", content, f"frames_{file_stem(chosen.names, chosen.span[0])}", about)
    table_download(m, viewer, rows, form, "frames")
