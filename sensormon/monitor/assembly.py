"""Builds the parts of a monitor: opens files, reads back journal and store, applies settings.

Nothing runs yet when it returns. Settings, tags and source are checked before the data folder
is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sensormon.access.access import Access, build_access
from sensormon.access.documents import Documents
from sensormon.access.role_rules import RoleRules, read_role_rules
from sensormon.events.action_log import ActionLog
from sensormon.events.annotations import Annotations
from sensormon.events.frame_definitions import FrameDefinitions
from sensormon.events.quiet import Quiet, build_quiet
from sensormon.events.reader import EventReader
from sensormon.exchange.cases import Cases, LiveHistory
from sensormon.exchange.export_folder import ExportFiles
from sensormon.exchange.exporter import Exporter
from sensormon.exchange.import_log import ImportLog
from sensormon.exchange.importer import Importer
from sensormon.exchange.undoing import Undoing
from sensormon.formulas.order import in_order
from sensormon.ingest.collector import Collector
from sensormon.ingest.dead_letters import DeadLetters
from sensormon.ingest.detection_log import DetectionLog
from sensormon.ingest.loader import Loader
from sensormon.ingest.pipeline import Pipeline
from sensormon.ingest.recovery import Recovered, recover, settings_in_force
from sensormon.ingest.request_queue import RequestQueue
from sensormon.ingest.running_tags import RunningTags, with_own_tags
from sensormon.ingest.unstored import Unstored
from sensormon.journal.archive import Archive
from sensormon.journal.journal import Journal
from sensormon.model.clock import Clock
from sensormon.model.entries import DetectorSettings
from sensormon.model.errors import SensormonError
from sensormon.model.jobs import Jobs
from sensormon.model.readings import Batch
from sensormon.model.settings import MEGABYTE, Settings
from sensormon.model.tag_file import TagFile
from sensormon.model.tags import Tag, TagTable, read_tags
from sensormon.monitor.attention import Attention
from sensormon.monitor.bus import Bus, bus_of, check_bus
from sensormon.monitor.calculated import Calculated
from sensormon.monitor.calculated_runner import CalculatedRunner
from sensormon.monitor.data_folder import DataFolder
from sensormon.monitor.disk_usage import DiskUsage
from sensormon.monitor.drills import remove_leftovers
from sensormon.monitor.explorer import Explorer
from sensormon.monitor.following import Following
from sensormon.monitor.frame_reader import FrameReader
from sensormon.monitor.live_ledger import LiveLedger
from sensormon.monitor.loading import Loading
from sensormon.monitor.model_place import ModelPlace
from sensormon.monitor.model_runner import ModelRunner
from sensormon.monitor.private_files import make_database_private
from sensormon.monitor.readings import Readings
from sensormon.monitor.retention import Retention
from sensormon.monitor.shared_tags import Process, SharedTagFile
from sensormon.monitor.simulated import SimulatedReadings
from sensormon.monitor.source import RunningSource
from sensormon.monitor.tag_agreement import Agreed, read_agreed, tags_in_force
from sensormon.monitor.tag_models import TagModels
from sensormon.monitor.tuner import Tuner
from sensormon.sources import Source, open_source
from sensormon.sources.named_text import read_sources
from sensormon.sources.simulator import Simulator
from sensormon.stores.collectors import Report
from sensormon.stores.opening import open_store
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings
from sensormon.stores.streams import ReadingStreams


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a monitor, by name. `started` is µs UTC; `before` is the last record that the journal had
    before the start, 0 if it was empty.
    """

    settings: Settings
    clock: Clock
    started: int
    jobs: Jobs
    # where readings are
    folder: DataFolder
    journal: Journal
    store: Store
    newest: RecentReadings
    dead_letters: DeadLetters
    before: int
    # the way in
    source: RunningSource
    running_tags: RunningTags
    collector: Collector
    requests: RequestQueue
    loader: Loader
    loading: Loading
    # readers
    readings: Readings
    streams: ReadingStreams
    explorer: Explorer
    frame_reader: FrameReader
    frame_definitions: FrameDefinitions
    simulated: SimulatedReadings
    ledger: LiveLedger
    attention: Attention
    detection: DetectionLog
    tuner: Tuner
    tag_models: TagModels
    model_runner: ModelRunner
    calculated: Calculated
    access: Access
    events: EventReader
    actions: ActionLog
    annotations: Annotations
    quiet: Quiet
    # files in and out, retention
    tag_file: TagFile
    importer: Importer
    import_log: ImportLog
    undoing: Undoing
    exporter: Exporter
    cases: Cases
    retention: Retention
    disk_usage: DiskUsage
    # other processes on the same store
    following: Following | None
    bus: Bus | None


