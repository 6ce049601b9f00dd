"""A real OPC UA server (asyncua's) in a process of its own, which does what lines of JSON on its input say.

    python -m tests.support.opcua_server '{"port": 21001, "nodes": 3, …}'

Each line is answered by one. Nodes are called n0, n1 and so on, with numeric addresses `ns=2;i=1000` and up,
since asyncua keeps a history of numeric ones alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FIRST = 1000
"""The number of the node n0."""
NAMESPACE = "urn:plant"


@dataclass(frozen=True)
class Plant:
    """What the server offers. `history`: a file for the history of all nodes; `security`: the folder with its
    certificate, without one it has none. `people`: passwords by user. `clients`: a folder of trusted clients.
    `no_subscriptions`: it refuses them. `furnished`: it has nodes of other kinds, too. `empty`: its nodes
    have no value until one is written.
    """

    port: int
    nodes: int = 3
    history: str = ""
    security: str = ""
    plain: bool = True
    people: Mapping[str, str] | None = None
    clients: str = ""
    no_subscriptions: bool = False
    furnished: bool = False
    empty: bool = False

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"opc.tcp://127.0.0.1:{self.port}/plant"


class Server:
    """The server and its nodes by name."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.nodes: dict[str, Any] = {}

    async def start(self) -> None:
        """Listen."""
        from asyncua import Server as Library
        from asyncua import ua
        from asyncua.server.history_sql import HistorySQLite

        plant = self.plant
        users = _users(plant.people) if plant.people is not None else None
        self.server = server = Library(user_manager=users)
        if plant.history:
            server.iserver.history_manager.set_storage(HistorySQLite(Path(plant.history)))
        await server.init()
        server.set_endpoint(plant.url)
        server.set_server_name("plant")
        server.iserver.max_session_timeout_ms = 3_600_000
        await self._secure(ua)
        self.space = await server.register_namespace(NAMESPACE)
        self.folder = await server.nodes.objects.add_folder(self.space, "Plant")
        for number in range(plant.nodes):
            await self.add(f"n{number}", FIRST + number, 0.0)
        if plant.furnished:
            await self._furnish()
        if plant.no_subscriptions:
            server.iserver.subscription_service.create_subscription = _refuse
        await server.start()

    async def add(self, name: str, number: int, value: Any) -> None:
        """A new node with this value, whose time is long ago, so that it is no news."""
        from asyncua import ua

        node = await self.folder.add_variable(ua.NodeId(number, self.space), name, value)
        await self.server.write_attribute_value(
            node.nodeid,
            _value(None, None, ua.StatusCodes.BadWaitingForInitialData)
            if self.plant.empty
            else ua.DataValue(ua.Variant(value), SourceTimestamp=datetime(2020, 1, 1, 0, 0, 0, 7, UTC)),
        )
        if self.plant.history:
            await self.server.historize_node_data_change(node, period=None, count=0)
        self.nodes[name] = node

    async def do(self, order: Mapping[str, Any]) -> Any:
        """What a line says: {"do": …}."""
        match order["do"]:
            case "write":  # [[name, µs or null, value, status], …]
                for name, time, value, status in order["values"]:
                    await self.server.write_attribute_value(
                        self.nodes[name].nodeid, _value(time, value, status)
                    )
            case "delete":
                await self.server.delete_nodes([self.nodes.pop(order["name"])])
            case "add":
                await self.add(order["name"], order["number"], order["value"])
            case "count":
                return [len(sub._not_acknowledged_results) for sub in self.subscriptions().values()]
            case "waiting":  # values and messages that no client has acknowledged; -1 without a client
                kept = self.subscriptions().values()
                queued = sum(len(items) for sub in kept for items in sub._triggered_datachanges.values())
                return queued + sum(len(sub._not_acknowledged_results) for sub in kept) if kept else -1
            case "expire":  # as a server does that was not asked for news for too long
                service = self.server.iserver.subscription_service
                await service.delete_subscriptions([*self.subscriptions()])
            case "run":  # each node changes `hertz` times a second with its own time, `seconds` long
                return await self._change(order["hertz"], order["seconds"])
            case unknown:
                raise ValueError(unknown)
        return None

    def subscriptions(self) -> dict[int, Any]:
        """Those of clients; the history has one of its own."""
        all_of_them = self.server.iserver.subscription_service.subscriptions
        return {number: sub for number, sub in all_of_them.items() if sub.pub_request_callback is not None}

    async def _change(self, hertz: float, seconds: float) -> int:
        """Values 1, 2, 3 … for all nodes in turn; how many of each."""
        loop = asyncio.get_running_loop()
        began, step = loop.time(), 1 / hertz
        times = round(seconds * hertz)
        names = list(self.nodes)
        for turn in range(times):
            for place in range(0, len(names), 50):  # spread over the step, so that the loop stays free
                for name in names[place : place + 50]:
                    now = datetime.now(UTC)
                    await self.server.write_attribute_value(
                        self.nodes[name].nodeid, _value(round(now.timestamp() * 1e6), float(turn + 1), 0)
                    )
                due = began + turn * step + step * place / len(names)
                await asyncio.sleep(max(0.0, due - loop.time()))
        return times

    async def _secure(self, ua: Any) -> None:
        plant = self.plant
        if not plant.security:
            self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            return
        from asyncua.crypto.cert_gen import setup_self_signed_certificate
        from asyncua.crypto.truststore import TrustStore
        from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
        from cryptography.x509.oid import ExtendedKeyUsageOID

        folder = Path(plant.security)
        folder.mkdir(parents=True, exist_ok=True)
        await self.server.set_application_uri("urn:plant:server")
        key, certificate = folder / "key.pem", folder / "certificate.der"
        await setup_self_signed_certificate(
            key, certificate, "urn:plant:server", "localhost", [ExtendedKeyUsageOID.SERVER_AUTH], {}
        )
        await self.server.load_certificate(certificate)
        await self.server.load_private_key(key)
        policies = [
            ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
            ua.SecurityPolicyType.Basic256Sha256_Sign,
            ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
        ]
        self.server.set_security_policy(
            [*policies, ua.SecurityPolicyType.NoSecurity] if plant.plain else policies
        )
        if plant.clients:
            Path(plant.clients).mkdir(parents=True, exist_ok=True)
            shutil.copy(certificate, Path(plant.clients) / "own.der")  # the library wants at least one
            store = TrustStore([Path(plant.clients)], [])
            await store.load()
            options = CertificateValidatorOptions
            self.server.set_certificate_validator(
                CertificateValidator(options.TRUSTED_VALIDATION | options.PEER_CLIENT, store)
            )

    async def _furnish(self) -> None:
        """Nodes of other kinds: an analogue one, an enumeration, words, a switch, an array, a bad one."""
        from asyncua import ua

        async def node(name: str, number: int, value: Any, kind: Any = None, **more: Any) -> Any:
            made = await self.folder.add_variable(ua.NodeId(number, self.space), name, value, kind, **more)
            self.nodes[name] = made
            return made

        analogue = await node("TI-101", 2000, 36.5)
        unit = ua.EUInformation(DisplayName=ua.LocalizedText("°C"), UnitId=4408652)
        await analogue.add_property(ua.NodeId(2001, self.space), "0:EngineeringUnits", unit)
        await analogue.add_property(ua.NodeId(2002, self.space), "0:EURange", ua.Range(Low=35.0, High=40.0))
        await analogue.add_property(
            ua.NodeId(2003, self.space), "0:InstrumentRange", ua.Range(Low=0.0, High=150.0)
        )
        await analogue.add_property(ua.NodeId(2004, self.space), "0:ValuePrecision", 2.0)
        step = await node("Step", 2010, 1, ua.VariantType.Int32)
        words = [ua.LocalizedText(word) for word in ("Idle", "Fill", "CIP")]
        await step.add_property(ua.NodeId(2011, self.space), "0:EnumStrings", words)
        await node("Product", 2020, "Lager")
        await node("Pump", 2030, True)
        await node("Spectrum", 2040, [1.0, 2.0, 3.0])
        await node("Broken", 2050, 0.0)
        await self.server.write_attribute_value(
            self.nodes["Broken"].nodeid, _value(None, None, ua.StatusCodes.BadSensorFailure)
        )


