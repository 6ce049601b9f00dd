"""A PostgreSQL server of one's own that tests can break, as a child process that ends with the tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sensormon.bench.postgresql_server import PostgreSQLServer, binaries

__all__ = ["PostgreSQL", "binaries"]


class PostgreSQL(PostgreSQLServer):
    """See `PostgreSQLServer`."""

    def _signal(self, number: signal.Signals) -> None:
        """Send this to the server and all its processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for process in (self.process.pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It answers nothing inside, and closes nothing."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the server and all its processes with SIGKILL, as a crash does."""
        self._signal(signal.SIGKILL)
        self.process.wait()
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
