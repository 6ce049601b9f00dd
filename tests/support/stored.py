"""A data folder with millions of stored readings, made inside the database, for tests of size."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import duckdb

TAGS = ("fermenter_temp", "fermenter_ph", "agitator_rpm")


def fill_folder(folder: Path, count: int, every: int = 1) -> Path:
    """Make the folder with that many readings, one of each tag `every` seconds; returns the folder."""
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "sensormon.duckdb")) as connection:
        connection.execute(files("sensormon.stores").joinpath("schema.sql").read_text())
        connection.execute(
            "INSERT INTO readings (id, tag, time, received, value, quality, n, score, expected, lower, upper,"
            " is_anomaly, settings, source, origin) SELECT i, ?[1 + (i % 3)::INT],"
            " TIMESTAMP '2026-01-01' + to_seconds(?::BIGINT * (i // 3)), TIMESTAMP '2026-11-01',"
            " 7 + (hash(i) % 1000) / 1000.0, 0, i // 3, (hash(i + 1) % 3000) / 1000.0, 7.5, 6.0, 9.0,"
            " i % 1000 = 0, 0, 'api', 'live' FROM range(1, ?) AS t(i)",
            [list(TAGS), every, count + 1],
        )
        connection.execute(
            "INSERT INTO latest SELECT tag, max(id), arg_max(time, id), max(n) + 1 FROM readings GROUP BY tag"
        )
        connection.execute("INSERT INTO stored_totals VALUES ('api', ?)", [count])
        connection.execute("INSERT INTO received_totals VALUES ('filled', 'api', ?)", [count])
        connection.execute("INSERT INTO watermarks VALUES ('filled', 1, ?)", [count + 1])
    return folder
