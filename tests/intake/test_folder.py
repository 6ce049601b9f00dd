"""A watched folder: real files that grow, rotate, are replaced, cannot be read."""

from __future__ import annotations

import gzip
import os
import threading
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from sensormon.exchange.mappings import Mappings, SavedMapping
from sensormon.intake import folder as watching
from sensormon.intake import folder_files, folder_reading
from sensormon.intake.folder import ANEW, Watch, explore
from sensormon.intake.folder_explorer import FolderExplorer
from sensormon.intake.folder_reading import LONGEST_LINE
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import SourceError, UsageError
from sensormon.model.settings import ROOT
from sensormon.model.source_health import Link
from sensormon.model.tags import Tag
from sensormon.sources.folder.kind import FolderSource
from sensormon.sources.named_edit import with_source
from sensormon.sources.named_text import parse_sources
from sensormon.sources.report import Report
from sensormon.tables.columns import Columns
from tests.support.kept_intake import KeptIntake

HEADER = "time;level;flow\n"
MAPPING = SavedMapping(
    Columns(time="time", values={"level": "level", "flow": "flow"}, decimal=",", zone="Europe/Berlin")
)


class Folder:
    """A folder in which a test writes, and a watch that looks when the test says."""

    def __init__(self, root: Path, pattern: str = "*.csv", mapping: SavedMapping = MAPPING) -> None:
        self.path = root / "logs"
        self.path.mkdir()
        self.data = root / "data"
        self.data.mkdir()
        Mappings(self.data).save("loggers", mapping)
        text = f'kind = "folder"\npath = "{self.path}"\nmapping = "loggers"\npattern = "{pattern}"\n'
        config = parse_sources(f"[sources.line]\n{text}")["line"]
        assert isinstance(config, FolderSource)
        self.config = replace(config, data=self.data)
        self.intake = KeptIntake(ManualClock(1_800_000_000 * SECOND))
        self.intake.offer_tags([Tag("level", "Level"), Tag("flow", "Flow")])
        self.start()

    def start(self) -> None:
        """Watch anew, as after a restart: only the position is left."""
        self.report = Report("line", "folder", self.config.place, self.intake.clock)
        self.watch = Watch(self.config, self.intake, self.report, threading.Event())

    def look(self) -> list[tuple[str, float | str]]:
        """Tag and value of what is new."""
        before = len(self.intake.batches)
        self.watch.look()
        return [
            (batch.tags[tag], float(value))
            for batch in self.intake.batches[before:]
            for tag, value in zip(batch.tag, batch.value, strict=True)
        ]

    def levels(self) -> list[float]:
        return [value for tag, value in self.look() if tag == "level"]

    def append(self, text: str, name: str = "a.csv") -> None:
        with (self.path / name).open("a", encoding="utf-8", newline="") as file:
            file.write(text)

    @property
    def trouble(self) -> str:
        trouble = self.report.health().trouble
        return "" if trouble is None else f"{trouble.what}. {trouble.hint}"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def line(number: int, minute: int | None = None) -> str:
    at = number if minute is None else minute
    return f"2026-11-30 {10 + at // 60:02}:{at % 60:02}:00;{number},5;{number}\n"


def test_new_lines_are_taken_as_they_come_and_never_half_of_one(folder: Folder) -> None:
    folder.append(HEADER)
    assert folder.look() == []
    folder.append(line(1) + line(2)[:-4])
    assert folder.look() == [("level", 1.5), ("flow", 1.0)]
    assert folder.report.health().detail == "1 file, 1 last line without an end"
    assert folder.look() == []
    folder.append(line(2)[-4:] + line(3))
    assert folder.levels() == [2.5, 3.5]
    batch = folder.intake.batches[0]
    assert pd.Timestamp(int(batch.time[0]), unit="us") == pd.Timestamp("2026-11-30 09:01")
    assert batch.source == "line"


def test_a_restart_goes_on_exactly_where_it_was(folder: Folder) -> None:
    folder.append(HEADER + line(1) + line(2))
    folder.look()
    folder.append(line(3))
    folder.start()
    assert folder.levels() == [3.5]
    folder.start()
    assert folder.look() == []


def test_a_file_longer_than_its_head_goes_on_in_the_same_way(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_reading, "HEAD", 200)
    folder.append(HEADER + "".join(line(number) for number in range(300)))
    assert len(folder.levels()) == 300
    folder.append(line(300))
    assert folder.levels() == [300.5]


def test_a_rotated_file_is_finished_and_the_new_one_begun(folder: Folder) -> None:
    folder.append(HEADER + line(1))
    folder.look()
    folder.append(line(2))
    (folder.path / "a.csv").rename(folder.path / "a.csv.1")
    folder.append(HEADER + line(3))
    assert sorted(folder.levels()) == [2.5, 3.5]
    assert folder.look() == []
    assert folder.report.health().gaps == 0


