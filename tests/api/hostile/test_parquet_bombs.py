"""Parquet files that unpack to gigabytes: read within a fixed budget, in a process of their own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sensormon.__main__ import main
from sensormon.exchange.import_table import read_file
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Cancelled
from sensormon.tables.parquet_reader import SHARED_BYTES, SHARED_SECONDS, Budget
from tests.support.memory import children, peak
from tests.support.server import ROOT

Make = Callable[[Path], object]


def repeated(table: pa.Table, groups: int) -> Make:
    """Write the same row group many times."""

    def make(path: Path) -> None:
        with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
            for _ in range(groups):
                writer.write_table(table)

    return make


def with_column(column: pa.Array, groups: int = 10) -> Make:
    times = pa.array(np.zeros(len(column), dtype="datetime64[us]"))
    return repeated(pa.table({"timestamp": times, "fermenter_ph": column}), groups)


def text(length: int, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), ["x" * length])


def lists(rows: int, each: int) -> pa.Array:
    return pa.ListArray.from_arrays(
        pa.array(np.arange(rows + 1, dtype=np.int32) * each), pa.array(np.zeros(rows * each))
    )


BOMBS: dict[str, tuple[Callable[[], Make], str]] = {
    "numbers": (lambda: with_column(pa.array(np.zeros(1_000_000)), 100), "unpacks to more than the 512 MiB"),
    "a dictionary": (lambda: with_column(text(1_000_000, 20_000)), "unpacks to more than the 512 MiB"),
    "long text": (lambda: with_column(pa.array(["x" * 1_000_000] * 600)), "unpacks to more than the 512 MiB"),
    "nested": (lambda: with_column(lists(1_000_000, 10), 40), "unpacks to more than the 512 MiB"),
    "nothing": (lambda: with_column(pa.nulls(10_000_000), 2), "unpacks to more than the 512 MiB"),
    "bytes of one length": (
        lambda: with_column(pa.array([b"x" * 10_000_000] * 10, pa.binary(10_000_000)), 1),
        "",  # such a column is not read
    ),
    "row groups": (
        lambda: with_column(pa.array([1.0]), 110_000),
        "it has more than 100,000 row groups",
    ),
    "columns": (
        lambda: repeated(pa.table({f"c{i}": [1.0] for i in range(6_000)}), 1),
        "it has more than 5,000 columns",
    ),
}
"""What makes each, and what is said about it; a gigabyte together, hence made only by the test."""


@pytest.mark.long
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_a_bounded_process_and_one_line(tmp_path: Path, name: str) -> None:
    make, said = BOMBS[name]
    path = tmp_path / "bomb.parquet"
    make()(path)
    command = [sys.executable, "-m", "tests.support.memory", str(path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    outcome, own, child = ended.stdout.splitlines()
    assert said in outcome
    assert int(own) < 300
    assert int(child) < 450


def test_a_small_file_beyond_the_budget_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    with_column(text(100_000, 1_000))(path)
    assert path.stat().st_size < 10_000, "it unpacks to a gigabyte"
    with pytest.raises(UsageError, match="unpacks to more than the 512 MiB that can be read here") as error:
        read_file(path, Budget(SHARED_BYTES, SHARED_SECONDS))
    assert len(str(error.value).splitlines()) == 1


def constant(rows: int) -> Make:
    """Numbers of two values, which a Parquet file keeps in next to nothing."""
    numbers = pa.table({"time": np.zeros(rows, dtype=np.int64), "fermenter_ph": np.full(rows, 7.0)})
    return lambda path: pq.write_table(numbers, path, compression="zstd")


def test_a_command_refuses_numbers_that_it_could_not_work_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(tmp_path / "data"))
    path = tmp_path / "bomb.parquet"
    constant(12_000_000)(path)
    assert path.stat().st_size < 400_000
    before = peak()
    assert main(["import", str(path)]) == 2
    assert peak() - before < 400, "MB"
    line = capsys.readouterr().err
    assert "it has 24,000,000 cells and unpacks to more than the 1,024 MiB that can be read here" in line
    assert "python -m sensormon import" not in line, "it is the command that cannot"


def test_the_page_names_the_command_only_for_what_that_can_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    for rows, named in ((8_000_000, True), (12_000_000, False)):
        constant(rows)(path)
        with pytest.raises(UsageError, match="more than the 512 MiB that can be read here") as error:
            read_file(path, Budget(SHARED_BYTES, SHARED_SECONDS))
        assert ("python -m sensormon import" in error.value.hint) is named
    path.write_text("time,fermenter_ph\n" + "1,2\n" * 6_000_000)
    with pytest.raises(UsageError, match="it has 12,000,002 cells") as error:
        read_file(path, Budget(SHARED_BYTES, SHARED_SECONDS))
    assert "python -m sensormon import" in error.value.hint


@pytest.mark.parametrize(("value", "rows"), [(7.0, 1_000_000), ("nothing", 300_000)])
def test_the_work_with_a_table_costs_what_was_counted_for_it(
    tmp_path: Path, value: float | str, rows: int
) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"time": np.arange(rows), "fermenter_ph": pa.repeat(value, rows)}), path)
    code = (
        "import sys; from pathlib import Path; from tests.support.memory import peak\n"
        "from sensormon.exchange.import_table import pieces, read_file\n"
        "from sensormon.tables.columns import Columns\n"
        "before, table = peak(), read_file(Path(sys.argv[1]))\n"
        "columns = Columns('time', values={'fermenter_ph': 'fermenter_ph'})\n"
        "print(sum(len(piece.positions) + len(piece.malformed) for piece in pieces(table, columns, 0)))\n"
        "print(peak() - before)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    counted, megabytes = map(int, ended.stdout.split())
    assert counted == rows
    assert megabytes < 130, "about 100 MB were counted for it"


def test_the_process_is_killed_when_its_viewer_leaves(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    with_column(pa.array(["x" * 1_000_000] * 600))(path)
    reading: list[int] = []

    def leave() -> None:
        reading.extend(children("parquet_child.py"))
        if reading:
            raise Cancelled

    with pytest.raises(Cancelled):
        read_file(path, Budget(SHARED_BYTES, SHARED_SECONDS, leave))
    assert reading
    assert not children("parquet_child.py")


def test_a_reader_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    with_column(lists(1_000_000, 1), 10)(path)
    with pytest.raises(UsageError, match="it takes more than 0 s to read"):
        read_file(path, Budget(SHARED_BYTES, 0))
    assert not children("parquet_child.py")


@pytest.mark.long
def test_several_at_once_cost_no_more_than_one(tmp_path: Path) -> None:
    path = tmp_path / "bomb.parquet"
    with_column(pa.array(["x" * 1_000_000] * 600))(path)
    most = 0
    refused: list[str] = []

    def read() -> None:
        try:
            read_file(path, Budget(SHARED_BYTES, SHARED_SECONDS))
        except UsageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, len(children("parquet_child.py")))
        threads[0].join(0.01)
    assert most == 1
    assert len(refused) == 6
    assert all("unpacks to more" in line or "other files" in line for line in refused)
