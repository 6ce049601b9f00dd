"""A back-fill, stopped by SIGKILL and resumed, is the table it came from: no reading less, none twice."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.backfill import (
    INFLUXQL,
    SQL,
    TAGS,
    Run,
    fill_influxdb,
    fill_postgresql,
    killed_run,
    read_to_the_end,
    run_of,
    stored_digest,
)
from tests.support.influxdb import InfluxDB, program
from tests.support.postgresql import PostgreSQL

LONG = 5_000
"""Minutes: 100,000 readings."""
FULL = round(5 * 365.25 * 1440)
"""Minutes of five years."""


def check(run: Run, minutes: int, expected: object, kills: int) -> None:
    for _ in range(kills):
        killed_run(run, 1 << 20)
    rate, memory, repeated = read_to_the_end(run, TAGS * minutes, patience=60 + minutes / 100)
    assert stored_digest(run) == expected
    assert repeated == 0
    sys.stdout.write(f"{TAGS * minutes:,} readings, {rate:,.0f}/s, {memory} MB at most\n")


@pytest.mark.parametrize(
    "minutes", [pytest.param(LONG, marks=pytest.mark.long), pytest.param(FULL, marks=pytest.mark.full)]
)
def test_a_table_of_postgresql_is_read_whole_over_kills(tmp_path: Path, minutes: int) -> None:
    server = PostgreSQL()
    try:
        url = server.new_database()
        expected = fill_postgresql(url, minutes)
        check(
            run_of(tmp_path, f'kind = "sql"\nurl = "{url}"\nbatch = 5000\n{SQL}'), minutes, expected, kills=2
        )
    finally:
        server.stop()


@pytest.mark.parametrize(
    "minutes", [pytest.param(LONG, marks=pytest.mark.long), pytest.param(FULL, marks=pytest.mark.full)]
)
@pytest.mark.skipif(program() is None, reason="no influxd; apt-get install influxdb")
def test_a_measurement_of_influxdb_is_read_whole_over_kills(tmp_path: Path, minutes: int) -> None:
    server = InfluxDB()
    try:
        expected = fill_influxdb(server, "plant", minutes)
        text = f'kind = "influxdb"\nurl = "{server.url}"\ndatabase = "plant"\n{INFLUXQL}'
        check(run_of(tmp_path, text), minutes, expected, kills=2)
    finally:
        server.stop()
