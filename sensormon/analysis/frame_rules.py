"""Rules for event frames: by which conditions one starts and ends, and how long it may be.

The form of words is that of the conditions of profiles: "temperature > 80", "step = CIP". Rules are plain
data: `as_document` and `read_rule` turn them into what JSON can hold and back. What it is not: the search for
frames; see `event_frames`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sensormon.model.errors import UsageError
from sensormon.model.tags import LONGEST_STATE, UNFIT, TagTable

CHANGES = "changes"
"""The comparison that is true at the moment at which a state changes."""
OF_NUMBERS = (">", ">=", "<", "<=", "=", "!=")
OF_STATES = ("=", "!=", CHANGES)
LONGEST = 366 * 86_400.0
"""The longest length of time in a rule, in seconds."""
LONGEST_TAG = 200
"""Characters."""


@dataclass(frozen=True)
class Trigger:
    """A condition on one tag: it compares with the number `value`, or with the state `word`, or it changes.

    `hysteresis`, in the tag's unit, is by how much the value must be back before the condition is false
    again. A condition that does not hold for `hold` seconds does not count; one that does, counts from its
    beginning.
    """

    tag: str
    comparison: str
    value: float = 0.0
    word: str = ""
    hysteresis: float = 0.0
    hold: float = 0.0

    def as_document(self) -> dict[str, Any]:
        """What JSON can hold; defaults are left out."""
        given = {
            "value": self.value,
            "word": self.word,
            "hysteresis": self.hysteresis,
            "hold": self.hold,
        }
        return {
            "tag": self.tag,
            "comparison": self.comparison,
            **{name: content for name, content in given.items() if content},
        }


@dataclass(frozen=True)
class FrameRule:
    """A frame starts when `start` becomes true. It ends when `end` does, or `lasting` seconds after its
    start, or, without either, when `start` becomes false; if `start` is a change, at the next one.

    Frames shorter than `shortest` or longer than `longest` seconds are left out; 0 for no limit.
    """

    start: Trigger
    end: Trigger | None = None
    lasting: float = 0.0
    shortest: float = 0.0
    longest: float = 0.0

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of its conditions, each once."""
        return tuple(dict.fromkeys(trigger.tag for trigger in self.triggers))

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        """Its conditions."""
        return (self.start,) if self.end is None else (self.start, self.end)

    def as_document(self) -> dict[str, Any]:
        """What JSON can hold; `read_rule` reads it back."""
        lengths = {"lasting": self.lasting, "shortest": self.shortest, "longest": self.longest}
        return {
            "start": self.start.as_document(),
            **({"end": self.end.as_document()} if self.end else {}),
            **{name: seconds for name, seconds in lengths.items() if seconds},
        }


def read_rule(document: object) -> FrameRule:
    """The rule in this document. Raises UsageError if it is none."""
    try:
        row = _mapping(document)
        end = row.get("end")
        return FrameRule(
            _trigger(_mapping(row["start"])),
            None if end is None else _trigger(_mapping(end)),
            *(_number(row.get(name, 0.0)) for name in ("lasting", "shortest", "longest")),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _wrong("this definition cannot be read", "Define the frames again") from error


def checked(rule: FrameRule, tags: TagTable) -> FrameRule:
    """The rule, if it can be used with these tags. Raises UsageError, with what to do, otherwise."""
    for trigger in rule.triggers:
        _check_trigger(trigger, tags)
    if rule.end is not None and rule.lasting:
        raise _wrong("a frame has two ends", "End it by a condition or after a time, not both")
    if not all(0.0 <= seconds <= LONGEST for seconds in (rule.lasting, rule.shortest, rule.longest)):
        raise _wrong("a length of time cannot be used", "Give a time from 0 to 366 days")
    if rule.longest and rule.longest < rule.shortest:
        raise _wrong("the longest length is below the shortest", "Exchange them, or leave one empty")
    if rule.lasting and rule.longest and rule.lasting > rule.longest:
        raise _wrong("frames last longer than the longest length", "Raise the longest, or leave it empty")
    return rule


def _check_trigger(trigger: Trigger, tags: TagTable) -> None:
    name = trigger.tag[:LONGEST_TAG]
    if trigger.tag not in tags:
        raise _wrong(f"there is no tag {name!r}", "Choose one from the list")
    tag = tags[trigger.tag]
    numbers = (trigger.value, trigger.hysteresis, trigger.hold)
    if not all(map(math.isfinite, numbers)) or trigger.hysteresis < 0 or not 0 <= trigger.hold <= LONGEST:
        raise _wrong(f"a number in the condition on {tag.label} cannot be used", "Give finite numbers from 0")
    if tag.has_states:
        if trigger.comparison not in OF_STATES:
            raise _wrong(
                f"{tag.label} has states, which cannot be compared with {trigger.comparison!r}",
                "Use = or != with a state, or a change",
            )
        if trigger.comparison != CHANGES and not trigger.word:
            raise _wrong(f"the condition on {tag.label} names no state", "Choose one of its states")
        if trigger.hysteresis:
            raise _wrong(f"{tag.label} has states, which have no hysteresis", "Leave the hysteresis empty")
    elif trigger.word or trigger.comparison == CHANGES:
        what = f"the state {trigger.word!r}" if trigger.word else "a change of state"
        raise _wrong(
            f"{tag.label} has numbers{f' in {tag.unit}' if tag.unit else ''}, not {what}",
            "Compare it with a number, or choose a tag of states",
        )
    elif trigger.comparison not in OF_NUMBERS:
        raise _wrong(
            f"{trigger.comparison[:20]!r} is not a comparison", f"Use one of: {' '.join(OF_NUMBERS)}"
        )
    if trigger.comparison == CHANGES and trigger.hold:
        raise _wrong("a change is a moment and cannot last", "Leave the time for which it holds empty")
    if len(trigger.word) > LONGEST_STATE or UNFIT.search(trigger.word):
        raise _wrong(f"{trigger.word[:LONGEST_STATE]!r} cannot be a state", "Choose one from the list")


def _trigger(row: Mapping[str, Any]) -> Trigger:
    return Trigger(
        _text(row["tag"]),
        _text(row["comparison"]),
        _number(row.get("value", 0.0)),
        _text(row.get("word", "")),
        _number(row.get("hysteresis", 0.0)),
        _number(row.get("hold", 0.0)),
    )


def _mapping(content: object) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise TypeError("not a mapping")
    return content


def _text(content: object) -> str:
    if not isinstance(content, str) or len(content) > LONGEST_TAG:
        raise TypeError("not a short text")
    return content


def _number(content: object) -> float:
    if isinstance(content, bool) or not isinstance(content, int | float) or not math.isfinite(content):
        raise TypeError("not a finite number")
    return float(content)


def _wrong(what: str, hint: str) -> UsageError:
    return UsageError(what, where="event frames", hint=hint)
