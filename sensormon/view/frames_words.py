"""Event frames in words: what a rule will find, what it found, why it found nothing, how the live one goes.

Pure functions: plain data in, text out; whoever shows a text escapes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import tzinfo

import numpy as np

from sensormon.analysis.envelope import MEAN, STEPS, Leaving, Spread
from sensormon.analysis.event_frames import Frame, Frames, Outcome, median_seconds, met
from sensormon.analysis.frame_rules import CHANGES, FrameRule, Trigger
from sensormon.model.clock import SECOND
from sensormon.model.format import clock_time, counted, day_and_time, duration, listed, moment_words
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.frame_reader import Conditions
from sensormon.view.profiles import seconds_words

_BECOMES = {
    ">": "rises above {}",
    ">=": "reaches {}",
    "<": "falls below {}",
    "<=": "falls to {}",
    "=": "becomes {}",
    "!=": "is no longer {}",
}
_BACK = {
    ">": "is at {} or below",
    ">=": "is below {}",
    "<": "is at {} or above",
    "<=": "is above {}",
}
_NEVER = {">": "rose above", ">=": "reached", "<": "fell below", "<=": "fell to", "=": "was", "!=": "left"}
_STATES_NAMED = 5


def level(tag: Tag, value: float) -> str:
    """A level of a rule as it was typed, with the unit.

    >>> level(Tag("t", "T", "°C"), 80.5)
    '80.5 °C'
    """
    return f"{value:,.10g} {tag.unit}".rstrip()


def trigger_words(trigger: Trigger, tags: TagTable) -> str:
    """When a condition becomes true: "Temperature rises above 80 °C for at least 60 s"."""
    tag = tags[trigger.tag]
    title = tags.title(trigger.tag)
    if trigger.comparison == CHANGES:
        return f"{title} changes"
    said = _BECOMES[trigger.comparison].format(trigger.word or level(tag, trigger.value))
    least = f" for at least {seconds_words(trigger.hold)}" if trigger.hold else ""
    return f"{title} {said}{least}"


def rule_words(rule: FrameRule, tags: TagTable) -> str:
    """What a rule will find, in sentences."""
    said = f"A frame starts when {trigger_words(rule.start, tags)}"
    if rule.lasting:
        said += f", and ends {seconds_words(rule.lasting)} later."
    elif rule.end is not None:
        said += f", and ends when {trigger_words(rule.end, tags)}."
    elif rule.start.comparison == CHANGES:
        said += ", and ends when it changes again."
    else:
        said += f", and ends when it {_back(rule.start, tags[rule.start.tag])}."
    if rule.shortest and rule.longest:
        said += f" Only frames of {seconds_words(rule.shortest)} to {seconds_words(rule.longest)} count."
    elif rule.shortest:
        said += f" Frames shorter than {seconds_words(rule.shortest)} are left out."
    elif rule.longest:
        said += f" Frames longer than {seconds_words(rule.longest)} are left out."
    return said


def _back(trigger: Trigger, tag: Tag) -> str:
    if trigger.word:
        return "is another state" if trigger.comparison == "=" else f"is {trigger.word} again"
    if trigger.comparison == "!=":
        return f"is {level(tag, trigger.value)} again"
    if trigger.comparison == "=":
        if trigger.hysteresis:
            return f"is more than {level(tag, trigger.hysteresis)} away from {level(tag, trigger.value)}"
        return f"is no longer {level(tag, trigger.value)}"
    way = -1 if trigger.comparison[0] == ">" else 1
    return _BACK[trigger.comparison].format(level(tag, trigger.value + way * trigger.hysteresis))


def found_words(frames: Frames) -> str:
    """How many frames there are: "Found 14 in view, median 42 min"."""
    middle = median_seconds(frames.frames)
    said = f"Found {len(frames.frames):,} in view"
    if not math.isnan(middle):
        said += f", median {duration(middle)}"
    return said


def beside_words(frames: Frames, read: Conditions, since: int, zone: tzinfo) -> str:
    """What else to know of the search: what was left out, what a gap hides, how exact the edges are."""
    parts = []
    if frames.too_short:
        parts.append(f"{frames.too_short:,} shorter")
    if frames.too_long:
        parts.append(f"{frames.too_long:,} longer")
    said = [f"Left out: {' and '.join(parts)}."] if parts else []
    cut = sum(frame.outcome is Outcome.GAP or frame.missing > 0 for frame in frames.frames)
    if cut:
        said.append(f"{counted(cut, 'frame')} with a gap in the data.")
    before = sum(not frame.start_seen for frame in frames.frames)
    if before:
        said.append(f"{counted(before, 'frame')} whose start was not seen.")
    if read.edge:
        said.append(
            f"Starts and ends are exact to {duration(read.edge / SECOND)}: too many readings lie near them."
        )
    else:
        said.append("Starts and ends are exact to the reading.")
    if read.whole > since:
        until = day_and_time(read.whole, zone)
        said.append(f"Before {until} only one-minute roll-ups are stored; states are not.")
    return " ".join(said)


def none_words(
    rule: FrameRule,
    frames: Frames,
    read: Conditions,
    tags: TagTable,
    states: Mapping[str, Sequence[str]],
) -> str:
    """Why there is no frame; `states` are those that each tag of states was in."""
    trigger = rule.start
    if not len(read.courses[trigger.tag].time):
        return f"{tags.title(trigger.tag)} has no good reading in view."
    if frames.too_short or frames.too_long:
        parts = []
        if frames.too_short:
            parts.append(f"{counted(frames.too_short, 'frame')} shorter than {seconds_words(rule.shortest)}")
        if frames.too_long:
            parts.append(f"{counted(frames.too_long, 'frame')} longer than {seconds_words(rule.longest)}")
        return f"{' and '.join(parts)} left out; no others in view."
    if tags[trigger.tag].has_states:
        return _no_state(trigger, tags, listed(states.get(trigger.tag, ()), _STATES_NAMED))
    return _no_level(trigger, tags, read.extremes[trigger.tag])


def _no_state(trigger: Trigger, tags: TagTable, was: str) -> str:
    title = tags.title(trigger.tag)
    if trigger.hold:
        never = "was never" if trigger.comparison == "=" else "never left"
        return f"{title} {never} {trigger.word} for {seconds_words(trigger.hold)}; it was {was}."
    if trigger.comparison == CHANGES:
        return f"{title} never changed; it was {was}."
    if trigger.comparison == "=":
        return f"{title} was never {trigger.word}; it was {was}."
    return f"{title} was always {trigger.word}."


def _no_level(trigger: Trigger, tags: TagTable, extremes: tuple[float, float]) -> str:
    tag, (low, high) = tags[trigger.tag], extremes
    said = f"{tags.title(trigger.tag)} never {_NEVER[trigger.comparison]} {level(tag, trigger.value)}"
    if trigger.comparison[0] == ">" and not _reached(trigger, high):
        return f"{said}; its highest was {tag.render(high)}."
    if trigger.comparison[0] == "<" and not _reached(trigger, low):
        return f"{said}; its lowest was {tag.render(low)}."
    if trigger.hold:
        return f"{said} for {seconds_words(trigger.hold)}; it did for a shorter time."
    return f"{said}; it was {tag.render(low)} to {tag.render(high)}."


def _reached(trigger: Trigger, extreme: float) -> bool:
    true, _ = met(trigger, np.array([extreme]), {})
    return bool(true[0])


def ended_words(frame: Frame) -> str:
    """How a frame ended, and whether it is whole, in a cell."""
    said = {Outcome.CLOSED: "complete", Outcome.GAP: "data gap", Outcome.OPEN: "open"}[frame.outcome]
    if not frame.start_seen:
        return f"{said}, start not seen"
    return f"{said}, {duration(frame.missing / SECOND)} missing" if frame.missing else said


def spread_words(spread: Spread, frames: int) -> str:
    """How an envelope was made."""
    if spread.kind == MEAN:
        how = f"mean ± {spread.k:g} σ"
    else:
        how = f"median and {spread.low:g} to {spread.high:g} % percentiles"
    return f"{how} of {frames} chosen frames"


def unit_for(seconds: float) -> tuple[str, str, int]:
    """In what moments of a frame of this length are told: its word, its symbol, its seconds."""
    if seconds < 300:
        return "second", "s", 1
    return ("minute", "min", 60) if seconds < 36_000 else ("hour", "h", 3_600)


def place_words(step: int, seconds: float, *, by_share: bool) -> str:
    """A step of an envelope as a moment of a frame: "minute 12", "40 %".

    >>> place_words(60, 1440.0, by_share=False), place_words(60, 40.0, by_share=False)
    ('minute 12', 'second 20')
    """
    if by_share:
        return f"{step / STEPS * 100:.0f} %"
    word, _, length = unit_for(seconds)
    return f"{word} {step / STEPS * seconds / length:.{int(word == 'hour')}f}"


def progress_words(frame: Frame, usual: float) -> str:
    """How far along a running frame is; `usual` is how long (s) one takes, NaN if not known.

    >>> progress_words(Frame(0, 720_000_000), 1800.0), progress_words(Frame(0, 2_040_000_000), 1800.0)
    ('12 min in, 40 % of the usual 30 min', '34 min in, longer than the usual 30 min')
    """
    if not frame.start_seen:
        return f"at least {duration(frame.seconds)} in"
    gone = f"{duration(frame.seconds)} in"
    if not usual > 0:
        return gone
    if frame.seconds > usual:
        return f"{gone}, longer than the usual {duration(usual)}"
    return f"{gone}, {frame.seconds / usual * 100:.0f} % of the usual {duration(usual)}"


def ended_batch_words(frames: Sequence[Frame], zone: tzinfo, now: int) -> str:
    """That no batch is running, and when the last of these ended."""
    if not frames:
        return "No batch is running."
    last = frames[-1]
    ended = f"{moment_words(last.end, now, zone)}, after {duration(last.seconds)}"
    return f"No batch is running. The last one ended {ended}."


def live_words(
    frame: Frame,
    goes: Mapping[str, Leaving],
    tags: TagTable,
    seconds: float,
    zone: tzinfo,
    *,
    by_share: bool,
    now: int,
    usual: float = math.nan,
) -> tuple[str, bool]:
    """How the live frame goes against the envelope, in a sentence, and whether it has left it.

    `seconds` is the length of the envelope's steps together, `usual` that of a frame, NaN if not known.
    """
    began = moment_words(frame.start, now, zone)
    head = f"Batch began {began}" if frame.start_seen else f"Batch began before {began}"
    head += f", {progress_words(frame, usual)}"
    known = {name: went for name, went in goes.items() if not math.isnan(went.share)}
    if not known:
        return f"{head}; no envelope to compare it with.", False

    def at(step: int) -> str:
        clock = clock_time(frame.start + round(step / STEPS * seconds * SECOND), zone)
        return f"{place_words(step, seconds, by_share=by_share)} ({clock})"

    parts = []
    for name, went in known.items():
        title = tags.title(name)
        if went.since is not None:
            parts.append(f"{title} has been {went.now} the envelope since {at(went.since)}")
        elif went.first is not None and went.last in (None, went.first):
            parts.append(f"{title} was {went.side} the envelope at {at(went.first)} and is back inside")
        elif went.first is not None and went.last is not None:
            parts.append(
                f"{title} first left the envelope at {at(went.first)}, last at {at(went.last)}, "
                "and is back inside"
            )
    if not parts:
        return f"{head}; all inside the envelope so far.", False
    return f"{head}; {'; '.join(parts)}.", any(went.since is not None for went in known.values())
