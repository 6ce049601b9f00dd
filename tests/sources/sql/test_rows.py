"""What columns of a database become: numbers, words, times, qualities, and refusals with their reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensormon.model.clock import HOUR, MINUTE
from sensormon.model.errors import SourceError
from sensormon.model.readings import Origin, Quality
from sensormon.model.timestamps import parse, to_datetime
from tests.sources.sql.conftest import HISTORY, Connection, Source, read_once, source_of, sqlite_file
from tests.support.plant import START
from tests.support.recording_intake import RecordingIntake


def test_values_of_every_kind_become_numbers_or_words(
    table: Connection, source: Source, intake: RecordingIntake
) -> None:
    table.execute("CREATE TYPE mode AS ENUM ('CIP', 'batch')")
    kinds = {
        "numeric": "1.5",
        "int": "2",
        "bool": "true",
        "text": "' CIP '",
        "mode": "'batch'",
        "real": "'NaN'",
    }
    for second, (kind, value) in enumerate(kinds.items()):
        time = f"'2026-01-01Z'::timestamptz + '{second} s' AS time"
        query = f"SELECT {time}, 'x' AS tag, {value}::{kind} AS value, 1 AS n"
        read_once(
            source(query=f"{query} WHERE 1 > :cursor", cursor="n"), own := RecordingIntake(intake.clock)
        )
        intake.readings += own.readings
    assert [value for _, _, value in intake.readings[:5]] == [1.5, 2.0, "true", "CIP", "batch"]
    assert intake.readings[5][2] != intake.readings[5][2], "NaN, which validation refuses"


@pytest.mark.parametrize(
    ("tag", "value", "quality", "reason"),
    [
        ("a", None, None, "there is no value"),
        (None, "1", None, "there is no tag"),
        ("a", "x" * 201, None, "a state has at most 200"),
        ("a", "   ", None, "there is no value"),
        ("a", "b\tc", None, "invisible character U+0009"),
        ("a", "word", "who knows", "the quality is not known"),
    ],
)
def test_rows_that_cannot_be_readings_are_refused_with_the_reason(
    table: Connection,
    source: Source,
    intake: RecordingIntake,
    tag: Any,
    value: Any,
    quality: Any,
    reason: str,
) -> None:
    table.execute("ALTER TABLE history ALTER value TYPE text, ADD COLUMN quality text")
    table.execute("INSERT INTO history VALUES ('2026-01-01Z', %s, %s, %s)", [tag, value, quality])
    read_once(source(query=HISTORY.replace("value", "value, quality")), intake)
    assert not intake.readings
    assert reason in intake.refused[0].detail


def test_qualities_are_words_or_codes(table: Connection, source: Source, intake: RecordingIntake) -> None:
    table.execute("ALTER TABLE history ADD COLUMN q text")
    for word in ("Good", "uncertain", "192", "BadSensorFailure"):
        table.execute("INSERT INTO history VALUES ('2026-01-01Z', 'a', 1, %s)", [word])
    read_once(
        source(query="SELECT *, q AS kind FROM history WHERE time > :cursor ORDER BY time", quality="kind"),
        intake,
    )
    assert intake.qualities == [Quality.GOOD, Quality.UNCERTAIN, Quality.GOOD, Quality.BAD_SENSOR_FAILURE]


def test_a_wide_result_has_a_tag_a_column(table: Connection, source: Source, intake: RecordingIntake) -> None:
    table.execute("CREATE TABLE wide (time timestamptz, temp float8, ph numeric, on_off bool, note text)")
    table.execute(
        "INSERT INTO wide VALUES ('2026-01-01Z', 37, 7, true, 'CIP'), ('2026-01-02Z', NULL, 6.9, NULL, NULL)"
    )
    query = "SELECT * FROM wide WHERE time >= :cursor ORDER BY time"
    read_once(source(query=query, new_tags=True), intake)
    assert [(tag, value) for tag, _, value in intake.readings] == [
        ("temp", 37.0),
        ("ph", 7.0),
        ("on_off", "true"),
        ("note", "CIP"),
        ("ph", 6.9),
    ]
    assert {name: tag.kind for name, tag in intake.tags.items()} == {
        "temp": "number",
        "ph": "number",
        "on_off": "boolean",
        "note": "text",
    }


def test_columns_are_mapped_to_tags_and_others_left_out(
    table: Connection, source: Source, intake: RecordingIntake
) -> None:
    table.execute("CREATE TABLE wide AS SELECT '2026-01-01Z'::timestamptz AS stamp, 1 AS a, 2 AS b, 3 AS c")
    query = "SELECT * FROM wide WHERE stamp >= :cursor ORDER BY stamp"
    read_once(source(query=query, cursor="stamp", time="stamp", tags={"a": "line.a", "c": "line.c"}), intake)
    assert [(tag, value) for tag, _, value in intake.readings] == [("line.a", 1.0), ("line.c", 3.0)]
    assert set(intake.tags) == {"line.a", "line.c"}, "tags that sources.toml names are offered"


def test_names_of_tags_are_mapped_in_a_long_result(
    table: Connection, source: Source, intake: RecordingIntake
) -> None:
    table.execute("INSERT INTO history VALUES ('2026-01-01Z', 'TI 101', 1), ('2026-01-01Z', 'other', 2)")
    read_once(source(tags={"TI 101": "ti_101"}), intake)
    assert {tag for tag, _, _ in intake.readings} == {"ti_101", "other"}
    assert set(intake.tags) == {"ti_101"}


def test_times_without_a_zone_need_one(table: Connection, source: Source, intake: RecordingIntake) -> None:
    table.execute("ALTER TABLE history ALTER time TYPE timestamp")
    table.execute("INSERT INTO history VALUES ('2025-07-01 12:00', 'a', 1), ('2025-10-26 02:30', 'a', 2)")
    with pytest.raises(SourceError, match="the times have no time zone, such as 2025-07-01 12:00:00"):
        read_once(source(), intake)
    read_once(source(timezone="Europe/Berlin"), intake)
    times = [time for _, time, _ in intake.readings]
    assert times == [parse("2025-07-01T10:00:00Z"), parse("2025-10-26T01:30:00Z")], "twice shown: the later"


def test_a_time_that_the_clock_never_showed_is_refused(
    table: Connection, source: Source, intake: RecordingIntake
) -> None:
    table.execute("ALTER TABLE history ALTER time TYPE timestamp")
    table.execute("INSERT INTO history VALUES ('2026-03-29 02:30', 'a', 1)")
    read_once(source(timezone="Europe/Berlin"), intake)
    assert "never showed" in intake.refused[0].detail


def test_numbers_as_times_need_a_unit(source: Source, intake: RecordingIntake) -> None:
    query = "SELECT 1700000000.25 AS time, 'a' AS tag, 1 AS value WHERE 1700000000.25 > :cursor"
    with pytest.raises(SourceError, match='time_unit = "s"'):
        read_once(source(query=query), intake)
    read_once(source(query=query, time_unit="s"), intake)
    assert [time for _, time, _ in intake.readings] == [1_700_000_000_250_000]


def test_old_rows_are_a_back_fill_and_young_ones_live(
    table: Connection, source: Source, intake: RecordingIntake
) -> None:
    for minutes in (600, 120, 30, 5):
        time = to_datetime(START - minutes * MINUTE)
        table.execute("INSERT INTO history VALUES (%s, 'a', %s)", [time, minutes])
    read_once(source(), intake)
    assert intake.origins == [Origin.BACKFILL, Origin.BACKFILL, Origin.LIVE, Origin.LIVE]
    table.execute("INSERT INTO history VALUES (%s, 'a', 90)", [to_datetime(START - 90 * MINUTE)])
    read_once(source(late=2 * HOUR // 1_000_000), intake)
    assert intake.origins[4:] == [Origin.BACKFILL]


def test_a_file_of_sqlite_is_read_with_times_as_text(tmp_path: Path, intake: RecordingIntake) -> None:
    import sqlite3

    path, url = sqlite_file(tmp_path)
    with pytest.raises(SourceError, match="unable to open database file"):
        read_once(source_of(url=url, query=HISTORY, cursor="time"), intake)
    assert not path.exists(), "a file is never made"
    with sqlite3.connect(path) as plant:
        plant.execute("CREATE TABLE history (time TEXT, tag TEXT, value REAL)")
        for second in (1, 2, 2, 5):
            plant.execute("INSERT INTO history VALUES (?, 'a:b', ?)", [f"2026-01-01 00:00:0{second}", second])
    config = source_of(url=url, query=HISTORY, cursor="time", timezone="UTC", batch=1, late=60)
    read_once(config, intake)
    with sqlite3.connect(path) as plant:
        plant.execute("INSERT INTO history VALUES ('2026-01-01 00:00:05', 'a:b', 6)")
        plant.execute("INSERT INTO history VALUES ('2026-01-01 00:00:03', 'a:b', 3)")
    read_once(config, intake, passes=2)
    assert sorted(value for _, _, value in intake.readings) == [1, 2, 2, 3, 5, 6]
