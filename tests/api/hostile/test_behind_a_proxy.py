"""A real nginx in front: it makes nobody administrator, and only named proxies say who somebody is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.access.visit import COOKIE
from sensormon.model.settings import Settings
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from tests.support.mirror import Mirror
from tests.support.nginx import NGINX, UPGRADE, Nginx
from tests.support.plant import Adopt

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx found: apt-get install nginx-light")
as_a_service = pytest.mark.skipif(
    os.getuid() != 0, reason="only root can run nginx under an account of its own"
)
HOST = "proxy_set_header Host $http_host;"
Serve = Callable[..., Mirror]
Proxy = Callable[..., Nginx]


@pytest.fixture
def serve(settings: Settings, adopt: Adopt) -> Iterator[Serve]:
    """Starts the server's middleware on a socket; arguments are changed settings."""
    running: list[Mirror] = []

    def start(**changes: Any) -> Mirror:
        adopt(Monitor(replace(settings, **changes))).start()
        running.append(Mirror())
        return running[0]

    yield start
    for mirror in running:
        mirror.stop()


@pytest.fixture
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Starts nginx in front of a port, with these directives."""
    running: list[Nginx] = []

    def start(port: int, directives: str = UPGRADE) -> Nginx:
        folder: Path = tmp_path_factory.mktemp("nginx") / "prefix"
        running.append(Nginx(folder, f"http://127.0.0.1:{port}", directives))
        return running[-1]

    yield start
    for nginx in running:
        nginx.stop()


def page(port: int, origin: str, name: str = "127.0.0.1", **headers: str) -> Any:
    """What the page says of its visitor, or the status of the refused handshake."""
    try:
        with connect(
            f"ws://{name}:{port}/_stcore/stream", origin=origin, additional_headers=headers, proxy=None
        ) as socket_:
            return json.loads(socket_.recv(10))
    except InvalidStatus as error:
        return error.response.status_code


def test_browser_at_this_machine_administers(serve: Serve) -> None:
    port = serve().port
    for name in ("localhost", "127.0.0.1"):
        assert page(port, f"http://{name}:{port}", name)["role"] == "administrator"


@as_a_service
@pytest.mark.parametrize(
    "directives", [UPGRADE, UPGRADE + HOST, UPGRADE + "proxy_set_header Host localhost;"]
)
def test_proxy_that_adds_no_header_makes_nobody_administrator(
    serve: Serve, proxy: Proxy, directives: str
) -> None:
    port = serve().port
    nginx = proxy(port, directives)
    accepted = 0
    for origin in (
        nginx.url,
        f"http://127.0.0.1:{port}",
        f"http://localhost:{nginx.port}",
        "http://localhost",
        f"http://localhost:{port}",
    ):
        seen = page(nginx.port, origin)
        accepted += isinstance(seen, dict)
        assert seen in (401, 403) or seen["role"] == "viewer", (origin, seen)
    assert accepted, "no handshake got through, so that nothing was tried"
    assert httpx.get(f"{nginx.url}/").json()["role"] == "viewer"
    assert httpx.get(f"{nginx.url}/api/audit").status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For $proxy_add_x_forwarded_for",
        "X-Real-IP $remote_addr",
        "Forwarded for=$remote_addr",
        "Via nginx",
        "X-Forwarded-Proto $scheme",
    ],
)
def test_each_header_of_a_proxy_alone_gives_it_away(serve: Serve, proxy: Proxy, header: str) -> None:
    port = serve().port
    nginx = proxy(port, f"{UPGRADE}{HOST} proxy_set_header {header};")
    assert page(nginx.port, nginx.url)["role"] == "viewer"


def test_our_own_headers_from_outside_are_worth_nothing(serve: Serve, proxy: Proxy) -> None:
    port = serve().port
    nginx = proxy(port, f"{UPGRADE}{HOST} proxy_set_header X-Real-IP $remote_addr;")
    forged = {"X-Sensormon-Peer": "127.0.0.1", "X-Sensormon-Service": "", "X-Real-IP": ""}
    seen = page(nginx.port, nginx.url, **forged)
    assert (seen["role"], seen["address"]) == ("viewer", "127.0.0.1")


def test_name_counts_only_from_the_proxy_and_the_websocket_too(serve: Serve, proxy: Proxy) -> None:
    mirror = serve(access="proxy", proxy_header="x-remote-user", proxy_from=("127.0.0.1",))
    name = 'proxy_set_header X-Remote-User "Jana";'
    nginx = proxy(mirror.port, UPGRADE + HOST + name)
    seen = page(nginx.port, nginx.url)
    assert (seen["name"], seen["role"]) == ("Jana", "viewer")
    forged = page(nginx.port, nginx.url, **{"X-Remote-User": "Boss"})
    assert forged["name"] == "Jana"
    assert httpx.get(f"{nginx.url}/api/tags").status_code == 200
    assert httpx.get(f"{nginx.url}/").status_code == 200


def test_direct_visitor_with_the_proxy_s_header_is_a_stranger(serve: Serve) -> None:
    mirror = serve(access="proxy", proxy_header="x-remote-user", proxy_from=("10.0.0.5",))
    forged = {"X-Remote-User": "Jana", "X-Forwarded-For": "10.0.0.5", "X-Sensormon-Peer": "10.0.0.5"}
    for path in ("/api/tags", "/api/stats", "/", "/media/x"):
        assert httpx.get(f"http://127.0.0.1:{mirror.port}{path}", headers=forged).status_code == 401, path
    assert page(mirror.port, f"http://127.0.0.1:{mirror.port}", **forged) in (401, 403)


def test_accounts_work_behind_a_proxy(serve: Serve, proxy: Proxy) -> None:
    mirror = serve(access="users")
    access = runtime.monitor().access
    boss = Person("Jana", Role.ADMINISTRATOR, Way.COMMAND_LINE)
    words = "four random words here"
    access.accounts.add(boss, "Olga", Role.OPERATOR, words)
    nginx = proxy(mirror.port, UPGRADE + HOST)
    with httpx.Client(base_url=nginx.url) as browser:
        form = {"name": "Olga", "password": words}
        assert browser.post("/sign-in", data=form, headers={"Origin": nginx.url}).status_code == 303
        assert browser.get("/").json()["name"] == "Olga"
        cookie = f"{COOKIE}={browser.cookies[COOKIE]}"
    assert page(nginx.port, nginx.url, Cookie=cookie)["role"] == "operator"
    assert page(nginx.port, nginx.url) in (401, 403)
