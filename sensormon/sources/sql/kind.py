"""`kind = "sql"`: a query that is asked again and again, from where it was read to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sensormon.model.errors import UsageError
from sensormon.model.tags import NAME
from sensormon.model.timestamps import parse
from sensormon.model.toml_table import MOST_TAGS, Table, number, table, text, whole, word
from sensormon.sources.connected import MOST_READINGS, SourceKind
from sensormon.sources.named import Common, NamedSource

LONGEST_QUERY = 20_000
"""Characters."""
UNITS: Mapping[str, int] = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
"""Nanoseconds of each unit of times that are numbers."""
NOW = "now"
"""As `start`: only rows from then on."""
_CURSOR = re.compile(r"(?<![:\w]):cursor\b")
_READS = re.compile(
    r"\s*(?:(?:--[^\n]*\n|/\*.*?\*/)\s*)*(?:select|with|values|table)\b", re.IGNORECASE | re.DOTALL
)
_SECRET = re.compile(r"(?:^|[;{\s])(?:ssl)?(?:password|passwd|pwd)\s*=", re.IGNORECASE)
_POSTGRESQL = ("postgresql", "postgres")
_SCHEME = re.compile(r"[a-z][a-z0-9]*(?:\+[a-z0-9_]+)?")
_WAIT = number(0.1, 86_400, "seconds")
_LATE = number(0, 31 * 86_400, "seconds")
_TIMEOUT = number(1, 3_600, "seconds")


@dataclass(frozen=True)
class SqlSource(NamedSource):
    """`query` has `:cursor` where the value of the column `cursor` is bound, up to which rows were read.

    `time`, `tag`, `value` and `quality` are names of columns, empty for the usual ones. `tags` says what the
    values of the tag column, or the columns of a wide result, are called here. `late` (s) is how far back
    rows are looked for again; `start` is where reading begins, as text or a number, None for the first row.
    `interval` and `timeout` are seconds, `batch` readings.
    """

    url: str = ""
    query: str = ""
    cursor: str = ""
    interval: float = 10.0
    user: str = ""
    time: str = ""
    tag: str = ""
    value: str = ""
    quality: str = ""
    tags_by_name: Mapping[str, str] = field(default_factory=dict)
    late: float = 0.0
    timezone: str = ""
    time_unit: str = ""
    start: str | int | None = None
    batch: int = MOST_READINGS
    timeout: float = 60.0
    kind: ClassVar[str] = "sql"
    reads_history: ClassVar[bool] = True

    @property
    def place(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.tags_by_name.values()))

    @property
    def is_postgresql(self) -> bool:
        """Whether psycopg reads it, which the base install has; whatever driver of SQLAlchemy the URL names,
        since only that way what it does is read-only and limited in time.
        """
        return urlsplit(self.url).scheme.partition("+")[0] in _POSTGRESQL

    @property
    def url_of_libpq(self) -> str:
        """Its URL without SQLAlchemy's name of a driver."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme.partition('+')[0]}://{rest}"


def with_cursor(query: str, marker: str) -> str:
    """The query with this in place of each `:cursor`."""
    return _CURSOR.sub(lambda _: marker, query)


def read(common: Common, keys: Table) -> SqlSource:
    """What a table of sources.toml says. Raises UsageError."""
    source = SqlSource(
        common,
        url=keys.needed("url", _url, '"postgresql://historian.plant:5432/readings"'),
        query=keys.needed(
            "query", _query, '"SELECT time, tag, value FROM history WHERE time >= :cursor ORDER BY time"'
        ),
        cursor=keys.needed("cursor", text, '"time"'),
        interval=keys.usual("interval", _WAIT, 10.0),
        user=keys.usual("user", text, ""),
        time=keys.usual("time", text, ""),
        tag=keys.usual("tag", text, ""),
        value=keys.usual("value", text, ""),
        quality=keys.usual("quality", text, ""),
        tags_by_name=keys.usual("tags", _tags, {}),
        late=keys.usual("late", _LATE, 0.0),
        timezone=keys.usual("timezone", zone_name, ""),
        time_unit=keys.usual("time_unit", word(*UNITS), ""),
        start=keys.take("start", start),
        batch=keys.usual("batch", whole(1, MOST_READINGS), MOST_READINGS),
        timeout=keys.usual("timeout", _TIMEOUT, 60.0),
    )
    if bool(source.tag) != bool(source.value):
        raise UsageError(
            "tag and value go together",
            where=keys.where,
            hint="Name both columns, or neither for a result with one column a tag",
        )
    return source


