"""The rig of Sparkplug B: a real Mosquitto and an edge node that answers requests for its birth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sensormon.sources.sparkplug.payload import DataType
from tests.support.edge_node import EdgeNode
from tests.support.line_gate import LineGate
from tests.support.mosquitto import UNLIMITED, Mosquitto
from tests.support.rigs.rig import NAME, Sent

_DEVICE = "unit"


class Rig:
    """See `tests.support.rigs.rig.Rig`. Times travel in milliseconds.

    Its messages are of QoS 0, so nothing is promised of what is sent while the source is away, though this
    broker keeps it: what is known by alias alone is refused until the node is born again. The node is born
    again before its first values, to a source that is listening: otherwise the source asks for that, and the
    birth that offers all tags comes at some time during the test.
    """

    has_times = True
    has_qualities = True
    keeps = False

    def __init__(self, folder: Path, tags: int) -> None:
        self.tags = tuple(f"tag_{number}" for number in range(tags))
        self.environment: dict[str, str] = {}
        self._broker = Mosquitto(folder / "mosquitto", more=(*UNLIMITED, "queue_qos0_messages true"))
        self._gate = LineGate(self._broker.port)
        self._node = EdgeNode(self._broker.port, {_DEVICE: dict.fromkeys(self.tags, (DataType.DOUBLE, None))})
        rows = (
            f'[[sources.{NAME}.metrics]]\nmetric = "edge/{_DEVICE}/{tag}"\ntag = "{tag}"\n'
            for tag in self.tags
        )
        url = f"mqtt://127.0.0.1:{self._gate.port}"
        head = f'kind = "sparkplug"\nurl = "{url}"\ngroup = "plant"\nnew_tags = false\n'
        self.text = f"[sources.{NAME}]\n{head}{''.join(rows)}"
        self._has_sent = False

    def send(self, values: Sequence[Sent]) -> None:
        """See `Rig.send`."""
        self._node.wait_until_connected()
        if not self._has_sent:
            self._has_sent = True
            self._node.birth()
        for sent in values:
            quality = None if sent.good else {"Quality": 0}
            self._node.data(_DEVICE, {sent.tag: sent.value}, time=sent.time, properties=quality, named=True)
        self._node.flush()

    def go_away(self) -> None:
        """See `Rig.go_away`."""
        self._gate.shut()

    def come_back(self) -> None:
        """See `Rig.come_back`."""
        self._gate.open()
        self._node.flush()

    def close(self) -> None:
        """See `Rig.close`."""
        self._gate.close()
        self._node.close()
        self._broker.close()
