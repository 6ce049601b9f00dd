"""What the contract of connected sources asks of each protocol: a real server that a test can move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

NAME = "line"
"""The name of the source in the text of every rig."""


@dataclass(frozen=True)
class Sent:
    """A value that a device has from this own time on (µs UTC); `good` False: its sensor has failed."""

    tag: str
    time: int
    value: float
    good: bool = True


class Rig(Protocol):
    """A real server of one protocol with some tags of numbers, in processes or threads that `close` ends.

    Rig classes take (folder, tags): where they may write, and how many tags there are; the tags are called
    `tag_0`, `tag_1` and so on.
    """

    tags: tuple[str, ...]
    text: str
    """sources.toml, with one source of the name `NAME` that reads all the tags."""
    has_times: bool
    """Whether values carry their own time; else they have the time of the poll or of their arrival."""
    has_qualities: bool
    """Whether values carry their quality; else what a failed sensor says is not sent."""
    keeps: bool
    """Whether the server keeps what is sent while the source is away, and hands it over afterwards."""
    environment: dict[str, str]
    """Variables with its secrets."""

    def send(self, values: Sequence[Sent]) -> None:
        """Let the devices have these values, in order; returns once the server has them."""

    def go_away(self) -> None:
        """Cut all connections and refuse new ones, without forgetting anything."""

    def come_back(self) -> None:
        """Accept connections again, at the same address."""

    def close(self) -> None:
        """End everything."""
