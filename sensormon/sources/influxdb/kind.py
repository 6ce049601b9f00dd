"""`kind = "influxdb"`: a query in InfluxQL with `$cursor` and `$end`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sensormon.model.line_tags import LineTag
from sensormon.model.toml_table import Table, number, text
from sensormon.sources.connected import SourceKind
from sensormon.sources.named import Common, NamedSource
from sensormon.sources.sql.kind import LONGEST_QUERY, start

LATE = 60.0
"""Seconds that are read again by default: the points of one moment are often written one after another."""
_READS = re.compile(r"\s*select\b", re.IGNORECASE)
_BOUNDS = {name: re.compile(rf"\${name}\b") for name in ("cursor", "end")}
_WAIT = number(0.1, 86_400, "seconds")
_LATE = number(0, 31 * 86_400, "seconds")
_TIMEOUT = number(1, 3_600, "seconds")


@dataclass(frozen=True)
class InfluxSource(NamedSource):
    """`query` has `$cursor` and `$end`, between which points are asked for. `tag` names tags by measurement,
    field and the tags of a series, see `LineTag`. `late` (s) is how far back points are looked for again;
    `start` is where reading begins, None for the first point. `interval` and `timeout` are seconds.
    """

    url: str = ""
    database: str = ""
    query: str = ""
    interval: float = 10.0
    user: str = ""
    tag: str = ""
    late: float = LATE
    start: str | int | None = None
    timeout: float = 60.0
    kind: ClassVar[str] = "influxdb"

    @property
    def place(self) -> str:
        return f"{self.url}/{self.database}"


def read(common: Common, keys: Table) -> InfluxSource:
    """What a table of sources.toml says. Raises UsageError."""
    return InfluxSource(
        common,
        url=keys.needed("url", _url, '"http://influx.plant:8086"'),
        database=keys.needed("database", text, '"plant"'),
        query=keys.needed(
            "query", _query, '"SELECT * FROM history WHERE time >= $cursor AND time < $end GROUP BY *"'
        ),
        interval=keys.usual("interval", _WAIT, 10.0),
        user=keys.usual("user", text, ""),
        tag=keys.usual("tag", _rule, ""),
        late=keys.usual("late", _LATE, LATE),
        start=keys.take("start", start),
        timeout=keys.usual("timeout", _TIMEOUT, 60.0),
    )


def items(source: InfluxSource) -> dict[str, Any]:
    """The same as keys of the file."""
    usual = InfluxSource(source.common)
    optional = {key: getattr(source, key) for key in ("user", "tag", "late", "start", "timeout")}
    return {
        "url": source.url,
        "database": source.database,
        "query": source.query,
        "interval": source.interval,
        **{key: None if value == getattr(usual, key) else value for key, value in optional.items()},
    }


def _url(value: Any) -> str:
    url = text(value).rstrip("/")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False  # the error's text may hold a password
    if not usable:
        raise ValueError("the address of the server is needed, such as http://influx.plant:8086")
    if "@" in parts.netloc or parts.query:
        raise ValueError("it holds a user or a query: use user, and password_env or password_file")
    return url


def _query(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_QUERY:
        raise ValueError(f"a query of at most {LONGEST_QUERY:,} characters is needed")
    query = value.strip().rstrip(";").rstrip()
    if not _READS.match(query) or ";" in query:
        raise ValueError("it must be one SELECT: it only reads")
    if re.search(r"\binto\b", query, re.IGNORECASE):
        raise ValueError("SELECT INTO writes: leave out INTO")
    if absent := [name for name, bound in _BOUNDS.items() if not bound.search(query)]:
        raise ValueError(
            f"it does not say where ${absent[0]} goes: write WHERE time >= $cursor AND time < $end"
        )
    return query


def _rule(value: Any) -> str:
    return LineTag(text(value)).rule


KIND = SourceKind("influxdb", "InfluxDB 1.x", read, items, "sensormon.sources.influxdb.source")
