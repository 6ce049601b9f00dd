"""Sources with a connection of their own: what each protocol offers, and what it may rely on.

A connected source has a thread. It keeps its connection, hands readings to its `Intake`, and acknowledges
them to the device only once `take` has returned, since they are durable then. To add a protocol, write a
package beside this file with a `SourceKind`, name it in `sources.kinds`, and let the contract of
`tests/sources/test_contract.py` run over it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from sensormon.model.clock import Clock
from sensormon.model.errors import SourceError
from sensormon.model.readings import Batch, Bools, Rejection
from sensormon.model.tags import Tag, TagTable
from sensormon.model.toml_table import Table
from sensormon.sources.named import Common, NamedSource
from sensormon.sources.report import Report

HOW_TO_GET = "pip install -r requirements-plant.txt"
Position = Mapping[str, Any]
"""How far a source has read, as JSON: a cursor, a file's offset."""
MOST_READINGS = 20_000
"""In a batch: one record of the journal, which is read as a whole."""


class Stopping(Exception):
    """The source is to end; what was not taken is not acknowledged."""


@dataclass(frozen=True)
class Taken:
    """What became of a batch: how many readings were new, were known already, were refused."""

    stored: int
    repeated: int
    refused: int


class Intake(Protocol):
    """Where a connected source hands its readings over; of one source. Thread-safe."""

    @property
    def clock(self) -> Clock: ...

    def take(
        self, batch: Batch, malformed: Sequence[Rejection] = (), position: Position | None = None
    ) -> Taken:
        """Validate, score and make durable. `batch.source` is `NamedSource.source`.

        `malformed` are readings of the same message that could not even be in a batch; they count as
        received and refused. A reading of bad quality without a value (NaN) is stored with the last value of
        its tag; before there was one it is refused. `position` becomes durable with the batch: after a kill
        both are there, or neither. Waits while the journal takes nothing. Raises Stopping if the source is
        to end meanwhile.
        """

    def position(self) -> Position | None:
        """The last position that was taken; None before the first."""

    def known(self, batch: Batch) -> Bools:
        """For each reading, whether one with the same tag, time and value is durable here, however old.

        Looks into the store: for what may have been taken before, not for every reading. Waits while the
        store is away. Raises Stopping.
        """

    def newest(self, tags: Collection[str]) -> Mapping[str, int]:
        """By tag, the own time (µs UTC) of the newest reading known here, of those that have any."""

    def tags(self) -> TagTable:
        """The current table of the tags that this source may deliver; a new one when it has changed."""

    def offer_tags(self, tags: Sequence[Tag]) -> None:
        """Add those of these tags that the tag table does not have. What is in the table stays as it is."""


class ConnectedSource(Protocol):
    """One that can run; made anew for each start."""

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        """Deliver until `stopping` is set, then return within a second, or when all is delivered.

        Reconnects by itself, for ever; tells `report` what happens. Raises SourceError for what a person must
        mend first; then it is tried again after a while.
        """


@dataclass(frozen=True)
class Seen:
    """What a test of a connection saw: sentences for a person, and what may be a source of readings there."""

    summary: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """Something that can be read: `address` in the protocol's own words, its name, whether it has more below
    it, and the tag that it would become; None where it is no value.
    """

    address: str
    label: str
    has_more: bool
    tag: Tag | None = None
    value: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Preview:
    """Readings as they would be stored, and messages that would be refused."""

    batch: Batch
    malformed: tuple[Rejection, ...] = ()


Secret = Callable[[], str]
"""Reads the secret of a source when it is needed; "" if it has none. Raises UsageError if it cannot."""

Config = TypeVar("Config", bound=NamedSource)


class Explorer(Protocol):
    """What a page asks of a source that need not run. Each call connects anew, ends within `seconds`, and
    raises SourceError in words for a person.
    """

    def test(self, seconds: float) -> Seen:
        """Whether it connects, and what is seen."""

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        """What can be read below this address; "" is the top. At most 1,000 of them."""

    def preview(self, count: int, seconds: float) -> Preview:
        """About this many readings as they would be stored; nothing is stored or acknowledged."""


@dataclass(frozen=True)
class SourceKind(Generic[Config]):
    """A protocol. `read` takes its keys from a table of sources.toml and raises UsageError; `items` gives
    them back, for the file, None for what is left out.

    `module` is imported when a source of this kind is first opened, since its libraries are heavy: it has
    `open_source(config, secret)` and `explore(config, secret)`. `needs` are packages that the base install
    lacks. With `keeps_files` both have a third parameter: the data folder, for certificates and the like.
    lacks. `new_tags`: unless the file says otherwise, tags that it meets are added, since devices name them.
    """

    kind: str
    label: str
    read: Callable[[Common, Table], Config]
    items: Callable[[Config], dict[str, Any]]
    module: str
    needs: tuple[str, ...] = ()
    keeps_files: bool = False
    new_tags: bool = False

    @property
    def missing(self) -> str:
        """Which package is not installed and how to get it, in one line; empty if all are there."""
        absent = [name for name in self.needs if find_spec(name) is None]
        return f"{self.label} needs {absent[0]}, which is not installed: {HOW_TO_GET}" if absent else ""

    def open(self, config: Config, secret: Secret, folder: Path) -> ConnectedSource:
        """A source that can run, with this data folder. Raises SourceError if a package is missing."""
        source: ConnectedSource = self._module().open_source(config, secret, *self._folders(folder))
        return source

    def explore(self, config: Config, secret: Secret, folder: Path) -> Explorer:
        """What a page asks of it. Raises SourceError if a package is missing."""
        explorer: Explorer = self._module().explore(config, secret, *self._folders(folder))
        return explorer

    def _folders(self, folder: Path) -> tuple[Path, ...]:
        return (folder,) if self.keeps_files else ()

    def _module(self) -> Any:
        if self.missing:
            raise SourceError(self.missing, where=self.kind, hint="Install it and start again")
        return import_module(self.module)
