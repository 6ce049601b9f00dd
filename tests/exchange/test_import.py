"""History from files: every cell accounted for, scored as if live, stored once."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensormon.__main__ import main
from sensormon.detectors import detect
from sensormon.exchange.import_table import check, pieces, propose, read_file
from sensormon.model import timestamps
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.model.tags import TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.offline import StoppedMonitor
from sensormon.monitor.verify import verify
from sensormon.tables.columns import Columns
from tests.support.plant import START, batch_of

BEGIN = "2026-01-01T00:00:00Z"


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Gives the command line the settings of the test."""
    tags = settings.data_dir.with_name("tags.toml")
    tags.write_bytes(settings.tags.read_bytes())
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("SENSORMON_SOURCE", "none")
    monkeypatch.setenv("SENSORMON_TAGS", str(tags))
    return replace(settings, tags=tags)


def wide(path: Path, rows: int = 12_000, spikes: tuple[int, ...] = (500, 9_000)) -> pd.DataFrame:
    """A file with a column for one tag by name, for one by label, and an unknown one."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "timestamp": pd.date_range("2026-01-01", periods=rows, freq="s").astype(str),
            "fermenter_ph": np.round(rng.normal(7, 0.02, rows), 3),
            "Fermenter temperature": np.round(rng.normal(37, 0.1, rows), 2),
            "comment": "x",
        }
    )
    frame.loc[list(spikes), "fermenter_ph"] = 8.5
    frame.to_csv(path, index=False)
    return frame


def stored(settings: Settings) -> pd.DataFrame:
    stopped = StoppedMonitor(settings.data_dir, settings.store_url)
    with stopped.store() as store:
        assert store is not None
        return store.readings.frame(None, 0, START * 2)


def scores_of(settings: Settings, detector: str, ids: list[int]) -> list[float]:
    """The scores that this detector gave these readings, whichever spoke; NaN where it did not judge."""
    with StoppedMonitor(settings.data_dir, settings.store_url).store() as store:
        assert store is not None
        own = store.readings.own(ids)
    return [next((each.score for each in own[number] if each.detector == detector), np.nan) for number in ids]


def test_wide_file_is_stored_and_scored_as_if_live(
    environment: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = wide(tmp_path / "plant.csv")
    assert main(["import", str(tmp_path / "plant.csv")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("24,000 of 24,000 readings imported")
    assert "Fermenter temperature -> fermenter_temp" in said.err
    assert "Not imported: comment" in said.err
    rows = stored(environment)
    assert set(rows["origin"]) == {"import"}
    ph = rows[rows["tag"] == "fermenter_ph"]
    assert ph["value"].tolist() == frame["fermenter_ph"].tolist()
    assert timestamps.render(int(ph["time"].iloc[0].value) // 1000) == "2026-01-01T00:00:00.000Z"
    flagged = np.zeros(len(ph), dtype=np.bool_)
    for detector in ("zscore", "recommended"):
        expected = detect(frame["fermenter_ph"], detector=detector, resolution=0.01)
        own = scores_of(environment, detector, ph["id"].tolist())
        assert np.array_equal(own, expected["score"].to_numpy(), equal_nan=True)
        flagged |= expected["is_anomaly"].to_numpy()
    assert ph["is_anomaly"].tolist() == flagged.tolist()
    assert verify(StoppedMonitor(environment.data_dir, environment.store_url)).findings == ()


def test_same_file_twice_is_stored_once(
    environment: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide(tmp_path / "a.csv")
    assert main(["import", str(tmp_path / "a.csv")]) == 0
    capsys.readouterr()
    (tmp_path / "a.csv").rename(tmp_path / "b.csv")
    assert main(["import", str(tmp_path / "b.csv")]) == 0
    assert "24,000 were imported before and are not stored twice" in capsys.readouterr().out
    assert len(stored(environment)) == 24_000


def test_interrupted_import_resumes(environment: Settings, tmp_path: Path) -> None:
    wide(tmp_path / "a.csv")
    clock = ManualClock(START)
    monitor = Monitor(environment, clock)
    table = read_file(tmp_path / "a.csv")
    columns = propose(table, monitor.tags)
    taken = monitor.importer.take(pieces(table, columns, clock.now()))
    assert [next(taken).accepted for _ in range(2)] == [5_000, 5_000]
    monitor.parts.journal.close()  # as if it had been killed before anything was stored
    monitor.parts.store.close()
    monitor.parts.folder.release()
    assert main(["import", str(tmp_path / "a.csv")]) == 0
    rows = stored(environment)
    assert len(rows) == 24_000
    assert not rows.duplicated(["tag", "time"]).any()


def test_invalid_cells_are_reported_with_their_line(
    environment: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "long.csv"
    path.write_text(
        "time;tag;value\n"
        "2026-01-01T00:00:00Z;fermenter_ph;7,01\n"
        "yesterday;fermenter_ph;7,02\n"
        "2026-01-01T00:00:02Z;fermenter_ph;high\n"
        "2026-01-01T00:00:03Z;nobody;7,03\n"
        "2026-01-01T00:00:04Z;fermenter_ph;99\n"
        "2026-01-01T00:00:05Z;fermenter_ph;\n"
        "2026-01-01T00:00:00Z;fermenter_ph;7,01\n"
    )
    assert main(["import", str(path)]) in (0, 1)
    out = capsys.readouterr().out
    assert "line 3: fermenter_ph '7,02': 'yesterday' is not a time" in out
    assert "line 5: nobody" in out
    for reason in ("timestamp unreadable or out of range", "unknown tag", "not a number"):
        assert f"rejected: {reason}" in out
    report = verify(StoppedMonitor(environment.data_dir, environment.store_url))
    assert report.findings == ()
    assert report.ledger is not None
    assert report.ledger.total.received == 7


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_header_only_file_is_refused_in_one_line(
    environment: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = tmp_path / f"empty.{kind}"
    frame = pd.DataFrame({"time": [], "fermenter_ph": []})
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    assert main(["import", str(path)]) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert said.count("\n") == 1
    assert "empty." in said
    assert "it has no rows, so there is nothing to import" in said
    assert "time, fermenter_ph" in said
    assert not environment.data_dir.exists()


@pytest.mark.usefixtures("environment")
def test_impossible_times_are_reported_in_years_and_days(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "long.csv"
    path.write_text(
        "time,tag,value\n1650-01-01,fermenter_ph,7\nyesterday,fermenter_ph,7\n2226-01-01T00:00:00Z,fermenter_ph,7\n"
    )
    assert main(["import", str(path)]) == 1
    out = capsys.readouterr().out
    assert "2 rejected: timestamp unreadable or out of range" in out
    assert "1650-01-01T00:00:00.000Z is before 1990: check the precision" in out
    assert re.search(r": \d\d\d years ahead of the clock; at most 10 minutes are accepted", out)


def test_naive_times_use_the_given_zone(tags: TagTable, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "time,ph\n2026-07-01 12:00:00,7\n2026-01-01 12:00:00,7\n2026-01-01T12:00:00+05:30,7\n"
        "2026-10-25 02:30:00,7\n2026-03-29 02:30:00,7\n"
    )
    table = read_file(path)
    columns = propose(table, tags, given=Columns(zone="Europe/Berlin"))
    (piece,) = pieces(table, columns, START)
    assert [timestamps.render(t) for t in sorted(piece.batch.time.tolist())] == [
        "2026-01-01T06:30:00.000Z",
        "2026-01-01T11:00:00.000Z",
        "2026-07-01T10:00:00.000Z",
        "2026-10-25T01:30:00.000Z",
    ]
    assert piece.unsure == 1, "02:30 came twice"
    (skipped,) = piece.malformed
    assert (skipped.time, skipped.detail) == ("2026-03-29 02:30:00", "no clock in Europe/Berlin showed this")
    for zone in ("Mars", "Europe", "../zone"):  # the second is a folder of zones
        with pytest.raises(UsageError, match="no time zone"):
            check(replace(columns, zone=zone), table, tags)


def test_parquet_is_read_like_csv(tags: TagTable, tmp_path: Path) -> None:
    times = pd.date_range("2026-01-01", periods=3, freq="min", tz="UTC")
    pd.DataFrame({"time": times, "temp": [37.0, None, 37.2]}).to_parquet(tmp_path / "t.parquet")
    table = read_file(tmp_path / "t.parquet")
    (piece,) = pieces(table, propose(table, tags), START)
    assert piece.batch.value.tolist() == [37.0, 37.2]
    assert piece.malformed == ()


def test_user_assigns_the_columns(
    environment: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    path.write_text("from,AI-101\n1,7.0\n")
    assert main(["import", str(path)]) == 2
    assert "there is no column of times" in capsys.readouterr().err
    path.write_text("when,note\n2026-01-01T00:00:00Z,x\n")
    assert main(["import", str(path), "--time", "when"]) == 2
    assert "no column has numbers" in capsys.readouterr().err
    path.write_text("when,AI-101\n2026-01-01T00:00:00Z,7.0\n")
    for pair, wrong in (
        ("AI-101=nope", "no tag 'nope'"),
        ("B=fermenter_ph", "no column 'B'"),
        ("x", "COLUMN=TAG"),
    ):
        assert main(["import", str(path), "--time", "when", "--column", pair]) == 2
        assert wrong in capsys.readouterr().err
    arguments = ["import", str(path), "--time", "when", "--column", "AI-101=fermenter_ph"]
    assert main([*arguments, "--preview"]) == 0
    assert not environment.data_dir.exists()
    assert main(arguments) == 0
    assert stored(environment)["tag"].tolist() == ["fermenter_ph"]


def test_imported_history_leaves_live_detectors_and_alarms_alone(settings: Settings, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    live = np.round(rng.normal(7, 0.02, 200), 2)
    columns = Columns("timestamp", values={"fermenter_ph": "fermenter_ph"})
    wide(tmp_path / "a.csv", rows=300, spikes=(50,))
    table = read_file(tmp_path / "a.csv")

    def run(folder: Path, imports: bool) -> Monitor:
        monitor = Monitor(replace(settings, data_dir=folder), ManualClock(START))
        for i, value in enumerate(live):
            monitor.submit(batch_of(("fermenter_ph", float(value)), at=START + i * SECOND))
            if imports and i == 100:
                before = monitor.status().source.last_reading
                assert (
                    sum(piece.accepted for piece in monitor.importer.take(pieces(table, columns, START)))
                    == 300
                )
                assert monitor.status().source.last_reading == before
                monitor.drain()
                monitor.stop()
                monitor = Monitor(replace(settings, data_dir=folder), ManualClock(START))
        monitor.drain()
        return monitor

    alone, beside = run(tmp_path / "one", False), run(tmp_path / "two", True)
    frames = [m.stored.frame(["fermenter_ph"], START, START * 2) for m in (alone, beside)]
    for name in ("n", "score", "lower", "upper", "is_anomaly"):
        assert frames[0][name].equals(frames[1][name]), name
    alone.stop()
    beside.stop()
