"""Our OPC UA server, asked by a real client: values with status, time, unit and range, flags with why."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from asyncua import Client, Node, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from sensormon.model.clock import SECOND, SystemClock
from sensormon.model.readings import Batch, Quality, Reading
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag
from sensormon.model.timestamps import to_datetime
from sensormon.monitor.monitor import Monitor
from sensormon.outputs import outputs
from sensormon.outputs.opcua_access import LARGEST
from sensormon.outputs.opcua_space import NAMESPACE
from sensormon.outputs.outputs import outputs_of
from tests.outputs.conftest import Start
from tests.support.plant import batch_of, own_table
from tests.support.published import TEMP, spike, usual
from tests.support.server import free_port

PATIENCE = 20.0

Served = tuple[Monitor, int]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A monitor with a server for two clients, and its port: to make a server takes seconds."""
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    (folder / "outputs.toml").write_text(text(port, 'tags = ["fermenter_*", "valve"]\nsessions = 2'))
    monitor = Monitor(Settings(data_dir=folder, source="none", tags=own_table(folder)), SystemClock())
    outputs.accompany(monitor)
    monitor.start()
    yield monitor, port
    monitor.stop()


def text(port: int, more: str = "") -> str:
    return f'[outputs.server]\nkind = "opcua"\nport = {port}\n{more}\n'


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.05)


class _Handler:
    def __init__(self, changes: asyncio.Queue[float]) -> None:
        self._changes = changes

    def datachange_notification(self, node: Node, value: float, data: object) -> None:
        del node, data
        self._changes.put_nowait(value)


async def is_up(monitor: Monitor) -> None:
    async def up() -> bool:
        return outputs_of(monitor).health()[0].link == "connected"

    await until(up)


@asynccontextmanager
async def client_of(monitor: Monitor, port: int) -> AsyncIterator[Client]:
    await is_up(monitor)
    async with Client(f"opc.tcp://127.0.0.1:{port}/") as client:
        yield client


async def node_of(client: Client, name: str) -> Node:
    """The node with this id, once it is there."""
    index = await client.get_namespace_index(NAMESPACE)
    node = client.get_node(ua.NodeId(name, index))

    async def is_there() -> bool:
        value = (await client.uaclient.read_attributes([node.nodeid], ua.AttributeIds.BrowseName))[0]
        return value.StatusCode.is_good()

    await until(is_there)
    return node


async def data_value(node: Node) -> ua.DataValue:
    return await node.read_data_value(raise_on_bad_status=False)


def test_values_have_status_own_time_unit_and_range(served: Served) -> None:
    monitor, port = served

    async def ask() -> None:
        async with client_of(monitor, port) as client:
            node = await node_of(client, "fermenter_ph")
            assert (await data_value(node)).StatusCode.value == ua.StatusCodes.BadWaitingForInitialData
            now = monitor.clock.now()
            monitor.submit(batch_of(("fermenter_ph", 7.25), at=now))

            async def came() -> bool:
                return (await data_value(node)).StatusCode.is_good()

            await until(came)
            value = await data_value(node)
            assert value.Value.Value == 7.25
            assert value.SourceTimestamp == to_datetime(now)
            bad = Reading("fermenter_ph", now + SECOND, 7.1, Quality.BAD_SENSOR_FAILURE)
            monitor.submit(Batch.of([bad], source="test", received=now + SECOND))

            async def failed() -> bool:
                return (await data_value(node)).StatusCode.value == Quality.BAD_SENSOR_FAILURE

            await until(failed)
            changes = asyncio.Queue[float]()
            subscription = await client.create_subscription(50, _Handler(changes))
            await subscription.subscribe_data_change(node)
            monitor.submit(batch_of(("fermenter_ph", 7.5), at=now + 2 * SECOND))
            async with asyncio.timeout(PATIENCE):
                while await changes.get() != 7.5:
                    continue
            unit = await (await node.get_child("0:EngineeringUnits")).read_value()
            assert (unit.DisplayName.Text, unit.UnitId) == ("pH", 5321520)
            span = await (await node.get_child("0:EURange")).read_value()
            assert (span.Low, span.High) == (5.0, 9.0)
            assert (await node.read_display_name()).Text == monitor.tags["fermenter_ph"].label
            parent = await node.get_parent()
            assert parent is not None
            assert (await parent.read_browse_name()).Name == monitor.tags["fermenter_ph"].group

    asyncio.run(ask())


def test_a_flag_has_its_sentence(served: Served) -> None:
    monitor, port = served

    async def ask() -> None:
        async with client_of(monitor, port) as client:
            flag = await node_of(client, f"{TEMP}#Flag")
            reason = await node_of(client, f"{TEMP}#Reason")
            assert await flag.read_value() is False
            usual(monitor)
            spike(monitor)

            async def is_flagged() -> bool:
                return bool(await flag.read_value())

            await until(is_flagged)
            event = monitor.events.between([TEMP], 0, monitor.clock.now() + SECOND).iloc[0]
            assert (await reason.read_value()).startswith("Rolling z-score: 48.00 °C lies")
            assert await (await node_of(client, f"{TEMP}#State")).read_value() == "flagged"
            assert (await flag.read_data_value()).SourceTimestamp == event["start"]
            score = await node_of(client, f"{TEMP}#Score")
            assert await score.read_value() == pytest.approx(event["score"])

    asyncio.run(ask())


