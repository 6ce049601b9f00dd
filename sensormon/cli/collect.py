"""`python -m sensormon collect`: collect without pages until stopped."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading

from sensormon.intake import named_sources
from sensormon.model import garbage
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.notify import notifications
from sensormon.outputs import outputs
from sensormon.reports import sending


def run(_: argparse.Namespace, settings: Settings) -> int:
    """Collect until SIGTERM or SIGINT. Raises UsageError if the monitor cannot start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    monitor = Monitor(settings)
    notifications.accompany(monitor)
    named_sources.accompany(monitor)
    outputs.accompany(monitor)
    sending.accompany(monitor)
    garbage.look_seldom()
    monitor.start()
    source = "the bus" if settings.bus else settings.source
    print(f"collecting from {source} into {settings.data_dir}; stop with Ctrl-C", file=sys.stderr)
    stopping.wait()
    monitor.stop()
    return 0
