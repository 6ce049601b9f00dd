"""What sources.toml says of a simulator and of a replay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sensormon.model.readings import SIMULATOR
from sensormon.model.toml_table import Table, number, tag_patterns, text, whole
from sensormon.sources.connected import SourceKind
from sensormon.sources.named import Common, NamedSource
from sensormon.sources.simulator import SPIKE_RATE

_MODULE = "sensormon.sources.polled.run"


@dataclass(frozen=True)
class SimulatorSource(NamedSource):
    """Makes up readings, every `interval` seconds, of the tags of the table that match a pattern.

    It leaves those alone that another source names, and tags of states.
    """

    kind: ClassVar[str] = "simulator"
    patterns: tuple[str, ...] = ("*",)
    seed: int = 0
    interval: float = 1.0
    spike_rate: float = SPIKE_RATE

    @property
    def source(self) -> str:
        """See `is_simulated`."""
        return f"{SIMULATOR}:{self.name}"

    @property
    def place(self) -> str:
        return f"{', '.join(self.patterns)} every {self.interval:g} s"

    @property
    def simulates(self) -> Sequence[str]:
        return self.patterns


@dataclass(frozen=True)
class ReplaySource(NamedSource):
    """Plays a file, `speed` times as fast as it was recorded, from its beginning at each start."""

    kind: ClassVar[str] = "replay"
    path: str = ""
    speed: float = 1.0

    @property
    def place(self) -> str:
        speed = "" if self.speed == 1 else f", {self.speed:g} times as fast"
        return f"{Path(self.path).name}{speed}"


def _read_simulator(common: Common, table: Table) -> SimulatorSource:
    return SimulatorSource(
        common,
        table.usual("tags", tag_patterns, ("*",)),
        table.usual("seed", whole(0, 2**32 - 1), 0),
        table.usual("interval", number(0.01, 86_400, "seconds"), 1.0),
        table.usual("spike_rate", number(0, 1), SPIKE_RATE),
    )


def _simulator_items(config: SimulatorSource) -> dict[str, Any]:
    return {
        "tags": None if config.patterns == ("*",) else [*config.patterns],
        "seed": config.seed or None,
        "interval": None if config.interval == 1 else config.interval,
        "spike_rate": None if config.spike_rate == SPIKE_RATE else config.spike_rate,
    }


def _speed(value: Any) -> float:
    speed = number(0, 1e9)(value)
    if not 0 < speed < math.inf:
        raise ValueError("a number above 0 is needed")
    return speed


def _read_replay(common: Common, table: Table) -> ReplaySource:
    return ReplaySource(
        common, table.needed("path", text, '"recorded.csv"'), table.usual("speed", _speed, 1.0)
    )


def _replay_items(config: ReplaySource) -> dict[str, Any]:
    return {"path": config.path, "speed": None if config.speed == 1 else config.speed}


SIMULATOR_KIND = SourceKind("simulator", "Simulator", _read_simulator, _simulator_items, _MODULE)
REPLAY_KIND = SourceKind("replay", "Replay of a file", _read_replay, _replay_items, _MODULE)
