"""Messages of one partition of a bus, and a database that refuses rows, as an administrator's trigger may."""

from __future__ import annotations

import json

import psycopg

from sensormon.bus.layout import partition_of
from sensormon.bus.partition import Stream
from sensormon.bus.payload import Message
from sensormon.model.clock import SECOND
from tests.support.plant import START

STREAM = Stream(8, "2026-09-21T14:00:00Z", 1)
TEMP = partition_of("temp", 8)
"""The partition of the tag `temp`."""
_REFUSING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'not here' USING ERRCODE = 'data_exception'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse();
"""


def messages(first: int, count: int) -> list[Message]:
    """Readings of `temp` with these numbers in the stream."""
    return [
        Message(
            number,
            f"sensormon.partitions.{TEMP}.temp",
            json.dumps({"value": 37 + number % 7 / 100}).encode(),
            START - 1000 * SECOND + number * SECOND,
        )
        for number in range(first, first + count)
    ]


def refuse(url: str, condition: str, table: str = "readings") -> None:
    """Let this database refuse rows of which this is true, for good."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_REFUSING.format(table=table, condition=condition).encode())


def refuse_no_more(url: str) -> None:
    """Let it take them again."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP FUNCTION refuse CASCADE")
