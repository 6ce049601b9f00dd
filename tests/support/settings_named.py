"""Which names of variables the program does not read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sensormon.model.settings import read_settings


class _Asked(Mapping[str, str]):
    """An empty environment that keeps the names it was asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def unknown_settings(names: Iterable[str]) -> set[str]:
    """Those that begin with SENSORMON_ and that `read_settings` does not ask for."""
    environment = _Asked()
    read_settings(environment)
    return {name for name in names if name.startswith("SENSORMON_")} - environment.names
