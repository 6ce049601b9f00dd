"""A broker that keeps messages at QoS 0 for who is away, and edge nodes that end with their test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mosquitto import UNLIMITED, Mosquitto, binary


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that lets everybody in."""
    if binary() is None:
        pytest.skip("no Mosquitto is installed: apt-get install mosquitto")
    broker = Mosquitto(tmp_path / "mosquitto", more=(*UNLIMITED, "queue_qos0_messages true"))
    yield broker
    broker.close()