def test_nobody_can_write_call_or_add(served: Served) -> None:
    monitor, port = served

    async def ask() -> None:
        async with client_of(monitor, port) as client:
            node = await node_of(client, TEMP)
            refused = (ua.uaerrors.BadUserAccessDenied, ua.uaerrors.BadNotWritable)
            with pytest.raises(refused):
                await node.write_value(1.0)
            with pytest.raises(refused):
                await client.nodes.objects.add_folder(ua.NodeId("x", 2), "2:x")
            with pytest.raises(refused):
                await client.nodes.server.call_method("0:GetMonitoredItems", ua.Variant(1))
            with pytest.raises(refused):
                await node.read_raw_history(numvalues=1)
            with pytest.raises(refused):
                await client.delete_nodes([node])

    asyncio.run(ask())


def test_tags_that_come_and_go_are_followed(served: Served) -> None:
    monitor, port = served

    async def ask() -> None:
        async with client_of(monitor, port) as client:
            node = await node_of(client, TEMP)
            monitor.submit(batch_of((TEMP, 37.25), at=monitor.clock.now()))
            before = monitor.tag_file.read().tags
            valve = Tag("valve", "Valve", group="Line/Feed", states=("closed", "open"), simulated=False)
            monitor.tag_file.add([valve], "test")
            valve_node = await node_of(client, "valve")
            now = monitor.clock.now()
            monitor.submit(Batch.of([Reading("valve", now, "open")], source="test", received=now))

            async def is_open() -> bool:
                value = await data_value(valve_node)
                return value.StatusCode.is_good() and value.Value.Value == "open"

            await until(is_open)
            index = await client.get_namespace_index(NAMESPACE)
            path = [f"{index}:{name}" for name in ("Sensormon", "Line", "Feed", "valve")]
            assert await client.nodes.objects.get_child(path) == valve_node
            monitor.tag_file.save(monitor.tag_file.read(), before, "test", ["valve is gone"])

            async def is_gone() -> bool:
                value = await data_value(valve_node)
                return bool(value.StatusCode.value == ua.StatusCodes.BadNodeIdUnknown)

            await until(is_gone)
            top = await client.nodes.objects.get_child(path[:1])
            names = [(await each.read_browse_name()).Name for each in await top.get_children()]
            assert "Line" not in names
            assert (await data_value(node)).Value.Value == 37.25, "what stays keeps its value"

    asyncio.run(ask())


@pytest.mark.long
def test_only_users_with_their_password_get_in_and_only_encrypted(
    start: Start, plant: Settings, tmp_path: Path
) -> None:
    port = free_port()
    secret = plant.data_dir / "scada.secret"
    secret.write_text("s3cret-pass")
    secret.chmod(0o600)
    users = 'users = [{ name = "scada", password_file = "scada.secret" }]\nsecurity = "Basic256Sha256"'
    monitor = start(text(port, users))

    async def ask() -> None:
        await is_up(monitor)
        for name, password, lets_in in (
            ("scada", "s3cret-pass", True),
            ("scada", "wrong", False),
            ("other", "s3cret-pass", False),
            ("", "", False),
        ):
            client = Client(f"opc.tcp://127.0.0.1:{port}/")
            client.application_uri = "urn:test:client"
            await client.setup_self_signed_certificate(tmp_path / "key.pem", tmp_path / "cert.der")
            await client.set_security(
                SecurityPolicyBasic256Sha256, str(tmp_path / "cert.der"), str(tmp_path / "key.pem")
            )
            if name:
                client.set_user(name)
                client.set_password(password)
            try:
                async with client:
                    await node_of(client, TEMP)
                assert lets_in, name
            except ua.UaError:
                assert not lets_in, name
        with pytest.raises(ua.UaError):
            await Client(f"opc.tcp://127.0.0.1:{port}/").connect()

    asyncio.run(ask())
    key = plant.data_dir / "opcua-server" / "server.key.pem"
    assert key.stat().st_mode & 0o077 == 0


def test_more_connections_than_sessions_are_refused(served: Served) -> None:
    monitor, port = served

    async def ask() -> None:
        async with client_of(monitor, port), client_of(monitor, port):
            with pytest.raises((ConnectionError, TimeoutError, ua.UaError)):
                await Client(f"opc.tcp://127.0.0.1:{port}/", timeout=1).connect()

    asyncio.run(ask())


async def taken_of_a_chunk(port: int) -> int:
    """How many bytes the server takes of a chunk that claims to have 4 GB, of 64 MB that are sent."""
    taken = 0
    _, line = await asyncio.open_connection("127.0.0.1", port)
    line.write(b"HELF" + (0xFFFF_FFFF).to_bytes(4, "little"))
    with suppress(ConnectionError):
        while taken < 64 << 20:
            line.write(bytes(1 << 16))
            await line.drain()
            taken += 1 << 16
    line.close()
    return taken


def test_what_a_stranger_sends_is_bounded(served: Served) -> None:
    monitor, port = served

    async def ask() -> None:
        await is_up(monitor)
        assert await taken_of_a_chunk(port) <= 8 << 20, "what lies in buffers of the system, and a chunk"
        async with client_of(monitor, port) as client:
            with pytest.raises((ConnectionError, ua.UaError)) as refused:
                await client.get_node(ua.NodeId("x" * (LARGEST + 1), 2)).read_value()
            assert not isinstance(refused.value, ua.uaerrors.BadNodeIdUnknown), "it was read"

    asyncio.run(ask())


def test_a_port_that_is_taken_is_said_and_tried_again(start: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monitor = start(text(other.getsockname()[1]))

        async def said() -> None:
            async def failed() -> bool:
                return bool(outputs_of(monitor).problems())

            await until(failed)

        asyncio.run(said())
        assert "cannot be served (Address already in use)" in outputs_of(monitor).problems()[0]
        assert outputs_of(monitor).problems() == monitor.status().impaired