def test_a_renamed_file_that_matches_is_not_read_again(folder: Folder) -> None:
    folder.append(HEADER + line(1))
    folder.look()
    (folder.path / "a.csv").rename(folder.path / "b.csv")
    folder.append(line(2), "b.csv")
    assert folder.levels() == [2.5]


@pytest.mark.parametrize("lines", [1, 3])
def test_a_file_that_was_cut_off_or_overwritten_is_read_from_its_beginning(
    folder: Folder, lines: int
) -> None:
    folder.append(HEADER + line(1) + line(2))
    folder.look()
    text = HEADER + "".join(line(number, number) for number in range(7, 7 + lines))
    (folder.path / "a.csv").write_text(text)
    assert folder.levels() == [number + 0.5 for number in range(7, 7 + lines)]
    assert folder.report.health().notes[ANEW] == 1


def test_a_replaced_file_of_which_nothing_is_left_is_read_from_its_beginning(folder: Folder) -> None:
    folder.append(HEADER + line(1) + line(2))
    folder.look()
    (folder.path / "a.csv").unlink()
    folder.append("x", "other.txt")  # takes the inode, on some file systems
    folder.append(HEADER + line(8))
    assert folder.levels() == [8.5]


def test_lines_that_are_no_readings_are_refused_by_their_number(folder: Folder) -> None:
    folder.append(HEADER + line(1))
    folder.look()
    folder.append("2026-11-30 10:02:00;broken;2\n" + "yesterday;3,5;3\n" + "one cell\n" + line(5))
    assert ("level", 5.5) in folder.look()
    assert {each.index for each in folder.intake.refused} == {3, 4, 5}
    assert all(each.source == "line" and each.detail for each in folder.intake.refused)


def test_a_file_that_cannot_be_read_is_named_and_the_others_go_on(folder: Folder) -> None:
    folder.append("when;what\n1;2\n", "odd.csv")
    folder.append(HEADER + line(1))
    assert folder.levels() == [1.5]
    assert folder.report.health().link is Link.CONNECTED
    assert "odd.csv: there is no column 'time'" in folder.trouble
    assert folder.report.health().detail == "2 files, cannot be read: odd.csv"
    (folder.path / "odd.csv").write_text(HEADER + line(2))
    assert folder.levels() == [2.5]
    assert folder.report.health().detail == "2 files"


def test_a_date_that_can_be_read_in_two_ways_is_not_guessed(tmp_path: Path) -> None:
    folder = Folder(tmp_path, mapping=SavedMapping(Columns(time="time", values={"level": "level"})))
    folder.append("time,level\n03/04/2026 10:00,1\n")
    assert folder.look() == []
    assert "can be read in 2 ways" in folder.trouble
    assert "save the mapping under the same name again" in folder.trouble
    decided = SavedMapping(Columns(time="time", values={"level": "level"}, day_first=True))
    Mappings(folder.data).save("loggers", decided)
    assert folder.levels() == [1.0]


def test_a_tag_that_is_not_in_the_table_holds_its_file_until_it_is(folder: Folder) -> None:
    folder.intake.offered.pop()
    folder.append(HEADER + line(1))
    assert folder.look() == []
    assert "there is no tag 'flow'" in folder.trouble
    folder.intake.offer_tags([Tag("flow", "Flow")])
    assert folder.levels() == [1.5]


def test_a_line_without_an_end_is_bounded(folder: Folder) -> None:
    folder.append(HEADER + line(1))
    folder.look()
    folder.append("x" * (LONGEST_LINE + 10))
    assert folder.look() == []
    assert "a line is longer than 256 KiB" in folder.trouble


