"""The repository's tag table is out of reach of the tests (the fixtures are in conftest.py)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings, read_settings
from sensormon.model.tags import Tag
from sensormon.monitor.monitor import Monitor


def test_a_monitor_with_the_default_table_cannot_change_it_in_a_test(
    tmp_path: Path, clock: ManualClock
) -> None:
    table = Settings().tags
    before = table.read_bytes()
    monitor = Monitor(Settings(data_dir=tmp_path / "data", source="none"), clock)
    try:
        with pytest.raises(AssertionError, match="a test writes into"):
            monitor.tag_file.add([Tag("left_behind", "Left behind")], "Ana")
    finally:
        monitor.stop()
        table.with_name("tags.toml.bak").unlink(missing_ok=True)
    assert table.read_bytes() == before


def test_commands_and_servers_of_tests_have_a_copy_of_the_table() -> None:
    assert read_settings(os.environ).tags != Settings().tags
    assert read_settings(os.environ).tags.read_bytes() == Settings().tags.read_bytes()
