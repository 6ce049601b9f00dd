"""What a store keeps beside readings: detector settings, actions on events, notes, answers to requests.

What it guarantees: each entry is there once, as it was recorded, from the moment its load
returns; nothing is ever changed, and only answers are dropped. Every call raises `StoreError`
if it cannot be answered.
"""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from sensormon.model.entries import Annotation, DetectorSettings, KeptAnswer

IMPORTED = "import:"
"""What the keys of imported pieces of files begin with; they are never forgotten."""


class StoredEntries(Protocol):
    """See the module."""

    def detector_settings(self) -> list[DetectorSettings]:
        """Every change of the detector settings, oldest first."""

    def event_actions(self, first: int, last: int) -> pd.DataFrame:
        """What people did with events, by readings with first <= id <= last, oldest first.

        The columns of the table `event_actions` (schema.sql), times as datetime64[us, UTC].
        """

    def annotations(self) -> list[Annotation]:
        """All notes, and removals of notes, in the order they were recorded."""

    def kept_answers(self, limit: int) -> list[KeptAnswer]:
        """The newest answers to requests with a key, oldest first."""

    def answers_to(self, prefix: str) -> list[KeptAnswer]:
        """The answers kept to keys that begin with this, oldest first."""

    def known_keys(self, prefix: str) -> frozenset[str]:
        """The keys kept that begin with this."""

    def drop_answers(self, before: int) -> None:
        """Forget the answers to requests that came in before this time; keys of `IMPORTED` stay."""
