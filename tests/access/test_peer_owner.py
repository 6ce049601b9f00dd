"""Whose program holds the other end of a connection from this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from sensormon.access.peer_owner import GONE, TABLES, is_service, owner_of

pytestmark = pytest.mark.skipif(not TABLES[0].exists(), reason="only Linux says whose a socket is")


@pytest.fixture(params=["127.0.0.1", "::1"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection from this machine to itself: the client's and the server's."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as listener:
        try:
            listener.bind((request.param, 0))
        except OSError:
            pytest.skip("no such address here")
        listener.listen()
        client = socket.create_connection(listener.getsockname()[:2])
        server, _ = listener.accept()
        with client, server:
            yield client, server


def test_open_socket_belongs_to_the_account_that_runs_this_test(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    _, server = ends
    owner = owner_of(server.getpeername()[:2], server.getsockname()[:2])
    assert owner == os.getuid()
    assert not is_service(owner)


def test_socket_that_its_client_has_closed_may_have_been_a_service_s(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    client, server = ends
    peer = server.getpeername()[:2]
    client.close()
    assert owner_of(peer, server.getsockname()[:2]) == GONE
    assert is_service(GONE)


@pytest.mark.parametrize("account", [1, 33, 999, 65_533 + 1, 100_000])
def test_accounts_of_the_system_and_of_containers_are_services(account: int) -> None:
    assert is_service(account)


@pytest.mark.parametrize("account", [0, 1_000, 60_000])
def test_root_and_people_are_no_services(account: int) -> None:
    assert not is_service(account)


@pytest.mark.parametrize("client", [None, (), ("",), ("127.0.0.1", "x"), ("testclient", 50_000)])
def test_peer_without_an_address_is_unknown(client: object) -> None:
    assert owner_of(client, ("127.0.0.1", 8501)) is None
