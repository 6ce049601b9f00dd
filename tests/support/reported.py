"""A monitor with a day of readings to report on, and the words of a PDF."""

from __future__ import annotations

import io
import math
import re

from pypdf import PdfReader

from sensormon.boards.board import Board, Tile, TileKind
from sensormon.model.clock import DAY, SECOND
from sensormon.model.readings import Batch, Reading
from sensormon.monitor.monitor import Monitor
from sensormon.reports.pages import ZERO_WIDTH
from tests.support.plant import START

SINCE, UNTIL = START - DAY, START
TEMP, PH = "fermenter_temp", "fermenter_ph"
BOARD = Board(
    "fermenter",
    "Fermenter",
    (
        Tile(TileKind.VALUE, 0, 0, 3, 2, tags=(TEMP,)),
        Tile(TileKind.CHART, 0, 2, 12, 4, tags=(TEMP,)),
        Tile(TileKind.STATE, 0, 6, 12, 2, "Tags", (TEMP, PH)),
        Tile(TileKind.EVENTS, 0, 8, 12, 4),
        Tile(TileKind.TEXT, 0, 12, 12, 2, "Remarks", text="# Batch 4711\n- **Started** at 06:00"),
    ),
)


def fill(monitor: Monitor, *names: str, until: int = UNTIL, hours: int = 24, source: str = "test") -> None:
    """Store a reading a minute of these tags up to then, with a spike two hours before the end."""
    minutes = hours * 60
    rows = []
    for minute in range(minutes):
        time = until - (minutes - minute) * 60 * SECOND
        for name in names:
            low, high = monitor.tags[name].normal or (10.0, 20.0)
            middle, width = (low + high) / 2, high - low
            value = middle + 0.1 * width * math.sin(minute / 60) + 0.005 * width * (minute % 7)
            rows.append(Reading(name, time, round(value + (width if minute == minutes - 120 else 0), 2)))
    for start in range(0, len(rows), 5_000):
        part = rows[start : start + 5_000]
        monitor.submit(Batch.of(part, source=source, received=part[-1].time))
    monitor.drain()


def words_of(pdf: bytes) -> str:
    """All text of this PDF, page after page, without the places where words may break."""
    pages = PdfReader(io.BytesIO(pdf)).pages
    text = "\n".join(page.extract_text() for page in pages)
    line = " ".join(text.replace(ZERO_WIDTH, "").split())
    return re.sub(r"\bT (?=[a-z])", "T", line)  # kerning moves what follows a T
