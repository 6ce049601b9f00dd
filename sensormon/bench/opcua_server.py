"""The server that `bench opcua` reads, in a process of its own.

    python -m sensormon.bench.opcua_server PORT NODES

A line `HERTZ SECONDS` on its input lets every node change so often and so long, each with its own time of
change; the answer is how often each of them did. The changes of a node are 1, 2, 3 and so on.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from asyncua import Server, ua

FIRST = 1_000
"""The number of the first node, in namespace 2."""
_STRIDE = 50
"""So many nodes change at once."""


def url(port: int) -> str:
    """Where it listens."""
    return f"opc.tcp://127.0.0.1:{port}/bench"


async def serve(port: int, count: int) -> None:
    """Until the input ends."""
    server = Server()
    await server.init()
    server.set_endpoint(url(port))
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    space = await server.register_namespace("urn:bench")
    folder = await server.nodes.objects.add_folder(space, "Bench")
    nodes = [
        (await folder.add_variable(ua.NodeId(FIRST + place, space), f"n{place}", 0.0)).nodeid
        for place in range(count)
    ]
    await server.start()
    _say("ready")
    loop = asyncio.get_running_loop()
    number = 1
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        hertz, seconds = map(float, line.split())
        turns = round(hertz * seconds)
        await _change(server, nodes, hertz, range(number, number + turns))
        number += turns
        _say(str(turns))
    await server.stop()


async def _change(server: Any, nodes: Sequence[Any], hertz: float, numbers: range) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for turn, number in enumerate(numbers):
        for place in range(0, len(nodes), _STRIDE):
            due = began + (turn + place / len(nodes)) / hertz
            await asyncio.sleep(max(0.0, due - loop.time()))
            now = datetime.now(UTC)
            for node in nodes[place : place + _STRIDE]:
                value = ua.DataValue(ua.Variant(float(number)), SourceTimestamp=now)
                await server.write_attribute_value(node, value)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
