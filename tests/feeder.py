"""A monitor that takes readings as fast as it can and says on standard output what it acknowledged.

Run by test_faults.py, killed by it, started again on the same folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from sensormon import loader
from sensormon.clock import SystemClock
from sensormon.journal import Journal
from sensormon.monitor import Monitor
from sensormon.readings import Batch
from sensormon.settings import Settings

TAGS = ("fermenter_temp", "fermenter_ph")


def main(folder: str, seed: int) -> None:
    """Small segments and frequent checkpoints, so that a kill meets them often."""
    loader.CHECKPOINT = 0.05
    loader.PACE = 0.02
    Journal.__init__.__kwdefaults__["segment_bytes"] = 20_000
    clock = SystemClock()
    monitor = Monitor(Settings(data_dir=Path(folder), source="none"), clock)
    monitor.start()
    rng = np.random.default_rng(seed)
    while True:
        count = int(rng.integers(1, 40))
        now = clock.now()
        tag = rng.integers(0, 2, count).astype(np.int32)
        value = np.where(tag == 0, rng.uniform(30, 45, count), rng.uniform(6, 8, count))
        batch = Batch(
            source="feeder",
            received=now,
            tags=TAGS,
            tag=tag,
            time=now + np.arange(count),
            value=np.round(value, 6),
            quality=np.zeros(count, dtype=np.uint32),
        )
        receipt = monitor.submit(batch)
        done = receipt.processed.accepted
        values = ",".join(map(repr, done.value.tolist()))
        sys.stdout.write(f"{receipt.first_id} {len(receipt.processed.rejected)} {values}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