def build(settings: Settings, clock: Clock) -> Parts:
    """Build the parts. Raises UsageError, with the one line to show, for unusable settings."""
    started = clock.now()
    jobs = Jobs(clock)
    tags, rules = _checked(settings)
    source = _source(settings, tags, started)
    store = open_store(settings.store_url)
    folder = DataFolder(settings.data_dir)
    if settings.database_file:
        make_database_private(settings.database_file)
    journal = _journal(settings)
    before = journal.last
    dead_letters = DeadLetters(settings.data_dir)
    recovered = _recovered(settings, folder, journal, store, started)
    in_force = settings_in_force(recovered.settings, settings, started, recovered.ids())
    agreed = Agreed() if recovered.number is None else read_agreed(settings.data_dir, settings.tags)
    table = with_own_tags(tags_in_force(tags, agreed), source)
    newest = RecentReadings(started)  # for readings received since the start, with or without the store
    collector = Collector(
        _pipeline(table, in_force, recovered, settings.earliest, started),
        journal,
        newest,
        _unstored(journal, clock, recovered),
        clock,
        recovered.ids(),
        recovered.unsure,
    )
    collector.positions |= recovered.positions
    if in_force is not recovered.settings:
        collector.apply(in_force)
    running_tags = RunningTags(table, source, collector)
    running_source = RunningSource(source, collector, clock, recovered.first_start)
    collector.remember(recovered.arrivals, running_source.delivering)

    def opened(position: int, received: Mapping[str, int]) -> None:
        collector.words.take(store.entries.state_words())  # which the start may not have known
        collector.catch_up(position, received)
        if recovered.unsure is not None:  # the start could not ask the store
            collector.remember(store.readings.last_arrivals(), running_source.delivering)

    loader = Loader(journal, store, dead_letters, clock, opened)
    ledger = LiveLedger(collector.unstored, store.ledger, journal, dead_letters)
    retention = Retention(
        settings.data_dir,
        settings.retention_days,
        store,
        jobs,
        clock,
        lambda: bool(collector.unstored.undos()),
    )
    attention = Attention(settings.data_dir, lambda: journal.damaged, dead_letters.damaged_now, clock)
    loading = Loading(loader, collector, ledger, attention, retention, folder, clock)
    streams = ReadingStreams(store.readings, newest)
    detection = DetectionLog(collector, store.entries)
    events = EventReader(store, newest, collector.unstored, detection, clock)
    annotations = Annotations(collector, store.entries, clock)
    tag_models = TagModels(Documents(collector, store.entries, clock), store.readings, running_tags.now)

    tag_file = _tag_file(
        settings,
        clock,
        running_tags,
        tag_models,
        Documents(collector, store.entries, clock),
        _process(store, recovered),
        tags,
        agreed,
        () if source is None or isinstance(source, Simulator) else source.tags,
    )
    files = ExportFiles(settings.data_dir, clock)
    import_log = ImportLog(collector, store, clock)
    importer = Importer(
        collector,
        store,
        newest,
        import_log,
        running_tags.now,
        recovered.answers,
        loading.catch_up,
        settings.earliest,
    )
    for _, undo in recovered.undos:
        importer.forget(undo.import_id)
    undoing = Undoing(
        import_log,
        importer,
        collector,
        store,
        newest,
        dead_letters,
        tag_file,
        loading.catch_up,
        retention.held,
        jobs,
        clock,
    )
    loading.follow = undoing.tick
    readings = Readings(store.readings, newest, clock)
    tuner = Tuner(collector, store, running_tags.now, running_source, events, clock)
    model_runner = ModelRunner(
        tag_models,
        collector,
        newest,
        readings,
        store.readings,
        ModelPlace(recovered.number, newest, clock),
        clock,
    )
    calculated = Calculated(
        tag_models.with_their_tags,
        CalculatedRunner(
            tag_models.with_their_tags,
            collector,
            newest,
            streams,
            ModelPlace(recovered.number, newest, clock),
            lambda: (loader.position or 0) >= before,
            clock,
        ),
        store,
        streams,
        readings,
        collector.words,
        importer,
        loading.keep_up,
        loading.catch_up,
        jobs,
        clock,
    )
    return Parts(
        settings=settings,
        clock=clock,
        started=started,
        jobs=jobs,
        folder=folder,
        journal=journal,
        store=store,
        newest=newest,
        dead_letters=dead_letters,
        before=before,
        source=running_source,
        running_tags=running_tags,
        collector=collector,
        requests=RequestQueue(collector, [*recovered.answers, *recovered.unkeyed], clock),
        loader=loader,
        loading=loading,
        readings=readings,
        streams=streams,
        explorer=Explorer(store, newest, journal.writer),
        frame_reader=FrameReader(store, newest, journal.writer),
        frame_definitions=FrameDefinitions(
            Documents(collector, store.entries, clock), tag_models.with_their_tags
        ),
        simulated=SimulatedReadings(running_source, store.spans, ledger, clock),
        ledger=ledger,
        attention=attention,
        detection=detection,
        tag_models=tag_models,
        model_runner=model_runner,
        calculated=calculated,
        tuner=tuner,
        access=build_access(settings, rules, collector, store.entries, clock),
        events=events,
        actions=ActionLog(collector, clock),
        annotations=annotations,
        quiet=build_quiet(Documents(collector, store.entries, clock), tag_models.with_their_tags, clock),
        tag_file=tag_file,
        importer=importer,
        import_log=import_log,
        undoing=undoing,
        exporter=Exporter(
            jobs, tag_models.with_their_tags, collector.words, streams, events, store.readings, files
        ),
        cases=Cases(
            history=LiveHistory(
                tag_models.with_their_tags,
                collector.words,
                streams,
                store.readings,
                detection,
                events,
                annotations,
            ),
            collector=collector,
            store=store,
            recent=newest,
            tag_file=tag_file,
            keep_up=loading.keep_up,
            files=files,
            recovered=recovered,
            jobs=jobs,
            clock=clock,
        ),
        retention=retention,
        disk_usage=DiskUsage(settings.data_dir, settings.database_file, store.retention, clock),
        following=_following(
            store,
            journal,
            newest,
            collector,
            tuner,
            tag_file,
            loader,
            running_source,
            dead_letters,
            clock,
        ),
        bus=bus_of(settings, store, collector, running_tags, clock),
    )


