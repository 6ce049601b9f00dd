"""Pages in these tests are run without a server, so nothing is known of a visitor: access is open."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensormon.model.settings import Settings
from tests.support.plant import own_table


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", source="none", access="open", tags=own_table(tmp_path))