def test_links_and_what_is_no_file_are_not_opened(folder: Folder, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(HEADER + line(1))
    (folder.path / "link.csv").symlink_to(secret)
    (folder.path / "folder.csv").mkdir()
    os.mkfifo(folder.path / "pipe.csv")
    assert folder.look() == []
    assert "link.csv is a link, which is not followed" in folder.trouble
    with pytest.raises(SourceError):
        folder_files.opened(folder.path, "link.csv")
    with pytest.raises(SourceError, match="no plain file"):
        folder_files.opened(folder.path, "pipe.csv")


@pytest.mark.parametrize("inside", ["data", "data/logs", "link", "/proc/self"])
def test_the_monitors_own_files_and_those_of_the_system_are_not_read(folder: Folder, inside: str) -> None:
    root = folder.data.parent
    (folder.data / "logs").mkdir()
    (root / "link").symlink_to(folder.data)
    folder.config = replace(folder.config, path=str(root / inside), pattern="*")
    folder.start()
    assert folder.look() == []
    assert "are not read" in folder.trouble
    explorer = FolderExplorer(folder.config)
    for question in (
        lambda: explorer.test(5),
        lambda: explorer.browse("", 5),
        lambda: explorer.preview(5, 5),
    ):
        with pytest.raises(SourceError, match="are not read"):
            question()


def test_more_files_than_can_be_watched_are_refused_as_a_whole(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_files, "MOST_FILES", 2)
    for number in range(3):
        folder.append(HEADER + line(number), f"{number}.csv")
    assert folder.look() == []
    assert folder.report.health().link is Link.WAITING
    assert "3 files match *.csv; at most 2 can be watched" in folder.trouble


def test_a_folder_that_goes_and_comes_back_is_not_read_again(folder: Folder) -> None:
    folder.append(HEADER + line(1))
    folder.look()
    away = folder.path.rename(folder.path.parent / "away")
    assert folder.look() == []
    assert folder.report.health().link is Link.WAITING
    folder.path.mkdir()
    assert folder.look() == []
    folder.path.rmdir()
    away.rename(folder.path)
    folder.append(line(2))
    assert folder.levels() == [2.5]


def test_a_mapping_that_is_not_saved_is_named(folder: Folder) -> None:
    Mappings(folder.data).remove("loggers")
    folder.append(HEADER + line(1))
    assert folder.look() == []
    assert "there is no mapping 'loggers'" in folder.trouble
    Mappings(folder.data).save("loggers", MAPPING)
    assert folder.levels() == [1.5]


@pytest.mark.parametrize(
    "form", ["csv.gz", *(pytest.param(x, marks=pytest.mark.long) for x in ("parquet", "xlsx"))]
)
def test_a_whole_file_is_read_once_it_stays_as_it_is(tmp_path: Path, form: str) -> None:
    folder = Folder(tmp_path, pattern="*")
    path = folder.path / f"day.{form}"
    write(path, 3)
    assert folder.look() == []
    assert folder.levels() == [0.5, 1.5, 2.5]
    assert folder.look() == []
    folder.start()
    folder.look()
    assert folder.look() == [], "it is the same after a restart"
    write(path, 4)
    folder.look()
    assert folder.levels() == [3.5], "what was added"
    write(path, 2, first=7)
    folder.look()
    assert folder.levels() == [7.5, 8.5]
    assert folder.report.health().notes[ANEW] == 1


def write(path: Path, rows: int, first: int = 0) -> None:
    times = pd.date_range("2026-11-30", periods=rows, freq="min")
    frame = pd.DataFrame(
        {"time": times, "level": [first + n + 0.5 for n in range(rows)], "flow": range(rows)}
    )
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".xlsx":
        frame.to_excel(path, engine="xlsxwriter", index=False)
    else:
        path.write_bytes(gzip.compress(frame.to_csv(index=False, sep=";", decimal=",").encode()))


def test_much_that_is_new_comes_in_batches_of_whole_lines_and_goes_on_between_them(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MOST_READINGS", 7)
    folder.append(HEADER + "".join(line(number) for number in range(10)) + "wrong\n" + line(11))
    folder.look()
    assert [len(batch) for batch in folder.intake.batches] == [6, 6, 6, 4]
    kept = folder.intake.positions[1]
    folder.intake.forget(kept)
    folder.start()
    assert folder.levels() == [6.5, 7.5, 8.5, 9.5, 11.5]


def test_what_is_written_is_read_as_the_same(folder: Folder) -> None:
    again = parse_sources(with_source("", folder.config))["line"]
    assert again == replace(folder.config, data=Path())


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('path = "logs"\nmapping = "m"', "not the whole path"),
        ('path = "/srv/../etc"\nmapping = "m"', "not the whole path"),
        ('path = "/srv"\nmapping = "m"\npattern = "../*"', "without /"),
        ('path = "/srv"', "mapping is not set"),
        ('mapping = "m"', "path is not set"),
    ],
)
def test_a_folder_that_cannot_be_is_refused(lines: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse_sources(f'[sources.line]\nkind = "folder"\n{lines}\n')


def test_a_page_sees_what_is_in_the_folder(folder: Folder) -> None:
    folder.append(HEADER + line(1) + line(2))
    folder.append("when;what\n1;2\n", "odd.csv")
    folder.append("x", "readme.txt")
    explorer = explore(folder.config, str, folder.data)
    seen = explorer.test(5)
    assert seen.summary == "2 files match *.csv, 1 do not; 4 readings at the beginning of the newest"
    assert "odd.csv: there is no column 'time'" in seen.problems[0]
    assert {offer.address for offer in explorer.browse("", 5)} == {"a.csv", "odd.csv"}
    (folder.path / "odd.csv").unlink()
    preview = explorer.preview(3, 5)
    assert list(preview.batch.value) == [1.5, 1.0, 2.5]


def test_the_documented_example_is_a_source() -> None:
    page = (ROOT / "docs" / "sources-folder.md").read_text(encoding="utf-8")
    text = "\n".join(row[4:] for row in page.splitlines() if row.startswith("    "))
    source = parse_sources(text)["loggers"]
    assert source.place == "/srv/loggers/line4/*.csv"
    assert all(f"`{key}`" in page for key in ("path", "pattern", "mapping", "interval"))
