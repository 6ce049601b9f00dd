"""A real Mosquitto of one's own, as a child process that ends with the test."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
import trustme
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.server import free_port

_PATIENCE = 20.0
_PLACES = ("/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto")
UNLIMITED = ("max_queued_messages 0", "max_inflight_messages 0")
"""Nothing is dropped while a client is away; needed for QoS 1 to mean something."""
SAFEST = (*UNLIMITED, "autosave_on_changes true", "autosave_interval 1")
"""What loses least when the broker is killed."""


def binary() -> str | None:
    """The broker of this machine; None without one."""
    return shutil.which("mosquitto") or next((place for place in _PLACES if Path(place).exists()), None)


class Mosquitto:
    """A broker in this folder, with `persistence true`; started at once.

    `users` are names with their passwords; without any, everybody is let in. `rights` are lines of an
    access-control file. With `tls` it speaks TLS with a certificate of `authority`, and asks clients for one
    of theirs if `client_certificates`. `more` are further lines of its configuration.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: Mapping[str, str] | None = None,
        rights: Sequence[str] = (),
        authority: trustme.CA | None = None,
        client_certificates: bool = False,
        more: Sequence[str] = UNLIMITED,
        port: int = 0,
    ) -> None:
        server = binary()
        if server is None:
            raise FileNotFoundError("no Mosquitto is installed: apt-get install mosquitto")
        self._server = server
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.tls = authority is not None
        self._configuration = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "user root",
            "persistence true",
            f"persistence_location {folder}/",
            *self._access(users or {}, rights),
            *(self._secured(authority, client_certificates) if authority is not None else ()),
            *more,
        ]
        self._configuration.write_text("".join(f"{line}\n" for line in lines))
        self.process = self._launch()

    @property
    def url(self) -> str:
        """Its URL, with the host as in its certificate."""
        return f"mqtts://localhost:{self.port}" if self.tls else f"mqtt://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it wrote to its log."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """End it with SIGKILL, as a crash does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as a service is stopped: it saves what it has first."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(_PATIENCE)

    def start(self) -> None:
        """Start it again on its files."""
        self.process = self._launch()

    def hang(self) -> None:
        """It answers nothing from now on, and closes nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """It goes on from where it hung."""
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.kill()

    def _access(self, users: Mapping[str, str], rights: Sequence[str]) -> list[str]:
        lines = [f"allow_anonymous {'false' if users else 'true'}"]
        if users:
            passwords = self.folder / "passwords"
            passwords.write_text("".join(f"{name}:{password}\n" for name, password in users.items()))
            subprocess.run(["mosquitto_passwd", "-U", passwords], check=True, capture_output=True)
            lines.append(f"password_file {passwords}")
        if rights:
            rules = self.folder / "rights"
            rules.write_text("".join(f"{line}\n" for line in rights))
            rules.chmod(0o700)
            lines.append(f"acl_file {rules}")
        return lines

    def _secured(self, authority: trustme.CA, client_certificates: bool) -> list[str]:
        issued = authority.issue_cert("localhost", "127.0.0.1")
        issued.private_key_pem.write_to_path(self.folder / "server.key")
        issued.cert_chain_pems[0].write_to_path(self.folder / "server.pem")
        authority.cert_pem.write_to_path(self.folder / "authority.pem")
        return [
            f"cafile {self.folder}/authority.pem",
            f"certfile {self.folder}/server.pem",
            f"keyfile {self.folder}/server.key",
            f"require_certificate {'true' if client_certificates else 'false'}",
        ]

    def _launch(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [self._server, "-c", str(self._configuration)], stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + _PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return process
            time.sleep(0.02)
        process.kill()
        process.wait()
        raise RuntimeError(f"Mosquitto does not start:\n{self.log}")


class Device:
    """A client that publishes; it sends again by itself what the broker has not confirmed."""

    def __init__(
        self, broker: Mosquitto, name: str = "device", *, user: str = "", password: str = "", qos: int = 1
    ) -> None:
        self._qos = qos
        self._confirmed: set[int] = set()
        self._published = self._count = 0
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        self._client.max_inflight_messages_set(500)
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(1, 1)
        if user:
            self._client.username_pw_set(user, password)
        if broker.tls:
            self._client.tls_set(str(broker.folder / "authority.pem"))
        self._client.on_publish = lambda _client, _data, number, *_: self._note(number)
        self._client.connect("localhost" if broker.tls else "127.0.0.1", broker.port, keepalive=5)
        self._client.loop_start()

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> int:
        """Send a message, or keep it to be sent; its number. At most 65,535 may be on their way."""
        info = self._client.publish(topic, payload, self._qos, retain)
        self._published += 1
        self._confirmed.discard(info.mid)
        return info.mid

    @property
    def waiting(self) -> int:
        """How many messages the broker has yet to confirm."""
        return self._published - self._count

    def flush(self, number: int) -> None:
        """Wait until the broker has confirmed the message with this number."""
        deadline = time.monotonic() + _PATIENCE
        while number not in self._confirmed:  # paho's own waiting raises once the connection was lost
            assert time.monotonic() < deadline, "the broker does not confirm the message"
            time.sleep(0.005)

    def _note(self, number: int) -> None:
        self._count += 1
        self._confirmed.add(number)

    def close(self) -> None:
        """Say farewell."""
        self._client.disconnect()
        self._client.loop_stop()
