"""Tag tables that would keep a core busy for hours: refused before they are parsed, within a second."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensormon.__main__ import main
from sensormon.model.errors import UsageError
from sensormon.model.tags import read_tags
from sensormon.model.toml_text import DEEPEST, FOREIGN, read_toml
from sensormon.sources.simulator import read_spike_rate


def repeated(unit: str, count: int) -> str:
    return "".join(unit.format(i=i) for i in range(count))


MANY = "b." * 700_000 + "c"
BOMBS = {
    "dotted key": f"{MANY} = 1",
    "dotted key with blanks": "b . " * 400_000 + "c = 1",
    "dotted key in quotes": '"b".' * 400_000 + "c = 1",
    "header": f"[{MANY}]",
    "array header": f"[[{MANY}]]",
    "inline table": f"x = {{{MANY} = 1}}",
    "after four quotes": f'x = {{a = """b"""", {MANY} = 1, d = "y"}}',
    "after five quotes": f'x = {{a = """b""""", {MANY} = 1, d = "y"}}',
    "after four apostrophes": f"x = {{a = '''b'''', {MANY} = 1, d = 'y'}}",
    "after an escaped quote": f'x = {{a = "\\"", {MANY} = 1, d = "y"}}',
    "after a hash in a string": f'x = {{a = "#", {MANY} = 1}}',
    "nested arrays": "x = " + "[" * 90_000,
    "nested tables": "x = " + "{a = " * 40_000,
    "many tables": repeated("[t{i}]\n", 150_000),
    "many deep tables": repeated("[a.b.c.d{i}]\na.b.c.d = 1\n", 40_000),
    "many keys": repeated("k{i}=1\n", 150_000),
    "many values": "x = [" + "1," * 900_000 + "]",
    "many lines": "#\n" * 1_000_000,
    "a long number": "x = " + "1" * 1_000_000,
    "a long number with base": "[tags.x]\nnoise = 0x" + "F" * 1_000_000,
    "a long text": 'x = "' + "y" * 3_000_000 + '"',
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_in_a_tag_table_is_refused_within_a_second(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tags.toml"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(UsageError, match="not valid TOML: it has") as error:
        read_tags(path, FOREIGN)
    assert time.process_time() - began < 1
    assert len(str(error.value)) < 400


FULLEST = {
    "tables": repeated("[t{i}]\n", 29_000),
    "deep tables": repeated("[a.b.c.d{i}]\na.b.c.d.e.f.g.h=1\n", 30_000 // 12),
    "tables in arrays": "x = [" + "{a=1}," * 29_000 + "]",
    "keys": repeated("k{i}=1\n", 50_000),
    "values": "x = [" + "1.5," * 99_000 + "]",
    "lines": "#\n" * 100_000,
    "escapes": 'x = "' + "\\n" * 1_000_000 + '"',
    "quotes": 'x = """' + '"y' * 1_000_000 + '"""',
    "tags": repeated(
        '[tags.t{i}]\nlabel = "Some label"\nunit = "bar"\ngroup = "Line 1"\nvalid = [1.0, 2.5]\n'
        "normal = [1.2, 1.4]\nnoise = 0.02\nresolution = 0.01\n[tags.t{i}.profile]\nsimulate = false\n",
        5_000,
    ),
}


@pytest.mark.parametrize("text", FULLEST.values(), ids=FULLEST.keys())
def test_the_fullest_table_within_the_bounds_takes_less_than_a_second(text: str) -> None:
    assert min(seconds_to_read(text) for _ in range(3)) < 1  # a machine at work is slower by turns


def seconds_to_read(text: str) -> float:
    """Of the processor."""
    began = time.process_time()
    read_toml(text, FOREIGN)
    return time.process_time() - began


def test_every_reader_of_the_own_table_refuses_a_bomb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tags.toml"
    path.write_text(BOMBS["dotted key"])
    with pytest.raises(UsageError, match="a key of more than 8 parts"):
        read_spike_rate(path)
    monkeypatch.setenv("SENSORMON_TAGS", str(path))
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(tmp_path / "data"))
    assert main(["collect"]) == 2
    assert "a key of more than 8 parts" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


KEYS = st.lists(st.sampled_from(["a", "b-1", '"x.y"', "'q.#'", '"\\""', "1"]), min_size=1, max_size=12)
VALUES = st.sampled_from(
    ["1", "1.5", '"a.b.c.d.e.f.g.h.i.j"', "'''x'''", '"""y"""', '"""y""""', '"#"', "[1.5, 2.5]", "''", '""']
)


@given(st.lists(st.tuples(KEYS, VALUES, st.sampled_from(["", " # a.b.c.d.e.f.g.h.i.j", "\r"])), max_size=5))
def test_the_depth_that_is_measured_is_the_depth_that_is_parsed(
    lines: list[tuple[list[str], str, str]],
) -> None:
    text = "".join(
        f"{'.'.join([f'k{i}', *key])} = {value}{end}\n" for i, (key, value, end) in enumerate(lines)
    )
    document = tomllib.loads(text)
    if max((len(key) + 1 for key, *_ in lines), default=0) <= DEEPEST:
        assert read_toml(text, FOREIGN) == document
    else:
        with pytest.raises(ValueError, match="a key of more than"):
            read_toml(text, FOREIGN)


def test_texts_full_of_dots_are_no_deep_keys(write: Callable[[str], Path]) -> None:
    label = "1.2.3.4.5.6.7.8.9.10.11"
    path = write(f"[tags.x]\nlabel = {json.dumps(label)} # {label}\nnormal = [1.5, 2.5]\n")
    assert read_tags(path, FOREIGN)["x"].label == label


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def to_file(text: str) -> Path:
        path = tmp_path / "tags.toml"
        path.write_text(text)
        return path

    return to_file
