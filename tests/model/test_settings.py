"""The settings, and the message for an invalid one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensormon.model.errors import UsageError
from sensormon.model.line_tags import LineTag
from sensormon.model.settings import ROOT, Settings, read_settings, store_place


def test_nothing_set_is_the_default() -> None:
    assert read_settings({}) == Settings()
    assert read_settings({"SENSORMON_SOURCE": "", "SENSORMON_SEED": "  ", "PATH": "/bin"}) == Settings()


def test_the_defaults_are_those_of_the_table() -> None:
    settings = Settings()
    assert settings.data_dir == Path("data")
    assert settings.tags == ROOT / "data" / "tags.toml"
    assert settings.tags.is_file()
    assert settings.store_url == str(Path("data") / "sensormon.duckdb")
    assert (settings.source, settings.seed, settings.interval) == ("simulator", 0, 1.0)
    assert (settings.window, settings.threshold, settings.token) == (50, 3.0, "")


def test_every_variable_is_read() -> None:
    settings = read_settings(
        {
            "SENSORMON_DATA_DIR": "/var/sensors",
            "SENSORMON_TAGS": "plant.toml",
            "SENSORMON_STORE": "postgresql://me@there/readings",
            "SENSORMON_SOURCE": "replay:file.csv@60",
            "SENSORMON_SEED": "7",
            "SENSORMON_INTERVAL": "0.5",
            "SENSORMON_WINDOW": "5",
            "SENSORMON_THRESHOLD": "8",
            "SENSORMON_TOKEN": " secret ",
            "SENSORMON_EARLIEST": "1970-01-01",
            "SENSORMON_LINE_TAG": "{host}.{measurement}.{field}",
        }
    )
    assert settings == Settings(
        data_dir=Path("/var/sensors"),
        tags=Path("plant.toml"),
        store="postgresql://me@there/readings",
        source="replay:file.csv@60",
        seed=7,
        interval=0.5,
        window=5,
        threshold=8.0,
        token="secret",
        earliest=0,
        line_tag=LineTag("{host}.{measurement}.{field}"),
    )
    assert settings.store_url == settings.store
    assert read_settings({"SENSORMON_SEED": str(2**32 - 1)}).seed == 2**32 - 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SOURCE", "mqtt"),
        ("SOURCE", "replay"),
        ("SOURCE", "replay:"),
        ("SOURCE", "Simulator"),
        ("EARLIEST", "1899-12-31"),
        ("EARLIEST", "2100-01-02"),
        ("EARLIEST", "1990"),
        ("EARLIEST", "never"),
        ("LINE_TAG", "cpu"),
        ("LINE_TAG", "{host"),
        ("LINE_TAG", "{host}}"),
        ("LINE_TAG", "{}.{field}"),
        ("LINE_TAG", "{host} {field}"),
        ("LINE_TAG", "{field}" * 100),
        ("SEED", "abc"),
        ("SEED", "-1"),
        ("SEED", "1.5"),
        ("SEED", str(2**32)),
        ("INTERVAL", "0"),
        ("INTERVAL", "nan"),
        ("INTERVAL", "inf"),
        ("INTERVAL", "1s"),
        ("INTERVAL", "100000"),
        ("WINDOW", "4"),
        ("WINDOW", "1001"),
        ("WINDOW", "50.5"),
        ("WINDOW", "fifty"),
        ("THRESHOLD", "0.9"),
        ("THRESHOLD", "9"),
        ("THRESHOLD", "three"),
        ("STORE", "mysql://there/db"),
        ("STORE", "http://there"),
    ],
)
def test_a_bad_value_is_one_line_with_variable_value_and_hint(variable: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_settings({f"SENSORMON_{variable}": value})
    message = str(caught.value)
    assert message.startswith(f"SENSORMON_{variable}: ")
    assert value.split("://", maxsplit=1)[0] in message
    assert caught.value.hint in message
    assert caught.value.hint
    assert "\n" not in message


@pytest.mark.parametrize("token", ["two words", "schlüssel", "line\nbreak"])
def test_a_bad_token_is_never_shown(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_settings({"SENSORMON_TOKEN": token})
    assert token not in str(caught.value)
    assert "SENSORMON_TOKEN" in str(caught.value)


def test_a_bad_store_does_not_show_its_password() -> None:
    with pytest.raises(UsageError) as caught:
        read_settings({"SENSORMON_STORE": "mysql://me:hunter2@there/db"})
    assert "hunter2" not in str(caught.value)


BUS = {"SENSORMON_STORE": "postgresql://db/plant"}


def test_the_url_of_a_bus_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "bus_url"
    file.write_text("nats://worker:hunter2@a:4222,nats://worker:hunter2@b:4222\n")
    settings = read_settings({**BUS, "SENSORMON_BUS_FILE": str(file)})
    assert settings.bus == file.read_text().strip()
    assert settings.source == "none"
    assert "hunter2" not in repr(settings)
    with pytest.raises(UsageError, match="Set one of the two"):
        read_settings({**BUS, "SENSORMON_BUS_FILE": str(file), "SENSORMON_BUS": "nats://a"})


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), (b"", "It is empty"), (b"\xff", "it is not text")]
)
def test_a_file_without_the_url_of_a_bus_is_refused(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "bus_url"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=f"SENSORMON_BUS_FILE: .*bus_url.*{words}"):
        read_settings({**BUS, "SENSORMON_BUS_FILE": str(file)})


@pytest.mark.parametrize(
    "url",
    [
        "kafka://me:hunter2@there",
        "nats://me:hunter2@a,kafka://me:hunter2@b",
        "nats://me:1/hunter2@there",
        "nats://me:hunter2?@there",
        "nats://me:hunter2#@there",
        "nats://me:hunter2@there:port",
        "nats://me:hunter2@[there",
        "me:hunter2@there",
        "nats://me:hunter2,1@there",
    ],
)
def test_a_bad_bus_does_not_show_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="SENSORMON_BUS: ") as caught:
        read_settings({**BUS, "SENSORMON_BUS": url})
    assert "hunter2" not in str(caught.value)


def test_the_token_is_not_in_the_settings_text() -> None:
    assert "secret" not in repr(read_settings({"SENSORMON_TOKEN": "secret"}))


def test_the_password_of_the_store_is_not_in_the_settings_text() -> None:
    settings = read_settings({"SENSORMON_STORE": "postgresql://me:hunter2@there/readings"})
    assert "hunter2" not in repr(settings) + store_place(settings.store_url)
    assert settings.database_file is None


def test_reading_the_settings_touches_nothing(tmp_path: Path) -> None:
    read_settings({"SENSORMON_DATA_DIR": str(tmp_path / "new")})
    assert not (tmp_path / "new").exists()
