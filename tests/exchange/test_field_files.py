"""Files as historians, loggers and spreadsheets write them, through a dry run, score and a replay."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from sensormon.__main__ import main
from sensormon.cli.score import score_file
from sensormon.model.errors import UsageError
from sensormon.sources.replay import Replay

Rows = list[tuple[str, str, str, str]]
DAY = "2026-01-31T"


def rows(tag: str, *readings: tuple[str, float], quality: str = "Good") -> Rows:
    return [(tag, time if "T" in time else f"{DAY}{time}Z", repr(value), quality) for time, value in readings]


FILES: dict[str, tuple[str, Rows, list[str]]] = {
    "semicolon_three_decimals_bad_cell": (
        "timestamp;temp;press\n2026-01-31 12:00:00;37,125;1,204\n2026-01-31 12:02:00;Bad;Bad\n"
        "2026-01-31 12:03:00;37,128;1,205\n",
        rows("temp", ("12:00:00.000", 37.125), ("12:03:00.000", 37.128))
        + rows("press", ("12:00:00.000", 1.204), ("12:03:00.000", 1.205)),
        ["line 3: temp 'Bad'", "line 3: press 'Bad'"],
    ),
    "semicolon_units_row": (
        "timestamp;temp;press\n;°C;bar\n2026-01-31 12:00:00;37,125;1,204\n2026-01-31 12:01:00;37,130;1,207\n",
        rows("temp", ("12:00:00.000", 37.125), ("12:01:00.000", 37.13))
        + rows("press", ("12:00:00.000", 1.204), ("12:01:00.000", 1.207)),
        ["temp [°C], press [bar]"],
    ),
    "offset_hours_only": (
        "timestamp,temp\n2024-10-27 01:59:00+02,1.5\n2024-10-27 02:30:00+02,2.5\n"
        "2024-10-27 02:30:00+01,3.5\n",
        rows(
            "temp",
            ("2024-10-26T23:59:00.000Z", 1.5),
            ("2024-10-27T00:30:00.000Z", 2.5),
            ("2024-10-27T01:30:00.000Z", 3.5),
        ),
        [],
    ),
    "compact": (
        "timestamp,temp\n202601311200,1.5\n202601311210,2.5\n",
        rows("temp", ("12:00:00.000", 1.5), ("12:10:00.000", 2.5)),
        ["yyyymmddhhmm"],
    ),
    "date_and_time_as_numbers": (
        "Date,Time,Temp\n20260131,120000,1.5\n20260131,120100,2.5\n",
        rows("Temp", ("12:00:00.000", 1.5), ("12:01:00.000", 2.5)),
        ["Time column: Date and Time"],
    ),
    "excel_serial_dates": (
        "timestamp,temp\n46053.5,1.5\n46053.500694444,2.5\n",
        rows("temp", ("12:00:00.000", 1.5), ("12:01:00.000", 2.5)),
        ["Excel serial days"],
    ),
    "comma_before_milliseconds": (
        'timestamp,temp\n"2026-01-31 12:00:00,123",1.5\n"2026-01-31 12:00:01,456",2.5\n',
        rows("temp", ("12:00:00.123", 1.5), ("12:00:01.456", 2.5)),
        [],
    ),
    "epoch_seconds_one_bad_cell": (
        "timestamp,temp\n1769860800,1.5\nBad,2.5\n1769860860,3.5\n",
        rows("temp", ("12:00:00.000", 1.5), ("12:01:00.000", 3.5)),
        ["line 3: temp '2.5': 'Bad' is not a time"],
    ),
    "midnight_as_24h": (
        "timestamp,temp\n2026-01-30 23:59:00,1.5\n2026-01-30 24:00:00,2.5\n2026-01-30T24:00,4.5\n",
        rows(
            "temp",
            ("2026-01-30T23:59:00.000Z", 1.5),
            ("00:00:00.000", 2.5),
            ("00:00:00.000", 4.5),
        ),
        [],
    ),
    "long_form_capitals": (
        "Timestamp,Tag,Value\n2026-01-31 12:00:00,TI-101,37.4\n2026-01-31 12:00:00,PI-102,3.74\n",
        rows("TI-101", ("12:00:00.000", 37.4)) + rows("PI-102", ("12:00:00.000", 3.74)),
        ["2 new tags: TI-101, PI-102"],
    ),
    "long_form_other_names_quality": (
        "Tagname,TimeStamp,Value,DataQuality\ntemp,2026-01-31 11:07:00,1,Good\n"
        "press,2026-01-31 11:07:00,2,Bad\nflow,2026-01-31 11:07:00,3,maybe\n",
        rows("temp", ("11:07:00.000", 1.0)) + rows("press", ("11:07:00.000", 2.0), quality="Bad"),
        ["line 4: flow '3': the quality 'maybe' is not known"],
    ),
    "long_form_entity_state": (
        "entity_id,state,last_changed\nsensor.temp,37.1,2026-01-31T12:00:00.123456+00:00\n"
        "sensor.temp,unavailable,2026-01-31T12:01:00+00:00\nsensor.press,unknown,2026-01-31T12:01:00+00:00\n"
        "sensor.press,1.5,2026-01-31T12:02:00.5+00:00\n",
        rows("sensor.temp", ("12:00:00.123456", 37.1)) + rows("sensor.press", ("12:02:00.500", 1.5)),
        ["line 3: sensor.temp 'unavailable'", "line 4: sensor.press 'unknown'"],
    ),
    "date_time_columns_dotted_time": (
        "Date;Time;T;RH;;\n10/03/2004;18.00.00;13,6;48,9;;\n11/03/2004;00.00.00;11,9;54,0;;\n",
        rows("T", ("2004-03-10T18:00:00.000Z", 13.6), ("2004-03-11T00:00:00.000Z", 11.9))
        + rows("RH", ("2004-03-10T18:00:00.000Z", 48.9), ("2004-03-11T00:00:00.000Z", 54.0)),
        ["day/month/year"],
    ),
    "preamble_lines": (
        "Export of station 4\nOperator: n.n.\n\ntimestamp;temp\n2026-01-31 12:00:00;1,5\n",
        rows("temp", ("12:00:00.000", 1.5)),
        ["Export of station 4"],
    ),
    "stray_quote_in_note": (
        'timestamp,temp,note\n2026-01-31 12:00:00,1.5,ok\n2026-01-31 12:01:00,1.6,"valve open\n'
        '2026-01-31 12:02:00,1.7,valve shut"\n2026-01-31 12:03:00,1.8,ok\n',
        rows(
            "temp",
            ("12:00:00.000", 1.5),
            ("12:01:00.000", 1.6),
            ("12:02:00.000", 1.7),
            ("12:03:00.000", 1.8),
        ),
        ["quotation mark"],
    ),
}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that does not exist, and a tag table with none of the files' tags."""
    tags = tmp_path / "tags.toml"
    tags.write_text('[tags.other]\nlabel = "Other"\n')
    monkeypatch.setenv("SENSORMON_TAGS", str(tags))
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def written(folder: Path, name: str) -> Path:
    path = folder / f"{name}.csv"
    path.write_text(FILES[name][0], encoding="utf-8")
    return path


