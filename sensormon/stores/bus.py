"""The partitions of a bus on a store that several workers use: how far each is, and what its detectors know.

A partition is a writer like a journal, whose record numbers are the stream's sequence numbers. Readings,
watermark and the detectors' memory move in one transaction, so that any worker can go on from there. Every
call raises `StoreError` if it cannot be answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from sensormon.model.entries import Document, Record


@dataclass(frozen=True)
class Memory:
    """What detectors remember, packed, and the id of the settings under which they learned it.

    `stream` says which stream the sequence numbers count in; a stream that was made again is another one.
    """

    stream: str
    settings: int
    packed: bytes


@dataclass(frozen=True)
class Position:
    """How far a partition is stored: the stream's sequence number, 0 at the beginning, and the next free id.

    `received` counts the readings that came in until then, by source.
    """

    sequence: int = 0
    next_id: int = 1
    received: Mapping[str, int] = field(default_factory=dict)
    memory: Memory | None = None


class Partitions(Protocol):
    """See the module. `writer` names the partition."""

    def position(self, writer: str) -> Position:
        """How far this partition is, all of one moment."""

    def furthest(self) -> int:
        """The highest sequence number that is stored of any partition; 0 if none is."""

    def load(
        self,
        writer: str,
        record: Record,
        seen: int,
        memory: Memory | None,
        letters: Mapping[int, Document] = MappingProxyType({}),
    ) -> None:
        """Store this record and the memory after it, and move the watermark, all or nothing.

        Without a memory the one before stays, which says itself which readings it knows. In place of the
        readings whose ids are in `letters`, which can never be stored, their dead letters are kept.

        Raises Overtaken, and stores nothing, unless the partition still is at the sequence number `seen`;
        RowsRefused if another reading can never be stored.
        """
