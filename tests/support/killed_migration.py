"""A migration that kills itself after so many steps: FROM TO STEPS."""

from __future__ import annotations

import os
import signal
import sys

from sensormon.cli.migrate import migrate
from sensormon.model.jobs import Progress


class Fuse(Progress):
    """Kills this process at a step, or a little later: within the transaction that follows."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._left = steps

    def step(self, words: str, done: float = 0.0, whole: float = 0.0) -> None:
        super().step(words, done, whole)
        self._left -= 1
        if self._left < 0:
            signal.setitimer(signal.ITIMER_REAL, 0.001 + os.urandom(1)[0] / 20_000)


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    migrate(sys.argv[1], sys.argv[2], Fuse(int(sys.argv[3])))
    signal.setitimer(signal.ITIMER_REAL, 0)  # Python ends without the handler: the signal would kill it
