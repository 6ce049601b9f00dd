"""Opening a case: its content goes through the journal like any other, kept apart from our own.

Scores are stored as they are in the case: nothing is rescored, and the live detectors neither
see nor learn it. Readings and detector settings get free ids. A tag that has readings here is
opened as `case-NAME:tag`, so that another plant's readings never mix with ours.

Each piece is durable by itself and recorded with its readings, as with an import: opening the same
case again stores and an interrupted opening continues where it stopped. A case with an
error is refused before the first piece.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np

from sensormon.events.actions import action_list
from sensormon.events.annotations import Annotations
from sensormon.events.reader import EventReader
from sensormon.exchange.case_reader import Case, read_case
from sensormon.exchange.case_rows import Plan, as_scored, empty_batch, parts_of, pieces_of, rows_of
from sensormon.exchange.case_view import view_here, view_ids
from sensormon.ingest.collector import Collector
from sensormon.ingest.recovery import Recovered
from sensormon.ingest.validation import shown
from sensormon.model.clock import Clock
from sensormon.model.entries import CASE, FROM_CASES, EventAction, KeptAnswer
from sensormon.model.errors import UsageError
from sensormon.model.jobs import Progress
from sensormon.model.json_text import read_object, whole
from sensormon.model.readings import (
    InjectedFault,
    Ints,
    Processed,
    Reason,
    Rejection,
)
from sensormon.model.tag_file import TagFile
from sensormon.model.tags import NAME, Tag, TagTable
from sensormon.stores.entries import IMPORTED
from sensormon.stores.protocol import Store
from sensormon.stores.recent import RecentReadings

KEYS = f"{IMPORTED}case:"
"""The prefix of the keys of cases."""

_PATIENCE = 60.0
"""Seconds to wait while other cases are unpacked."""


@dataclass(frozen=True)
class Opened:
    """An opened case. `view` is the address, here, of the page it was made from; empty for none.

    `readings` were stored now, `before` were stored already.
    """

    name: str
    tags: Mapping[str, str]
    readings: int
    before: int
    rejected: int
    faults: int
    actions: int
    notes: int
    since: int  # µs UTC, like `until`
    until: int
    view: str


@dataclass
class _Work:
    """A case being opened: what was stored before, and the new ids of readings that others refer to."""

    prefix: str
    plan: Plan
    kept: Mapping[str, KeptAnswer]
    named: Ints
    ids: dict[int, int] = field(default_factory=dict)
    stored: int = 0
    before: int = 0


class CaseOpener:
    """Of one monitor. `tags` returns its current tag table, `tag_file` adds tags, `keep_up` waits for
    the store. `folder` is where cases are unpacked, `recovered` the state read back at its start.
    """

    def __init__(
        self,
        *,
        tags: Callable[[], TagTable],
        tag_file: TagFile,
        annotations: Annotations,
        keep_up: Callable[[Progress], None],
        collector: Collector,
        store: Store,
        recent: RecentReadings,
        events: EventReader,
        folder: Path,
        recovered: Recovered,
        clock: Clock,
    ) -> None:
        self._tags = tags
        self._tag_file = tag_file
        self._annotations = annotations
        self._keep_up = keep_up
        self._collector = collector
        self._store = store
        self._recent = recent
        self._events = events
        self._clock = clock
        self._folder = folder
        self._unpacking = threading.Lock()
        self._kept = {answer.key: answer for answer in recovered.answers if answer.key.startswith(KEYS)}
        self._settings = {settings.id: settings for settings in recovered.case_settings}
        if folder.is_dir():  # left behind by a process that ended
            for path in folder.glob(".case-*"):
                shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def unpacked(self, source: Path | IO[bytes], step: Callable[[], None] = lambda: None) -> Iterator[Case]:
        """The case in this file, unpacked within the `with` block. Raises UsageError, and what `step` raises.

        Cases are unpacked one at a time: what is small in the file can be large in memory.
        """
        self._folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".case-") as scratch:
            if not self._unpacking.acquire(timeout=_PATIENCE):
                raise UsageError("other cases are being unpacked", where="case", hint="Try again in a minute")
            try:
                case = read_case(source, Path(scratch), step)
            finally:
                self._unpacking.release()
            yield case

    def names(self, case: Case) -> Mapping[str, str]:
        """The name that each tag of the case has, or would get, here. Raises StoreError."""
        head = self._answers(case).get(self._prefix(case) + "head")
        return _plan(head).tags if head else self._name(case)

    def was_opened(self, case: Case) -> bool:
        """Whether the whole case is stored already. Raises StoreError."""
        return self._prefix(case) + "done" in self._answers(case)

    def open(self, case: Case, progress: Progress) -> Opened:
        """Store the case; durable piece by piece.

        Raises UsageError, with nothing stored, for a case with an error; StoreError if the store cannot
        say what was stored before; JournalError if a piece cannot be made durable.
        """
        prefix = self._prefix(case)
        kept = self._answers(case)
        head = kept.get(prefix + "head")
        if head is None:
            case.check(self._clock.now(), progress)
            plan = self._begin(case, prefix)
        else:
            plan = _plan(head)
            if prefix + "done" not in kept:
                case.check(self._clock.now(), progress)
            self._tags_of(case, plan)
        named = {reading for action in case.actions for reading in action.readings}
        named |= set(view_ids(case.manifest.view))
        work = _Work(prefix, plan, kept, np.array(sorted(named), dtype=np.int64))
        self._take_readings(case, work, progress)
        done = prefix + "done" in kept
        rejected = 0 if done else self._take_rejected(case, work, progress)
        faults = 0 if done else self._take_faults(case, work, progress)
        actions = 0 if done else self._act(case, work, progress)
        notes = 0 if done else self._annotate(case, work)
        if not done:
            self._submit(work, "done", empty_batch(self._clock.now()))
        return Opened(
            name=case.manifest.name,
            tags=plan.tags,
            readings=work.stored,
            before=work.before,
            rejected=rejected,
            faults=faults,
            actions=actions,
            notes=notes,
            since=case.manifest.since,
            until=case.manifest.until,
            view=self._view(case, work),
        )

    # -- the plan -----------------------------------------------------------------

    def _prefix(self, case: Case) -> str:
        return f"{KEYS}{case.key}:"

    def _answers(self, case: Case) -> dict[str, KeptAnswer]:
        prefix = self._prefix(case)
        stored = {answer.key: answer for answer in self._store.entries.answers_to(prefix)}
        return {**stored, **{key: answer for key, answer in self._kept.items() if key.startswith(prefix)}}

    def _name(self, case: Case) -> dict[str, str]:
        """Tags unknown here, or without readings here, keep their names."""
        here = {*self._store.readings.tags(), *self._recent.tags()}
        table = self._tags()

        def free(name: str) -> bool:
            return name not in here and (name not in table or _same(table[name], case.tags[name]))

        if all(free(name) for name in case.manifest.tags):
            return {name: name for name in case.manifest.tags}
        word = re.sub(r"[^A-Za-z0-9_.-]+", "-", case.manifest.name).strip("-.")[:40] or "opened"
        for number in range(1, 1_000):
            start = f"case-{word}{'' if number == 1 else f'-{number}'}:"
            named = {name: name if free(name) else _shortened(start + name) for name in case.manifest.tags}
            new = [title for name, title in named.items() if title != name]
            taken = any(title in here or title in table for title in new)
            if not taken and len(set(named.values())) == len(named):
                return named
        raise UsageError("too many cases of this name are open", where="case", hint="Rename the case")

    def _begin(self, case: Case, prefix: str) -> Plan:
        """Make the plan, add the tags, record the settings, and finally the plan itself."""
        names = self._name(case)
        used = {*self._settings, *(entry.id for entry in self._store.entries.detector_settings())}
        last, ids = max([FROM_CASES - 1, *used]), dict[int, int]()
        for number in sorted(case.settings):
            ids[number] = last = self._collector.version_after(last)
        plan = Plan(names, ids)
        self._tags_of(case, plan)
        for number, here in plan.settings.items():
            own = case.settings[number]
            settings = replace(own, id=here, who=f"case {case.manifest.name}: {own.who}"[:200])
            self._collector.record_settings(settings)
            self._settings[here] = settings
        body = json.dumps({"tags": dict(names), "settings": {str(a): b for a, b in plan.settings.items()}})
        self._record(
            KeptAnswer(prefix + "head", "", 201, body, self._clock.now()), empty_batch(self._clock.now())
        )
        return plan

    def _tags_of(self, case: Case, plan: Plan) -> None:
        """Add the tags of the case to the table."""
        table = self._tags()
        new = []
        for name, here in plan.tags.items():
            if here not in table:
                tag = case.tags[name]
                label = tag.label if here == name else f"{tag.label} ({case.manifest.name})"[:200]
                new.append(replace(tag, name=here, label=label, formula=""))  # its tags may not be here
        if new:
            self._tag_file.add(new, f"case {case.manifest.name}")

    # -- the pieces ---------------------------------------------------------------

    def _take_readings(self, case: Case, work: _Work, progress: Progress) -> None:
        whole, words = case.manifest.readings, self._collector.words
        codes = {
            name: {code: words.code_for(work.plan.tags[name], word) for code, word in by_code.items()}
            for name, by_code in case.words.items()
        }
        for number, part in enumerate(parts_of(case.readings())):
            ids = part.column("id").to_numpy()
            first = work.kept.get(f"{work.prefix}{number}")
            if first is None:
                self._keep_up(progress)
                scored = as_scored(part, work.plan, self._clock.now(), codes, case.settings)
                new = words.unsaved(work.plan.tags[name] for name in codes)
                first_id = self._submit(work, str(number), replace(scored, words=new))
                work.stored += len(ids)
            else:
                first_id = _first_id(first)
                work.before += len(ids)
            for row in np.flatnonzero(np.isin(ids, work.named)).tolist():
                work.ids[int(ids[row])] = first_id + row
            done = work.stored + work.before
            progress.step(f"{done:,} of {whole:,} readings", whole + 4 * done, 5 * whole)

    def _take_rejected(self, case: Case, work: _Work, progress: Progress) -> int:
        count = 0
        for number, table in enumerate(pieces_of(case.rejections())):
            rows = [
                Rejection(
                    source=CASE,
                    received=row["received"],
                    index=row["position"],
                    tag=shown(work.plan.tags.get(row["tag"], row["tag"])),
                    time=shown(row["time"]),
                    value=shown(row["value"]),
                    reason=Reason(row["reason"]),
                    detail=shown(row["detail"]),
                )
                for row in rows_of(table, "received")
            ]
            count += len(rows)
            empty = replace(empty_batch(self._clock.now()), rejected=tuple(rows))
            self._once(work, f"rejected-{number}", empty, progress)
        return count

    def _take_faults(self, case: Case, work: _Work, progress: Progress) -> int:
        count = 0
        for number, table in enumerate(pieces_of(case.injected())):
            rows = tuple(
                InjectedFault(work.plan.tags[row["tag"]], row["time"], shown(row["fault"]))
                for row in rows_of(table, "time")
            )
            count += len(rows)
            empty = empty_batch(self._clock.now())
            injected = replace(empty, accepted=replace(empty.accepted, injected=rows))
            self._once(work, f"faults-{number}", injected, progress)
        return count

    def _once(self, work: _Work, name: str, processed: Processed, progress: Progress) -> None:
        if work.prefix + name not in work.kept:
            self._keep_up(progress)
            self._submit(work, name, processed)
        progress.step("what was rejected and injected", 0.99, 1.0)

    def _submit(self, work: _Work, name: str, processed: Processed) -> int:
        key, now = work.prefix + name, self._clock.now()
        return self._record(KeptAnswer(key, "", 201, "", now), processed)

    def _record(self, kept: KeptAnswer, processed: Processed) -> int:
        """Make this durable with its key; returns the id of its first reading, stored under the key."""

        def with_id(first_id: int) -> KeptAnswer:
            return replace(kept, body=kept.body or json.dumps({"first": first_id}))

        receipt = self._collector.record(processed, lambda first_id: (with_id(first_id),))
        self._kept[kept.key] = with_id(receipt.first_id)
        return receipt.first_id

    # -- people's actions --------------------------------------------------------

    def _act(self, case: Case, work: _Work, progress: Progress) -> int:
        """Record the actions with the ids here, except those recorded before; returns how many."""
        if not case.actions:
            return 0
        here = list(work.ids.values())
        known = {_identity(act): set(act.readings) for act in self._known(min(here), max(here))}
        count = 0
        for number, action in enumerate(case.actions):
            readings = [
                work.ids[reading]
                for reading in action.readings
                if work.ids[reading] not in known.get(_identity(action), ())
            ]
            if readings:
                self._collector.act(replace(action, readings=tuple(readings)))
                count += 1
            if number % 100 == 0:
                progress.step("what people did with the events", 0.99, 1.0)
        return count

    def _annotate(self, case: Case, work: _Work) -> int:
        """The notes under ids of this case, so that they never stand for our own."""
        notes = self._annotations
        known = {
            annotation.id
            for annotation in [*self._store.entries.annotations(), *self._collector.unstored.annotations()]
        }
        count = 0
        for note in case.notes:
            own = hashlib.sha256(f"{case.key}:{note.id}".encode()).hexdigest()[:32]
            if own not in known:
                tags = tuple(work.plan.tags[name] for name in note.tags)
                self._collector.annotate(replace(note, id=own, tags=tags))
                notes.changes += 1
                count += 1
        return count

    def _known(self, first: int, last: int) -> list[EventAction]:
        """The actions recorded on readings with first <= id <= last, equal ones merged."""
        merged: dict[EventAction, EventAction] = {}
        for act in action_list(self._events.actions(first, last)):
            before = merged.get(_identity(act))
            merged[_identity(act)] = replace(act, readings=before.readings + act.readings) if before else act
        return list(merged.values())

    def _view(self, case: Case, work: _Work) -> str:
        """The address of the case's page with the names and ids here."""
        called = {case.manifest.titles.get(name, name): here for name, here in work.plan.tags.items()}
        called |= work.plan.tags  # a name wins over a title
        return view_here(case.manifest.view, called, work.ids)


def _plan(head: KeptAnswer) -> Plan:
    try:
        body = read_object(head.body)
        tags, settings = body["tags"], body["settings"]
        texts = [*tags, *tags.values()]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("a tag is not text")
        return Plan(tags, {int(a): int(b) for a, b in settings.items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(error) from error


def _first_id(kept: KeptAnswer) -> int:
    try:
        return whole(read_object(kept.body), "first")
    except ValueError as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> UsageError:
    return UsageError(
        f"what was kept of opening this case before is damaged ({error})",
        where="case",
        hint="Run python -m sensormon verify on the stopped monitor",
    )


def _same(here: Tag, foreign: Tag) -> bool:
    """Whether two tags measure the same: in the same unit and valid range, or the same states."""
    return (here.unit, here.valid, here.states, here.kind) == (
        foreign.unit,
        foreign.valid,
        foreign.states,
        foreign.kind,
    )


def _shortened(name: str) -> str:
    return name if NAME.fullmatch(name) else name[:128]


def _identity(action: EventAction) -> EventAction:
    """The action without its readings, by which equal actions are recognised."""
    return replace(action, readings=())
