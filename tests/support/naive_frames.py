"""A slow, obvious search for event frames: moment by moment, with what is known at each."""

from __future__ import annotations

from sensormon.analysis.event_frames import Course, Outcome
from sensormon.analysis.frame_rules import CHANGES, FrameRule, Trigger

Found = tuple[int, int, Outcome, int, bool]
"""Start, end, outcome, missing, whether the start was seen."""


def _value(course: Course, rows: list[tuple[int, float]], moment: int) -> float | None:
    """What the tag was at this moment; None if that is not known."""
    if any(left <= moment < right for left, right in course.gaps):
        return None
    before = [value for time, value in rows if time <= moment]
    return before[-1] if before else None


def _true(trigger: Trigger, value: float, before: bool) -> bool:
    """Whether the condition is true now, if it was `before` or not."""
    level, back = trigger.value, trigger.hysteresis if before else 0.0
    match trigger.comparison:
        case ">":
            return value > level - back
        case ">=":
            return value >= level - back
        case "<":
            return value < level + back
        case "<=":
            return value <= level + back
        case "=":
            return abs(value - level) <= back
    return value != level if before else abs(value - level) > trigger.hysteresis


def _windows(trigger: Trigger, course: Course) -> list[tuple[int, int, Outcome, bool]]:
    """Begin, end, outcome, whether the begin was seen, of each time that the condition holds."""
    windows: list[tuple[int, int, Outcome, bool]] = []
    begin: tuple[int, bool] | None = None
    truth, last = False, None
    rows = list(zip(course.time.tolist(), course.value.tolist(), strict=True))
    for moment in range(course.until + 1):
        value = _value(course, rows, moment) if moment < course.until else None
        if trigger.comparison == CHANGES:
            if value is not None and last is not None and value != last:
                windows.append((moment, moment, Outcome.CLOSED, True))
            last = value
            continue
        was, truth = truth, value is not None and _true(trigger, value, truth)
        if truth and not was:
            begin = (moment, last is not None)
        if was and not truth and begin is not None:
            cut = Outcome.OPEN if moment == course.until else Outcome.GAP
            windows.append((begin[0], moment, Outcome.CLOSED if value is not None else cut, begin[1]))
        last = value
    return [window for window in windows if window[1] - window[0] >= trigger.hold * 1e6]


def naive_frames(rule: FrameRule, courses: dict[str, Course], until: int) -> list[Found]:
    """The frames of the rule, without those that are too short or too long."""
    starts = _windows(rule.start, courses[rule.start.tag])
    end = rule.end
    if end is None and rule.start.comparison == CHANGES and not rule.lasting:
        end = rule.start
    ends = _windows(end, courses[end.tag]) if end is not None else []
    lasting = round(rule.lasting * 1e6)
    frames: list[Found] = []
    free = 0
    for begin, held_until, how, seen in starts:
        if begin < free:
            continue
        over, outcome = held_until, how
        if end is not None:
            later = [window for window in ends if window[0] > begin]
            over, outcome = until, Outcome.OPEN
            if later:
                over, outcome = later[0][0], Outcome.CLOSED if later[0][3] else Outcome.GAP
        elif lasting:
            over, outcome = min(until, begin + lasting), Outcome.CLOSED
            outcome = Outcome.OPEN if begin + lasting > until else outcome
        if rule.longest and over - begin > rule.longest * 1e6:
            continue
        free = over
        known = seen and outcome is Outcome.CLOSED
        if over == begin or (known and over - begin < rule.shortest * 1e6):
            continue
        gaps = [gap for name in rule.tags for gap in courses[name].gaps]
        inside = range(begin, over) if end is not None or lasting else range(0)
        missing = sum(any(left <= moment < right for left, right in gaps) for moment in inside)
        frames.append((begin, over, outcome, missing, seen))
    return frames
