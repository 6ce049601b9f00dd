"""The settings, read once from SENSORMON_* variables and passed down.

| variable            | what                                            | default              |
| ------------------- | ----------------------------------------------- | -------------------- |
| SENSORMON_DATA_DIR  | folder of journal, database and dead letters    | data                 |
| SENSORMON_TAGS      | the tag table                                   | <repo>/data/tags.toml |
| SENSORMON_STORE     | a DuckDB file, or postgresql://USER@HOST/DATABASE | sensormon.duckdb there |
| SENSORMON_BUS       | nats://HOST:PORT, commas between several: readings come from NATS JetStream | none |
| SENSORMON_BUS_FILE  | a file that holds this URL, where it has a password: a secret of a container | none |
| SENSORMON_SOURCE    | simulator, none, replay:FILE or replay:FILE@SPEED | simulator, with a bus none |
| SENSORMON_SOURCES   | the file of named sources, which run beside it  | sources.toml in the data folder |
| SENSORMON_OUTPUTS   | the file of outputs by MQTT and OPC UA          | outputs.toml in the data folder |
| SENSORMON_COLLECTOR | the name of this process among those on one PostgreSQL store | its host |
| SENSORMON_SEED      | seed of the simulator, a whole number           | 0                    |
| SENSORMON_INTERVAL  | seconds between two readings of a tag           | 1                    |
| SENSORMON_WINDOW    | readings in the z-score's window, 5 to 1000     | 50                   |
| SENSORMON_THRESHOLD | z above which a reading is an anomaly, 1 to 8   | 3.0                  |
| SENSORMON_TOKEN     | the token that writes need                      | made at first start  |
| SENSORMON_READ_TOKEN | the token that reads over HTTP need            | none: reads are open |
| SENSORMON_MAX_BODY  | MB that the body of a request may have          | 8                    |
| SENSORMON_MAX_BATCH | readings that a request may have                | 100000               |
| SENSORMON_EARLIEST  | the first day of which readings are accepted    | 1990-01-01           |
| SENSORMON_LINE_TAG  | names tags of line protocol: {host}.{measurement}.{field} | see line_tags  |
| SENSORMON_JOURNAL_QUOTA | MB that the journal may take, 0: all there is | 4096               |
| SENSORMON_RETENTION_DAYS | days at full resolution, then one-minute roll-ups; 0: unlimited | 0 |
| SENSORMON_ACCESS    | who may do what: local, users, oidc, proxy, open | local               |
| SENSORMON_ROLES     | a file that gives names or claims their roles   | none: viewers        |
| SENSORMON_NOTIFY    | the file that says who is notified of what      | notify.toml in the data folder |
| SENSORMON_URL       | the address under which people reach the pages  | none: no links       |
| SENSORMON_PROXY_HEADER | the header with the name of who is signed in, under proxy | none      |
| SENSORMON_PROXY_FROM | addresses or networks, comma-separated, that may send it | none       |
| SENSORMON_OIDC_URL  | the identity provider's issuer or its metadata  | none                 |
| SENSORMON_OIDC_CLIENT_ID | this program's name there                  | none                 |
| SENSORMON_OIDC_CLIENT_SECRET | its secret there                       | none                 |
| SENSORMON_HOSTS     | names, separated by commas, that Host may have besides this machine's | none |
| SENSORMON_DEMO      | 1 shows the buttons that break the running system | 0                  |

What it is not: read anywhere else. Nothing below `runtime` looks at the environment.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sensormon.model import timestamps
from sensormon.model.errors import UsageError
from sensormon.model.line_tags import DEFAULT_LINE_TAG, LineTag

LONGEST_NAME = 60
"""Characters that the name of a collector may have."""
ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000
"""The unit of the settings in MB, in bytes."""
WINDOW = (5, 1000)
"""Smallest and largest window, in readings."""
THRESHOLD = (1.0, 8.0)
"""Smallest and largest threshold, in standard deviations."""
NATS = ("nats://", "tls://")
"""How the URL of a bus begins."""
POSTGRESQL = ("postgresql://", "postgres://")
"""How the URL of a store in PostgreSQL begins."""
DATABASE = "sensormon.duckdb"
"""The name of the database file in a data folder."""
ACCESS = ("local", "users", "oidc", "proxy", "open")
"""The values of SENSORMON_ACCESS; `sensormon.access.identity` says what each means."""
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)
DEFAULT_EARLIEST = timestamps.parse("1990-01-01")
"""Readings before it are mostly numbers read in the wrong precision, which land near 1970 (µs UTC)."""
_EARLIEST = (timestamps.parse("1900-01-01"), timestamps.parse("2100-01-01"))
LONGEST_RETENTION = 36_500
"""At most this many days of readings are kept at full resolution; 0 means unlimited."""


@dataclass(frozen=True)
class Settings:
    """The settings of one monitor; see the module for what each means."""

    data_dir: Path = Path("data")
    tags: Path = ROOT / "data" / "tags.toml"
    store: str = field(default="", repr=False)  # its URL may hold a password
    bus: str = field(default="", repr=False)  # its URL may hold a password
    source: str = "simulator"
    collector: str = ""
    seed: int = 0
    interval: float = 1.0
    window: int = 50
    threshold: float = 3.0
    token: str = field(default="", repr=False)
    read_token: str = field(default="", repr=False)
    max_body: int = 8
    max_batch: int = 100_000
    journal_quota: int = 4096
    retention_days: int = 0
    earliest: int = DEFAULT_EARLIEST  # µs UTC
    line_tag: LineTag = DEFAULT_LINE_TAG
    hosts: tuple[str, ...] = ()
    demo: bool = False
    access: str = "local"
    roles: Path | None = None
    notify: Path | None = None
    sources: Path | None = None
    outputs: Path | None = None
    url: str = ""
    proxy_header: str = ""
    proxy_from: tuple[str, ...] = ()
    oidc_url: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)

    @property
    def store_url(self) -> str:
        """Where the readings are stored: a DuckDB file's path, or the URL of a PostgreSQL database."""
        return self.store or str(self.data_dir / DATABASE)

    @property
    def notify_file(self) -> Path:
        """The file that says who is notified of what; there need not be one."""
        return self.notify or self.data_dir / "notify.toml"

    @property
    def sources_file(self) -> Path:
        """The file of named sources; there need not be one."""
        return self.sources or self.data_dir / "sources.toml"

    @property
    def outputs_file(self) -> Path:
        """The file of outputs; there need not be one."""
        return self.outputs or self.data_dir / "outputs.toml"

    @property
    def database_file(self) -> Path | None:
        """The DuckDB file; None if the readings are stored on a server."""
        return None if "://" in self.store_url else Path(self.store_url)


