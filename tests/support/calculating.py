"""A monitor with calculated tags that takes readings as fast as it can until it is killed.

`tests.monitor.test_calculated_kills` runs it. Prints a line once values are being calculated.
"""

from __future__ import annotations

import random
import sys
import threading
from pathlib import Path

from sensormon.ingest import loader
from sensormon.model.clock import SystemClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.plant import batch_of


def main(folder: Path, seed: int) -> None:
    """Take readings of two tags, the second one a little later, until killed."""
    loader.PACE = 0.05
    settings = Settings(data_dir=folder, source="none", tags=folder.parent / "tags.toml")
    monitor = Monitor(settings, SystemClock())
    monitor.start()
    rng = random.Random(seed)  # noqa: S311  values need not be secret
    pause = threading.Event()
    calculated = False
    while True:
        now = monitor.clock.now()
        monitor.submit(batch_of(("a", rng.gauss(10, 1)), at=now))
        monitor.clock.wait(pause, 0.002)
        monitor.submit(batch_of(("b", rng.gauss(5, 1)), at=now))
        monitor.clock.wait(pause, 0.003)
        if not calculated and all(line.values > 8 for line in monitor.calculated.status()):
            calculated = True
            sys.stdout.write("calculated\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
