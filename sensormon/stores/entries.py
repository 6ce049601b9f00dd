"""What a store keeps besides readings: detector settings, actions on events, notes, answers to requests.

What it guarantees: from the moment its load returns each entry is stored once, as recorded;
entries never change, and only answers are dropped. Every call raises `StoreError`
if it cannot be answered.
"""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from sensormon.model.entries import Annotation, DetectorSettings, KeptAnswer

IMPORTED = "import:"
"""The prefix of the keys of imported pieces of files, which are never dropped."""


class StoredEntries(Protocol):
    """See the module."""

    def detector_settings(self) -> list[DetectorSettings]:
        """Every change of the detector settings, oldest first."""

    def event_actions(self, first: int, last: int) -> pd.DataFrame:
        """People's actions on events, by readings with first <= id <= last, oldest first.

        The columns of the table `event_actions` (schema.sql), times as datetime64[us, UTC].
        """

    def annotations(self) -> list[Annotation]:
        """All notes, and removals of notes, in the order they were recorded."""

    def kept_answers(self, limit: int) -> list[KeptAnswer]:
        """The newest answers to requests with a key, oldest first."""

    def answers_to(self, prefix: str) -> list[KeptAnswer]:
        """The stored answers whose keys have this prefix, oldest first."""

    def known_keys(self, prefix: str) -> frozenset[str]:
        """The stored keys with this prefix."""

    def drop_answers(self, before: int) -> None:
        """Drop answers to requests received before this time, except keys of `IMPORTED`."""
