"""`export`, `case` and `verify` of a folder whose monitor stopped before it had stored everything."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensormon.__main__ import main
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.stores.opening import open_store
from tests.support.excel import cells
from tests.support.plant import START, batch_of

STORED, WAITING = 70, 40


def cut_off(monitor: Monitor) -> None:
    """End the monitor as a kill does: what waits in the journal stays there."""
    monitor.loader.close()
    monitor.parts.collector.close()
    monitor.parts.journal.close()
    monitor.parts.folder.release()


@pytest.fixture
def half(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A stopped monitor with 70 stored readings and 40 only journaled; one flagged in either part."""
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(settings.data_dir))
    monitor = Monitor(settings, ManualClock(START))
    values = [("fermenter_ph", round(float(v), 2)) for v in np.random.default_rng(0).normal(7, 0.02, 110)]
    values[60] = values[90] = ("fermenter_ph", 8.91)
    monitor.submit(batch_of(*values[:STORED]))
    monitor.drain()
    for i in range(STORED, STORED + WAITING, 7):
        monitor.submit(batch_of(*values[i : i + 7][: STORED + WAITING - i], at=START + i * SECOND))
    monitor.submit(batch_of(("fermenter_temp", 37.0), at=START + 500 * SECOND))
    cut_off(monitor)
    return settings


def sheet(path: Path) -> pd.DataFrame:
    """The rows of a workbook's first sheet."""
    names, *rows = cells(path.read_bytes())
    return pd.DataFrame(rows, columns=[str(name).split(" (")[0] for name in names])


@pytest.mark.usefixtures("half")
@pytest.mark.parametrize("form", ["csv", "parquet", "excel"])
def test_an_export_has_what_only_the_journal_has(
    tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "excel": sheet}[form]
    path = tmp_path / f"readings.{form}"
    assert main(["export", "readings", "--format", form, "--out", str(path)]) == 0
    frame = read(path)
    assert frame["id"].tolist() == list(range(1, STORED + WAITING + 2))
    assert f"{STORED + WAITING + 1:,} readings written" in capsys.readouterr().err
    path = tmp_path / f"anomalies.{form}"
    assert main(["export", "anomalies", "--format", form, "--out", str(path)]) == 0
    assert {61, 91} <= set(read(path)["id"])


def test_an_export_is_the_same_before_and_after_the_journal_is_stored(half: Settings, tmp_path: Path) -> None:
    ways = {
        "all": [],
        "tag": ["--tag", "fermenter_temp"],
        "span": ["--since", pd.Timestamp(START + 50 * SECOND, unit="us").isoformat()],
        "until": ["--until", pd.Timestamp(START + 100 * SECOND, unit="us").isoformat()],
    }
    for name, options in ways.items():
        for form in ("csv", "parquet"):
            out = str(tmp_path / f"{name}-before.{form}")
            assert main(["export", "readings", *options, "--format", form, "--out", out]) == 0
    Monitor(half, ManualClock(START + 1000 * SECOND)).stop()
    for name, options in ways.items():
        for form in ("csv", "parquet"):
            out = tmp_path / f"{name}-after.{form}"
            assert main(["export", "readings", *options, "--format", form, "--out", str(out)]) == 0
            before = tmp_path / f"{name}-before.{form}"
            if form == "csv":
                assert out.read_bytes() == before.read_bytes()
            else:
                pd.testing.assert_frame_equal(pd.read_parquet(out), pd.read_parquet(before))


