"""Tables in text as programs write them: the cells, the line of each row, and what is said about the rest."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest

from sensormon.model.errors import UsageError
from sensormon.tables.sheet import Sheet
from sensormon.tables.table_reader import read_sheets

A, B, C = "2026-01-31 12:00:00", "2026-01-31 12:01:00", "2026-01-31 12:02:00"


def read(tmp_path: Path, text: str | bytes, *, names: tuple[str, ...] = ()) -> Sheet:
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (sheet,) = read_sheets(path, "Give a table", names=names)
    return sheet


def rows(sheet: Sheet) -> list[list[str | None]]:
    cells = sheet.frame.astype(object).where(sheet.frame.notna(), None)
    return [[str(cell) if cell is not None else None for cell in row] for row in cells.to_numpy().tolist()]


def wrong(sheet: Sheet) -> dict[int, str]:
    return {line.place: line.detail for line in sheet.wrong}


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-16-be-mark", "cp1252"]
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_cells_are_the_same_in_every_encoding(
    tmp_path: Path, encoding: str, ends: str, separator: str
) -> None:
    text = (
        separator.join(["Zeit", "Kühlwasser °C"])
        + f"{ends}{A}{separator}7.25{ends}{ends}{B}{separator}{ends}"
    )
    mark = "\ufeff" if encoding.endswith("-mark") else ""
    sheet = read(tmp_path, (mark + text).encode(encoding.removesuffix("-mark")))
    assert list(sheet.frame.columns) == ["Zeit", "Kühlwasser °C"]
    assert rows(sheet) == [[A, "7.25"], [B, None]]
    assert sheet.place.tolist() == [2, 4]
    assert (sheet.separator, sheet.word, sheet.name) == (separator, "line", "a.csv")
    assert any("Windows-1252" in note for note in sheet.notes) is (encoding == "cp1252")


def test_cells_stay_as_they_stand(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"time;a;b\n{A};037,10;NA\n{B};1e3;nan\n")
    assert rows(sheet) == [[A, "037,10", "NA"], [B, "1e3", "nan"]]


PREAMBLES = {
    "titles": "Export of station 4\nOperator: n.n.\n\n",
    "titles with commas": "Export, station 4, hall, north\n",
    "keys and values": "Station;4\nName;Tank\nSerial;12345\n\n",
    "a date": "Date;2026-01-31\nOperator;n.n.\n",
    "comments": "# station 4\n# zone: UTC\n",
    "separator": "sep=;\n",
    "quoted title": '"Export ""A"""\n',
    "blanks": "\n  \n\n",
}


@pytest.mark.parametrize("preamble", PREAMBLES.values(), ids=PREAMBLES.keys())
@pytest.mark.parametrize("header", ["timestamp;temp", "timestamp;temp;", "Zeit;TI-101", "T;P"])
def test_lines_before_the_header_are_skipped_and_said(tmp_path: Path, preamble: str, header: str) -> None:
    sheet = read(tmp_path, f"{preamble}{header}\n{A};1,5\n{B};1,6\n{C};1,7\n")
    before = preamble.count("\n")
    assert list(sheet.frame.columns) == header.strip(";").split(";")
    assert rows(sheet) == [[A, "1,5"], [B, "1,6"], [C, "1,7"]]
    assert sheet.place.tolist() == [before + 2, before + 3, before + 4]
    assert bool(sheet.notes) is bool(preamble.strip())
    assert not sheet.wrong


@pytest.mark.parametrize(
    ("below", "units"),
    [
        (";°C;bar", {"temp": "°C", "press": "bar"}),
        ("UTC;degC;%", {"timestamp": "UTC", "temp": "degC", "press": "%"}),
        (
            "yyyy-mm-dd hh:mm:ss;[m3/h];(kPa)",
            {"timestamp": "yyyy-mm-dd hh:mm:ss", "temp": "m3/h", "press": "kPa"},
        ),
        (";Fermenter temperature;Jacket pressure", {}),
        (";Fermenter temperature;Jacket pressure\n;°C;", {"temp": "°C"}),
        ("TS;Deg C;Volts\n;Avg;Smp", {"timestamp": "TS", "temp": "Deg C", "press": "Volts"}),
    ],
)
def test_units_and_descriptions_below_the_names_are_no_rows(
    tmp_path: Path, below: str, units: dict[str, str]
) -> None:
    sheet = read(tmp_path, f"timestamp;temp;press\n{below}\n{A};37,125;1,204\n")
    assert sheet.units == units
    assert rows(sheet) == [[A, "37,125", "1,204"]]
    assert sheet.place.tolist() == [3 + below.count("\n")]
    assert len(sheet.notes) == 1 + below.count("\n")
    assert not sheet.wrong


