"""The database of the Compose files on this machine: what PostgreSQL's image does at its first start."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg

from tests.support.compose import FOLDER
from tests.support.postgresql import PostgreSQL, binaries

SECRETS = "/run/secrets"
_ACCESS = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"


def database_server() -> PostgreSQL:
    """A server with the role `postgres`, as in the image, that wants a password of all others."""
    server = PostgreSQL()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE postgres SUPERUSER LOGIN")
    with psycopg.connect(server.url("postgres"), user="postgres", autocommit=True) as connection:
        connection.execute("ALTER ROLE sensormon RENAME TO first")
    (server.folder / "data" / "pg_hba.conf").write_text(_ACCESS, encoding="ascii")
    with psycopg.connect(server.url("postgres"), user="postgres", autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
    return server


def make_database(server: PostgreSQL, secrets: Path) -> None:
    """Run make-database.sh, which finds `database_password` in this folder."""
    script = (FOLDER / "make-database.sh").read_text(encoding="utf-8")
    assert script.count(SECRETS) == 1
    environment = {"PATH": f"{binaries()}:/usr/bin:/bin", "PGHOST": "127.0.0.1", "PGPORT": str(server.port)}
    command = ["sh", "-c", script.replace(SECRETS, str(secrets))]
    subprocess.run(command, env=environment, check=True, capture_output=True)