def test_an_export_without_a_database_comes_from_the_journal(
    half: Settings, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    Path(half.store_url).unlink()
    assert main(["export", "readings"]) == 0
    assert len(pd.read_csv(io.BytesIO(capsysbinary.readouterr().out))) == STORED + WAITING + 1


def test_an_export_that_lacks_readings_says_so_and_is_a_finding(
    half: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    segment = max((half.data_dir / "journal").glob("*.seg"))
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 0xFF
    segment.write_bytes(data)
    assert main(["export", "readings"]) == 1
    assert "missing: " in capsys.readouterr().err


def test_a_case_says_how_many_readings_it_lacks(
    half: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.sensormon"
    assert main(["case", str(path)]) == 1
    assert f"missing: {WAITING + 1} readings" in capsys.readouterr().err
    Monitor(half, ManualClock(START + 1000 * SECOND)).stop()
    assert main(["case", str(path)]) == 0


def test_verify_looks_into_the_store_that_is_set(
    half: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import duckdb

    elsewhere = tmp_path / "elsewhere.duckdb"
    shutil.move(half.store_url, elsewhere)
    for arguments in (["verify"], ["verify", str(half.data_dir)]):
        monkeypatch.delenv("SENSORMON_STORE", raising=False)
        assert main(arguments) == 1
        said = capsys.readouterr().out
        assert f"not checked: the database, there is none at {half.store_url}" in said
        assert "pending" not in said, "no ledger of what was not looked at"
        assert "nothing lost" not in said
        monkeypatch.setenv("SENSORMON_STORE", str(elsewhere))
        assert main(arguments) == 0
        assert "nothing lost" in capsys.readouterr().out
    with duckdb.connect(str(elsewhere)) as connection:
        connection.execute("DELETE FROM readings WHERE id = 7")
    assert main(["verify", str(half.data_dir)]) == 1
    assert "1 of its readings are not in the store" in capsys.readouterr().out


def test_verify_names_the_folders_own_database_if_another_is_set(
    half: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere.duckdb"
    shutil.copy(half.store_url, elsewhere)
    Path(half.store_url).write_bytes(b"damaged")
    monkeypatch.setenv("SENSORMON_STORE", str(elsewhere))
    for arguments in (["verify"], ["verify", str(half.data_dir)]):
        assert main(arguments) == 1
        said = capsys.readouterr().out
        assert f"not checked: {half.store_url}, since SENSORMON_STORE is {elsewhere}" in said
        assert "nothing lost" not in said
    copy = shutil.copytree(
        half.data_dir, tmp_path / "copy", ignore=shutil.ignore_patterns("*.lock", "*.sock")
    )
    assert main(["verify", str(copy)]) == 1
    assert "found: the database cannot be read" in capsys.readouterr().out, "a copy's own comes first"


@pytest.mark.usefixtures("half")
def test_verify_claims_nothing_by_another_monitors_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Settings(data_dir=tmp_path / "other", source="none")
    monitor = Monitor(other, ManualClock(START))
    monitor.submit(batch_of(("fermenter_ph", 7.0)))
    monitor.stop()
    monkeypatch.setenv("SENSORMON_STORE", other.store_url)
    assert main(["verify"]) == 1
    said = capsys.readouterr().out
    assert "nothing lost" not in said
    assert "pending" not in said, "no ledger of what was not looked at"


def test_verify_of_a_copied_folder_reads_the_copy(
    half: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(half.data_dir, copy)
    monkeypatch.setenv("SENSORMON_STORE", str(tmp_path / "nowhere.duckdb"))
    assert main(["verify", str(copy)]) == 0
    assert "nothing lost" in capsys.readouterr().out


def test_verify_says_how_many_minutes_of_the_summary_are_wrong(
    half: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    import duckdb

    store = open_store(half.store_url)
    store.open()
    assert not store.summarise(least=1), "nothing is left to summarise"
    store.close()
    assert main(["verify"]) == 0
    assert "summary" not in capsys.readouterr().out
    with duckdb.connect(half.store_url) as connection:
        ((minutes,),) = connection.execute("UPDATE minutes SET readings = readings + 1").fetchall()
    assert main(["verify"]) == 1
    said = capsys.readouterr().out
    assert minutes > 1
    assert f"found: {minutes} minutes of the summary differ from the readings: charts and events" in said
    assert "nothing lost" not in said
