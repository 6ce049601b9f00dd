"""The named sources of one monitor: what sources.toml says is what runs.

`accompany` gives a monitor its thread; `sources_of` is what pages and routes ask. Where several processes
use the store each source runs in one of them. What it is not: a protocol, or how readings are taken; see
`sources` and `taking`.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sensormon.access.documents import Documents
from sensormon.ingest.workers import Worker
from sensormon.intake.known import known_readings, newest_times
from sensormon.intake.places import Places
from sensormon.intake.running import RunningNamed
from sensormon.intake.secrets import secret_of
from sensormon.intake.sources_file import SourcesFile, sources_file
from sensormon.intake.taking import Place, Taking
from sensormon.model.errors import SensormonError, SourceError, UsageError
from sensormon.model.format import counted
from sensormon.model.source_health import Link, SourceHealth, SourceTrouble
from sensormon.model.status import CompanionStatus
from sensormon.model.tag_file import unfit_for_file
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor.monitor import Monitor
from sensormon.monitor.source import Named
from sensormon.sources.connected import Explorer, Secret
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import NamedSource, owners
from sensormon.sources.report import Report

NAME = "sources"
"""Of the thread, and of what the monitor keeps for this room."""
LOOK = 1.0
"""Seconds between two looks at the file."""
MOST_TAGS = 50_000
"""Tags up to which sources add to the table what they meet; those that sources.toml names always come in."""
_TRIES = 5
_IDLE = (Link.STOPPED, Link.FINISHED)

_log = logging.getLogger(__name__)


class NamedSources:
    """Of one monitor. `environment` holds the secrets, which are never stored. Thread-safe."""

    def __init__(self, monitor: Monitor, environment: Mapping[str, str] = os.environ) -> None:
        parts, settings = monitor.parts, monitor.settings
        self.documents = Documents(parts.collector, parts.store.entries, monitor.clock)
        shared = self.documents if parts.store.collectors is not None else None
        self.file: SourcesFile = sources_file(settings.sources_file, settings.data_dir, shared)
        self.worker = Worker(NAME, self._run, monitor.clock)
        self._places = Places(
            parts.store,
            self.documents,
            settings.data_dir,
            parts.journal.writer,
            settings.collector,
            monitor.clock,
        )
        self._monitor = monitor
        self._environment = environment
        self._looking = threading.Lock()
        self._adding = threading.Lock()
        self._running: dict[str, RunningNamed] = {}
        self._tables: Mapping[str, TagTable] = {}
        self._ended: frozenset[str] = frozenset()
        self._unfit: dict[str, Tag] = {}  # what was offered and cannot be added
        self._share(self.config())

    def config(self) -> Mapping[str, NamedSource]:
        """The sources in force, by name."""
        return self.file.current()

    def look(self) -> None:
        """Start and stop what the file and the other processes say; the room's thread calls it.

        Raises SensormonError if something of it must wait for the next look.
        """
        with self._looking:
            wanted, running = self.config(), dict(self._running)
            mine = [name for name, config in wanted.items() if self._places.may_run(config)]
            changed = [name for name, own in running.items() if wanted.get(name) != own.config]
            self._end({*changed, *(name for name in running if name not in mine)})
            here = self._places.hold(mine)
            self._end(name for name in running if name not in here)
            self._share(wanted)
            for name in mine:
                if name in here and name not in self._running:
                    self._running[name] = self._made(wanted[name])
                    self._running[name].start()
            self._places.note((health.name, health.link is Link.FINISHED) for health in self._own_health())

    def health(self) -> tuple[SourceHealth, ...]:
        """How each source is, in the order of the file."""
        running = dict(self._running)
        return tuple(
            own.health() if (own := running.get(name)) is not None else self._idle(config)
            for name, config in self.config().items()
        )

    def problems(self) -> tuple[str, ...]:
        """What is wrong, one line each, without secrets."""
        file = (f"Sources: {self.file.problem}",) if self.file.problem else ()
        return (*file, *(_problem_of(health) for health in self.health() if not health.works))

    def status(self) -> CompanionStatus:
        """How they are, in short."""
        healths = self.health()
        return CompanionStatus(NAME, sources_words(healths), self.problems())

    def explore(self, config: NamedSource) -> Explorer:
        """What a page asks of this source, whether or not it is in the file. Raises SourceError."""
        return KINDS[config.kind].explore(config, self._secret(config), self._monitor.settings.data_dir)

    def stop(self) -> None:
        """End all of them."""
        with self._looking:
            self._end([*self._running])
            self._places.resign()

    # -- one source ---------------------------------------------------------------

    def _end(self, names: Iterable[str]) -> None:
        """Stop these, all at once. `_looking` is held."""
        ending = [self._running[name] for name in {*names} if name in self._running]
        for own in ending:
            own.ask_to_stop()
        for own in ending:
            own.stop()
            del self._running[own.config.name]

    def _made(self, config: NamedSource) -> RunningNamed:
        kind, secret = KINDS[config.kind], self._secret(config)
        return RunningNamed(
            config,
            lambda: kind.open(config, secret, self._monitor.settings.data_dir),
            lambda report, stopping: self.intake(config, report, stopping),
            self._monitor.clock,
            self._places.name if self._places.shared else "",
        )

    def intake(self, config: NamedSource, report: Report, stopping: threading.Event) -> Taking:
        """Where this source hands its readings over, for one run."""
        parts = self._monitor.parts
        place = Place(
            collector=parts.collector,
            stored=parts.store.entries.answers_to,
            shared=self._places.shared,
            tags=lambda: self._tables.get(config.name, self._monitor.tags),
            add_tags=lambda tags: self._add_tags(config, report, tags),
            newest=lambda tags: newest_times(tags, parts),
            known=lambda batch: known_readings(batch, parts),
            last=parts.collector.last_value,
        )
        return Taking(config, place, report, self._monitor.clock, stopping)

    def _secret(self, config: NamedSource) -> Secret:
        return secret_of(config.common, self._environment, self._monitor.settings.data_dir)

    def _own_health(self) -> list[SourceHealth]:
        return [own.health() for own in [*self._running.values()]]

    def _idle(self, config: NamedSource) -> SourceHealth:
        """Of a source that does not run here."""
        started = self._monitor.started
        health = SourceHealth(config.name, config.kind, config.place, Link.STOPPED, started)
        if not config.common.on:
            return health
        if not self._places.shared:  # the next look starts it
            return replace(health, link=Link.CONNECTING)
        if trouble := self._places.trouble(config):
            seen = SourceTrouble(started, trouble.what, trouble.hint)
            return replace(health, link=Link.WAITING, trouble=seen, collector=config.common.collector)
        link = Link.FINISHED if self._places.is_finished(config.name) else Link.ELSEWHERE
        return replace(health, link=link, collector=self._places.runner(config))

    # -- what the rest of the monitor has to know ----------------------------------

    def _share(self, wanted: Mapping[str, NamedSource]) -> None:
        """Tell the monitor which sources may deliver, and which tags its own simulator leaves to them."""
        running_tags = self._monitor.running_tags
        running_tags.leave(lambda names: owners(wanted.values(), names).keys())
        table = running_tags.now()
        owner = owners(wanted.values(), table.names)
        self._tables = {
            name: self._kept_table(name, [tag for tag in table if owner.get(tag.name) == name])
            for name, config in wanted.items()
            if config.simulates
        }
        idle = {health.name for health in self.health() if health.link in _IDLE}
        delivering = frozenset(config.source for name, config in wanted.items() if name not in idle)
        gone = (self._ended | self._monitor.source.named.delivering) - delivering
        self._ended = gone | {config.source for name, config in wanted.items() if name in idle}
        simulated = frozenset(
            tag.name for name in self._running for tag in self._tables.get(name, ()) if tag.simulated
        )
        before = self._monitor.source.named.delivering
        self._monitor.source.named = Named(delivering, self._ended, simulated)
        if fresh := delivering - before:
            self._monitor.parts.collector.expect(fresh)

    def _kept_table(self, name: str, tags: Sequence[Tag]) -> TagTable:
        """The same object as before while nothing has changed."""
        known = self._tables.get(name)
        return known if known is not None and list(known) == list(tags) else TagTable(tags)

    def _add_tags(self, config: NamedSource, report: Report, tags: Sequence[Tag]) -> None:
        """Add what the table does not have, and of what the source only met as much as there is room for.

        What is no definition that the file can hold is named.
        """
        named = frozenset(config.tags)
        with self._adding:
            for attempt in range(_TRIES):
                known = self._monitor.tags
                offered = [tag for tag in {tag.name: tag for tag in tags}.values() if tag.name not in known]
                offered = [tag for tag in offered if self._unfit.get(tag.name) != tag]
                new = [tag for tag in offered if tag.name in named]
                met = [tag for tag in offered if tag.name not in named]
                new += met[: max(0, MOST_TAGS - len(known) - len(new))]
                if len(new) < len(offered):
                    report.trouble(_full(config))
                if not new:
                    return
                try:
                    self._monitor.tag_file.add(new, f"source {config.name}")
                except UsageError as error:  # somebody else has just written the file, or nobody can
                    if attempt < _TRIES - 1:
                        continue
                    report.trouble(error)
                    self._add_fit(config, report, new)

    def _add_fit(self, config: NamedSource, report: Report, tags: Sequence[Tag]) -> None:
        """Add those of these tags that the file can hold, and name the others, if there are any."""
        unfit = {tag.name: why for tag in tags if (why := unfit_for_file(tag))}
        if not unfit:
            return
        self._unfit |= {tag.name: tag for tag in tags if tag.name in unfit}
        name, why = next(iter(unfit.items()))
        more = f" and {counted(len(unfit) - 1, 'other tag')}" if len(unfit) > 1 else ""
        if fit := [tag for tag in tags if tag.name not in unfit]:
            try:
                self._monitor.tag_file.add(fit, f"source {config.name}")
            except UsageError as error:
                report.trouble(error)
                return
        report.trouble(
            SourceError(
                f"the tag {name!r}{more} cannot be added: {why}",
                where=config.name,
                hint="Write it in tags.toml by hand, or leave it out of the source",
            )
        )

    def _run(self, stopping: threading.Event) -> None:
        try:
            while not stopping.is_set():
                try:
                    self.look()
                except SensormonError as error:
                    _log.warning("sources: %s", error)
                self._monitor.clock.wait(stopping, LOOK)
        finally:
            self.stop()


def sources_words(healths: Sequence[SourceHealth]) -> str:
    """How many deliver, in a few words; empty if none is to.

    >>> sources_words([SourceHealth("line1", "opcua", "", Link.CONNECTED, 0)])
    '1 source delivers'
    """
    here = [health for health in healths if health.link not in (Link.STOPPED, Link.ELSEWHERE, Link.FINISHED)]
    if not here:
        return ""
    delivering = sum(health.link is Link.CONNECTED for health in here)
    if delivering == len(here):
        return f"{counted(delivering, 'source')} {'delivers' if delivering == 1 else 'deliver'}"
    return f"{delivering} of {counted(len(here), 'source')} deliver"


def _full(config: NamedSource) -> SourceError:
    return SourceError(
        f"the tag table has {MOST_TAGS:,} tags or more, so that new ones are not added by themselves",
        where=f"[sources.{config.name}]",
        hint="Does the source invent names? Read less of it, or add the tags that are wanted in tags.toml",
    )


def _problem_of(health: SourceHealth) -> str:
    why = f": {health.trouble.what}" if health.trouble else ""
    return f"{health.name} is {health.link}{why}"


def sources_of(monitor: Monitor) -> NamedSources:
    """Those of this monitor, made at the first call."""
    return monitor.kept_beside(NAME, NamedSources)


def accompany(monitor: Monitor) -> None:
    """Give the monitor the thread of its named sources; before it starts. See `runtime.accompany`."""
    sources = sources_of(monitor)
    monitor.accompany(sources.worker, sources.status)
