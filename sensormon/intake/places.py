"""Which process runs which source: the only one that there is, or one of those on a PostgreSQL store.

A process that cannot ask the store goes on with what it ran before, also over a restart, since the journal
takes what it reads. What it is not: a lock on a device, or how a source runs.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from sensormon.access.documents import Documents
from sensormon.model.clock import SECOND, Clock
from sensormon.model.durable_files import replace_file
from sensormon.model.errors import JournalError, SourceError, StoreError
from sensormon.sources.named import NamedSource
from sensormon.stores.protocol import Store

COLLECTION = "source_runs"
"""The documents that say in which process a source runs, by its name."""
HERE = "sources.here"
"""The file that says what this process ran last."""
LOOK = 5 * SECOND
"""µs between two looks at the other collectors."""

_log = logging.getLogger(__name__)


class Places:
    """Of one process; `writer` is the id of its journal, `collector` its name in the settings."""

    def __init__(
        self, store: Store, documents: Documents, folder: Path, writer: str, collector: str, clock: Clock
    ) -> None:
        self.name = collector or socket.gethostname()
        self.shared = store.collectors is not None
        self.problem: StoreError | None = None
        """Why the store cannot say which process runs what."""
        self._store = store
        self._documents = documents
        self._file = folder / HERE
        self._writer = writer
        self._clock = clock
        self._claims = store.claims("source")
        self._here = self._read() if self.shared else frozenset()
        self._kept = self._here
        self._running: frozenset[str] | None = None
        self._looked = 0
        self._runs: Mapping[str, tuple[str, bool]] = {}

    def may_run(self, config: NamedSource) -> bool:
        """Whether the file lets this process run it."""
        named = config.common.collector if self.shared else ""
        return config.common.on and named in ("", self.name)

    def hold(self, names: Collection[str]) -> frozenset[str]:
        """Those of these sources that run here from now on."""
        try:
            self._look()
            self._here = self._claims.hold(names)
            self.problem = None
        except StoreError as error:
            self.problem = error
            self._here &= frozenset(names)
        if self.shared and self._here != self._kept:
            self._keep()
        return self._here

    def note(self, finished: Iterable[tuple[str, bool]]) -> None:
        """Say which sources run here, and whether they have delivered all; the others read it."""
        if not self.shared:
            return
        try:
            for name, done in finished:
                if self._runs.get(name) != (self.name, done):
                    self._documents.keep(
                        COLLECTION, name, {"collector": self.name, "finished": done}, self.name
                    )
            self._runs = {
                name: (str(document.content["collector"]), bool(document.content["finished"]))
                for name, document in self._documents.standing(COLLECTION).items()
            }
        except (StoreError, JournalError) as error:  # the next look tries again
            _log.debug("which sources run where: %s", error)

    def runner(self, config: NamedSource) -> str:
        """The name of the collector that runs this source, as far as is known."""
        return config.common.collector or self._runs.get(config.name, ("", False))[0]

    def is_finished(self, name: str) -> bool:
        """Whether the process that runs this source has said that all is delivered."""
        return self._runs.get(name, ("", False))[1]

    def trouble(self, config: NamedSource) -> SourceError | None:
        """Why this source, which does not run here, runs nowhere, as far as is known."""
        wanted = config.common.collector
        if self.problem is not None and self.may_run(config):
            return SourceError(
                "the store cannot say whether another collector reads it",
                where=self.problem.where,
                hint="It begins once the store answers",
            )
        if wanted and self._running is not None and wanted not in self._running:
            return SourceError(
                f"no collector of the name {wanted!r} runs",
                where=f"[sources.{config.name}]",
                hint="Start it, or write another collector",
            )
        return None

    def resign(self) -> None:
        """Let others run what ran here."""
        self._claims.resign()

    def _look(self) -> None:
        """Learn the own name and those of the other collectors. Raises StoreError."""
        now = self._clock.now()
        if self._store.collectors is None or 0 <= now - self._looked < LOOK:
            return
        accounts = self._store.collectors.accounts()
        self._looked = now
        self._running = frozenset(account.name for account in accounts if account.runs)
        self.name = next((each.name for each in accounts if each.writer == self._writer), self.name)

    def _read(self) -> frozenset[str]:
        with suppress(OSError, ValueError):
            content = json.loads(self._file.read_text(encoding="utf-8"))
            if isinstance(content, list):
                return frozenset(map(str, content))
        return frozenset()

    def _keep(self) -> None:
        try:
            replace_file(self._file, json.dumps(sorted(self._here)).encode(), mode=0o600)
            self._kept = self._here
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._file, error)