def test_a_first_row_without_values_is_a_row(tmp_path: Path) -> None:
    assert rows(read(tmp_path, f"time,temp\nBad,Bad\n{A},1\n")) == [["Bad", "Bad"], [A, "1"]]
    assert rows(read(tmp_path, f"time,temp\nBad,2.5\n{A},1\n")) == [["Bad", "2.5"], [A, "1"]]


def test_columns_without_name_and_cells_are_dropped(tmp_path: Path) -> None:
    sheet = read(tmp_path, "Date;Time;CO(GT);;\n10/03/2004;18.00.00;2,6;;\n")
    assert list(sheet.frame.columns) == ["Date", "Time", "CO(GT)"]
    sheet = read(tmp_path, f"time,,b,\n{A},2,3,\n")
    assert list(sheet.frame.columns) == ["time", "column 2", "b"]
    sheet = read(tmp_path, f"time,b\n{A},1,\n{B},2,\n")
    assert rows(sheet) == [[A, "1"], [B, "2"]]
    assert not sheet.wrong


def test_a_column_that_only_counts_the_rows_is_left_out_and_said(tmp_path: Path) -> None:
    sheet = read(tmp_path, f",time,temp\n0,{A},1\n1,{B},2\n")
    assert list(sheet.frame.columns) == ["time", "temp"]
    assert sheet.notes == ("The first column has no name and counts the rows; it was left out",)
    sheet = read(tmp_path, f",time,temp\n0,{A},1\n2,{B},2\n")
    assert list(sheet.frame.columns) == ["column 1", "time", "temp"]


def test_rows_without_a_cell_are_no_rows(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"time;temp;\n{A};1;\n;;\n ; ; \n{B};2;\n;;\n")
    assert rows(sheet) == [[A, "1"], [B, "2"]]
    assert sheet.place.tolist() == [2, 5]


def test_a_huge_cell_costs_its_own_line_alone(tmp_path: Path) -> None:
    sheet = read(tmp_path, f'time,note\n{A},a\n{B}, "{"x" * 200_000}"\n{C},b\n')
    assert rows(sheet) == [[A, "a"], [C, "b"]]
    assert "a cell is longer than 131,072 characters" in wrong(sheet)[3]


def test_a_file_without_names_gets_some(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"{A};1,5;2,5\n{B};1,6;2,6\n")
    assert list(sheet.frame.columns) == ["column 1", "column 2", "column 3"]
    assert sheet.place.tolist() == [1, 2]
    sheet = read(tmp_path, f"{A};1,5;2,5\n{B};1,6;2,6\n", names=("time", "a", "b"))
    assert list(sheet.frame.columns) == ["time", "a", "b"]
    with pytest.raises(UsageError, match="2 names are given for 3 columns"):
        read(tmp_path, f"{A};1,5;2,5\n", names=("time", "a"))


def test_names_given_replace_those_of_the_file(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"x,y\n{A},1\n", names=("time", "temp"))
    assert list(sheet.frame.columns) == ["time", "temp"]
    assert rows(sheet) == [[A, "1"]]


