"""The services of Compose files as processes of this machine, with its own paths and ports.

Their commands, variables and health checks are those of the files and of the Dockerfile. What it is not: an
engine. Nothing is confined, and nginx is left out; see `tests.support.image` for the image.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.support.compose import FOLDER, read
from tests.support.compose_bus import ComposeBus
from tests.support.compose_database import SECRETS, database_server, make_database
from tests.support.compose_secrets import make_secrets
from tests.support.image import read_steps
from tests.support.server import ROOT, free_port

_VOLUME = "/var/lib/sensormon"
_PAGES = "8501"
_OF_THE_IMAGE = ("PATH", "HOME", "NUMBA_CPU_NAME", "NUMBA_CACHE_DIR")
"""Variables of the Dockerfile that mean its own file system; the kernels are compiled here, too."""


class ComposeStack:
    """The monitors of these files, with database and bus, in this folder; `close` ends them all.

    `variables` are those that `.env` may have, `tables` the tag tables in the volumes of services, by name.
    """

    def __init__(
        self,
        folder: Path,
        *names: str,
        variables: Mapping[str, str] | None = None,
        tables: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._ending = ExitStack()
        self._services = _monitors(read(*names)["services"])
        self._image = _image()
        self._variables = variables or {}
        self._places: dict[str, str] = {}
        self.port = free_port()
        """Of the pages."""
        self.bus_port = 0
        """Of the bus, if there is one."""
        self.environments: dict[str, dict[str, str]] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.unhealthy: dict[str, str] = {}
        """What the last health check of each service said; empty if it is healthy."""
        try:
            self._start_servers("bus.yaml" in names)
            for name in self._services:
                self._start(name, (tables or {}).get(name))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all processes in order, the monitors first."""
        self._ending.close()

    def healthy(self, name: str) -> bool:
        """Whether this service's health check says that it is."""
        test = self._services[name].get("healthcheck", {}).get("test", ["CMD", *self._image["HEALTHCHECK"]])
        assert self.processes[name].poll() is None, self.log(name)
        checked = subprocess.run(
            self._command(test[1:]), cwd=ROOT, env=self.environments[name], check=False, capture_output=True
        )
        self.unhealthy[name] = f"{checked.stdout!r} {checked.stderr!r}" if checked.returncode else ""
        return checked.returncode == 0

    def run(self, name: str, *arguments: str) -> str:
        """What `python -m sensormon` with these arguments prints in this service, as by `exec`."""
        command = [sys.executable, "-m", "sensormon", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environments[name], check=True, capture_output=True, text=True
        )
        return done.stdout

    def log(self, name: str) -> str:
        """What this service has printed."""
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def _start_servers(self, with_bus: bool) -> None:
        made = make_secrets(self.folder)
        mounted = self.folder / "mounted"
        mounted.mkdir()
        for secret in made.iterdir():
            (mounted / secret.name.replace("-", "_")).write_bytes(secret.read_bytes())
        server = database_server()
        self._ending.callback(server.stop)
        make_database(server, mounted)
        self._places = {"@database:5432": f"@127.0.0.1:{server.port}", f"{SECRETS}/": f"{mounted}/"}
        pgpass = mounted / "pgpass"
        pgpass.write_text(pgpass.read_text().replace("database:5432", f"127.0.0.1:{server.port}"))
        pgpass.chmod(0o600)
        if with_bus:
            bus = ComposeBus(self.folder / "bus", made / "bus-passwords")
            self._ending.callback(bus.stop)
            self.bus_port = bus.port
            url = mounted / "bus_url"
            url.write_text(url.read_text().replace("@bus:4222", f"@127.0.0.1:{bus.port}"))

    def _start(self, name: str, table: str | None) -> None:
        service, volume = self._services[name], self.folder / name
        volume.mkdir()
        environment = self._environment(service, volume)
        # As deploy/start.sh does before the command.
        Path(environment["TMPDIR"]).mkdir()
        tags = (ROOT / "data" / "tags.toml").read_text(encoding="utf-8") if table is None else table
        Path(environment["SENSORMON_TAGS"]).write_text(tags, encoding="utf-8")
        self.environments[name] = environment
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self._command(service.get("command", self._image["CMD"])),
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        self.processes[name] = process
        self._ending.callback(_end, process)

    def _environment(self, service: Mapping[str, Any], volume: Path) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("SENSORMON_")}
        named = {**self._image["ENV"], **service["environment"]}
        here = {name: self._here(str(value), volume) for name, value in named.items()}
        return {**own, **here, "STREAMLIT_SERVER_ADDRESS": "127.0.0.1"}

    def _here(self, value: str, volume: Path) -> str:
        value = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: self._variables.get(match[1], match[2]), value)
        for theirs, ours in {**self._places, _VOLUME: str(volume)}.items():
            value = value.replace(theirs, ours)
        return str(self.port) if value == _PAGES else value

    def _command(self, words: list[str]) -> list[str]:
        """The same with the programs of this environment."""
        program, *rest = words
        return [sys.executable, *(() if program == "python" else ("-m", program)), *rest]


def _monitors(services: Mapping[str, Any]) -> dict[str, Any]:
    """The services that run our image; the last is the one that Compose starts last."""
    return {name: service for name, service in services.items() if "sensormon" in service["image"]}


def _image() -> dict[str, Any]:
    """What the image runs, and its variables."""
    steps = read_steps(FOLDER.parent / "Dockerfile")
    last = steps[max(i for i, step in enumerate(steps) if step.instruction == "FROM") :]
    words = {step.instruction: step.words() for step in last if step.instruction in ("ENV", "CMD")}
    variables = dict(word.split("=", 1) for word in words["ENV"])
    (check,) = [step.text for step in last if step.instruction == "HEALTHCHECK"]
    return {
        "CMD": words["CMD"],
        "ENV": {name: value for name, value in variables.items() if name not in _OF_THE_IMAGE},
        "HEALTHCHECK": re.findall(r'"([^"]*)"', check.partition(" CMD ")[2]),
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
