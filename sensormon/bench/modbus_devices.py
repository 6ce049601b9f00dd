"""Devices for `bench modbus`, in a process of their own: `python -m` this module, DEVICES REGISTERS.

It prints its port and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


async def serve(devices: int, registers: int) -> None:
    """Serve this many devices with this many holding registers each, on a free port of this machine."""
    served = [
        SimDevice(number, simdata=[SimData(0, values=[*range(registers)], datatype=DataType.REGISTERS)])
        for number in range(1, devices + 1)
    ]
    server = ModbusTcpServer(served, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    listening = server.transport
    if not isinstance(listening, asyncio.Server):
        raise RuntimeError("the server does not listen")
    sys.stdout.write(f"{listening.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
