"""Which addresses a message may be sent to, in whatever notation they are written."""

from __future__ import annotations

import socket
import threading
import time
from ipaddress import IPv4Address, ip_address
from itertools import pairwise
from pathlib import Path

import pytest

from sensormon.model.errors import UsageError
from sensormon.notify.ways.addresses import check_written, checked, refusal
from sensormon.notify.ways.connecting import connected
from tests.support.receiver import Receiver

ANY = str(IPv4Address(0))
REFUSED = {
    "127.0.0.1": "own",
    "127.8.9.1": "own",
    "::1": "own",
    ANY: "unspecified",
    "::": "unspecified",
    "169.254.1.1": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "255.255.255.255": "neither the internet nor",
    "240.0.0.1": "neither the internet nor",
    "100.64.0.1": "neither the internet nor",
    "198.18.0.1": "neither the internet nor",
    "fec0::1": "neither the internet nor",
    "64:ff9b:1::7f00:1": "neither the internet nor",
    "::ffff:127.0.0.1": "own",
    "::ffff:169.254.1.1": "link-local",
    "::127.0.0.1": "own",
    "::ffff:0:127.0.0.1": "own",
    "64:ff9b::7f00:1": "own",
    "64:ff9b::169.254.9.9": "link-local",
    "2002:7f00:1::": "own",
    "2002:a9fe:101::1": "link-local",
    "2001:0:102:304::80ff:fffe": "own",  # Teredo of 127.0.0.1
    "mail.plant.example": "no address",
}
ALLOWED = [
    "10.1.2.3",
    "172.16.0.9",
    "172.31.255.254",
    "192.168.77.5",
    "fd12:3456:789a::25",
    "8.8.8.8",
    "2606:4700::1111",
    "64:ff9b::808:808",
    "::ffff:192.168.77.5",
]
METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.42.42",
    "169.254.0.23",
    "fe80::a9fe:a9fe",
    "fe80::a9fe:a9fe%eth0",
    "fd00:42::42",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
]


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_of_this_machine_and_its_link_are_refused(address: str) -> None:
    why = refusal(address, allow_private=False)
    assert why is not None
    assert REFUSED[address] in why


@pytest.mark.parametrize("address", ALLOWED)
def test_the_plants_network_and_the_internet_are_allowed(address: str) -> None:
    assert refusal(address, allow_private=False) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.1.1", ANY, "100.64.0.1"])
def test_the_file_may_allow_the_rest(address: str) -> None:
    assert refusal(address, allow_private=True) is None


@pytest.mark.parametrize("address", METADATA)
@pytest.mark.parametrize("allow_private", [False, True])
def test_a_clouds_metadata_is_never_called(address: str, allow_private: bool) -> None:
    assert "metadata" in str(refusal(address, allow_private))


def test_this_machines_addresses_on_its_network_are_refused() -> None:
    own = set(_interface_addresses())
    if not own:
        pytest.skip("this machine has no address but loopback")
    for address in own:
        assert "own address" in str(refusal(address, allow_private=False)), address
        assert refusal(address, allow_private=True) is None


def _interface_addresses() -> list[str]:
    """As the kernel lists them: the local entries of its table of routes, without loopback."""
    table = Path("/proc/net/fib_trie")
    lines = table.read_text(encoding="ascii").splitlines() if table.exists() else []
    own = [before.rpartition("-- ")[2] for before, line in pairwise(lines) if "/32 host LOCAL" in line]
    return [address for address in own if not ip_address(address).is_loopback]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "0x7f000001", "017700000001", "127.1", "localhost", "LOCALHOST.",
     "a.localhost", "::1", "::ffff:127.0.0.1", "0", ANY],
)  # fmt: skip
def test_a_written_address_is_refused_before_anything_is_sent(host: str) -> None:
    with pytest.raises(UsageError, match="allow_private = true"):
        check_written(host, allow_private=False, where="ways")
    check_written(host, allow_private=True, where="ways")


def test_names_are_not_looked_up_before_sending() -> None:
    check_written("no-such-host.invalid", allow_private=False, where="ways")
    check_written("mail.plant.example", allow_private=False, where="ways")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "localhost"])
def test_what_the_system_resolves_to_this_machine_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="own address"):
        checked(host, 80, time.monotonic() + 5, allow_private=False)


def test_every_address_of_a_name_must_be_allowed() -> None:
    with pytest.raises(UsageError, match=r"hooks\.example leads to 127\.0\.0\.1"):
        checked(
            "hooks.example",
            443,
            time.monotonic() + 5,
            False,
            lambda *_: ["192.168.77.5", "127.0.0.1"],
        )


def test_a_name_is_resolved_once_and_the_checked_address_is_called() -> None:
    """DNS rebinding: the second answer would lead elsewhere, so nobody asks for it."""
    server = Receiver()
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    try:
        with connected(
            "rebound.example",
            server.port,
            time.monotonic() + 5,
            allow_private=True,
            ask=lambda *_: answers.pop(0),
        ) as line:
            assert line.getpeername()[0] == "127.0.0.1"
    finally:
        server.close()
    assert answers == [["127.0.0.2"]]


def test_the_next_address_is_called_if_one_refuses() -> None:
    server = Receiver()
    try:
        with connected(
            "two.example",
            server.port,
            time.monotonic() + 5,
            allow_private=True,
            ask=lambda *_: ["127.0.0.9", "127.0.0.1"],
        ) as line:
            assert line.getpeername()[0] == "127.0.0.1"
    finally:
        server.close()


def test_a_resolver_that_hangs_does_not_hold_the_sender() -> None:
    released = threading.Event()

    def hang(*_: object) -> list[str]:
        released.wait()
        return []

    began = time.monotonic()
    try:
        with pytest.raises(TimeoutError):
            checked("slow.example", 25, began + 0.1, False, hang)
    finally:
        released.set()
    assert time.monotonic() - began < 2


def test_a_name_that_nobody_has_is_an_error_of_the_network() -> None:
    with pytest.raises(socket.gaierror):
        checked("x" * 70 + ".example", 25, time.monotonic() + 5, False)
