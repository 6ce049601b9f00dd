"""A PostgreSQL server of one's own, as a child process: what Debian's package `postgresql` installs.

Its files are in a folder that goes with it. As root it runs under the account `postgres`, as it must.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

from sensormon.model.errors import UsageError

_PLACES = Path("/usr/lib/postgresql")
_OWNER = "postgres"
"""The server does not run as root; Debian's package makes this user."""
PATIENCE = 30.0
"""Seconds for it to start or to stop."""


def binaries() -> Path | None:
    """The folder of the newest server installed; None without one."""
    versions = sorted(_PLACES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


def own_home() -> Path | None:
    """The home of the account that the server has if root starts it, which cannot enter root's folders."""
    return Path(f"~{_OWNER}").expanduser() if os.getuid() == 0 else None


class PostgreSQLServer:
    """Started when made; `durable` syncs to disk as it does in life. `stop` ends it and removes its files.

    These are in a new folder within `home`, which the server's account must be able to enter. The constructor
    raises UsageError if no server is installed.
    """

    def __init__(
        self, *, durable: bool = False, settings: tuple[str, ...] = (), home: Path | None = None
    ) -> None:
        folder = binaries()
        if folder is None:
            raise UsageError("no PostgreSQL server", where=str(_PLACES), hint="apt-get install postgresql")
        self._binaries = folder
        self.folder = Path(tempfile.mkdtemp(prefix="sensormon-", dir=home or own_home()))
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
        create = ["initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run(*create, "--username=sensormon", str(self.folder / "data"))
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers. Raises TimeoutError if it does not."""
        options = [part for setting in self._settings for part in ("-c", setting)]
        server = str(self._binaries / "postgres")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self._as_owner, server, "-D", str(self.folder / "data"), *options], stdout=log, stderr=log
            )
        until = time.monotonic() + PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise TimeoutError((self.folder / "log").read_text()[-2_000:])
            time.sleep(0.02)

    def url(self, database: str) -> str:
        """The URL of a database on it."""
        return f"postgresql://sensormon@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"plant_{next(self._names)}"
        self._run("createdb", *self._place(), "--maintenance-db=postgres", name)
        return self.url(name)

    def halt(self) -> None:
        """Stop the server in order, which ends all connections; `start` starts it again."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)

    def stop(self) -> None:
        """Stop the server at once and remove its files."""
        self.halt()
        shutil.rmtree(self.folder)

    def _answers(self) -> bool:
        command = [str(self._binaries / "pg_isready"), *self._place(), "--quiet"]
        return subprocess.run(command, check=False).returncode == 0

    def _place(self) -> tuple[str, ...]:
        return "--host=127.0.0.1", f"--port={self.port}", "--username=sensormon"

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_owner, str(self._binaries / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
