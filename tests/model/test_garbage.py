"""A process that stays looks for garbage seldom, and still finds it."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import gc
from sensormon.model import garbage

garbage.look_seldom()
assert gc.isenabled() and gc.get_freeze_count() > 0
before = sum(each["collected"] for each in gc.get_stats())
for _ in range(2 * garbage.THRESHOLDS[0]):
    cycle = []
    cycle.append(cycle)
assert sum(each["collected"] for each in gc.get_stats()) > before
"""


def test_cycles_are_still_collected() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
