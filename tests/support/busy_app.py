"""The app with long work under way from its start: `BUSY_WITH` names the work. For tests of its end."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from sensormon.api import server
from sensormon.exchange.exporter import READINGS, ExportRequest
from sensormon.exchange.import_job import ImportPart, start_imports
from sensormon.exchange.import_table import Table
from sensormon.model.errors import StoreError
from sensormon.model.timestamps import FOREVER
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from sensormon.tables.columns import Columns
from sensormon.tables.sheet import Sheet
from tests.support.server import ROOT


def export(monitor: Monitor) -> None:
    """All readings, in the form that takes longest."""
    monitor.exporter.start(ExportRequest(READINGS, None, 0, FOREVER, "Excel", "UTC"))


def import_(monitor: Monitor) -> None:
    """A million readings in one file."""
    times = pd.date_range("2025-01-01", periods=1_000_000, freq="s").astype(str)
    frame = pd.DataFrame({"time": times, "tag": "fermenter_ph", "value": "7.1"})
    table = Table(Sheet(frame, np.arange(1, len(frame) + 1), "row"), "key")
    part = ImportPart(table, Columns("time", "tag", "value"), "a file")
    files, now = monitor.exporter.files, monitor.clock.now()
    start_imports(monitor.jobs, monitor.importer, lambda _: None, files, [part], now)


def roll_up(monitor: Monitor) -> None:
    """Every day but the newest."""
    monitor.retention.set(1, "a test")
    monitor.retention.start()


def scrub(monitor: Monitor) -> None:
    """Long queries, in threads that the interpreter waits for, until the store is closed."""

    def again_and_again() -> None:
        try:
            while True:
                monitor.parts.store.scrub()
        except StoreError:
            pass

    for _ in range(4):
        threading.Thread(target=again_and_again).start()


def compute(_: Monitor) -> None:
    """A thread that never ends and that the interpreter waits for."""

    def forever() -> None:
        number = 0
        while True:
            number += 1

    threading.Thread(target=forever).start()


WORK: dict[str, Callable[[Monitor], None]] = {
    "export": export,
    "import": import_,
    "roll-up": roll_up,
    "scrub": scrub,
    "compute": compute,
}


@asynccontextmanager
async def busy(application: object) -> AsyncIterator[None]:
    """The server's own lifespan, with the work begun."""
    async with server.lifespan(port=lambda: st.get_option("server.port"))(application):
        WORK[os.environ["BUSY_WITH"]](runtime.monitor())
        yield


PagesManager.uses_pages_directory = False
server.build_or_exit()
app = st.App(
    ROOT / "app.py",
    lifespan=busy,
    middleware=server.middleware(),
    exception_handlers=server.exception_handlers(),
)