def _checked(settings: Settings) -> tuple[TagTable, RoleRules]:
    """What the files that the settings name say. Raises UsageError."""
    check_bus(settings)
    read_sources(settings.sources_file)
    return read_tags(settings.tags), read_role_rules(settings.roles)


def _source(settings: Settings, tags: TagTable, now: int) -> Source | None:
    """The source that the settings name. Raises UsageError, also for a formula that cannot be used."""
    source = open_source(settings, tags, now)
    if settings.database_file:  # elsewhere a formula may use tags of other processes
        in_order(with_own_tags(tags, source))
    return source


def _recovered(settings: Settings, folder: DataFolder, journal: Journal, store: Store, now: int) -> Recovered:
    """What journal and store know; what was opened is released if this raises. Raises like `recover`."""
    try:
        return recover(journal, store, now, settings.data_dir, settings.collector)
    except SensormonError:
        store.close()
        journal.close()
        folder.release()
        raise


def _process(store: Store, recovered: Recovered) -> Process | None:
    """This process on the store, if others may use it too."""
    if store.collectors is None or recovered.number is None:
        return None
    return Process(recovered.number, store.collectors)


def _tag_file(
    settings: Settings,
    clock: Clock,
    running: RunningTags,
    models: TagModels,
    documents: Documents,
    process: Process | None,
    own: TagTable,
    agreed: Agreed,
    offered: Sequence[Tag],
) -> TagFile:
    """The tag file, in step with those of the other processes if there may be any."""

    def check(table: TagTable) -> None:
        running.check(table)
        models.check(table)
        others = offered if process is None else running.now()  # or the tags of other processes
        in_order(table.with_tags(others).with_tags(model.as_tag(table) for model in models.known))

    place = settings.tags, settings.data_dir
    if process is None:
        return TagFile(*place, clock, check, running.retag)
    return SharedTagFile(*place, clock, check, running, documents, process, own, agreed, offered)


def _following(
    store: Store,
    journal: Journal,
    newest: RecentReadings,
    collector: Collector,
    tuner: Tuner,
    tags: TagFile,
    loader: Loader,
    source: RunningSource,
    dead_letters: DeadLetters,
    clock: Clock,
) -> Following | None:
    """What follows the other collectors on the store, where there may be others."""
    if store.collectors is None or not isinstance(tags, SharedTagFile):
        return None

    def report() -> Report:
        backlog = collector.unstored.backlog()
        wrong = collector.refused or loader.status().problem or tags.problem
        return Report(source.name, backlog.readings, backlog.oldest, dead_letters.counts(), wrong)

    return Following(
        store, store.collectors, journal.writer, newest, collector, tuner.adopt, tags, report, clock
    )


def _journal(settings: Settings) -> Journal:
    folder = settings.data_dir / "journal"
    archive = Archive(settings.data_dir / "archive")
    remove_leftovers(folder)
    return Journal(folder, archive=archive, quota_bytes=settings.journal_quota * MEGABYTE)


def _pipeline(
    table: TagTable,
    in_force: DetectorSettings,
    recovered: Recovered,
    earliest: int,
    now: int,
) -> Pipeline:
    """The live pipeline, as it was when the monitor stopped."""
    pipeline = Pipeline(table, in_force, recovered.words, earliest)
    states = recovered.states if in_force is recovered.settings else {}
    for history in recovered.histories.values():
        pipeline.restore(
            history.tag, history.n, history.time, history.value, history.learned, states.get(history.tag)
        )
    for history in recovered.histories.values():
        pipeline.recall(history.tag, history.time[history.good], history.value[history.good])
    pipeline.process(Batch.of([], source="start", received=now))  # loads the compiled kernels
    return pipeline


def _unstored(journal: Journal, clock: Clock, recovered: Recovered) -> Unstored:
    return Unstored(
        journal,
        clock,
        recovered.received,
        recovered.pending,
        recovered.actions,
        recovered.annotations,
        recovered.documents,
        recovered.undos,
    )
