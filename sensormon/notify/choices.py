"""What the reader of a message can do with its events, each under the name that a form sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sensormon.access.roles import Act
from sensormon.events.actions import LABEL_WORDS


@dataclass(frozen=True)
class Choice:
    """An action on events; `seconds` is for how long it shelves. `words` are those of its button, `done` say
    what was done.
    """

    action: str
    act: Act
    words: str
    done: str
    label: str = ""
    seconds: int = 0


ACKNOWLEDGE = "acknowledge"
SHELVES = ("shelve-1h", "shelve-8h", "shelve-24h")
LABELS = tuple(f"label-{label}" for label in LABEL_WORDS)

CHOICES: Mapping[str, Choice] = MappingProxyType(
    {
        ACKNOWLEDGE: Choice("acknowledge", Act.ACKNOWLEDGE, "Acknowledge", "acknowledged"),
        **{
            f"shelve-{hours}h": Choice(
                "shelve", Act.SHELVE, f"{hours} h", f"shelved for {hours} h", seconds=hours * 3_600
            )
            for hours in (1, 8, 24)
        },
        **{
            f"label-{label}": Choice("label", Act.LABEL, words, f"labelled “{words}”", label=label)
            for label, words in LABEL_WORDS.items()
        },
    }
)
"""By name, in the order in which they are offered."""
