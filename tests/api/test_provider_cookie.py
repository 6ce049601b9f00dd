"""The cookie that Streamlit signs after a sign-in at an identity provider, read outside a page.

It is no public interface of Streamlit: if these fail after an update, `provider_cookie` must follow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.api.oidc import FILE, METADATA, secrets_for
from sensormon.api.provider_cookie import claims_in
from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.front import Front, Header
from tests.support.plant import Adopt

URL = "http://localhost:8501"
CLAIMS = {"iss": "https://id.plant.example", "sub": "1", "preferred_username": "jana"}
NOW = SystemClock().now() // SECOND  # a sign-in of long ago would open nothing
Cookie = Callable[..., Header]


@pytest.fixture
def provided(settings: Settings) -> Settings:
    return replace(
        settings,
        access="oidc",
        url=URL,
        oidc_url="https://id.plant.example/",
        oidc_client_id="sensormon",
        oidc_client_secret="made up",
    )


@pytest.fixture
def cookie(provided: Settings) -> Iterator[Cookie]:
    """Makes the cookie of somebody with these claims, as Streamlit does after a sign-in."""
    secrets = secrets_for(provided)
    assert secrets is not None
    secrets_singleton.merge_programmatic_secrets(secrets)

    def make(key: str = "", **claims: Any) -> Header:
        content = {"origin": URL, "is_logged_in": True, "provider": "default", "iat": NOW, **CLAIMS, **claims}
        key = key or secrets["auth"]["cookie_secret"]
        return (
            "cookie",
            f"_streamlit_user={create_signed_value(key, '_streamlit_user', json.dumps(content)).decode()}",
        )

    yield make
    secrets_singleton.merge_programmatic_secrets({"auth": {}})


@pytest.fixture
def front(provided: Settings, adopt: Adopt) -> tuple[Monitor, Front]:
    monitor = adopt(Monitor(provided))
    monitor.start()
    return monitor, Front()


HOST: Header = ("host", "localhost:8501")


def test_who_signed_in_at_the_provider_reads_over_http_until_the_session_ends(
    front: tuple[Monitor, Front], cookie: Cookie
) -> None:
    monitor, server = front
    headers = [HOST, cookie()]
    assert server.request("GET", "/api/tags", headers).status == 200
    assert server.request("GET", "/media/x", headers).status == 200
    (session,) = monitor.access.sessions.all()
    assert (session.name, session.way) == ("jana", Way.PROVIDER)
    monitor.access.sessions.end(Person("Olga", Role.ADMINISTRATOR, Way.COMMAND_LINE), session.key)
    assert server.request("GET", "/api/tags", headers).status == 401
    assert server.request("GET", "/media/x", headers).status == 401
    later = [HOST, cookie(iat=NOW + 1)]  # signed in again
    assert server.request("GET", "/api/tags", later).status == 200


def test_two_sign_ins_within_a_second_are_two_sessions(front: tuple[Monitor, Front], cookie: Cookie) -> None:
    monitor, server = front
    for nonce in ("a", "b"):
        assert server.request("GET", "/api/tags", [HOST, cookie(nonce=nonce)]).status == 200
    assert len(monitor.access.sessions.all()) == 2


def test_cookie_that_is_not_ours_is_worth_nothing(front: tuple[Monitor, Front], cookie: Cookie) -> None:
    monitor, server = front
    name, value = cookie()
    for wrong in (
        cookie(key="another secret of somebody else"),
        cookie(origin="http://localhost:8502"),
        cookie(is_logged_in=False),
        (name, value[:-1]),
        (name, "_streamlit_user=x"),
        (name, f"_streamlit_user={json.dumps(CLAIMS)}"),
        (name, "_streamlit_user=" + "[" * 10_000),
    ):
        assert server.request("GET", "/api/tags", [HOST, wrong]).status == 401, wrong
    assert monitor.access.sessions.all() == []
    assert claims_in({}) == {}


def test_sign_out_ends_the_session_and_goes_on_to_the_provider(
    front: tuple[Monitor, Front], cookie: Cookie
) -> None:
    monitor, server = front
    headers = [HOST, ("origin", URL), cookie()]
    server.request("GET", "/api/tags", headers)
    reply = server.request("POST", "/sign-out", headers)
    assert b'url=/auth/logout"' in reply.body
    assert monitor.access.sessions.all() == []


def test_page_of_streamlit_opens_for_signing_in_and_nothing_else(front: tuple[Monitor, Front]) -> None:
    _, server = front
    browser: list[Header] = [HOST, ("origin", URL), ("accept", "text/html")]
    for path in ("/", "/explore", "/auth/login", "/oauth2callback"):
        assert server.request("GET", path, browser).status == 200, path
    assert server.websocket(browser[:2]).status == 101
    assert server.websocket(browser[:2], path="/_stcore/other").status in (401, 403)
    for path in (
        "/media/x",
        "/_stcore/upload_file/a/b",
        "/_stcore/metrics",
        "/_stcore/agent/mcp",
        "/app/static/x",
    ):
        assert server.request("GET", path, browser).status == 401, path


def test_secret_of_the_cookies_is_kept_and_readable_by_its_owner_alone(provided: Settings) -> None:
    first, second = secrets_for(provided), secrets_for(provided)
    assert first == second
    assert first is not None
    assert len(first["auth"]["cookie_secret"]) >= 32
    path: Path = provided.data_dir / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert first["auth"]["server_metadata_url"] == "https://id.plant.example" + METADATA
    whole = replace(provided, oidc_url="https://id.plant.example/realm" + METADATA)
    assert (secrets_for(whole) or {})["auth"]["server_metadata_url"] == whole.oidc_url
    assert secrets_for(replace(provided, access="users")) is None


def test_missing_package_is_one_clear_line(provided: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensormon.api.oidc.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="Authlib is missing"):
        secrets_for(provided)
