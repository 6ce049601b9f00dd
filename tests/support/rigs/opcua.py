"""OPC UA for the contract of connected sources: asyncua's server in a process, behind a relay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.opcua_plant import OpcUaPlant, Plant, Relay, nodes_text
from tests.support.opcua_server import FIRST
from tests.support.rigs.rig import NAME, Sent
from tests.support.server import free_port

BAD_SENSOR_FAILURE = 0x808C_0000


class Rig:
    """See `tests.support.rigs.rig.Rig`."""

    has_times = True
    has_qualities = True
    keeps = True

    def __init__(self, folder: Path, tags: int) -> None:
        self.environment: dict[str, str] = {}
        self.tags = tuple(f"tag_{number}" for number in range(tags))
        del folder
        self.plant = OpcUaPlant(Plant(free_port(), nodes=tags, empty=True))
        self.relay = Relay(self.plant.plant.port)
        nodes = [(f"ns=2;i={FIRST + number}", tag) for number, tag in enumerate(self.tags)]
        self.text = (
            f'[sources.{NAME}]\nkind = "opcua"\nurl = "opc.tcp://127.0.0.1:{self.relay.port}/plant"\n'
            "publishing = 0.1\nsampling = 0.1\n" + nodes_text(nodes, NAME)
        )

    def send(self, values: Sequence[Sent]) -> None:
        """See `Rig.send`."""
        self.plant.write(
            *(
                (
                    f"n{self.tags.index(value.tag)}",
                    value.time,
                    value.value if value.good else None,
                    0 if value.good else BAD_SENSOR_FAILURE,
                )
                for value in values
            )
        )

    def go_away(self) -> None:
        """See `Rig.go_away`."""
        self.relay.cut()

    def come_back(self) -> None:
        """See `Rig.come_back`."""
        self.relay.open()

    def close(self) -> None:
        """See `Rig.close`."""
        self.relay.cut()
        self.plant.kill()
