"""What sources.toml says of an OPC UA server. Imports no library, so that every file can be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from sensormon.model.errors import UsageError
from sensormon.model.tags import NAME
from sensormon.model.toml_table import Table, flag, number, table, text, whole, word
from sensormon.sources.connected import SourceKind
from sensormon.sources.named import Common, NamedSource
from sensormon.sources.opcua.timing import LONGEST_BRIDGE, LONGEST_QUEUE, Timing

SECURITIES = ("none", "Basic256Sha256", "Aes256_Sha256_RsaPss")
HISTORY = 86_400.0
"""Seconds; how far back the server's history is asked for what was missed."""
MOST_NODES = 20_000
"""Of one source; more belong into several, which run side by side."""
USUAL = Timing()
_NODE = re.compile(r"(ns=\d{1,5};|nsu=[^;]+;)?(i=\d{1,10}|[sgb]=.+)")


@dataclass(frozen=True)
class NodeTag:
    """A node and the tag that its values become. `deadband` is in the unit of the node, 0 for none."""

    node: str
    tag: str
    deadband: float = 0.0


@dataclass(frozen=True)
class OpcUaSource(NamedSource):
    """One server, as one client sees it.

    `poll` reads in bulk every `interval` seconds instead of subscribing. With `repeats` a value that is
    reported again with a new time is a reading too. Without `encrypt` messages are signed alone; with
    `plain_password` a server may have the password in the clear. At most `per_call` nodes go into a request;
    one without an answer after `timeout` seconds has failed.
    """

    kind: ClassVar[str] = "opcua"
    url: str
    nodes: tuple[NodeTag, ...] = ()
    security: str = "none"
    encrypt: bool = True
    user: str = ""
    user_certificate: str = ""
    user_key: str = ""
    plain_password: bool = False
    poll: bool = False
    interval: float = 1.0
    timing: Timing = USUAL
    repeats: bool = True
    deadband: float = 0.0
    history: float = HISTORY
    per_call: int = 500
    timeout: float = 10.0

    @property
    def place(self) -> str:
        """Its URL, which has no password."""
        return self.url

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of its nodes."""
        return tuple(item.tag for item in self.nodes)

    def deadband_of(self, item: NodeTag) -> float:
        """What applies to this node."""
        return item.deadband or self.deadband


def read(common: Common, content: Table) -> OpcUaSource:
    """The source in this table. Raises UsageError."""
    source = OpcUaSource(
        common,
        url=content.needed("url", _url, '"opc.tcp://127.0.0.1:4840/"'),
        nodes=content.usual("tags", _nodes, ()),
        security=content.usual("security", word(*SECURITIES), "none"),
        encrypt=content.usual("encrypt", flag, True),
        user=content.usual("user", text, ""),
        user_certificate=content.usual("user_certificate", text, ""),
        user_key=content.usual("user_key", text, ""),
        plain_password=content.usual("plain_password", flag, False),
        poll=content.usual("mode", word("subscribe", "poll"), "subscribe") == "poll",
        interval=content.usual("interval", number(0.01, 86_400, "seconds"), 1.0),
        timing=Timing(
            content.usual("publishing", number(0.01, 60, "seconds"), USUAL.publishing),
            content.usual("sampling", number(0, 3_600, "seconds"), USUAL.sampling),
            content.usual("bridge", number(0, LONGEST_BRIDGE, "seconds"), USUAL.bridge),
            content.usual("queue", whole(1, LONGEST_QUEUE), 0),
        ),
        repeats=content.usual("repeats", flag, True),
        deadband=content.usual("deadband", number(0, 1e30), 0.0),
        history=content.usual("history", number(0, 366 * 86_400, "seconds"), HISTORY),
        per_call=content.usual("per_call", whole(1, 10_000), 500),
        timeout=content.usual("timeout", number(0.5, 120, "seconds"), 10.0),
    )
    _check_user(source, content.where)
    return source


def items(source: OpcUaSource) -> dict[str, Any]:
    """The keys of the table; see `SourceKind.items`."""
    usual = OpcUaSource(source.common, source.url)
    timing, plain = source.timing, USUAL
    content = {
        "url": source.url,
        "security": _unless(source.security, usual.security),
        "encrypt": _unless(source.encrypt, usual.encrypt),
        "user": source.user or None,
        "user_certificate": source.user_certificate or None,
        "user_key": source.user_key or None,
        "plain_password": source.plain_password or None,
        "mode": "poll" if source.poll else None,
        "interval": _unless(source.interval, usual.interval),
        "publishing": _unless(timing.publishing, plain.publishing),
        "sampling": _unless(timing.sampling, plain.sampling),
        "bridge": _unless(timing.bridge, plain.bridge),
        "queue": timing.asked_queue or None,
        "repeats": _unless(source.repeats, usual.repeats),
        "deadband": source.deadband or None,
        "history": _unless(source.history, usual.history),
        "per_call": _unless(source.per_call, usual.per_call),
        "timeout": _unless(source.timeout, usual.timeout),
    }
    rows = [{"node": item.node, "tag": item.tag, "deadband": item.deadband or None} for item in source.nodes]
    return {**content, "tags": rows or None}


KIND = SourceKind(
    kind="opcua",
    label="OPC UA",
    read=read,
    items=items,
    module="sensormon.sources.opcua.opening",
    needs=("asyncua",),
    keeps_files=True,
)


def _unless(value: Any, usual: Any) -> Any:
    return None if value == usual else value


def _check_user(source: OpcUaSource, where: str) -> None:
    if bool(source.user_certificate) != bool(source.user_key):
        raise UsageError(
            "user_certificate and user_key belong together",
            where=where,
            hint="Set both, or neither to sign in without a certificate",
        )
    if source.user and source.user_certificate:
        raise UsageError("user and user_certificate are both set", where=where, hint="Use one of them")
    has_secret = bool(source.common.password_env or source.common.password_file)
    if has_secret and not (source.user or source.user_key):
        raise UsageError("there is a password but no user", where=where, hint='Add user = "…"')


def _url(value: Any) -> str:
    url = text(value)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its text may hold a password
        raise ValueError("the host or the port cannot be read") from None
    if parts.scheme != "opc.tcp" or not parts.hostname:
        raise ValueError("a URL such as opc.tcp://127.0.0.1:4840/ is needed")
    if "@" in parts.netloc:
        raise ValueError("no user or password in the URL: use user and password_env")
    if port == 0:
        raise ValueError("the port 0 cannot be used")
    return url


def _nodes(value: Any) -> tuple[NodeTag, ...]:
    nodes = tuple(_node(index, row) for index, row in enumerate(_rows(value)))
    tags = set[str]()
    for item in nodes:
        if item.tag in tags:
            raise ValueError(f"the tag {item.tag!r} occurs twice")
        tags.add(item.tag)
    return nodes


def _rows(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise ValueError("tables [[sources.NAME.tags]] are needed")
    if len(value) > MOST_NODES:
        raise ValueError(f"more than {MOST_NODES:,} nodes: name several sources")
    return value


def _node(index: int, value: Any) -> NodeTag:
    row = Table(f"entry {index + 1}", table(value))
    try:
        item = NodeTag(
            row.needed("node", _matching(_NODE, "a node such as ns=2;s=TI-101 is needed"), '"ns=2;s=TI-101"'),
            row.needed("tag", _matching(NAME, "use letters, digits and _ . : / -"), '"ti_101"'),
            row.usual("deadband", number(0, 1e30), 0.0),
        )
        row.end()
    except UsageError as error:
        raise ValueError(str(error)) from error
    return item


def _matching(pattern: re.Pattern[str], problem: str) -> Callable[[Any], str]:
    def read_it(value: Any) -> str:
        if not pattern.fullmatch(text(value)):
            raise ValueError(problem)
        return text(value)

    return read_it
