"""The command `import`: a question at a terminal, saved mappings, several files, new tags."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sensormon.__main__ import main
from sensormon.exchange.mappings import FILE, MOST, Mappings, SavedMapping
from sensormon.model.errors import UsageError
from sensormon.model.tags import read_tags
from sensormon.tables.columns import Columns

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, with a tag table of its own."""
    tags = tmp_path / "tags.toml"
    tags.write_text('[tags.other]\nlabel = "Other"\n')
    monkeypatch.setenv("SENSORMON_TAGS", str(tags))
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SENSORMON_SOURCE", "none")
    return tmp_path / "data"


def at_terminal(arguments: list[str], answer: str) -> tuple[int, str]:
    """Run the command at a terminal, answer its question; the exit code and what the terminal showed."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "sensormon", "import", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave, close_fds=True)
    os.close(slave)
    shown, deadline = "", time.monotonic() + 60
    answered = False
    try:
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                part = os.read(master, 4_096)
            except OSError:  # the other side is closed
                break
            shown += part.decode(errors="replace")
            if "Which one?" in shown and not answered:
                os.write(master, f"{answer}\n".encode())
                answered = True
        return process.wait(30), shown
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_a_person_at_a_terminal_is_asked(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,t\n03/04/2026 12:00,1\n04/05/2026 12:00,2\n")
    code, shown = at_terminal([str(path)], "no idea")
    assert code == 1
    assert "Nothing was stored" in shown
    assert not folder.exists()
    code, shown = at_terminal([str(path)], "1")
    assert code == 0
    assert "2026-04-03T12:00:00.000Z" in shown, "the preview shows the answer's reading"
    assert "2 of 2 readings imported" in shown


def test_a_mapping_is_saved_and_used_again(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("When;X1;X2\n03/04/2026;1,5;7\n")
    second.write_text("When;X1;X2\n05/04/2026;2,5;8\n")
    arguments = ["--column", "X1=other", "--day-first", "--zone", "Europe/Berlin"]
    assert main(["import", str(first), *arguments, "--preview", "--save-mapping", "line 4"]) == 0
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    capsys.readouterr()
    assert main(["import", str(second), "--mapping", "line 4", "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["other,2026-04-04T22:00:00.000Z,2.5,Good"]
    assert main(["import", str(second), "--mapping", "line 5", "--dry-run"]) == 2
    assert "Saved are line 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        '{"a": 1}',
        '{"": {}}',
        '{"a": {"day_first": "yes"}}',
        '{"a": {"values": {"x": 1}}}',
        '{"a": {"missing": "x"}}',
        '{"a": {"time": "' + "x" * 2_000 + '"}}',
        json.dumps({str(i): {} for i in range(MOST + 1)}),
    ],
)
def test_damaged_mappings_are_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(UsageError, match="the saved mappings cannot be read") as caught:
        Mappings(tmp_path).all()
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError):
        Mappings(tmp_path).save("new", SavedMapping(Columns("time")))
    assert (tmp_path / FILE).read_text() == content


def test_mappings_come_back_as_they_were(tmp_path: Path) -> None:
    columns = Columns(
        "Date",
        values={"a": "tag_a"},
        zone="Asia/Tokyo",
        clock="Time",
        qualities={"a": "qa"},
        form="%d",
        day_first=False,
        decimal=",",
        missing=("-999", "x"),
    )
    mappings = Mappings(tmp_path)
    mappings.save("b", SavedMapping(columns, "Sheet 2"))
    mappings.save("a", SavedMapping(Columns(tag="t", value="v")))
    assert list(Mappings(tmp_path).all()) == ["a", "b"]
    assert Mappings(tmp_path).get("b") == SavedMapping(columns, "Sheet 2")
    mappings.remove("b")
    assert list(mappings.all()) == ["a"]


def test_several_files_make_their_tags_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.csv").write_text(f"time,Flow (L/h)\n2026-01-0{value}T00:00:00Z,{value}\n")
    assert main(["import", str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]) == 0
    said = capsys.readouterr()
    assert said.out.count("1 of 1 reading imported") == 2
    tags = read_tags(Path(os.environ["SENSORMON_TAGS"]))
    assert (tags["Flow"].unit, tags["Flow"].simulated) == ("L/h", False)


def test_readings_that_share_a_tag_and_a_time_are_counted_before_the_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "days.csv"
    path.write_text("time,other\n2026-01-31,1\n2026-01-31,2\n2026-01-31,3\n2026-02-01,1\n")
    assert main(["import", str(path), "--preview"]) == 0
    assert "2 readings with the tag and the time of another: check the times" in capsys.readouterr().err
