"""The named faults that can be switched on in the simulator, and what each does to a value.

| fault        | what the readings do while it lasts            | size, default          |
| ------------ | ---------------------------------------------- | ---------------------- |
| level_shift  | all higher, or lower                           | in noise, 6            |
| drift        | further and further off                        | in noise at the end, 8 |
| stuck        | keep the first value                           | -                      |
| noise_burst  | scatter more                                   | times the noise, 4     |
| gap          | do not come                                    | -                      |
| out_of_range | lie beyond the valid range                     | -                      |
| duplicates   | come twice                                     | -                      |
"""

from __future__ import annotations

from dataclasses import dataclass

FAULTS: dict[str, float] = {
    "level_shift": 6.0,
    "drift": 8.0,
    "stuck": 0.0,
    "noise_burst": 4.0,
    "gap": 0.0,
    "out_of_range": 0.0,
    "duplicates": 0.0,
}
"""The faults by name, with the default of their size."""


@dataclass(frozen=True)
class Fault:
    """One fault of one tag, from `start` to before `end` (µs UTC)."""

    fault: str
    tag: str
    start: int
    end: int
    size: float

    def covers(self, time: int) -> bool:
        """Whether it is on at this time."""
        return self.start <= time < self.end
