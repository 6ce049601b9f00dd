"""`python -m sensormon report`: a PDF of a stopped monitor, or one line that says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensormon.__main__ import main
from sensormon.boards.boards import boards_of
from sensormon.boards.views import views_of
from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.reported import BOARD, PH, TEMP, fill, words_of

TIMES = ["--since", "2026-09-20T22:00:00Z", "--until", "2026-09-21T22:00:00Z", "--zone", "Europe/Berlin"]


@pytest.fixture
def folder(settings: Settings, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Path:
    monitor = Monitor(settings, clock)
    fill(monitor, TEMP, PH, hours=2)
    boards_of(monitor).save(BOARD, "Ana")
    views_of(monitor).save("Shift", "explore", (("explore", PH),), "Ana", shared=True, who="Ana")
    monitor.stop()
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("SENSORMON_TAGS", str(settings.tags))
    return settings.data_dir


def test_a_board_becomes_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder.parent / "out.pdf"
    assert main(["report", "fermenter", "--out", str(out), *TIMES]) == 0
    assert f"2 tags and 240 readings in {out}" in capsys.readouterr().err
    assert "Mon 21 Sep 2026 Europe/Berlin (UTC+02:00)" in words_of(out.read_bytes())


def test_a_shared_view_becomes_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder.parent / "out.pdf"
    assert main(["report", "view:shift", "--out", str(out), *TIMES]) == 0
    assert f"1 tags and 120 readings in {out}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", *TIMES], "there is no board 'nowhere'"),
        (["view:nowhere", *TIMES], "there is no view 'nowhere'"),
        (["fermenter", "--span", "yesterday", "--zone", "Mars"], "no time zone 'Mars'"),
        (["fermenter", "--since", "2026-01-01", "--until", "2026-01-02"], "no readings in this span"),
        (["fermenter", "--until", "2026-01-02"], "needs its begin"),
    ],
)
def test_without_a_report_there_is_one_line_and_no_file(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    out = folder.parent / "out.pdf"
    assert main(["report", *arguments, "--out", str(out)]) == 2
    assert words in capsys.readouterr().err
    assert not out.exists()
