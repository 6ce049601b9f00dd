"""What sources.toml may say of a database, what a page sees of it, and that no password gets out."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import psycopg
import pytest

from sensormon.model.errors import SourceError, UsageError
from sensormon.sources.influxdb.kind import InfluxSource
from sensormon.sources.named_edit import with_source
from sensormon.sources.named_text import parse_sources
from sensormon.sources.sql.explorer import SqlExplorer
from sensormon.sources.sql.kind import SqlSource
from sensormon.sources.sql.opening import database_of
from tests.sources.sql.conftest import HISTORY, Connection, Source, read_once, source_of
from tests.support.postgresql import PostgreSQL
from tests.support.recording_intake import RecordingIntake

DOCUMENT = Path(__file__).parents[3] / "docs" / "sources-databases.md"
WORD = "fermenter-37"


def test_the_documents_examples_are_sources_that_survive_an_edit() -> None:
    text = "\n".join(
        block.replace("\n    ", "\n").strip()
        for block in re.findall(r"\n((?:    .*\n|\n(?=    ))+)", DOCUMENT.read_text(encoding="utf-8"))
        if "[sources." in block
    )
    sources = parse_sources(text)
    assert {source.kind for source in sources.values()} == {"sql", "influxdb"}
    written = ""
    for source in sources.values():
        written = with_source(written, source)
    assert parse_sources(written) == sources


def test_every_key_is_explained() -> None:
    rows = "\n".join(line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line[:1] == "|")
    explained = set(re.findall(r"`(\w+)`", rows))
    names = {field.name for kind in (SqlSource, InfluxSource) for field in fields(kind)}
    assert names - {"common", "tags_by_name"} | {"tags"} <= explained


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"url": "postgresql://ada:secret@host/plant"}, "holds a password"),
        ({"url": "postgresql://host/plant?password=secret"}, "holds a password"),
        ({"url": "postgresql://host/plant?sslpassword=secret"}, "holds a password"),
        ({"url": "mssql+pyodbc:///?odbc_connect=UID%3Dada%3BPWD%3Dsecret"}, "holds a password"),
        ({"url": "plant"}, "the URL of a database is needed"),
        ({"query": "DELETE FROM history WHERE time > :cursor"}, "it only reads"),
        ({"query": "SELECT * FROM history"}, "does not say where the cursor goes"),
        ({"timezone": "Mars/Olympus"}, "is not a time zone"),
        ({"start": "yesterday"}, "a time such as"),
        ({"tag": "name"}, "tag and value go together"),
        ({"tags": {"a": "not a name"}}, "cannot be a tag's name"),
    ],
)
def test_what_cannot_be_a_source_is_refused_without_its_secret(keys: dict[str, object], what: str) -> None:
    with pytest.raises(UsageError, match=what) as refused:
        source_of(**{"url": "postgresql://host/plant", "query": HISTORY, "cursor": "time", **keys})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("driver", ["", "+psycopg"])
def test_a_query_writes_nothing(
    table: Connection, source: Source, url: str, intake: RecordingIntake, driver: str
) -> None:
    url = url.replace("postgresql", f"postgresql{driver}")
    table.execute(
        "CREATE FUNCTION wipe() RETURNS int LANGUAGE plpgsql VOLATILE AS"
        " $$ BEGIN DELETE FROM history; RETURN 1; END $$"
    )
    table.execute("INSERT INTO history VALUES ('2026-01-01Z', 'a', 1)")
    query = HISTORY.replace("value", "wipe() AS value")
    with pytest.raises(SourceError, match="cannot execute DELETE in a read-only transaction"):
        read_once(source(url=url, query=query), intake)
    with pytest.raises(SourceError):
        read_once(source(url=url, query=f"{HISTORY}; DROP TABLE history"), intake)
    assert table.execute("SELECT count(*) FROM history").fetchone() == (1,)


def test_a_slow_query_is_ended_by_the_server(
    table: Connection, source: Source, intake: RecordingIntake
) -> None:
    table.execute("INSERT INTO history VALUES ('2026-01-01Z', 'a', 1)")
    query = HISTORY.replace("value", "pg_sleep(20)::text AS value")
    with pytest.raises(SourceError, match=r"took longer than 1 s.* index on time"):
        read_once(source(query=query, timeout=1), intake)


def test_percent_signs_colons_and_casts_stay_as_they_are(
    table: Connection, source: Source, intake: RecordingIntake
) -> None:
    table.execute("INSERT INTO history VALUES ('2026-01-01Z', 'a%:cursor', 1)")
    query = HISTORY.replace("WHERE", "WHERE tag LIKE 'a%' AND value::text <> ':x' AND")
    read_once(source(query=query), intake)
    assert [tag for tag, _, _ in intake.readings] == ["a%:cursor"]


def test_a_page_sees_tables_columns_and_readings(table: Connection, source: Source) -> None:
    table.execute("INSERT INTO history SELECT now(), 'a', n FROM generate_series(1, 30) n")
    explorer = SqlExplorer(source(), lambda: "")
    assert re.fullmatch(
        r"PostgreSQL \d+: 30 rows with the columns time \(timestamptz\), tag \(text\), value \(float8\)",
        explorer.test(10).summary,
    )
    assert [offer.address for offer in explorer.browse("", 10)] == ["public.history"]
    assert [(offer.label, offer.detail) for offer in explorer.browse("public.history", 10)] == [
        ("time", "timestamp with time zone"),
        ("tag", "text"),
        ("value", "double precision"),
    ]
    assert len(explorer.preview(10, 10).batch) == 10


def test_a_password_is_asked_for_and_never_shown(server: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = server.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE USER reader PASSWORD '{WORD}'")
        rules.write_text(f"host all reader 127.0.0.1/32 scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
    place = f"postgresql://127.0.0.1:{server.port}/postgres"
    config = source_of(url=place, user="reader", query="SELECT 1 AS id WHERE 1 > :cursor", cursor="id")
    with database_of(config, lambda: WORD) as database:
        assert database.version().startswith("PostgreSQL")
    monkeypatch.setenv("PGPASSWORD", WORD)
    for secret in ("", "wr0ng-pass"):
        problem = _refusal(config, secret)
        assert "Check user, and the secret" in problem
        assert "wr0ng" not in problem
        assert WORD not in problem


def _refusal(config: SqlSource, secret: str) -> str:
    with pytest.raises(SourceError) as refused, database_of(config, lambda: secret):
        pass
    return str(refused.value)