def dry(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Rows, str]:
    code = main(["import", "--dry-run", *arguments])
    said = capsys.readouterr()
    header, *lines = csv.reader(io.StringIO(said.out)) or [[]]
    assert header == ["tag", "time", "value", "quality"]
    return code, [(a, b, c, d) for a, b, c, d in lines], said.err


@pytest.mark.parametrize("name", FILES)
def test_dry_run_prints_what_is_right(
    tmp_path: Path, nowhere: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    _, expected, said = FILES[name]
    code, stored, errors = dry(capsys, str(written(tmp_path, name)))
    assert code == 0
    assert sorted(stored) == sorted(expected)
    for words in said:
        assert words in errors
    assert not nowhere.exists(), "nothing was written"


@pytest.mark.parametrize("name", FILES)
def test_score_reads_the_same(tmp_path: Path, name: str) -> None:
    result = score_file(written(tmp_path, name), "zscore", {}).result
    expected = sorted(float(value) for _, _, value, _ in FILES[name][1])
    assert sorted(result["value"].dropna().tolist()) == expected


@pytest.mark.parametrize("name", FILES)
def test_replay_reads_the_same_or_names_the_line(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    if name in ("epoch_seconds_one_bad_cell", "long_form_other_names_quality"):
        with pytest.raises(UsageError, match=r", line \d"):
            Replay(path)
        return
    replay = Replay(path)
    replay.due(0)
    batch = replay.read(10**15)
    expected = sorted((tag, float(value)) for tag, _, value, _ in FILES[name][1])
    names = [batch.tags[code] for code in batch.tag.tolist()]
    real = [pair for pair in zip(names, batch.value.tolist(), strict=True) if pair[1] == pair[1]]
    assert sorted(real) == expected


def test_a_value_for_missing_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,t\n2026-01-31 12:00:00,-200\n2026-01-31 12:01:00,-200.0\n2026-01-31 12:02:00,7\n")
    assert dry(capsys, str(path), "--missing", "-200")[1] == rows("t", ("12:02:00.000", 7.0))


def test_a_reading_that_is_twice_in_a_file_is_printed_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,t\n2026-01-31 12:00:00,7\n2026-01-31 12:00:00,7\n")
    _, stored, errors = dry(capsys, str(path))
    assert stored == rows("t", ("12:00:00.000", 7.0))
    assert "line 3: t" in errors


@pytest.mark.parametrize(
    ("content", "option", "ways"),
    [
        (
            "time,t\n03/04/2026 12:00,1\n04/05/2026 12:00,2\n",
            "--day-first",
            "--day-first or --no-day-first",
        ),
        (
            'time,t\n2026-01-31 12:00,"37,125"\n2026-01-31 12:01,"37,130"\n',
            "--decimal",
            "--decimal , or --decimal .",
        ),
    ],
)
def test_a_file_that_can_be_read_in_two_ways_is_not_stored_unasked(
    tmp_path: Path, nowhere: Path, capsys: pytest.CaptureFixture[str], content: str, option: str, ways: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    for arguments in (["--dry-run"], []):
        assert main(["import", str(path), *arguments]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert "  1. " in said.err
        assert "  2. " in said.err
        assert f"{option} decides: {ways}\n" in said.err
        assert "cannot be read" not in said.err, "nothing is wrong with the cells"
    assert not nowhere.exists()
    with pytest.raises(UsageError, match="can be read in 2 ways"):
        score_file(path, "zscore", {})
    with pytest.raises(UsageError, match=f"line 2: .* can be read in 2 ways.*{option}"):
        Replay(path)


@pytest.mark.parametrize(
    ("options", "time", "value"),
    [
        (["--day-first", "--decimal", ","], "2026-04-03T12:00:00.000Z", "37.125"),
        (["--no-day-first", "--decimal", "."], "2026-03-04T12:00:00.000Z", "37125.0"),
        (["--time-format", "%m/%d/%Y %H:%M", "--decimal", ","], "2026-03-04T12:00:00.000Z", "37.125"),
    ],
)
def test_an_option_decides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], time: str, value: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text('time,t\n03/04/2026 12:00,"37,125"\n')
    assert dry(capsys, str(path), *options)[:2] == (0, [("t", time, value, "Good")])


def test_times_near_1970_are_refused_unless_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,t\n0,1\n60,2\n")
    code, stored, errors = dry(capsys, str(path))
    assert (code, stored) == (1, [])
    assert "line 2: t '1': this would be before 1990; say what it counts with --time-format" in errors
    code, stored, _ = dry(capsys, str(path), "--time-format", "s")
    assert (code, stored[1]) == (0, ("t", "1970-01-01T00:01:00.000Z", "2.0", "Good"))


def test_columns_are_named_by_options_in_any_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "When?;What;How much;How good\n31.01.2026 12:00;x;1,5;192\n31.01.2026 12:01;x;2,5;0x80000000\n"
    )
    options = ["--time", "when", "--tag-column", "what", "--value-column", "HOW MUCH"]
    code, stored, _ = dry(capsys, str(path), *options, "--quality-column", "How good")
    assert (code, stored) == (
        0,
        rows("x", ("12:00:00.000", 1.5)) + rows("x", ("12:01:00.000", 2.5), quality="Bad"),
    )


def test_words_of_a_tag_of_states_are_printed_as_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tags = tmp_path / "states.toml"
    tags.write_text('[tags.valve]\nstates = ["closed", "open"]\n')
    monkeypatch.setenv("SENSORMON_TAGS", str(tags))
    path = tmp_path / "a.csv"
    path.write_text(
        "time,valve\n2026-01-31 12:00:00,OPEN\n2026-01-31 12:01:00,0\n2026-01-31 12:02:00,ajar\n"
        "2026-01-31 12:03:00,unavailable\n"
    )
    code, stored, errors = dry(capsys, str(path))
    assert code == 0
    assert [row[2] for row in stored] == ["open", "closed"]
    assert "line 4: valve" in errors
    assert "line 5: valve 'unavailable': it says that the state is not known" in errors


@pytest.mark.parametrize("options", [[], ["--quality-column", "Status"]])
def test_states_beside_numbers_have_the_quality_and_the_missing_value_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    tags = tmp_path / "states.toml"
    tags.write_text('[tags.valve]\nstates = ["closed", "open"]\n[tags.temp]\n')
    monkeypatch.setenv("SENSORMON_TAGS", str(tags))
    path = tmp_path / "a.csv"
    path.write_text(
        "time,valve,temp,Status\n2026-01-31 12:00:00,open,1.5,Bad\n2026-01-31 12:01:00,-999,2.5,Good\n"
    )
    code, stored, errors = dry(capsys, str(path), "--missing", "-999", *options)
    assert code == 0
    assert sorted(stored) == [
        *rows("temp", ("12:00:00.000", 1.5), quality="Bad"),
        *rows("temp", ("12:01:00.000", 2.5)),
        ("valve", f"{DAY}12:00:00.000Z", "open", "Bad"),
    ]
    assert "line 3" not in errors


def test_a_quality_beside_a_state_is_no_tag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tags = tmp_path / "states.toml"
    tags.write_text('[tags.valve]\nstates = ["closed", "open"]\n[tags.temp]\n')
    monkeypatch.setenv("SENSORMON_TAGS", str(tags))
    path = tmp_path / "a.csv"
    path.write_text(
        "time,temp,temp quality code,valve,valve quality code\n2026-01-31 12:00:00,1.5,0,open,2147483648\n"
    )
    code, stored, _ = dry(capsys, str(path), "--new-tags")
    assert (code, stored) == (
        0,
        [*rows("temp", ("12:00:00.000", 1.5)), ("valve", f"{DAY}12:00:00.000Z", "open", "Bad")],
    )
