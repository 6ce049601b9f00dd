"""What the journal carries: numbered entries, and their bytes.

An entry is a processed batch or a change of the detector settings. This module turns
its content to bytes and back; `journal.py` numbers, checksums and syncs those bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sensormon.readings import Processed


@dataclass(frozen=True)
class DetectorSettings:
    """What the collector scores with, from `applied` on. `id` grows by one each time.

    `base` is what the environment asked for when this was applied, so that a restart
    can tell a deliberate later choice from a changed environment.
    """

    id: int
    applied: int  # µs UTC
    who: str
    detector: str
    params: Mapping[str, float]
    base: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class BatchEntry:
    """A processed batch. Accepted row i has the reading id `first_id + i`.

    `received_total` is how many readings of this batch's source had come in up to and
    including this batch, ever: the left-hand side of the ledger.
    """

    first_id: int
    received_total: int
    processed: Processed


@dataclass(frozen=True)
class SettingsEntry:
    """The detector settings were changed."""

    settings: DetectorSettings


Entry = BatchEntry | SettingsEntry


@dataclass(frozen=True, eq=False)
class Record:
    """An entry with its number in the journal, counted from 1 without a gap."""

    number: int
    entry: Entry
