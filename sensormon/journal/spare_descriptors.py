"""File descriptors held in reserve, so that files can be opened where a process has none left.

Whoever fills the process with connections takes descriptors that the journal needs for its next
segment. The reserve is given up at that moment and taken back as soon as there are free ones.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress

HELD = 16
"""An append needs three at most; others may take some in the same moment."""
NONE_LEFT = frozenset({errno.EMFILE, errno.ENFILE})


class SpareDescriptors:
    """Holds `count` descriptors of /dev/null, or as many as there are, from the first work on.

    One caller at a time.
    """

    def __init__(self, count: int = HELD) -> None:
        self._count = count
        self._held: list[int] = []

    def __del__(self) -> None:
        self.release()

    def run(self, work: Callable[[], None]) -> None:
        """Do this work; if there is no descriptor for it, give up the reserve and do it once more.

        The work must be able to start again after an OSError, which this raises if it fails again.
        """
        try:
            work()
        except OSError as error:
            if error.errno not in NONE_LEFT or not self._held:
                raise
            self.release()
            work()
        self._refill()

    def release(self) -> None:
        """Give up the reserve; the next work takes it back."""
        while self._held:
            os.close(self._held.pop())

    def _refill(self) -> None:
        with suppress(OSError):  # none is free now; the next work tries again
            while len(self._held) < self._count:
                self._held.append(os.open(os.devnull, os.O_RDONLY))
