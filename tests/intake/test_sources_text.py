"""sources.toml: what it may say, and the one line that refuses anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sensormon.model.errors import UsageError
from sensormon.model.toml_table import Table
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import Common, owners
from sensormon.sources.named_edit import with_source, without_source
from sensormon.sources.named_text import parse_sources, read_sources

REPLAY = '[sources.line]\nkind = "replay"\npath = "a.csv"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sources.line", "cannot be read"),
        ("[source.line]\n", "Was 'sources' meant?"),
        ("sources = 3\n", "a table is needed"),
        ('[sources."a b"]\nkind = "replay"\n', "is not a name"),
        ("[sources.line]\n", "kind is not set"),
        ('[sources.line]\nkind = "replai"\n', "Was 'replay' meant?"),
        ('[sources.line]\nkind = "replay"\n', "path is not set"),
        (REPLAY + "speed = 0\n", "speed: a number above 0"),
        (REPLAY + "sped = 2\n", "Was 'speed' meant?"),
        (REPLAY + 'on = "no"\n', "on: true or false is needed"),
        (REPLAY + 'password = "secret"\n', "the key 'password' is not known"),
        (REPLAY + 'password_env = "my secret"\n', "never the secret itself"),
        (REPLAY + 'password_env = "SENSORMON_TOKEN"\n', "a secret of the monitor itself"),
        (REPLAY + 'password_env = "A"\npassword_file = "a"\n', "both set"),
        (REPLAY.replace("line", "http"), "other readings in the ledger"),
        (REPLAY.replace("line", "simulator"), "other readings in the ledger"),
        ('[sources.s]\nkind = "simulator"\ninterval = -1\n', "interval: a number of seconds"),
        ("x = 1\n" * 9_000, "cannot be read"),
    ],
)
def test_what_is_wrong_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_sources(text, "sources.toml")
    line = str(refused.value)
    assert said in line
    assert line.startswith("sources.toml")
    assert "\n" not in line


def test_a_wrong_file_at_the_start_is_one_line_and_nothing_is_touched(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(REPLAY + "sped = 2\n")
    environment = {"SENSORMON_DATA_DIR": str(tmp_path / "data"), "SENSORMON_SOURCES": str(file)}
    ended = subprocess.run(
        [sys.executable, "-m", "sensormon", "collect"],
        env={**environment, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "[sources.line]: the key 'sped' is not known" in line
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_not_there_names_nothing(tmp_path: Path) -> None:
    assert read_sources(tmp_path / "sources.toml") == {}
    with pytest.raises(UsageError, match="cannot be read"):
        read_sources(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        read_sources(tmp_path / "binary")


TEXT = f"""# the plant
{REPLAY}speed = 60     # an hour a minute

[sources.other]
kind = "simulator"
tags = ["a_*"]
"""


def test_an_edit_keeps_what_it_does_not_change() -> None:
    sources = parse_sources(TEXT)
    assert with_source(TEXT, sources["line"]) == TEXT
    gone = without_source(TEXT, "line")
    assert [*parse_sources(gone)] == ["other"]
    back = parse_sources(with_source(gone, sources["line"]))
    assert back["line"] == sources["line"]
    assert back["other"] == sources["other"]
    assert parse_sources(with_source("", sources["line"])) == {"line": sources["line"]}


def test_every_kind_gives_back_what_it_was_told() -> None:
    for source in parse_sources(TEXT).values():
        kind = KINDS[source.kind]
        assert not kind.missing
        assert parse_sources(with_source("", source))[source.name] == source


MODBUS = '[sources.{0}]\nkind = "modbus"\nurl = "modbus://192.0.2.1"\n'
ROW = '[[sources.{0}.registers]]\ntag = "{1}"\naddress = 1\ntype = "int16"\n'


def test_two_live_sources_do_not_name_the_same_tag() -> None:
    first = MODBUS.format("a") + ROW.format("a", "flow")
    second = MODBUS.format("b") + ROW.format("b", "flow")
    with pytest.raises(UsageError, match="the tag 'flow' is named by 'a' already") as refused:
        parse_sources(first + second)
    assert "[sources.b]" in str(refused.value)
    assert len(parse_sources(first + second.replace("[[", "on = false\n[["))) == 2
    history = (
        '[sources.old]\nkind = "sql"\nurl = "sqlite:////a.db"\ncursor = "time"\n'
        'query = "SELECT * FROM h WHERE time >= :cursor ORDER BY time"\ntags = { "F1" = "flow" }\n'
    )
    assert len(parse_sources(first + history)) == 2, "the history of what is live"


TAGS = [f"t{number}" for number in range(20_000)]
LONG: dict[str, dict[str, Any]] = {
    "modbus": {
        "url": "modbus://192.0.2.1",
        "registers": [{"tag": tag, "address": 1, "type": "int16"} for tag in TAGS],
    },
    "opcua": {
        "url": "opc.tcp://192.0.2.1:4840/",
        "tags": [{"node": f"ns=2;s={tag}", "tag": tag} for tag in TAGS],
    },
    "mqtt": {"url": "mqtt://192.0.2.1", "topics": [{"topic": f"a/{tag}", "tag": tag} for tag in TAGS]},
    "sparkplug": {
        "url": "mqtt://192.0.2.1",
        "group": "g",
        "metrics": [{"metric": f"edge//{tag}", "tag": tag} for tag in TAGS],
    },
    "sql": {
        "url": "sqlite:////a.db",
        "cursor": "time",
        "query": "SELECT * FROM h WHERE time >= :cursor ORDER BY time",
        "tags": {tag: tag for tag in TAGS},
    },
    "simulator": {"tags": TAGS},
}


@pytest.mark.parametrize("kind", LONG)
def test_a_source_names_as_many_tags_as_a_large_plant_has(kind: str) -> None:
    table = Table("sources.toml", LONG[kind])
    source = KINDS[kind].read(Common("line"), table)
    table.end()
    assert len(source.tags or source.simulates) == len(TAGS)
    assert len(owners([source], TAGS)) == len(TAGS)
