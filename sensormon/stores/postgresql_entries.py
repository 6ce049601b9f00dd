"""Entries other than readings in the PostgreSQL store. See `sensormon.stores.entries`."""

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
from sensormon.stores.entries import DEAD_LETTERS, IMPORTED, AuditQuery
from sensormon.stores.entry_cells import read_object_cell, read_settings
from sensormon.stores.postgresql_database import Database
from sensormon.stores.postgresql_load import keep_documents
from sensormon.stores.postgresql_queries import micros, moment

_ANSWER = f"key, fingerprint, status, body, {micros('received')}"
_SETTINGS = (
    f"SELECT id, {micros('applied')}, who, detector, params, base, profiles, reason FROM detector_settings"
    " ORDER BY id"
)
_ANNOTATIONS = (
    f"SELECT id, {micros('since')}, {micros('until')}, tags, text, who, {micros('time')}, removed"
    " FROM annotations ORDER BY time, removed"
)
_DOCUMENTS = f"""
SELECT collection, key, content, who, {micros("time")}, removed FROM (
    SELECT DISTINCT ON (key) * FROM documents WHERE collection = %s AND time >= %s
    ORDER BY key, time DESC, number DESC
) AS newest ORDER BY time, number
"""
_NEWEST_TIMES = (
    f"SELECT key, {micros('max(time)')} FROM documents WHERE collection = %s AND key = ANY(%s) GROUP BY key"
)
_DEAD_LETTERS = (
    f"SELECT collection, key, content, who, {micros('time')}, removed FROM documents"
    " WHERE collection = %s AND key > %s ORDER BY key LIMIT %s"
)
_AUDIT = (
    f"SELECT {micros('time')}, who, verified, role, address, act, subject, before, after, failure FROM audit"
    " WHERE time >= %s AND time < %s AND (cardinality(%s::text[]) = 0 OR who = ANY(%s::text[]))"
    " AND (cardinality(%s::text[]) = 0 OR act = ANY(%s::text[])) ORDER BY time DESC, number DESC LIMIT %s"
)


class PostgreSQLEntries:
    def __init__(self, database: Database) -> None:
        self._database = database

    def detector_settings(self) -> list[DetectorSettings]:
        return [read_settings(row) for row in self._database.rows(_SETTINGS)]

    def event_actions(self, first: int, last: int) -> pd.DataFrame:
        actions = self._database.frame(
            "SELECT reading, number, time, who, action, label, until, note FROM event_actions"
            " WHERE reading BETWEEN %s AND %s ORDER BY time, number, reading",
            [first, last],
        )
        actions["until"] = actions["until"].astype("datetime64[us, UTC]")
        return actions

    def annotations(self) -> list[Annotation]:
        rows = self._database.rows(_ANNOTATIONS)
        return [
            Annotation(note, since, until, tuple(tags), *rest) for note, since, until, tags, *rest in rows
        ]

    def documents(self, collection: str, since: int = 0) -> list[Document]:
        return [_document(*row) for row in self._database.rows(_DOCUMENTS, [collection, moment(since)])]

    @contextmanager
    def claiming(self, documents: Sequence[Document], bases: Mapping[str, int]) -> Iterator[bool]:
        (collection,) = {document.collection for document in documents}
        keys = sorted(document.key for document in documents)  # in one order: two never wait for each other
        with self._database.transaction("save documents") as cursor:
            cursor.executemany(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))",
                [[f"{collection}/{key}"] for key in keys],
            )
            newest = cursor.execute(_NEWEST_TIMES, [collection, keys]).fetchall()
            if any(int(time) > bases.get(key, 0) for key, time in newest):
                yield False
                return
            keep_documents(cursor, documents)
            yield True

    def dead_letters(self, after: str, limit: int) -> list[Document]:
        rows = self._database.rows(_DEAD_LETTERS, [DEAD_LETTERS, after, limit])
        return [_document(*row) for row in rows]

    def note_try(self, letter: Document) -> None:
        with self._database.transaction("note a try of a dead letter") as cursor:
            cursor.execute(
                "UPDATE documents SET content = %s WHERE collection = %s AND key = %s",
                [json.dumps(letter.content), DEAD_LETTERS, letter.key],
            )

    def audit(self, query: AuditQuery) -> list[AuditRecord]:
        people, acts = list(query.people), list(query.acts)
        asked = [moment(query.since), moment(query.until), people, people, acts, acts, query.limit]
        return [AuditRecord(*row) for row in self._database.rows(_AUDIT, asked)]

    def state_words(self) -> list[StateWord]:
        rows = self._database.rows("SELECT tag, code, word FROM state_words ORDER BY tag, code")
        return [StateWord(*row) for row in rows]

    def kept_answers(self, limit: int) -> list[KeptAnswer]:
        return self._newest(
            "NOT starts_with(key, %s) AND NOT starts_with(key, %s)", limit, BY_CONTENT, POSITION
        )

    def answers_by_content(self, limit: int) -> list[KeptAnswer]:
        return self._newest("starts_with(key, %s)", limit, BY_CONTENT)

    def _newest(self, which: str, limit: int, *prefixes: str) -> list[KeptAnswer]:
        query = (
            f"SELECT {_ANSWER} FROM kept_answers WHERE {which}"
            " ORDER BY kept_answers.received DESC, number DESC LIMIT %s"
        )
        return [KeptAnswer(*row) for row in reversed(self._database.rows(query, [*prefixes, limit]))]

    def answers_to(self, prefix: str) -> list[KeptAnswer]:
        query = f"SELECT {_ANSWER} FROM kept_answers WHERE starts_with(key, %s) ORDER BY number"
        return [KeptAnswer(*row) for row in self._database.rows(query, [prefix])]

    def known_keys(self, prefix: str) -> frozenset[str]:
        query = "SELECT key FROM kept_answers WHERE starts_with(key, %s)"
        return frozenset(key for (key,) in self._database.rows(query, [prefix]))

    def drop_answers(self, before: int) -> None:
        with self._database.transaction("drop old answers") as cursor:
            cursor.execute(
                "DELETE FROM kept_answers WHERE received < %s AND NOT starts_with(key, %s)"
                " AND NOT starts_with(key, %s)",
                [moment(before), IMPORTED, POSITION],
            )

    def drop_answers_by_content(self, before: int, most: int) -> None:
        with self._database.transaction("drop answers") as cursor:
            cursor.execute(
                "DELETE FROM kept_answers WHERE starts_with(key, %(content)s) AND (received < %(before)s"
                " OR received < (SELECT received FROM kept_answers WHERE starts_with(key, %(content)s)"
                " ORDER BY received DESC LIMIT 1 OFFSET %(most)s))",
                {"content": BY_CONTENT, "before": moment(before), "most": most},
            )


def _document(collection: str, key: str, content: str, who: str, time: int, removed: bool) -> Document:
    place = f"the document {key!r} of {collection}"
    return Document(collection, key, read_object_cell(content, place), who, time, removed)
