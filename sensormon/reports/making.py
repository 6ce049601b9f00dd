"""Makes the reports of one monitor: one at a time, in steps that can be cancelled, with errors in words."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from zoneinfo import ZoneInfo

from sensormon.boards.board import Board
from sensormon.model import timestamps
from sensormon.model.errors import Overloaded, UsageError
from sensormon.model.jobs import Progress
from sensormon.monitor.monitor import Monitor
from sensormon.reports.content import Course
from sensormon.reports.gather import gathered
from sensormon.reports.order import Order, check
from sensormon.reports.pages import laid_out
from sensormon.reports.typesetting import check_installed, typeset

MEDIA_TYPE = "application/pdf"
PATIENCE = 30.0
"""Seconds that a report waits for the one before it."""


@dataclass(frozen=True)
class Report:
    """A finished report: its bytes, the name of its file, how many tags and readings are in it."""

    pdf: bytes
    name: str
    tags: int
    readings: int


class Making:
    """Of one monitor. Thread-safe."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._making = threading.Lock()

    def make(self, order: Order, progress: Progress | None = None) -> Report:
        """Make this report, up to now at most.

        Raises UsageError for one that cannot be, Overloaded if others take too long, StoreError, Cancelled.
        """
        check_installed()
        order = self._up_to_now(order)
        check(order, self._monitor.tags.names)
        if not self._making.acquire(timeout=PATIENCE):
            raise Overloaded("other reports are being made", where="report", hint="Try again in a minute")
        try:
            return self._made(order, progress or Progress())
        finally:
            self._making.release()

    def _up_to_now(self, order: Order) -> Order:
        now = self._monitor.clock.now()
        if order.since >= now > 0:
            raise UsageError("the span has not begun yet", where="span", hint="Choose an earlier one")
        return replace(order, until=min(order.until, now))

    def _made(self, order: Order, progress: Progress) -> Report:
        content = gathered(self._monitor, order, progress)
        # Only now: it takes a second and 70 MB the first time.
        drawn: Callable[[Course, ZoneInfo, float], str] = import_module("sensormon.reports.drawing").drawn
        done = 0

        def draw(course: Course, share: float) -> str:
            nonlocal done
            progress.step("drawing", done, order.charts)
            done += 1
            return drawn(course, order.zone, share)

        pages = laid_out(content, draw)
        progress.step("setting the pages")
        pdf = typeset(pages, content.made)
        readings = sum(course.overview.readings for course in content.courses.values())
        return Report(
            pdf, file_name(order.board, order.since, order.until, order.zone), len(content.courses), readings
        )


def making_of(monitor: Monitor) -> Making:
    """The one of this monitor, made at the first call."""
    return monitor.kept_beside("reports", Making)


def file_name(board: Board, since: int, until: int, zone: ZoneInfo) -> str:
    """The name of a report's file, of letters, digits and hyphens: "fermenter-2026-11-29-2026-11-30.pdf"."""
    stem = re.sub(r"[^A-Za-z0-9]+", "-", board.name or board.title).strip("-").lower()[:60] or "report"
    days = (timestamps.local_time(moment, zone).date().isoformat() for moment in (since, until - 1))
    return f"{stem}-{'-to-'.join(dict.fromkeys(days))}.pdf"
