"""A PostgreSQL server of one's own, as a child process that ends with the tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import psycopg

_PLACES = Path("/usr/lib/postgresql")
_OWNER = "postgres"
"""The server does not run as root; Debian's package makes this user."""
_PATIENCE = 30.0


def binaries() -> Path | None:
    """The folder of the newest server installed; None without one."""
    versions = sorted(_PLACES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class PostgreSQL:
    """Started when made; `durable` syncs to disk as it does in life. `stop` ends it and removes its files."""

    def __init__(self, *, durable: bool = False, settings: tuple[str, ...] = ()) -> None:
        folder = binaries()
        if folder is None:
            raise FileNotFoundError("no PostgreSQL server: apt-get install postgresql")
        self._binaries = folder
        # As root within the home of the server's account: it could not enter a folder of root's.
        home = Path(f"~{_OWNER}").expanduser() if os.getuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="sensormon-", dir=home))
        self._names = count(1)
        self._as_owner: list[str] = []
        if os.getuid() == 0:
            shutil.chown(self.folder, _OWNER, _OWNER)
            self._as_owner = ["setpriv", f"--reuid={_OWNER}", f"--regid={_OWNER}", "--clear-groups"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._settings = [
            *(() if durable else ("fsync=off", "full_page_writes=off")),
            "unix_socket_directories=",
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            *settings,
        ]
        create = [str(folder / "initdb"), "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            [*self._as_owner, *create, "--username=sensormon", str(self.folder / "data")],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [part for setting in self._settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self._as_owner,
                    str(self._binaries / "postgres"),
                    "-D",
                    str(self.folder / "data"),
                    *options,
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def url(self, database: str) -> str:
        return f"postgresql://sensormon@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"plant_{next(self._names)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

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

    def halt(self) -> None:
        """Stop the server in order, which ends all connections; `start` starts it again."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(_PATIENCE)

    def stop(self) -> None:
        """Stop the server at once and remove its files."""
        self.halt()
        shutil.rmtree(self.folder)