def test_white_space_separates_where_nothing_else_does(tmp_path: Path) -> None:
    text = "\n".join(f"1 {cycle}  -0.0007 \t 518.67   " for cycle in range(1, 5)) + "\n"
    sheet = read(tmp_path, text, names=("unit", "cycle", "a", "b"))
    assert rows(sheet)[3] == ["1", "4", "-0.0007", "518.67"]
    assert (sheet.place.tolist(), sheet.separator) == ([1, 2, 3, 4], " ")
    sheet = read(tmp_path, "# time  temp\n1769860800 1.5\n1769860860 1.6\n")
    assert list(sheet.frame.columns) == ["time", "temp"]
    sheet = read(tmp_path, "% made by\n% somebody\n0.0\t1.5\n0.1\t1.6\n")
    assert list(sheet.frame.columns) == ["column 1", "column 2"]
    sheet = read(tmp_path, f"timestamp a  b\n{A} 1.5 2\n{B} 1.6 3\n")
    assert rows(sheet) == [[A, "1.5", "2"], [B, "1.6", "3"]]
    sheet = read(tmp_path, f'time "flow in"\n"{A}" 1.5\n')
    assert (list(sheet.frame.columns), rows(sheet)) == (["time", "flow in"], [[A, "1.5"]])


@pytest.mark.parametrize("first", [f"{A};Bad;2,5", f"{A};--;2,5", "Bad;1,5;2,5"])
@pytest.mark.parametrize("names", [(), ("time", "a", "b")])
def test_the_first_rows_of_a_file_without_names_may_lack_a_number(
    tmp_path: Path, first: str, names: tuple[str, ...]
) -> None:
    sheet = read(tmp_path, f"{first}\n{first}\n{B};1,6;2,6\n{C};1,7;2,7\n", names=names)
    assert sheet.place.tolist() == [1, 2, 3, 4]
    assert rows(sheet)[0] == first.split(";")
    assert not any("before the table" in note for note in sheet.notes)


def test_given_names_need_none_for_columns_that_are_empty_everywhere(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"{A},1,2,,\n{B},3,4,,\n", names=("time", "a", "b"))
    assert list(sheet.frame.columns) == ["time", "a", "b"]
    assert rows(sheet) == [[A, "1", "2"], [B, "3", "4"]]
    with pytest.raises(UsageError, match="2 names are given for 5 columns"):
        read(tmp_path, f"{A},1,2,,\n{B},3,4,,\n", names=("time", "a"))


def test_a_header_that_comes_again_is_skipped_and_said(tmp_path: Path) -> None:
    part = f"time,temp\n,°C\n{A},1\n"
    sheet = read(tmp_path, part * 3)
    assert sheet.place.tolist() == [3, 6, 9]
    assert sheet.notes[-1] == "Lines 4, 5, 7, 8: each repeats the header and was skipped"


def test_comments_among_the_rows_are_skipped_and_said(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"# a\ntime,temp\n{A},1\n# pump off, again\n{B},2\n")
    assert sheet.place.tolist() == [3, 5]
    assert sheet.notes[-1] == "Line 4 is a comment and was skipped"


def test_two_columns_of_one_name_are_refused_but_those_of_times_numbered(tmp_path: Path) -> None:
    for header in ("time,x,x", 'time, x,"x "', "time,x, x"):
        with pytest.raises(UsageError, match="the column 'x' occurs twice"):
            read(tmp_path, f"{header}\n{A},1,2\n")
    with pytest.raises(UsageError, match="the columns 'x', 'y' occur twice"):
        read(tmp_path, f"time,x,x,y,y\n{A},1,2,3,4\n")
    sheet = read(tmp_path, f"Time,TI-1,,Time,TI-2\n{A},1,,{B},2\n")
    assert list(sheet.frame.columns) == ["Time", "TI-1", "Time 2", "TI-2"]


def test_tags_above_pairs_of_time_and_value_name_the_values(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"TI-1,,PI-2,\nTimestamp,Value,Timestamp,Value\n{A},1,{B},2\n")
    assert list(sheet.frame.columns) == ["Timestamp", "TI-1", "Timestamp 2", "PI-2"]
    assert rows(sheet) == [[A, "1", B, "2"]]


@pytest.mark.parametrize("header", ["temp", "time,temp,press,level,flow"])
def test_a_header_that_does_not_fit_is_refused_or_its_rows_are(tmp_path: Path, header: str) -> None:
    try:
        sheet = read(tmp_path, f"{header}\n1,5\n1,6\n")
    except UsageError as error:
        assert "line 1 has 1 name, but the rows below have 2 cells" in str(error)  # noqa: PT017
    else:
        assert wrong(sheet) == dict.fromkeys((2, 3), "it has too few cells: 2 instead of 5")


