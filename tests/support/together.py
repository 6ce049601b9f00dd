"""Several monitors on one PostgreSQL store, each with a data folder and a tag file of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.following import Following
from sensormon.monitor.monitor import Monitor


class Together:
    """The monitors by name, none of them started; what threads do `follow` does."""

    def __init__(self, settings: Settings, url: str, folder: Path, clock: ManualClock) -> None:
        self.clock = clock
        self._settings = replace(settings, store=url)
        self._folder = folder
        self._running: dict[str, Monitor] = {}

    def start(self, name: str, tags: str = "", *, store: str = "", source: str = "none") -> Monitor:
        """The monitor of this name, begun again if it runs.

        `tags` is the text of its tag file, which stays as it is without one; `store` is another store.
        """
        if name in self._running:
            self._running.pop(name).stop()
        file = self._folder / f"{name}.toml"
        if tags:
            file.write_text(tags)
        settings = replace(
            self._settings,
            data_dir=self._folder / name,
            tags=file,
            collector=name,
            source=source,
            store=store or self._settings.store,
        )
        self._running[name] = Monitor(settings, self.clock)
        return self._running[name]

    def follow(self, *monitors: Monitor) -> None:
        """What the threads of these do within a second: store what was done, look at what others did."""
        self.clock.advance(1)
        for _ in range(2):
            for monitor in monitors:
                monitor.drain()
            for monitor in monitors:
                following(monitor).step()

    def stop(self) -> None:
        """Stop all of them."""
        for monitor in self._running.values():
            monitor.stop()


def following(monitor: Monitor) -> Following:
    """What follows the others on the store."""
    assert monitor.following is not None
    return monitor.following
