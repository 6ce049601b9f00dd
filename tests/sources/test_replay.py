"""Replay of a recorded file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensormon.model.clock import SECOND
from sensormon.model.errors import UsageError
from sensormon.model.readings import Batch
from sensormon.model.settings import ROOT, Settings
from sensormon.model.tags import TagTable
from sensormon.sources import open_source
from sensormon.sources.replay import MOST, Replay, parse_replay
from tests.support.plant import START

SAMPLES = ROOT / "data" / "samples"


def written(folder: Path, text: str, name: str = "pump 1.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def everything(replay: Replay) -> list[Batch]:
    """All batches, read at once after a very long sleep."""
    batches = []
    late = START + 10**5 * 86_400 * SECOND
    replay.due(START)
    while replay.due(late) is not None:
        batches.append(replay.read(late))
    return batches


def test_rows_keep_their_recorded_distance(tmp_path: Path) -> None:
    path = written(tmp_path, "timestamp,value\n2026-01-01,1\n2026-01-01T00:00:10Z,2\n2026-01-01 00:01:00,3\n")
    replay = Replay(path, speed=2)
    assert replay.due(START) == START
    assert replay.read(START).value.tolist() == [1.0]
    assert replay.due(START) == START + 5 * SECOND
    assert len(replay.read(START + 5 * SECOND - 1)) == 0
    late = replay.read(START + 40 * SECOND)
    assert late.time.tolist() == [START + 5 * SECOND, START + 30 * SECOND]
    assert late.received == START + 40 * SECOND
    assert replay.due(START + 40 * SECOND) is None
    assert replay.name == "replay:pump 1.csv"


def test_single_tag_is_named_after_the_file(tmp_path: Path) -> None:
    replay = Replay(written(tmp_path, "value,timestamp\n1.25,2026-01-01\n", "pump 1 (old)é.csv"))
    (tag,) = replay.tags
    assert (tag.name, tag.label, tag.resolution) == ("pump_1__old__", "Pump 1  old  ", 0.01)
    assert replay.interval == 0


def test_each_tag_has_its_own_resolution(tmp_path: Path) -> None:
    rows = "".join(
        f"2026-01-01T00:00:{k:02},{t},{v}\n" for k in range(20) for t, v in [("a", k), ("b", k / 8)]
    )
    replay = Replay(written(tmp_path, f"Timestamp, Tag ,VALUE\n{rows}"))
    assert {tag.name: tag.resolution for tag in replay.tags} == {"a": 1.0, "b": 0.001}
    assert replay.interval == 1.0


def test_rows_are_sorted_stably_by_time(tmp_path: Path) -> None:
    rows = ["2026-01-02,4", "2026-01-01,1", "2026-01-01,2", "2026-01-01T02:00:00+02:00,3"]
    replay = Replay(written(tmp_path, "timestamp,value\n" + "\n".join(rows)))
    assert np.concatenate([batch.value for batch in everything(replay)]).tolist() == [1, 2, 3, 4]


def test_empty_value_is_a_reading(tmp_path: Path) -> None:
    replay = Replay(written(tmp_path, "timestamp,value\n2026-01-01,\n2026-01-01,NaN\n\n2026-01-01,5\n"))
    assert len(replay) == 3
    (batch,) = everything(replay)
    assert np.isnan(batch.value).tolist() == [True, True, False]
    assert replay.tags[0].resolution == 1.0


def test_rows_due_after_a_long_sleep_come_in_batches(tmp_path: Path) -> None:
    rows = "".join(f"2026-01-01T{k // 3600:02}:{k // 60 % 60:02}:{k % 60:02},{k}\n" for k in range(2_500))
    batches = everything(Replay(written(tmp_path, "timestamp,value\n" + rows)))
    assert [len(batch) for batch in batches] == [MOST, MOST, 500]
    assert np.concatenate([batch.value for batch in batches]).tolist() == list(range(2_500))


def test_byte_order_mark_and_extra_columns_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes('\ufeffnote,timestamp,value\n"a,\nb",2026-01-01,1\n'.encode())
    assert len(Replay(path)) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it is empty"),
        ("timestamp,value\n", "there are no readings in it"),
        ("flow,value\n1,2\n", "there is no column of times; found 'flow,value'"),
        ("timestamp,note\n2026-01-01,ok\n", "there is no column of values; found 'timestamp,note'"),
        ("time,value\n1,2\n2,3\n", "line 2: '1': this would be before 1990; say what it counts"),
        ("timestamp,value,value\n1,2,3\n", "the column 'value' occurs twice"),
        ("timestamp,value\n2026-01-01,1\nyesterday,2\n", "line 3: 'yesterday' is not a time"),
        ("timestamp,value\n2026-01-01,warm\n", "line 2: 'warm': the value must be a number"),
        ("timestamp,value\n2026-01-01\n", "line 2: '2026-01-01': it has too few cells"),
        ("timestamp,value\n03/04/2026,1\n", "can be read in 2 ways: day"),
        ("timestamp,tag,value\n2026-01-01,a b,1\n", "line 2: 'a b' cannot be a tag's name"),
    ],
)
def test_invalid_file_is_one_clear_line(tmp_path: Path, tags: TagTable, text: str, says: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        open_source(Settings(source=f"replay:{path}"), tags, START)
    message = str(caught.value)
    assert says in message
    assert str(path) in message
    assert caught.value.hint
    assert "\n" not in message


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_unreadable_file_is_one_line(tmp_path: Path, tags: TagTable, kind: str) -> None:
    path = tmp_path / "there"
    if kind == "folder":
        path.mkdir()
    if kind == "binary":
        path.write_bytes(b"PAR1\xff\xfe\n")
    with pytest.raises(UsageError, match="it cannot be read") as caught:
        open_source(Settings(source=f"replay:{path}"), tags, START)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_speed_is_the_last_number_after_an_at_sign(tmp_path: Path) -> None:
    path = str(written(tmp_path, "x", "a@b.csv"))
    assert parse_replay(path) == (Path(path), 1.0)
    assert parse_replay(f"{path}@60") == (Path(path), 60.0)
    assert parse_replay(f"{path}@0.5x") == (Path(path), 0.5)
    whole = str(written(tmp_path, "x", "night@60"))
    assert parse_replay(whole) == (Path(whole), 1.0)
    assert parse_replay(f"{whole}@2") == (Path(whole), 2.0)


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "inf", "fast", ""])
def test_invalid_speed_is_one_line(tmp_path: Path, tags: TagTable, speed: str) -> None:
    path = written(tmp_path, "timestamp,value\n2026-01-01,1\n")
    with pytest.raises(UsageError, match=r"SENSORMON_SOURCE: the speed .* cannot be used") as caught:
        open_source(Settings(source=f"replay:{path}@{speed}"), tags, START)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("speed", ["1e-9", "1e-300"])
def test_replay_beyond_the_calendar_is_refused(tmp_path: Path, tags: TagTable, speed: str) -> None:
    path = written(tmp_path, "timestamp,value\n2026-01-01,1\n2026-02-01,2\n")
    with pytest.raises(UsageError, match="after the year 9999"):
        open_source(Settings(source=f"replay:{path}@{speed}"), tags, START)


def test_sample_is_complete_and_has_its_licence() -> None:
    (path,) = SAMPLES.glob("*.csv")
    replay = Replay(path, speed=300)
    (tag,) = replay.tags
    assert (len(replay), tag.name, replay.interval) == (4_032, "rds_cpu_utilization_cc0c53", 1.0)
    assert path.stat().st_size < 120_000
    assert path.name in (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert "Numenta" in (SAMPLES / "NAB-LICENSE.txt").read_text(encoding="utf-8")
