"""Table files that are broken or made to break the reader: kept rows, or one line that says what is wrong."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sensormon.__main__ import main
from sensormon.cli.score import score_file
from sensormon.exchange.import_plan import first_readings, planned, sentences
from sensormon.exchange.import_table import check, pieces_of, propose, read_file
from sensormon.exchange.new_tags import new_tags, passed_over, word_columns
from sensormon.model.errors import SensormonError, UsageError
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.sources.replay import Replay
from sensormon.tables.columns import Columns
from tests.support.pages import show, text
from tests.support.plant import own_table

TAGS = TagTable([Tag("fermenter_ph", "pH"), Tag("b", "B")])
LONGEST = 1_000
"""Characters of a message for a person."""


def read_whole(path: Path) -> int:
    """Do with this file all that the page and the import do; how many readings come out."""
    table = read_file(path)
    names = [str(name) for name in table.frame.columns]
    try:
        columns = propose(table, TAGS, path.stem)
    except UsageError:
        values = dict.fromkeys(names[1:], "b")
        columns = Columns(names[0], values=values, zone="Europe/Berlin")
    if not columns.numbers:
        return 0
    passed_over(table, columns)
    word_columns(table, columns)
    plan = planned(table, columns, new_tags(table, columns, TAGS), TAGS)
    assert list(sentences(plan, UTC))
    first_readings(plan.readings)
    plan.readings.wrong.rejections(0)
    if plan.readings.questions:
        return 0
    return sum(len(piece.batch) for piece in pieces_of(table, columns, plan.readings, 0))


def csv(header: str, *rows: str) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


ROW = "2026-01-31T12:00:00Z,7.0"
BROKEN: dict[str, bytes] = {
    "a huge header cell": csv(f"time,{'x' * 200_000}", ROW),
    "a huge first line": csv("time," + "x" * (1 << 20), ROW),
    "a huge quoted header cell": b'time,"' + b"x" * 200_000,
    "no end of a quote": b'time,fermenter_ph\n"2026-01-31,7.0\n' * 50,
    "NUL bytes": b"time,fermenter_ph\n" + b"\0" * 1_000,
    "NUL in the header": b"ti\0me,ferm\0enter_ph\n1,2\n",
    "only a mark": b"\xef\xbb\xbf",
    "half a UTF-16": "time,fermenter_ph\n1,2\n".encode("utf-16")[:-1],
    "UTF-16 without text": b"\xff\xfe",
    "no columns": b",\n,\n",
    "a column twice": csv("time,fermenter_ph,fermenter_ph", ROW + ",1"),
    "many columns": csv(",".join(f"c{i}" for i in range(20_000)), ROW),
    "more cells than names": csv("time,fermenter_ph", ROW + ",1,2,3"),
    "a number of a thousand digits": csv("time,fermenter_ph", ROW, f"2026-01-31T12:00:01Z,{'9' * 1_000}"),
    "a number of ten thousand digits": csv("time,fermenter_ph", f"2026-01-31T12:00:01Z,{'9' * 10_000}"),
    "a time beyond the calendar": csv("time,fermenter_ph", "1e300,1", "9e17,2", "-9e17,3"),
    "a time as a number of 300 digits": csv("time,fermenter_ph", "9" * 300 + ",1"),
    "mixed encodings": b"time,fermenter_ph\n2026-01-31,7\n" + b"\xc3\x28\xff,\xfe\n",
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 50,
    "half a Parquet": b"PAR1" + b"\x15\x04" * 100,
    "an empty Parquet": b"PAR1" * 3,
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("use", [read_whole, lambda path: score_file(path, "zscore", {})])
def test_a_broken_table_is_read_or_refused_in_one_line(
    tmp_path: Path, data: bytes, use: Callable[[Path], object]
) -> None:
    path = tmp_path / "fermenter_ph.csv"
    path.write_bytes(data)
    outcome(use, path)


def outcome(use: Callable[[Path], object], path: Path) -> None:
    """Fails unless this ends, or ends in one line for a person."""
    try:
        use(path)
    except SensormonError as error:
        line = str(error)
        if len(line.splitlines()) != 1 or len(line) > LONGEST:
            pytest.fail(f"not one line: {len(line)} characters, {line[:100]!r}")


@pytest.mark.parametrize("seed", range(4))
def test_mutated_tables_are_read_or_refused_in_one_line(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  not for secrets
    bases = [
        b"time,fermenter_ph,b\n2026-01-01T00:00:00Z,1.5,2\n2026-01-01T00:00:01Z,3,x\n,4,5\n" * 3,
        b"timestamp;tag;value\n2026-01-01 00:00:00;b;1,5\n01.02.2026;b;1.234,5\n;;\n" * 3,
        b"time\tfermenter_ph\tb\n1\t2\t3\n4\t5\t6\n" * 4,
        "time,b\n2026-01-01,1\n".encode("utf-16"),
        b"datetime,value,b\n1e300,1,2\n-5,inf,nan\n" * 2,
    ]
    bits = [
        b"\0",
        b'"',
        b"\n",
        b"\r",
        b",",
        b";",
        b"\xff",
        b"\xfe\xff",
        b"9" * 400,
        b"1e999",
        b"NaT",
        b"x" * 9_999,
    ]
    bits += [
        b"0001-01-01",
        b"9999-12-31T23:59:59Z",
        b"2026-01-01T00:00:00+99:99",
        b"-",
        b"\xe2\x80\xae",
        b"Z",
    ]
    path = tmp_path / "b.csv"
    for _ in range(10):
        data = bytearray(chance.choice(bases))
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(data) + 1)
            data[start : start + chance.choice([0, 0, 1, 5, 20])] = chance.choice(bits)
        path.write_bytes(data)
        outcome(read_whole, path)
        outcome(lambda path: score_file(path, "zscore", {}), path)


def test_rows_that_can_be_kept_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(BROKEN["a number of a thousand digits"])
    assert read_whole(path) >= 1
    path.write_bytes(csv("time,fermenter_ph", "1e300,1", "900000000000000000,2", "900000001000000000,3"))
    assert read_whole(path) == 2, "two of its times are numbers of nanoseconds, one is none"


def test_the_column_of_times_cannot_be_values_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(csv("time,fermenter_ph", ROW))
    with pytest.raises(UsageError, match="is the times and cannot be values too"):
        check(Columns("time", values={"time": "b"}), read_file(path), TAGS)


def test_the_command_line_says_one_line_and_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(tmp_path / "data"))
    path = tmp_path / "a.csv"
    path.write_bytes(BROKEN["a huge quoted header cell"])
    for command in (["import", str(path)], ["score", str(path)]):
        assert main(command) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "it cannot be read (a cell is longer than 131,072 characters; perhaps a quotation mark" in line


def test_a_replay_names_a_huge_cell_in_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'timestamp,value\n2026-01-31T12:00:00Z,"' + b"7" * 200_000)
    with pytest.raises(UsageError, match="a cell is longer than 131,072 characters"):
        Replay(path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a monitor whose pages everybody may use."""
    return Settings(data_dir=tmp_path / "data", source="none", access="open", tags=own_table(tmp_path))


def test_the_page_says_one_line(full: Monitor, tmp_path: Path) -> None:
    assert full.tags
    parquet = tmp_path / "a.parquet"
    table = pa.table({"timestamp": [1, 2], "fermenter_ph": np.array([7.0, 7.1])})
    pq.write_table(table.replace_schema_metadata({b"pandas": b'{"index_columns": ["nope"]}'}), parquet)
    app = show("data", file="import")
    app.file_uploader(key="import-file").upload(
        "header.csv", BROKEN["a huge quoted header cell"], "text/csv"
    ).run()
    assert not app.exception
    assert "The file cannot be imported" in text(app)
    app.file_uploader(key="import-file").upload("a.parquet", parquet.read_bytes(), "text/csv").run()
    assert not app.exception
    assert "The file cannot be imported" not in text(app)