def store_place(store_url: str) -> str:
    """Where a store is, for people to read: without the user and password that its URL may hold.

    >>> store_place("postgresql://ada:secret@db.plant:5432/readings?sslmode=require&password=x")
    'postgresql://db.plant:5432/readings'
    """
    if "://" not in store_url:
        return store_url
    parts = urlsplit(store_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in these variables.

    A variable that is unset or empty has its default. Raises UsageError, naming the
    variable, for a value that cannot be used; changes nothing.
    """
    known = {
        "DATA_DIR",
        "TAGS",
        "STORE",
        "BUS",
        "BUS_FILE",
        "SOURCE",
        "COLLECTOR",
        "SEED",
        "INTERVAL",
        "WINDOW",
        "THRESHOLD",
        "TOKEN",
        "READ_TOKEN",
        "MAX_BODY",
        "MAX_BATCH",
        "JOURNAL_QUOTA",
        "RETENTION_DAYS",
        "EARLIEST",
        "LINE_TAG",
        "HOSTS",
        "DEMO",
        "ACCESS",
        "ROLES",
        "NOTIFY",
        "SOURCES",
        "OUTPUTS",
        "URL",
        "PROXY_HEADER",
        "PROXY_FROM",
        "OIDC_URL",
        "OIDC_CLIENT_ID",
        "OIDC_CLIENT_SECRET",
    }
    values = {key: environment.get(f"SENSORMON_{key}", "").strip() for key in known}
    default = Settings()

    def number(key: str, low: float, high: float, fallback: float, unit: str) -> float:
        text = values[key]
        if not text:
            return fallback
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise _wrong(key, text, f"Give a number{_of(unit)} from {low:.10g} to {high:.10g}")
        return value

    def whole(key: str, low: int, high: int, fallback: int, unit: str) -> int:
        value = number(key, low, high, fallback, unit)
        if value != int(value):
            raise _wrong(key, values[key], f"Give a whole number{_of(unit)} from {low} to {high}")
        return int(value)

    bus = _bus(_bus_url(values["BUS"], values["BUS_FILE"]), values["STORE"])
    source = values["SOURCE"] or ("none" if bus else default.source)
    if source not in ("simulator", "none") and not (
        source.startswith("replay:") and len(source) > len("replay:")
    ):
        raise _wrong("SOURCE", source, "Use simulator, none, replay:FILE or replay:FILE@SPEED")
    store = values["STORE"]
    if "://" in store and not store.startswith(POSTGRESQL):
        raise _wrong(
            "STORE", store.split("://")[0] + "://…", "Use a file's path, or postgresql://USER@HOST/DATABASE"
        )
    for key in ("TOKEN", "READ_TOKEN"):
        token = values[key]
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise _wrong(key, "(hidden)", "Use printable ASCII characters without spaces")
    return Settings(
        data_dir=Path(values["DATA_DIR"]) if values["DATA_DIR"] else default.data_dir,
        tags=Path(values["TAGS"]) if values["TAGS"] else default.tags,
        store=store,
        bus=bus,
        source=source,
        collector=_collector(values["COLLECTOR"]),
        seed=whole("SEED", 0, 2**32 - 1, default.seed, ""),
        interval=number("INTERVAL", 0.01, 86_400, default.interval, "seconds"),
        window=whole("WINDOW", *WINDOW, default.window, "readings"),
        threshold=number("THRESHOLD", *THRESHOLD, default.threshold, "standard deviations"),
        token=values["TOKEN"],
        read_token=values["READ_TOKEN"],
        max_body=whole("MAX_BODY", 1, 1024, default.max_body, "MB"),
        max_batch=whole("MAX_BATCH", 1, 1_000_000, default.max_batch, "readings"),
        journal_quota=whole("JOURNAL_QUOTA", 0, 2**30, default.journal_quota, "MB"),
        retention_days=whole("RETENTION_DAYS", 0, LONGEST_RETENTION, default.retention_days, "days"),
        earliest=_earliest(values["EARLIEST"]),
        line_tag=_line_tag(values["LINE_TAG"]),
        notify=Path(values["NOTIFY"]) if values["NOTIFY"] else None,
        sources=Path(values["SOURCES"]) if values["SOURCES"] else None,
        outputs=Path(values["OUTPUTS"]) if values["OUTPUTS"] else None,
        hosts=_hosts(values["HOSTS"]),
        demo=bool(whole("DEMO", 0, 1, 0, "")),
        **_access_settings(values),
    )


def _access_settings(values: Mapping[str, str]) -> dict[str, Any]:
    """The settings that say who may do what."""
    access = values["ACCESS"] or "local"
    if access not in ACCESS:
        raise _wrong("ACCESS", access, f"Use {', '.join(ACCESS)}")
    url = values["URL"].rstrip("/")
    for key, address in (("URL", url), ("OIDC_URL", values["OIDC_URL"])):
        if address and not (address.startswith(("http://", "https://")) and urlsplit(address).hostname):
            raise _wrong(key, address, "Give an address that begins with https:// or http://")
    header = values["PROXY_HEADER"].lower()
    if header and not all(c.isascii() and (c.isalnum() or c == "-") for c in header):
        raise _wrong("PROXY_HEADER", header, "Use the name of a header, such as X-Remote-User")
    networks = tuple(part.strip() for part in values["PROXY_FROM"].split(",") if part.strip())
    for network in networks:
        try:
            ip_network(network, strict=False)
        except ValueError:
            raise _wrong(
                "PROXY_FROM", network, "Use addresses or networks, such as 10.0.0.5 or 10.0.0.0/24"
            ) from None
    needed = {
        "oidc": ("OIDC_URL", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "URL"),
        "proxy": ("PROXY_HEADER", "PROXY_FROM"),
    }
    for key in needed.get(access, ()):
        if not values[key]:
            raise UsageError(
                "not set", where=f"SENSORMON_{key}", hint=f"SENSORMON_ACCESS={access} requires it"
            )
    return {
        "access": access,
        "roles": Path(values["ROLES"]) if values["ROLES"] else None,
        "url": url,
        "proxy_header": header,
        "proxy_from": networks,
        "oidc_url": values["OIDC_URL"],
        "oidc_client_id": values["OIDC_CLIENT_ID"],
        "oidc_client_secret": values["OIDC_CLIENT_SECRET"],
    }


def _bus_url(url: str, file: str) -> str:
    """The URL of the bus, which may be in a file. Raises UsageError."""
    if not file:
        return url
    if url:
        raise UsageError(
            "both it and SENSORMON_BUS are set", where="SENSORMON_BUS_FILE", hint="Set one of the two"
        )
    try:
        text = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise _wrong("BUS_FILE", file, f"{reason}; name a file that this account may read") from None
    if not text:
        raise _wrong("BUS_FILE", file, "It is empty; write the URL into it, nats://USER:PASSWORD@HOST:PORT")
    return text


def _bus(text: str, store: str) -> str:
    """Raises UsageError."""
    servers = [server.strip() for server in text.split(",")] if text else []
    for server in servers:
        if not (server.startswith(NATS) and _is_server(server)):
            raise _wrong(
                "BUS",
                server.split("://")[0] + "://…" if "://" in server else "…",  # the rest may hold a password
                "Give nats://HOST:PORT, with commas between several servers; a password has no / ? # @ and ,",
            )
    if servers and not store.startswith(POSTGRESQL):
        raise UsageError(
            "a bus needs a store that its workers share",
            where="SENSORMON_BUS",
            hint="Set SENSORMON_STORE=postgresql://USER@HOST/DATABASE",
        )
    return ",".join(servers)


def _is_server(url: str) -> bool:
    """Whether it has a host, a port if any, and nothing after it, as half of a password with a / would be."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0 and not (parts.path + parts.query + parts.fragment)
    except ValueError:  # a port that is no number, half of an address in brackets
        return False


def _collector(text: str) -> str:
    """Raises UsageError."""
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise _wrong("COLLECTOR", text[:LONGEST_NAME], f"Give a name of at most {LONGEST_NAME} characters")
    return text


def _earliest(text: str) -> int:
    """The first moment of which readings are accepted (µs UTC). Raises UsageError."""
    hint = "Give a day from 1900-01-01 to 2100-01-01, such as 1990-01-01"
    try:
        time = timestamps.parse(text) if text else DEFAULT_EARLIEST
    except (ValueError, OverflowError):
        raise _wrong("EARLIEST", text, hint) from None
    if not _EARLIEST[0] <= time <= _EARLIEST[1]:
        raise _wrong("EARLIEST", text, hint)
    return time


def _line_tag(text: str) -> LineTag:
    """Raises UsageError."""
    try:
        return LineTag(text)
    except ValueError as error:
        raise _wrong(
            "LINE_TAG", text, f"{error}; write a rule such as {{host}}.{{measurement}}.{{field}}"
        ) from None


def _hosts(text: str) -> tuple[str, ...]:
    """The names in lower case, without the dot that may end a full name. Raises UsageError."""
    names = [name.strip().lower() for name in text.split(",")]
    for name in names:
        if text and name != "*" and (len(name) > 253 or not _HOST.fullmatch(name)):
            raise _wrong(
                "HOSTS",
                name,
                "Give names such as monitor.plant.example or *.plant.example, without http:// and port; "
                "* alone means any",
            )
    return tuple(name.removesuffix(".") for name in names) if text else ()


def _wrong(key: str, value: str, hint: str) -> UsageError:
    return UsageError(f"{value!r} cannot be used", where=f"SENSORMON_{key}", hint=hint)


def _of(unit: str) -> str:
    return f" of {unit}" if unit else ""
