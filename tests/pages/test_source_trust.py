"""Data → Sources: the certificate of a real OPC UA server is shown, trusted by a press, and then used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.intake.named_sources import sources_of
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.stores.entries import AuditQuery
from tests.support.opcua_plant import OpcUaPlant, Plant
from tests.support.pages import show, text
from tests.support.plant import START, Adopt
from tests.support.server import free_port


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpcUaPlant]:
    plant = OpcUaPlant(Plant(port=free_port(), security=str(tmp_path / "server"), plain=False))
    yield plant
    plant.kill()


@pytest.fixture
def monitor(settings: Settings, adopt: Adopt) -> Iterator[Monitor]:
    monitor = adopt(Monitor(replace(settings, access="open")))
    yield monitor
    sources_of(monitor).stop()


def press(app: AppTest, key: str) -> AppTest:
    """Press the button whose key ends like this; the page must not fail."""
    button = next(button for button in app.button if button.key and button.key.endswith(key))
    assert not button.disabled, f"{key} is disabled"
    button.click().run(timeout=60)
    assert not app.exception, app.exception
    return app


def test_a_certificate_is_trusted_on_the_page_and_the_next_test_connects(
    server: OpcUaPlant, monitor: Monitor
) -> None:
    monitor.settings.sources_file.write_text(
        f'[sources.line]\nkind = "opcua"\nurl = "{server.plant.url}"\non = false\n'
        'security = "Basic256Sha256"\n'
        '[[sources.line.tags]]\nnode = "ns=2;i=1"\ntag = "ti_1"\n'
    )
    app = press(show("data", section="Sources"), "source-edit-line")
    press(app, "source-test")
    assert "The server shows a certificate that is not trusted" in text(app)
    (fingerprint,) = [code.value for code in app.code if code.value.count(":") == 31]
    press(app, "-trust")
    press(app, "source-test")
    assert "Connects" in text(app)
    assert not [code for code in app.code if code.value.count(":") == 31]
    records = monitor.access.audit.read(AuditQuery(0, 2 * START))
    assert any(record.after == fingerprint and record.before == "not trusted" for record in records)
