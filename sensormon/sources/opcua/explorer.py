"""What a page asks of a server: whether it can be read, what it has, what readings would look like."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from asyncua import ua

from sensormon.model.clock import SystemClock
from sensormon.model.errors import SourceError
from sensormon.model.format import counted
from sensormon.model.readings import Batch
from sensormon.sources.connected import Offer, Preview, Secret, Seen
from sensormon.sources.opcua.browse import children, count_bad, offers
from sensormon.sources.opcua.kind import OpcUaSource
from sensormon.sources.opcua.nodes import chunks, describe, node_ids
from sensormon.sources.opcua.session import Connection, connect, leave
from sensormon.sources.opcua.trust import ShownCertificate, TrustList
from sensormon.sources.opcua.values import Rows, Target, status_of
from sensormon.sources.opcua.words import CONNECTION_ERRORS, source_error, status_name

Result = TypeVar("Result")
_MOST_SEEN = 10_000
_MOST_PROBLEMS = 20
_LEVELS = 8


class OpcUaExplorer:
    """See `Explorer`. It makes a session of its own, which ends with each call."""

    def __init__(self, config: OpcUaSource, secret: Secret, folder: Path) -> None:
        self._config = config
        self._secret = secret
        self._folder = folder / "opcua"

    def test(self, seconds: float) -> Seen:
        """See `Explorer.test`. An unknown certificate is a problem that names its fingerprint."""
        return self._ask(self._test, seconds)

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        """See `Explorer.browse`."""

        async def look(connection: Connection) -> list[Offer]:
            session = connection.session
            parent = ua.NodeId(ua.ObjectIds.ObjectsFolder)
            if below:
                parent = (await node_ids(session, [below], self._config.url))[0]
            return await offers(session, parent, self._config.per_call)

        return self._ask(look, seconds)

    def preview(self, count: int, seconds: float) -> Preview:
        """See `Explorer.preview`: the newest value of the first nodes of the configuration."""

        async def look(connection: Connection) -> Preview:
            wanted = self._config.nodes[:count]
            nothing = Preview(Batch.of([], source=self._config.name, received=_now()))
            if not wanted:
                return nothing
            session = connection.session
            nodes = await node_ids(session, (item.node for item in wanted), self._config.url)
            facts = await describe(session, nodes, self._config.per_call)
            values = await session.read_attributes(nodes, ua.AttributeIds.Value)
            rows = Rows(self._config.name, _now())
            for item, fact, value in zip(wanted, facts, values, strict=True):
                rows.add(Target(item.node, item.tag, fact.words), value)
            return Preview(*rows.batches()[0]) if len(rows) else nothing

        return self._ask(look, seconds)

    def unknown_certificate(self) -> ShownCertificate | None:
        """What the server showed last that is not trusted."""
        return TrustList(self._folder).unknown(self._config.url)

    def trust(self, fingerprint: str) -> None:
        """Trust the certificate with this fingerprint, which a person has compared. Raises SourceError."""
        TrustList(self._folder).trust(self._config.url, fingerprint)

    async def _test(self, connection: Connection) -> Seen:
        session, config = connection.session, self._config
        if not config.nodes:
            nodes = await _variables(session)
            more = "at least " if len(nodes) >= _MOST_SEEN else ""
            names: list[str] = [node.to_string() for node in nodes]
        else:
            nodes = await node_ids(session, (item.node for item in config.nodes), config.url)
            more, names = "", [item.node for item in config.nodes]
        values: list[ua.DataValue] = []
        for piece in chunks(nodes, config.per_call):
            values.extend(await session.read_attributes(list(piece), ua.AttributeIds.Value))
        bad = count_bad(values)
        problems = [
            f"{name}: {status_name(status_of(value))}"
            for name, value in zip(names, values, strict=True)
            if status_of(value) >> 30 == 2
        ]
        if config.security == "none":
            problems.append("nothing is encrypted: anybody on the way can read and change values")
        if config.deadband or any(item.deadband for item in config.nodes):
            problems.append("with a deadband the server drops every change that is smaller")
        summary = f"connects, sees {more}{counted(len(nodes), 'node')}"
        return Seen(
            summary + (f", {bad:,} answer with bad quality" if bad else ""), tuple(problems[:_MOST_PROBLEMS])
        )

    def _ask(self, question: Callable[[Connection], Coroutine[Any, Any, Result]], seconds: float) -> Result:
        """Connect, ask, leave. Raises SourceError."""

        async def asked() -> Result:
            async with asyncio.timeout(seconds):
                connection = await connect(self._config, self._secret, self._folder, None, _nothing)
                try:
                    return await question(connection)
                finally:
                    await leave(connection, keep_session=False)

        try:
            return asyncio.run(asked())
        except SourceError:
            raise
        except CONNECTION_ERRORS as error:
            raise source_error(error, self._config.url) from error


async def _variables(session: Any) -> list[ua.NodeId]:
    """The variables of the plant: all below Objects but the server's own, level by level."""
    level = [ua.NodeId(ua.ObjectIds.ObjectsFolder)]
    seen = {*level, ua.NodeId(ua.ObjectIds.Server)}
    variables: list[ua.NodeId] = []
    for _ in range(_LEVELS):
        following: list[ua.NodeId] = []
        for parent in level:
            for child in await children(session, parent, _MOST_SEEN):
                if child.node in seen:
                    continue
                seen.add(child.node)
                (variables if child.variable else following).append(child.node)
                if len(variables) >= _MOST_SEEN:
                    return variables
        level = following
    return variables


def _nothing() -> None:
    """A lost connection shows in the answer that does not come."""


def _now() -> int:
    return SystemClock().now()
