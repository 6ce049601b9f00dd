"""What tests of several monitors on one store share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from tests.support.postgresql import PostgreSQL
from tests.support.together import Together


@pytest.fixture
def plant(
    settings: Settings, postgresql: PostgreSQL, tmp_path: Path, clock: ManualClock
) -> Iterator[Together]:
    """Monitors on a database of their own."""
    together = Together(settings, postgresql.new_database(), tmp_path, clock)
    yield together
    together.stop()
