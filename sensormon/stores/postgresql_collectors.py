"""The collectors on a PostgreSQL store. See `sensormon.stores.collectors`."""

from __future__ import annotations

import json
from collections.abc import Container, Sequence
from typing import Any

import pyarrow as pa

from sensormon.model.entries import FROM_CASES
from sensormon.model.errors import UsageError
from sensormon.model.reading_ids import COLLECTORS, PER_SLICE
from sensormon.stores.collectors import (
    LOST,
    CollectorAccount,
    News,
    Report,
    former_name,
    is_former,
)
from sensormon.stores.entries import DEAD_LETTERS
from sensormon.stores.entry_cells import read_object_cell
from sensormon.stores.postgresql_database import Cursor, Database
from sensormon.stores.postgresql_stream import readings

_SEEN = "extract(epoch FROM now() - seen)::float8"
_ENTER = """
INSERT INTO collectors (number, name, writer, host, version, seen, report)
VALUES (%(number)s, %(name)s, %(writer)s, %(host)s, %(version)s, now(), '{}')
ON CONFLICT (number) DO UPDATE
SET name = excluded.name, writer = excluded.writer, host = excluded.host, version = excluded.version,
    seen = excluded.seen, report = excluded.report
"""
_ACCOUNTS = f"""
SELECT number, name, writer, host, version, {_SEEN}, report,
    (SELECT coalesce(sum(received), 0)::bigint FROM received_totals AS t WHERE t.writer = c.writer),
    (SELECT coalesce(sum(stored), 0)::bigint FROM stored_totals AS t WHERE t.writer = c.writer),
    (SELECT coalesce(sum(rejected), 0)::bigint FROM rejected_totals AS t WHERE t.writer = c.writer),
    (SELECT count(*) FROM documents WHERE collection = '{DEAD_LETTERS}' AND who = c.writer)
FROM collectors AS c ORDER BY number
"""
_NEWS = """
SELECT (SELECT coalesce(jsonb_object_agg(writer, next_id), '{}') FROM watermarks),
    (SELECT coalesce(sum(count), 0)::bigint FROM acts),
    (SELECT coalesce(max(id), 0) FROM detector_settings WHERE id < %s)
"""
_OF_COLLECTOR = "id >= %s AND id < %s AND id %% %s / %s = %s ORDER BY id LIMIT %s"


class PostgreSQLCollectors:
    def __init__(self, database: Database) -> None:
        self._database = database

    def enter(self, writer: str, name: str, host: str, version: str) -> int:
        with self._database.transaction("enter the collector") as cursor:
            cursor.execute("LOCK TABLE collectors IN SHARE ROW EXCLUSIVE MODE")
            rows = _entered(cursor)
            number = next((number for number, _, known, _ in rows if known == writer), None)
            others = {called: (known, seen) for _, called, known, seen in rows if known != writer}
            if name in others:
                former, seen = others[name]
                if seen < LOST or number is not None:
                    raise _taken(name, seen)
                # Its number stays its own: it may run, cut off, and still give ids.
                cursor.execute(
                    "UPDATE collectors SET name = %s WHERE writer = %s", [former_name(name, former), former]
                )
            if number is None:
                number = _unused_number(_entered(cursor), self._database.place)
            called = name or _unused(host or "collector", others)
            cursor.execute(
                _ENTER, {"number": number, "name": called, "writer": writer, "host": host, "version": version}
            )
        return int(number)

    def report(self, writer: str, report: Report) -> None:
        text = json.dumps(
            {
                "source": report.source,
                "pending": report.pending,
                "oldest": report.oldest,
                "dead": dict(report.dead),
                "wrong": report.wrong,
            }
        )
        with self._database.transaction("report") as cursor:
            cursor.execute(
                "UPDATE collectors SET seen = now(), report = %s WHERE writer = %s", [text, writer]
            )

    def accounts(self) -> list[CollectorAccount]:
        return [_account(row) for row in self._database.rows(_ACCOUNTS)]

    def news(self) -> News:
        ((positions, acts, settings),) = self._database.rows(_NEWS, [FROM_CASES])
        return News(positions, acts, settings)

    def readings(self, first: int, stop: int, number: int, limit: int) -> pa.Table:
        return readings(
            self._database,
            _OF_COLLECTOR,
            [first, stop, COLLECTORS * PER_SLICE, PER_SLICE, number, limit],
        )


def count_acts(cursor: Cursor, tables: set[str]) -> None:
    """Note in this transaction that rows were written to these tables, which others may show."""
    for table in sorted(tables):
        cursor.execute(
            "INSERT INTO acts AS kept VALUES (%s, 1) ON CONFLICT (kind) DO UPDATE SET count = kept.count + 1",
            [table],
        )


def dead_letters(cursor: Cursor) -> dict[str, dict[str, int]]:
    """By journal, how many dead letters its collector has of each source, as it last reported."""
    rows = cursor.execute("SELECT writer, report FROM collectors").fetchall()
    return {writer: dict(_report(text).dead) for writer, text in rows}


def _account(row: tuple[Any, ...]) -> CollectorAccount:
    number, name, writer, host, version, seen, report, *counts = row
    return CollectorAccount(number, name, writer, host, version, seen, _report(report), *counts)


def _report(text: str) -> Report:
    cells = read_object_cell(text, "a collector's report")
    return Report(
        source=str(cells.get("source", "")),
        pending=int(cells.get("pending", 0)),
        oldest=cells.get("oldest"),
        dead=cells.get("dead", {}),
        wrong=str(cells.get("wrong", "")),
    )


def _entered(cursor: Cursor) -> list[tuple[int, str, str, float]]:
    """Number, name, journal and seconds of silence of each collector."""
    return cursor.execute(f"SELECT number, name, writer, {_SEEN} FROM collectors").fetchall()


def _unused_number(rows: Sequence[tuple[int, str, str, float]], place: str) -> int:
    """The lowest number that no collector has, or else that of the former one that is silent the longest.

    Raises UsageError.
    """
    free = sorted(set(range(COLLECTORS)) - {number for number, *_ in rows})
    if not free:
        former = [(seen, number) for number, name, writer, seen in rows if is_former(name, writer)]
        free = [number for seen, number in sorted(former, reverse=True) if seen >= LOST]
    if not free:
        raise UsageError(
            f"{COLLECTORS} collectors and dashboards use this database, which is the most",
            where=place,
            hint="Give a new one the name of one that is gone: SENSORMON_COLLECTOR",
        )
    return free[0]


def _unused(host: str, others: Container[str]) -> str:
    """The host's name, with a number behind it if another collector there has that name."""
    name, more = host, 1
    while name in others:
        more += 1
        name = f"{host} {more}"
    return name


def _taken(name: str, seen: float) -> UsageError:
    return UsageError(
        f"a collector named {name!r} uses this database already (it reported {seen:.0f} s ago)",
        where="SENSORMON_COLLECTOR",
        hint=f"Give this one another name, or wait {LOST:.0f} s if the other one was stopped",
    )