def _value(time: int | None, value: Any, status: int) -> Any:
    from asyncua import ua

    moment = None if time is None else datetime.fromtimestamp(time // 1_000_000, UTC)
    kind = ua.VariantType.Int32 if isinstance(value, int) and not isinstance(value, bool) else None
    return ua.DataValue(
        ua.Variant(value, kind) if value is not None else ua.Variant(),
        StatusCode=ua.StatusCode(status),
        SourceTimestamp=None if moment is None else moment.replace(microsecond=time % 1_000_000),  # type: ignore
    )


async def _refuse(*_: Any, **__: Any) -> None:
    from asyncua import ua
    from asyncua.common.utils import ServiceError

    raise ServiceError(ua.StatusCodes.BadTooManySubscriptions)


def _users(people: Mapping[str, str]) -> Any:
    from asyncua.crypto.permission_rules import User, UserRole
    from asyncua.server.user_managers import UserManager

    def user(_: Any, username: Any = None, password: Any = None, certificate: Any = None) -> Any:
        if username is not None and people.get(username) == password:
            return User(role=UserRole.User, name=username)
        if username is None and certificate is not None and "" in people:
            return User(role=UserRole.User, name="by certificate")
        return None

    manager = UserManager()
    manager.get_user = user
    return manager


async def main() -> None:
    """Serve until the input ends."""
    server = Server(Plant(**json.loads(sys.argv[1])))
    await server.start()
    _say("ready")
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        _say(json.dumps({"answer": await server.do(json.loads(line))}))
    await server.server.stop()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def command(plant: Plant) -> list[str]:
    """What starts this server."""
    return [sys.executable, "-m", "tests.support.opcua_server", json.dumps(asdict(plant))]


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr)
    asyncio.run(main())
