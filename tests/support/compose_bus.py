"""The bus of the Compose files on this machine: a NATS server with nats.conf, but for ports and folders."""

from __future__ import annotations

import subprocess
import time
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

from tests.support.compose import FOLDER, read
from tests.support.nats import binary, free_ports

_SECRETS = "run/secrets"
_PATIENCE = 20.0


class ComposeBus:
    """Started when made, with its files in this folder and these passwords; `stop` ends it."""

    def __init__(self, folder: Path, passwords: Path) -> None:
        self.port, self._health = free_ports(2)
        configuration = self._configured(folder, passwords)
        command = [str(binary()), "--config", str(configuration)]
        subprocess.run([*command, "-t"], check=True, capture_output=True)
        with (folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until = time.monotonic() + _PATIENCE
        while not self._healthy():
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """End it in order."""
        self._process.terminate()
        self._process.wait(_PATIENCE)

    def _configured(self, folder: Path, passwords: Path) -> Path:
        text = (FOLDER / "nats.conf").read_text(encoding="utf-8")
        for ours, theirs in (
            ("listen: 0.0.0.0:4222", f"listen: 127.0.0.1:{self.port}"),
            ("http: 127.0.0.1:8222", f"http: 127.0.0.1:{self._health}"),
            ("store_dir: /data", f"store_dir: '{folder}/stream'"),
        ):
            assert text.count(ours) == 1, ours
            text = text.replace(ours, theirs)
        assert f'include "../../{_SECRETS}/bus_passwords"' in text
        for name in (_SECRETS, "etc/nats"):
            (folder / name).mkdir(parents=True)
        (folder / _SECRETS / "bus_passwords").write_bytes(passwords.read_bytes())
        path = folder / "etc" / "nats" / "nats.conf"
        path.write_text(text, encoding="utf-8")
        return path

    def _healthy(self) -> bool:
        """As the health check of the Compose file asks."""
        test = read("postgresql.yaml", "bus.yaml")["services"]["bus"]["healthcheck"]["test"]
        _, ours, path = test[-1].partition("http://127.0.0.1:8222")
        assert ours
        try:
            with closing(HTTPConnection("127.0.0.1", self._health, timeout=5)) as connection:
                connection.request("GET", path)
                return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
