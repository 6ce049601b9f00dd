"""What the Compose files mount, at work: nginx with TLS, and the database's first start."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path

import psycopg
import pytest

from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.compose import FOLDER, read
from tests.support.compose_database import SECRETS, database_server, make_database
from tests.support.nginx import NGINX
from tests.support.postgresql import PostgreSQL, binaries
from tests.support.server import Server, free_port, wait_for_port

NAME = "monitor.plant.example"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A folder with tls_certificate and tls_key."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made = ["-keyout", "tls_key", "-out", "tls_certificate", "-days", "2", "-subj", f"/CN={NAME}"]
    names = ["-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *key, *made, *names]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


@pytest.mark.long
@pytest.mark.skipif(NGINX is None, reason="no nginx: apt-get install nginx-light")
def test_the_proxy_brings_pages_and_writes_through_tls(tmp_path: Path, certificate: Path) -> None:
    port = free_port()
    environment = read("one-process.yaml", "tls.yaml")["services"]["pages"]["environment"]
    server = Server(
        tmp_path / "data",
        FORWARDED_ALLOW_IPS=environment["FORWARDED_ALLOW_IPS"],
        SENSORMON_ACCESS=environment["SENSORMON_ACCESS"],
        SENSORMON_HOSTS=NAME,
        SENSORMON_URL=f"https://{NAME}",
    )
    text = (FOLDER / "nginx.conf").read_text(encoding="utf-8")
    for ours, theirs in (
        ("listen 8443", f"listen 127.0.0.1:{port}"),
        ("server pages:8501", f"server 127.0.0.1:{server.port}"),
        (str(Path("/", "tmp")) + "/", f"{tmp_path}/"),
        (SECRETS, str(certificate)),
    ):
        assert text.count(ours) >= 1, ours
        text = text.replace(ours, theirs)
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(text, encoding="utf-8")
    proxy = subprocess.Popen(
        [
            str(NGINX),
            "-c",
            str(configuration),
            "-g",
            "daemon off;" + (" user root;" if os.getuid() == 0 else ""),
        ],
    )
    try:
        server.wait_until("/api/health", lambda health: health["status"] == "ok")
        wait_for_port(proxy, port, lambda: "nginx has ended")
        trusted = ssl.create_default_context(cafile=str(certificate / "tls_certificate"))

        def ask(path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, str]:
            connection = HTTPSConnection("127.0.0.1", port, timeout=20, context=trusted)
            with closing(connection):
                connection.request(method, path, body, {"Host": NAME, **headers})
                answer = connection.getresponse()
                return answer.status, answer.read().decode()

        assert ask("/api/health") == (200, '{"status":"ok"}')
        assert "users add" in ask("/sign-in")[1]
        token = (tmp_path / "data" / "token").read_text(encoding="utf-8").strip()
        reading = b'{"tag": "fermenter_ph", "value": 7.1}'
        assert ask("/api/ingest", "POST", reading, Authorization=f"Bearer {token}")[0] == 201
    finally:
        proxy.terminate()
        proxy.wait(20)
        server.stop()
        server.output()


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
    server = database_server()
    yield server
    server.stop()


def test_the_database_is_made_and_opens_with_the_password_file_alone(
    server: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "it's $a \\ 'word'"
    (tmp_path / "database_password").write_text(words, encoding="ascii")
    make_database(server, tmp_path)

    store = read("postgresql.yaml")["services"]["pages"]["environment"]["SENSORMON_STORE"]
    assert store.count("@database:5432/") == 1
    url = store.replace("@database:5432/", f"@127.0.0.1:{server.port}/")
    pgpass = tmp_path / "pgpass"
    escaped = words.replace("\\", "\\\\")
    pgpass.write_text(f"127.0.0.1:{server.port}:plant:sensormon:{escaped}\n", encoding="ascii")
    pgpass.chmod(0o600)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(url)
    monkeypatch.setenv("PGPASSFILE", str(pgpass))
    monitor = Monitor(Settings(data_dir=tmp_path / "data", store=url, source="none"))
    monitor.drain()
    monitor.stop()
    with psycopg.connect(url) as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE tablename = 'readings'")
        assert owners.fetchall() == [("sensormon",)]
