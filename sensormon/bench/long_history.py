"""A data folder with as many stored readings as asked, for what is measured against a long history.

The readings are written by DuckDB itself, a reading a second (or `step`) of each tag up to now, in the order
in which a collector would have stored them: a course of a day (or `cycle`) with noise, rounded to the tag's
resolution, about one reading in a hundred flagged, in runs of 1 to 5. Ids, totals and the watermark agree
with them, so that a monitor starts on the folder and `verify` has nothing to say against it.
"""

from __future__ import annotations

import json

import duckdb

from sensormon.journal.journal import Journal
from sensormon.model.clock import DAY, SECOND
from sensormon.model.entries import DetectorSettings, SettingsEntry
from sensormon.model.profiles import default_profiles
from sensormon.model.settings import Settings
from sensormon.stores.opening import open_store

SOURCE = "api"
"""Where the readings claim to come from."""
PIECE = 2_000_000
"""Readings a transaction."""

_READINGS = """
INSERT INTO readings
WITH numbered AS (
    SELECT i AS id, (i - 1) % $tags AS place, (i - 1) // $tags AS turn
    FROM range($first, $last) AS numbers(i)),
seen AS (
    SELECT id, 'tag_' || lpad(place::VARCHAR, 4, '0') AS tag, $start + turn * $step AS moment,
        turn AS n,
        round(20 + place % 50 + 3 * sin(turn * (2 * pi() * $step / $cycle)), 2) AS level,
        hash(id) % 1000 / 1000.0 + hash(id + 1) % 1000 / 1000.0 + hash(id + 2) % 1000 / 1000.0 - 1.5 AS noise,
        hash(turn // 5, place) % 60 = 0 AND turn % 5 <= hash(turn // 5, place, 1) % 5 AS fault
    FROM numbered),
valued AS (SELECT *, round(level + 0.2 * noise + CASE WHEN fault THEN 1 ELSE 0 END, 2) AS reading FROM seen),
scored AS (SELECT *, round((reading - level) / 0.1, 2) AS score FROM valued)
SELECT id, tag, make_timestamp(moment), make_timestamp(moment + 20_000), reading, 0, n,
    score, level, level - 0.3, level + 0.3, fault, 1, $source, 'live', 3.0, 'default', 'zscore', 0,
    [{'detector': 'zscore', 'score': score, 'expected': level, 'lower': level - 0.3, 'upper': level + 0.3},
     {'detector': 'recommended', 'score': CASE WHEN fault THEN 2.5 ELSE 0.5 END, 'expected': level,
      'lower': NULL, 'upper': NULL}]
FROM scored
"""
_AFTER = """
INSERT INTO latest SELECT tag, max(id), max(time), arg_max(n + 1, id) FROM readings
    WHERE id > $last - $tags GROUP BY tag;
INSERT INTO stored_totals VALUES ($source, $last);
INSERT INTO received_totals VALUES ($writer, $source, $last);
INSERT INTO detector_settings VALUES (1, make_timestamp($start), 'bench', 'zscore', $params, $base, $profiles,
    'the first start');
INSERT INTO watermarks VALUES ($writer, 1, $last + 1);
"""


def make_history(
    settings: Settings, readings: int, tags: int, now: int, *, step: int = SECOND, cycle: int = DAY
) -> None:
    """Fill the data folder of these settings: a history of `tags` tags that ends at `now` (µs UTC).

    Each tag has a reading every `step`, and goes up and down once in a `cycle` (µs).

    `settings.tags` is written too. A million readings take a second or two, and some 30 MB of disk.
    Raises StoreError or JournalError if the disk cannot take them.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.tags.write_text(
        "".join(f"[tags.{tag_name(place)}]\nresolution = 0.01\n" for place in range(tags))
    )
    turns = readings // tags
    start = now - turns * step
    base = {"window": float(settings.window), "threshold": settings.threshold}
    profiles = default_profiles(settings.window, settings.threshold)
    version = DetectorSettings.of(
        profiles, id=1, applied=start, who="environment", base=base, reason="the first start"
    )
    journal = Journal(settings.data_dir / "journal")
    journal.append(SettingsEntry(version))
    writer = journal.writer
    journal.close()
    store = open_store(settings.store_url)
    store.open()
    store.close()
    last = turns * tags
    with duckdb.connect(settings.store_url, config={"threads": "2", "memory_limit": "1GB"}) as connection:
        for first in range(1, last + 1, PIECE):
            connection.execute(
                _READINGS,
                {
                    "first": first,
                    "last": min(first + PIECE, last + 1),
                    "tags": tags,
                    "start": start,
                    "step": step,
                    "cycle": float(cycle),
                    "source": SOURCE,
                },
            )
            connection.execute("CHECKPOINT")
        values = {
            "last": last,
            "tags": tags,
            "source": SOURCE,
            "writer": writer,
            "start": start,
            "params": json.dumps(dict(version.params)),
            "base": json.dumps(base),
            "profiles": json.dumps(profiles.as_document()),
        }
        for statement in _AFTER.split(";"):
            if statement.strip():
                connection.execute(
                    statement, {name: values[name] for name in values if f"${name}" in statement}
                )
        connection.execute("CHECKPOINT")


def tag_name(place: int) -> str:
    """The name of the tag in this place, from 0."""
    return f"tag_{place:04}"