def test_rows_of_the_wrong_length_are_named_and_none_is_shifted(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"time,a,b\n{A},1,2\n{A},1\n{A},1,2,3\n{B},1,2,,\nTotal rows: 5\n{C},")
    assert rows(sheet) == [[A, "1", "2"], [B, "1", "2"]]
    assert wrong(sheet) == {
        3: "it has too few cells: 2 instead of 3",
        4: "it has too many cells: 4 instead of 3",
        6: "it has too few cells: 1 instead of 3",
        7: "it has too few cells: 2 instead of 3",
    }
    assert sheet.wrong[1].text == f"{A},1,2,3"


def test_a_forgotten_quotation_mark_swallows_no_line(tmp_path: Path) -> None:
    body = f'{A},1,ok\n{B},2,"open\n{C},3,ok\n{C},4,shut"\n{C},5,ok\n'
    sheet = read(tmp_path, f"time,temp,note\n{body}")
    assert [row[1] for row in rows(sheet)] == ["1", "2", "3", "4", "5"]
    assert sheet.place.tolist() == [2, 3, 4, 5, 6]
    assert "Lines 3, 5: each has a quotation mark that is never closed" in sheet.notes[0]
    sheet = read(tmp_path, f'time,temp,note\n{A},1,ok\n{B},"2,ok,x\n{C},3,ok\n')
    assert wrong(sheet) == {3: "its quotation mark is never closed"}
    assert sheet.place.tolist() == [2, 4]


def test_a_quoted_cell_may_hold_separators_quotes_and_ends_of_lines(tmp_path: Path) -> None:
    body = f'{A},1,"first, with comma\n\nlast"\n\n{B},2,"a ""word"""\n{C},3, "x"\n'
    sheet = read(tmp_path, f'time,"Temp\n(°C)",note\n{body}')
    assert list(sheet.frame.columns) == ["time", "Temp (°C)", "note"]
    assert [row[2] for row in rows(sheet)] == ["first, with comma last", 'a "word"', "x"]
    assert sheet.place.tolist() == [3, 7, 8]
    assert not sheet.wrong


def test_nul_bytes_are_said_and_never_part_of_a_cell(tmp_path: Path) -> None:
    sheet = read(tmp_path, f"time,temp\n{A},1\n\0\0\0\n\0\0{B},2\n{C},3\n\0\0")
    assert rows(sheet) == [[A, "1"], [C, "3"]]
    assert list(wrong(sheet)) == [4]
    assert "Lines 3, 6: each has only NUL bytes" in sheet.notes[0]


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", " \n\t\n", "sep=;\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="it is empty"):
        read(tmp_path, text)


@pytest.mark.parametrize("seed", range(30))
def test_plain_and_careful_reading_agree_with_what_was_written(tmp_path: Path, seed: int) -> None:
    """Cells at random, written by Python's csv module, among blank lines; read back with their lines."""
    chance = random.Random(seed)  # noqa: S311  not for secrets
    separator = chance.choice(",;\t|")
    width = chance.randint(2, 5)
    pieces = (
        ["x", "1.5", "ab c", "", '"', separator, "\n", "é", "7"] if seed % 3 else ["x", "1.5", "ab c", "7"]
    )
    header = ["time", *(f"c{column}" for column in range(1, width))]
    ends = chance.choice(["\n", "\r\n"])
    quoting = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    expected, lines, text = [], [], ""
    for number in range(chance.choice([3, 40])):
        cells = [f"2026-01-31 12:{number:02}:00"]
        cells += ["".join(chance.choices(pieces, k=chance.randint(1, 3))) for _ in header[1:]]
        for row in [header, cells] if not number else [cells]:
            line = io.StringIO()
            csv.writer(line, delimiter=separator, quoting=quoting, lineterminator="\n").writerow(row)
            if row is not header:
                lines.append(text.count("\n") + 1)
            text += line.getvalue() + "\n" * (chance.random() < 0.1)
        expected.append([" ".join(cell.split()) if "\n" in cell else cell.strip() for cell in cells])
    sheet = read(tmp_path, text.replace("\n", ends))
    assert list(sheet.frame.columns) == header
    assert rows(sheet) == [[cell or None for cell in row] for row in expected]
    assert sheet.place.tolist() == lines
    assert not sheet.wrong
