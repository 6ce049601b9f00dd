"""What Grafana's PostgreSQL data source shows, by the queries of the dashboard and the role of the docs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from sensormon.model.clock import DAY, SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support import grafana
from tests.support.plant import START, batch_of
from tests.support.postgresql import PostgreSQL
from tests.support.server import ROOT

BOARD = grafana.dashboard("postgresql")
TAGS = ("fermenter_ph", "fermenter_temp")
ROLE = re.search(r"```sql\n(.*?)```", (ROOT / "docs" / "grafana.md").read_text(encoding="utf-8"), re.DOTALL)


def moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, UTC)


@dataclass(frozen=True)
class Reader:
    """The role of the docs on a database with readings."""

    connection: psycopg.Connection[Any]
    monitor: Monitor

    def rows(self, title: str, seconds: int = 60, until: int = START + 600 * SECOND) -> list[dict[str, Any]]:
        """What the panel of this title gets, from a little before the readings on."""
        (target,) = [target for panel, target in grafana.targets(BOARD) if panel == title]
        since = moment(START - 10 * SECOND)
        query = grafana.sql(target["rawSql"], since, moment(until), seconds, (*TAGS, "valve", "it's"))
        with self.connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
            return cursor.execute(query.encode()).fetchall()


@pytest.fixture
def reader(
    settings: Settings, postgresql: PostgreSQL, clock: ManualClock, tmp_path: Path
) -> Iterator[Reader]:
    tags = tmp_path / "states.toml"
    tags.write_text(
        "[tags.fermenter_ph]\nvalid = [5.0, 9.0]\n[tags.fermenter_temp]\nvalid = [30.0, 50.0]\n"
        '[tags.valve]\nstates = ["closed", "open"]\n'
    )
    url = postgresql.new_database()
    monitor = Monitor(replace(settings, store=url, tags=tags), clock)
    readings = [("fermenter_ph", 7.0 + i % 5 / 100) for i in range(300)]
    readings[250] = ("fermenter_ph", 8.9)
    monitor.submit(batch_of(*readings))
    monitor.submit(batch_of(*(("fermenter_temp", 37.0 + i % 5 / 10) for i in range(300))))
    monitor.submit(batch_of(("valve", 1.0), ("valve", 0.0)))
    monitor.drain()
    assert ROLE is not None
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS grafana")
        owner.execute(ROLE.group(1).replace("DATABASE sensormon", f"DATABASE {database}").encode())
    with psycopg.connect(url, user="grafana", autocommit=True) as connection:
        yield Reader(connection, monitor)
    monitor.stop()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("DROP OWNED BY grafana")
        owner.execute("DROP ROLE grafana")


def test_every_query_of_the_dashboard_runs(reader: Reader) -> None:
    for title, _ in grafana.targets(BOARD):
        assert reader.rows(title), title
    (variable,) = [each for each in BOARD["templating"]["list"] if each["name"] == "tag"]
    names = reader.connection.execute(variable["query"].encode()).fetchall()
    assert names == [("fermenter_ph",), ("fermenter_temp",), ("valve",)]


def test_values_of_charts_are_those_of_the_readings(reader: Reader) -> None:
    rows = reader.rows("Mean of the readings", 100)
    assert list(rows[0]) == ["time", "metric", "value"]
    first = [row for row in rows if row["metric"] == "fermenter_temp"]
    assert [float(row["time"]) % 100 for row in rows] == [0] * len(rows)
    assert all(37.0 <= row["value"] <= 37.4 for row in first)
    ends = reader.rows("Lowest and highest", 100)
    assert max(row["highest"] for row in ends if row["metric"] == "fermenter_ph") == 8.9
    assert min(row["lowest"] for row in ends if row["metric"] == "fermenter_ph") == 7.0


def test_flagged_readings_states_and_ages(reader: Reader) -> None:
    (row,) = [row for row in reader.rows("Flagged readings") if row["value"] == 8.9]
    assert (row["tag"], row["time"]) == ("fermenter_ph", moment(START + 250 * SECOND))
    assert row["score"] > row["threshold"]
    assert row["detector"]
    states = [(row["tag"], row["state"]) for row in reader.rows("States")]
    assert states == [("valve", "closed"), ("valve", "open")]
    ages = {row["tag"]: row["seconds"] for row in reader.rows("Since the newest reading")}
    assert set(ages) == {*TAGS, "valve"}


def test_a_rolled_up_day_is_drawn_with_every_reading_once(reader: Reader) -> None:
    retention = reader.monitor.parts.store.retention
    query = b"SELECT sum(count), sum(mean * count), min(low), max(high) FROM sensormon_history"
    ((count, total, low, high),) = reader.connection.execute(query).fetchall()
    days = retention.due(START + 2 * DAY, 1)
    assert days
    for day in days:
        retention.roll_up(day)
    ((again, summed, lowest, highest),) = reader.connection.execute(query).fetchall()
    assert (again, lowest, highest) == (count, low, high) == (600, 7.0, 37.4)
    assert summed == pytest.approx(total)
    ((left,),) = reader.connection.execute("SELECT count(*) FROM sensormon_readings").fetchall()
    assert left < 600


def test_the_role_reads_the_views_and_nothing_else(reader: Reader) -> None:
    for table in ("readings", "documents", "audit", "kept_answers", "rollups"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.connection.execute(f"TABLE {table}".encode())
    for statement in (
        "DELETE FROM sensormon_latest",
        "CREATE TABLE mine (a int)",
        "UPDATE readings SET value = 0",
    ):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
            reader.connection.execute(statement.encode())
    assert reader.connection.execute("SHOW statement_timeout").fetchone() == ("30s",)
