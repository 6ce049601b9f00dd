"""What the README shows works when pasted, against a real server."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import ROOT, Server

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data", SENSORMON_SOURCE="none")
    running.wait_until("/api/health", lambda health: health["store"] == "healthy")
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGKILL)
        running.output()


def shown(language: str, mark: str) -> str:
    """The README's example in this language that contains the mark."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    (example,) = [block for block in blocks if mark in block]
    return re.sub(r"^  ", "", example, flags=re.MULTILINE)


def test_the_readme_s_client_and_curl_line_write(server: Server) -> None:
    loop = shown("python", "requests").replace("time.sleep(1)", "").replace(":8501", f":{server.port}")
    where = server.data_dir.parent
    done = subprocess.run([sys.executable, "-c", loop], cwd=where, capture_output=True, text=True, check=True)
    assert done.stdout.count("'status': 'success'") == 3
    curl = shown("sh", "curl").replace(":8501", f":{server.port}")
    done = subprocess.run(["sh", "-c", curl], cwd=where, capture_output=True, text=True, check=True)
    assert '"status":"success"' in done.stdout
    server.wait_until("/api/stats", lambda ledger: ledger["stored"] == 4)
    token = (server.data_dir / "token").read_text().strip()
    assert server.stop() < 2.0
    output = server.output()
    assert str(server.data_dir / "token") in output
    assert "curl -X POST http://localhost" in output
    assert token not in output


def test_a_kept_key_outlives_a_kill(server: Server) -> None:
    token = (server.data_dir / "token").read_text().strip()

    def post(port: int) -> bytes:
        body = b'{"tag": "fermenter_temp", "value": 37.2}'
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(
                b"POST /api/ingest HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nIdempotency-Key: k\r\n"
                + f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            return b"".join(iter(lambda: connection.recv(65536), b""))

    first = post(server.port)
    server.stop(signal.SIGKILL)
    server.output()
    again = Server(server.data_dir, SENSORMON_SOURCE="none")
    try:
        again.wait_until("/api/health", lambda health: health["store"] == "healthy")
        second = post(again.port)
        assert b" 201 " in first
        assert second.partition(b"\r\n\r\n")[2] == first.partition(b"\r\n\r\n")[2]
        assert again.get("/api/stats")[1]["received"] == 1
    finally:
        again.stop()
        again.output()


def test_slow_clients_do_not_hold_up_the_pages(server: Server) -> None:
    token = (server.data_dir / "token").read_text().strip()
    lines = (
        "POST /api/ingest HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        "Content-Length: 100",
    )
    head = "\r\n".join([*lines, "", "{"])
    slow = []
    try:
        for _ in range(50):
            connection = socket.create_connection(("127.0.0.1", server.port), 10)
            connection.sendall(head.encode())
            slow.append(connection)
        assert server.get("/api/health")[0] == 200
        assert server.get("/api/openapi.json")[1]["servers"] == [{"url": "/api"}]
    finally:
        for connection in slow:
            connection.close()