def items(source: SqlSource) -> dict[str, Any]:
    """The same as keys of the file."""
    usual = SqlSource(source.common)
    optional = (
        "user",
        "time",
        "tag",
        "value",
        "quality",
        "late",
        "timezone",
        "time_unit",
        "start",
        "batch",
        "timeout",
    )
    return {
        "url": source.url,
        "query": source.query,
        "cursor": source.cursor,
        "interval": source.interval,
        "tags": dict(source.tags_by_name) or None,
        **{key: _unless_usual(getattr(source, key), getattr(usual, key)) for key in optional},
    }


def _unless_usual(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _url(value: Any) -> str:
    url = text(value)
    try:
        parts = urlsplit(url)
        secret = parts.password or any(map(_is_secret, parse_qsl(parts.query)))
    except ValueError:
        raise ValueError("this is not the URL of a database") from None  # its text may hold a password
    if secret:
        raise ValueError("it holds a password: name it with password_env or password_file instead")
    if not _SCHEME.fullmatch(parts.scheme) or "://" not in url:
        raise ValueError(
            "the URL of a database is needed, such as postgresql://historian.plant:5432/readings or "
            "sqlite:////data/readings.db"
        )
    return url


def _is_secret(parameter: tuple[str, str]) -> bool:
    """Whether this is a password, or has one in it, as what ODBC is told."""
    return bool(_SECRET.search("=".join(parameter)))


def _query(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_QUERY:
        raise ValueError(f"a query of at most {LONGEST_QUERY:,} characters is needed")
    if any(not sign.isprintable() and sign not in "\n\t\r" for sign in value):
        raise ValueError("it holds an invisible character")
    query = value.strip().rstrip(";").rstrip()
    if not _READS.match(query):
        raise ValueError("it must begin with SELECT or WITH: it only reads")
    if not _CURSOR.search(query):
        raise ValueError(
            "it does not say where the cursor goes: compare its column with :cursor, as in "
            "WHERE time >= :cursor ORDER BY time"
        )
    return query


def _tags(value: Any) -> Mapping[str, str]:
    named = table(value)
    if len(named) > MOST_TAGS:
        raise ValueError(f"more than {MOST_TAGS:,} tags")
    for name, tag in named.items():
        if not isinstance(tag, str) or not NAME.fullmatch(tag):
            raise ValueError(f"{str(tag)[:100]!r}, for {name[:100]!r}, cannot be a tag's name")
    if len(set(named.values())) != len(named):
        raise ValueError("two of them are the same tag")
    return {str(name): str(tag) for name, tag in named.items()}


def zone_name(value: Any) -> str:
    """The name of a time zone."""
    name = text(value)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'{name[:100]!r} is not a time zone, such as "UTC" or "Europe/Berlin"') from None
    return name


def start(value: Any) -> str | int:
    """Where a back-fill begins: a time, a number, or "now"."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, date):  # a datetime, too
        return value.isoformat(*("T",) if isinstance(value, datetime) else ())
    begin = text(value)
    if begin != NOW:
        try:
            parse(begin)
        except ValueError:
            raise ValueError('a time such as "2021-01-01T00:00:00Z", a number, or "now" is needed') from None
    return begin


KIND = SourceKind("sql", "SQL database", read, items, "sensormon.sources.sql.source")
