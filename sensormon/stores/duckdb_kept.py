"""What the DuckDB store keeps beside readings: detector settings, answers to requests."""

from __future__ import annotations

import json

import duckdb
import pandas as pd

from sensormon.model.entries import DetectorSettings, KeptAnswer
from sensormon.stores.duckdb_connection import Rows
from sensormon.stores.duckdb_rows import naive
from sensormon.stores.protocol import IMPORTED

_ANSWER = "key, fingerprint, status, body, epoch_us(received)"


def detector_settings(rows: Rows) -> list[DetectorSettings]:
    """See `Store.detector_settings`."""
    return [
        DetectorSettings(
            id=one,
            applied=int(pd.Timestamp(applied).value) // 1_000,
            who=who,
            detector=detector,
            params=json.loads(params),
            base=json.loads(base),
        )
        for one, applied, who, detector, params, base in rows(
            "SELECT id, applied, who, detector, params, base FROM detector_settings ORDER BY id"
        )
    ]


def kept_answers(rows: Rows, limit: int) -> list[KeptAnswer]:
    """See `Store.kept_answers`."""
    found = rows(f"SELECT {_ANSWER} FROM kept_answers ORDER BY received DESC LIMIT ?", [limit])  # noqa: S608
    return [KeptAnswer(*row) for row in reversed(found)]


def answers_to(rows: Rows, prefix: str) -> list[KeptAnswer]:
    """See `Store.answers_to`."""
    query = f"SELECT {_ANSWER} FROM kept_answers WHERE starts_with(key, ?) ORDER BY rowid"  # noqa: S608
    return [KeptAnswer(*row) for row in rows(query, [prefix])]


def known_keys(rows: Rows, prefix: str) -> frozenset[str]:
    """See `Store.known_keys`."""
    return frozenset(
        key for (key,) in rows("SELECT key FROM kept_answers WHERE starts_with(key, ?)", [prefix])
    )


def drop_answers(cursor: duckdb.DuckDBPyConnection, before: int) -> None:
    """See `Store.drop_answers`; within the transaction at hand."""
    cursor.execute(
        "DELETE FROM kept_answers WHERE received < ? AND NOT starts_with(key, ?)", [naive(before), IMPORTED]
    )
