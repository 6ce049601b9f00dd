"""The boards of a monitor, kept as documents: the same in all processes on a store.

What it is not: a gate: callers check the role and have the audit trail record what is done.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sensormon.access.documents import Documents, Version, meaning_of
from sensormon.boards.board import Board
from sensormon.boards.board_text import board_of, content_of
from sensormon.boards.checks import check_board
from sensormon.model.entries import Document
from sensormon.model.errors import UsageError
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor

COLLECTION = "boards"
"""The collection of the documents; the key is the board's name."""
MOST_BOARDS = 200
_LONGEST_NAME = 50


@dataclass(frozen=True)
class KeptBoard:
    """A board as it was saved last: at `time` (µs UTC), by `who`."""

    board: Board
    time: int
    who: str


class Boards:
    """Of one monitor; `tags` returns its current tag table. Thread-safe."""

    def __init__(self, documents: Documents, tags: Callable[[], TagTable]) -> None:
        self._documents = documents
        self._tags = tags
        self._changing = threading.Lock()
        self._known = meaning_of(documents, COLLECTION, _boards)

    def all(self) -> list[KeptBoard]:
        """All boards in order of their titles. Raises StoreError if they were never readable."""
        return sorted(self._known().values(), key=lambda kept: (kept.board.title.casefold(), kept.board.name))

    def find(self, name: str) -> KeptBoard | None:
        """The board of this name. Raises StoreError like `all`."""
        return self._known().get(name)

    def names(self) -> set[str]:
        """The names that are taken. Raises StoreError like `all`."""
        return set(self._known())

    def look_again(self) -> None:
        """Ask the store at the next reading: another process may have saved a board."""
        self._documents.look_again(COLLECTION)

    def save(self, board: Board, who: str, base: int = 0) -> KeptBoard:
        """Keep the board; durable when it returns.

        `base` is the time of the version that it was made from, 0 for a new board. Raises UsageError, one
        line, if it is not possible, also because somebody has saved another version meanwhile, in any process
        on the store; StoreError, also if a shared store cannot be asked for that; JournalError.
        """
        with self._changing:
            self._documents.look_again(COLLECTION)
            known = self._known()
            before = known.get(board.name)
            if before is not None and not base:
                raise UsageError("this name is taken", where=_where(board.name), hint="Choose another")
            if before is None and len(known) >= MOST_BOARDS:
                raise UsageError(
                    f"{MOST_BOARDS} boards are the most", where="boards", hint="Remove some first"
                )
            check_board(board, self._tags().names, before.board if before else None)
            document = self._keep(board, who, base)
        return KeptBoard(board, document.time, document.who)

    def remove(self, name: str, who: str, base: int | None = None) -> None:
        """Remove the board; durable when it returns. Raises like `save`.

        `base` is the time of the version that was seen; None for the newest one known here.
        """
        with self._changing:
            kept = self._known().get(name)
            if kept is None:
                raise UsageError(f"there is no board {name[:80]!r}", where="boards", hint="See the list")
            self._keep(kept.board, who, kept.time if base is None else base, removed=True)

    def _keep(self, board: Board, who: str, base: int, *, removed: bool = False) -> Document:
        """Keep this version unless somebody has saved another one than that of `base`."""
        version = Version(COLLECTION, board.name, content_of(board), removed)
        seen = {board.name: base}
        return self._documents.keep_over([version], seen, who, where=_where(board.name))[0]


def _boards(documents: Mapping[str, Document]) -> dict[str, KeptBoard]:
    """By name."""
    standing = (document for document in documents.values() if not document.removed)
    return {doc.key: KeptBoard(board_of(doc.content), doc.time, doc.who) for doc in standing}


def _where(name: str) -> str:
    return f"board {name[:80]}"


def boards_of(m: Monitor) -> Boards:
    """The boards of this monitor."""
    return m.kept_beside("boards", _make)


def _make(m: Monitor) -> Boards:
    return Boards(Documents(m.parts.collector, m.parts.store.entries, m.clock), lambda: m.tags)


def name_for(title: str, taken: Collection[str]) -> str:
    """A name for links, made from this title, that is not taken.

    >>> name_for("Fermenter: Übersicht", []), name_for("水", ["board"])
    ('fermenter-ubersicht', 'board-2')
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST_NAME].strip("-") or "board"
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    return name
