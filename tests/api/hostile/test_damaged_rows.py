"""JSON in rows of the database that no monitor wrote: the database counts as damaged."""

from __future__ import annotations

import duckdb
import pytest

from sensormon.access.documents import Documents
from sensormon.model.clock import ManualClock
from sensormon.model.errors import StoreCorrupt
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START, batch_of

CONTENT = ["[" * 100_000, "[]", "{", "5", '{"window": NaN}', '{"a":' * 100_000 + "1" + "}" * 100_000]


@pytest.fixture
def stopped(settings: Settings) -> Settings:
    """A monitor that was stopped after it had stored 50 readings, its settings and a document."""
    monitor = Monitor(settings, ManualClock(START))
    monitor.submit(batch_of(*[("fermenter_ph", 7.0 + i % 3 / 100) for i in range(50)]))
    Documents(monitor.parts.collector, monitor.parts.store.entries, monitor.clock).keep(
        "c", "a", {"v": 1}, "Jo"
    )
    monitor.drain()
    monitor.stop()
    return settings


def change(settings: Settings, statement: str, content: str) -> None:
    with duckdb.connect(settings.store_url) as connection:
        rows = connection.execute(statement, [content]).fetchall()
        assert rows[0][0] >= 1, "rows were changed"


@pytest.mark.parametrize("content", [*CONTENT, '{"window": "50"}', '{"window": [50]}'])
def test_with_damaged_settings_the_database_is_rebuilt(stopped: Settings, content: str) -> None:
    change(stopped, "UPDATE detector_settings SET params = ?", content)
    monitor = Monitor(stopped, ManualClock(START))
    monitor.drain()
    assert monitor.ledger.now().total.stored == 50
    assert monitor.ledger.now().balanced
    monitor.stop()
    kept = [path for path in stopped.data_dir.glob("sensormon.duckdb?*") if path.suffix != ".wal"]
    assert kept, "the damaged one"


@pytest.mark.parametrize("content", CONTENT)
def test_a_damaged_document_is_an_error_of_the_store(stopped: Settings, content: str) -> None:
    change(stopped, "UPDATE documents SET content = ?", content)
    monitor = Monitor(stopped, ManualClock(START))
    with pytest.raises(StoreCorrupt, match="the document 'a' of c: it is damaged"):
        monitor.parts.store.entries.documents("c")
    monitor.stop()
