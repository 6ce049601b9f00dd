"""The running frame against the envelope: it moves on by itself while the tab is visible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from sensormon.analysis.envelope import Leaving, leaving
from sensormon.analysis.event_frames import Frame, Frames, find_frames, median_seconds
from sensormon.analysis.frame_figures import Samples, course_of
from sensormon.analysis.frame_rules import FrameRule
from sensormon.events.frame_definitions import Golden
from sensormon.model.clock import SECOND
from sensormon.model.errors import StoreError, UsageError
from sensormon.monitor.monitor import Monitor
from sensormon.ui.component import ticking
from sensormon.ui.drawing import not_readable
from sensormon.ui.explore_view import Chosen
from sensormon.ui.parts import fragment
from sensormon.ui.viewer import Viewer
from sensormon.view.frames_words import ended_batch_words, live_words
from sensormon.view.phrases import literal

EVERY = 5.0
"""Seconds after which the running frame is read again."""


@dataclass(frozen=True, eq=False)
class Running:
    """The running frame, and its readings by tag."""

    frame: Frame
    samples: Mapping[str, Samples]


@dataclass(frozen=True, eq=False)
class Followed:
    """What the running frame is found and judged by.

    `frames` are those found in view, `names` the tags that are compared. `seconds` is the length of the
    steps of a frame's course. `draw` draws the frames over one another, the running one in front, if any.
    """

    rule: FrameRule
    frames: Frames
    names: tuple[str, ...]
    golden: Golden | None
    seconds: float
    by_share: bool
    draw: Callable[[Running | None], None]


def ends_now(chosen: Chosen) -> bool:
    """Whether the span in view ends now, so that its last frame may be running."""
    return chosen.span[1] >= chosen.now


def follow(m: Monitor, viewer: Viewer, chosen: Chosen, followed: Followed) -> None:
    """Draw the running frame now, and again every `EVERY` seconds."""
    fragment(_again)(m, viewer, chosen, followed)


def _again(m: Monitor, viewer: Viewer, chosen: Chosen, followed: Followed) -> None:
    now = m.clock.now()
    pinned = chosen.span[1] > chosen.now + SECOND  # to a time that had not come yet
    until = min(now, chosen.span[1]) if pinned else now
    running = None
    try:
        frames = _found(m, chosen, followed, until)
        if frames.live is not None:
            running = _read(m, followed, frames.live)
    except StoreError as error:
        not_readable(error)
        frames = followed.frames
    except UsageError:  # too many frames for a moment of quick changes: the search above says it next time
        frames = followed.frames
    with st.container(key="frames-live"):
        _said(m, viewer, followed, frames, running, now)
    followed.draw(running)
    ticking("frames-tick", EVERY)


def _found(m: Monitor, chosen: Chosen, followed: Followed, until: int) -> Frames:
    """The frames from the one before the last on: that one was seen to begin, so the next ones are, too."""
    known, rule = followed.frames.frames, followed.rule
    since = known[-2].start if len(known) > 1 else chosen.span[0]
    words = m.state_words(rule.tags)
    states = {name: words.get(name, {}) for name in rule.tags if m.tags[name].has_states}
    read = m.frame_reader.conditions(rule.triggers, states, since, until)
    return find_frames(rule, read.courses, until)


def _read(m: Monitor, followed: Followed, live: Frame) -> Running:
    span = live.start, live.end
    return Running(live, {name: m.frame_reader.samples(name, *span, [span]) for name in followed.names})


def _said(
    m: Monitor, viewer: Viewer, followed: Followed, frames: Frames, running: Running | None, now: int
) -> None:
    """How far along it is and how it goes; without a running one, how long ago the last one ended."""
    usual = median_seconds(followed.frames.frames)
    if running is None:
        st.markdown(literal(ended_batch_words(frames.frames, viewer.zone, now)))
        return
    goes = _goes(m, followed, running)
    said, left = live_words(
        running.frame,
        goes,
        m.tags,
        followed.seconds,
        viewer.zone,
        by_share=followed.by_share,
        now=now,
        usual=usual,
    )
    if left:
        st.warning(literal(said), icon=":material/warning:")
    else:
        st.markdown(f"**{literal(said)}**")


def _goes(m: Monitor, followed: Followed, running: Running) -> Mapping[str, Leaving]:
    golden = followed.golden
    if golden is None:
        return {}
    return {
        name: leaving(
            course_of(samples, running.frame, seconds=golden.seconds, by_share=golden.by_share),
            golden.envelopes[name],
            m.tags[name].resolution,
        )
        for name, samples in running.samples.items()
        if name in golden.envelopes
    }
