"""Certificates of an authority that this process trusts, servers that end with the test, a message."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from sensormon.notify.ways.delivery import Outgoing
from tests.support.mail_server import MailServer
from tests.support.receiver import Behaviour, Receiver, accepts

StartMail = Callable[..., MailServer]
StartReceiver = Callable[..., Receiver]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def trusted(authority_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates of the authority are accepted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """Of a server named localhost."""
    return _context(authority, "localhost")


@pytest.fixture(scope="session")
def other_tls(authority: trustme.CA) -> ssl.SSLContext:
    """Of a server of another name, from the same authority."""
    return _context(authority, "other.plant.example")


def _context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def mail_server() -> Iterator[StartMail]:
    """Starts mail servers."""
    started: list[MailServer] = []

    def start(**options: Any) -> MailServer:
        started.append(MailServer(**options))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def receiver() -> Iterator[StartReceiver]:
    """Starts receivers."""
    started: list[Receiver] = []

    def start(behaviour: Behaviour = accepts, tls: ssl.SSLContext | None = None) -> Receiver:
        started.append(Receiver(behaviour, tls))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def outgoing() -> Outgoing:
    return Outgoing(
        key="7f3a-hot-shift-1",
        subject="fermenter_temp: 39.1 °C, above what was expected",
        text="fermenter_temp rose to 39.1 °C.\nExpected: 36.6 to 37.9 °C.",
        html='<p>fermenter_temp rose to <b>39.1 °C</b>.</p><img src="cid:chart">',
        picture=b"\x89PNG\r\n\x1a\n" + bytes(40),
        payload={
            "key": "7f3a-hot-shift-1",
            "kind": "event",
            "rule": "hot",
            "events": [{"value": 39.1, "unit": "°C"}],
        },
    )
