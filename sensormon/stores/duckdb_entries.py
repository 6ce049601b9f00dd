"""Entries other than readings in the DuckDB store. See `sensormon.stores.entries`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import pandas as pd

from sensormon.model.entries import (
    BY_CONTENT,
    POSITION,
    Annotation,
    AuditRecord,
    DetectorSettings,
    Document,
    KeptAnswer,
)
from sensormon.model.readings import StateWord
from sensormon.stores.duckdb_database import Database
from sensormon.stores.duckdb_queries import naive
from sensormon.stores.entries import DEAD_LETTERS, IMPORTED, AuditQuery
from sensormon.stores.entry_cells import read_object_cell, read_settings

_WORDS = "SELECT tag, code, word FROM state_words ORDER BY tag, code"
_ANSWER = "key, fingerprint, status, body, epoch_us(received)"
_ANNOTATIONS = (
    "SELECT id, epoch_us(since), epoch_us(until), tags, text, who, epoch_us(time), removed "
    "FROM annotations ORDER BY time, removed"
)


_DOCUMENTS = (
    "SELECT collection, key, content, who, epoch_us(time), removed FROM documents "
    "WHERE collection = ? AND time >= ? "
    "QUALIFY row_number() OVER (PARTITION BY key ORDER BY time DESC, number DESC) = 1 ORDER BY time, number"
)
_DEAD_LETTERS = (
    "SELECT collection, key, content, who, epoch_us(time), removed FROM documents "
    "WHERE collection = ? AND key > ? ORDER BY key LIMIT ?"
)
_AUDIT = (
    "SELECT epoch_us(time), who, verified, role, address, act, subject, before, after, failure FROM audit "
    "WHERE time >= ? AND time < ? AND (len(?) = 0 OR list_contains(?, who)) "
    "AND (len(?) = 0 OR list_contains(?, act)) ORDER BY time DESC, number DESC LIMIT ?"
)


class DuckDBEntries:
    def __init__(self, database: Database) -> None:
        self._database = database

    def detector_settings(self) -> list[DetectorSettings]:
        columns = "NULL, NULL" if self._database.is_older else "profiles, reason"
        rows = self._database.rows(
            f"SELECT id, epoch_us(applied), who, detector, params, base, {columns} FROM detector_settings"
            " ORDER BY id"
        )
        return [read_settings(row) for row in rows]

    def event_actions(self, first: int, last: int) -> pd.DataFrame:
        actions: pd.DataFrame = self._database.table(
            "SELECT * FROM event_actions WHERE reading BETWEEN ? AND ? ORDER BY time, number, reading",
            [first, last],
        ).to_pandas()
        actions["until"] = actions["until"].dt.tz_localize("UTC")
        return actions

    def annotations(self) -> list[Annotation]:
        rows = self._database.rows(_ANNOTATIONS)
        return [
            Annotation(note, since, until, tuple(tags), *rest) for note, since, until, tags, *rest in rows
        ]

    def documents(self, collection: str, since: int = 0) -> list[Document]:
        if not self._database.has("documents"):
            return []
        return [_document(*row) for row in self._database.rows(_DOCUMENTS, [collection, naive(since)])]

    @contextmanager
    def claiming(self, documents: Sequence[Document], bases: Mapping[str, int]) -> Iterator[bool]:
        del documents, bases  # its one process knows of all versions
        yield True

    def dead_letters(self, after: str, limit: int) -> list[Document]:
        if not self._database.has("documents"):
            return []
        rows = self._database.rows(_DEAD_LETTERS, [DEAD_LETTERS, after, limit])
        return [_document(*row) for row in rows]

    def note_try(self, letter: Document) -> None:
        self._database.check_file()
        with self._database.transaction("note a try of a dead letter") as cursor:
            cursor.execute(
                "UPDATE documents SET content = ? WHERE collection = ? AND key = ?",
                [json.dumps(letter.content), DEAD_LETTERS, letter.key],
            )

    def audit(self, query: AuditQuery) -> list[AuditRecord]:
        if not self._database.has("audit"):
            return []
        people, acts = list(query.people), list(query.acts)
        asked = [naive(query.since), naive(query.until), people, people, acts, acts, query.limit]
        return [AuditRecord(*row) for row in self._database.rows(_AUDIT, asked)]

    def state_words(self) -> list[StateWord]:
        if not self._database.has("state_words"):
            return []
        return [StateWord(*row) for row in self._database.rows(_WORDS)]

    def kept_answers(self, limit: int) -> list[KeptAnswer]:
        return self._newest(
            "NOT starts_with(key, ?) AND NOT starts_with(key, ?)", limit, BY_CONTENT, POSITION
        )

    def answers_by_content(self, limit: int) -> list[KeptAnswer]:
        return self._newest("starts_with(key, ?)", limit, BY_CONTENT)

    def _newest(self, which: str, limit: int, *prefixes: str) -> list[KeptAnswer]:
        query = f"SELECT {_ANSWER} FROM kept_answers WHERE {which} ORDER BY received DESC LIMIT ?"
        return [KeptAnswer(*row) for row in reversed(self._database.rows(query, [*prefixes, limit]))]

    def answers_to(self, prefix: str) -> list[KeptAnswer]:
        query = f"SELECT {_ANSWER} FROM kept_answers WHERE starts_with(key, ?) ORDER BY rowid"
        return [KeptAnswer(*row) for row in self._database.rows(query, [prefix])]

    def known_keys(self, prefix: str) -> frozenset[str]:
        query = "SELECT key FROM kept_answers WHERE starts_with(key, ?)"
        return frozenset(key for (key,) in self._database.rows(query, [prefix]))

    def drop_answers(self, before: int) -> None:
        self._database.check_file()
        with self._database.transaction("drop old answers") as cursor:
            cursor.execute(
                "DELETE FROM kept_answers WHERE received < ? AND NOT starts_with(key, ?)"
                " AND NOT starts_with(key, ?)",
                [naive(before), IMPORTED, POSITION],
            )

    def drop_answers_by_content(self, before: int, most: int) -> None:
        self._database.check_file()
        with self._database.transaction("drop answers") as cursor:
            cursor.execute(
                "DELETE FROM kept_answers WHERE starts_with(key, $content) AND (received < $before "
                "OR received < (SELECT received FROM kept_answers WHERE starts_with(key, $content) "
                "ORDER BY received DESC LIMIT 1 OFFSET $most))",
                {"content": BY_CONTENT, "before": naive(before), "most": most},
            )


def _document(collection: str, key: str, content: str, who: str, time: int, removed: bool) -> Document:
    place = f"the document {key!r} of {collection}"
    return Document(collection, key, read_object_cell(content, place), who, time, removed)
