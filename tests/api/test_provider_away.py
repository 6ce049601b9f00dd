"""Signing in while the identity provider cannot be reached, on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from streamlit import auth_util

from tests.support.server import Server, free_port

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(find_spec("authlib") is None, reason="no Authlib: pip install -r requirements.txt"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose provider's port nobody listens on."""
    port = free_port()
    running = Server(
        tmp_path / "data",
        port,
        SENSORMON_SOURCE="none",
        SENSORMON_ACCESS="oidc",
        SENSORMON_URL=f"http://127.0.0.1:{port}",
        SENSORMON_OIDC_URL=f"http://127.0.0.1:{free_port()}",
        SENSORMON_OIDC_CLIENT_ID="sensormon",
        SENSORMON_OIDC_CLIENT_SECRET="made up",
    )
    running.wait_until("/api/health", lambda health: health["status"] == "ok")
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.output()


def test_a_page_of_ours_says_so_and_the_log_in_one_line(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = (server.data_dir / "cookie_secret").read_text(encoding="ascii").strip()
    monkeypatch.setattr(auth_util, "get_signing_secret", lambda: secret)  # as the server's page signs it
    query = {"provider": auth_util.encode_provider_token("default")}
    answer = httpx.get(f"{server.url}/auth/login", params=query, timeout=30)
    assert answer.status_code == 502
    assert "The identity provider cannot be reached" in answer.text
    assert '<a href="/">Try again</a>' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    server.stop()
    output = server.output()
    assert "Traceback" not in output
    assert output.count("ConnectError") == 1
