"""The tag file of a process whose store others use too: what is edited in one is in force in all.

Each tag is a document, at first from the process whose file had it first; `tag_agreement` says which of file
and document counts. The file follows what is edited elsewhere, as far as it can be written; beyond that the
data folder remembers. What it is not: a way to collect or simulate the tags of another process's file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sensormon.access.documents import Documents, Version
from sensormon.ingest.running_tags import RunningTags
from sensormon.model.clock import Clock
from sensormon.model.errors import SensormonError, StoreError, UsageError
from sensormon.model.tag_definition import definition, read_definition, same
from sensormon.model.tag_edit import changes
from sensormon.model.tag_file import Draft, TagChange, TagFile
from sensormon.model.tags import Tag, TagTable, parse_tags, read_text
from sensormon.monitor.tag_agreement import (
    Agreed,
    brought_up,
    compared,
    edits,
    followed,
    tags_in_force,
    write_agreed,
)
from sensormon.stores.collectors import Collectors

COLLECTION = "tags"
"""The documents of tags, by name; the content is `definition`, and whether it is the `first` one."""
FILES = "tag files"
"""The documents that say which tags are in the file of which process, by its name."""
LINES = 50
"""The most lines that the log has of what somebody changed elsewhere at once."""
_TOGETHER = 1_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Process:
    """The process on the store: one of its collectors, though it may collect nothing."""

    number: int
    collectors: Collectors

    def name(self) -> str:
        """What it is called, which its successor with another number is too. Raises StoreError."""
        names = {account.number: account.name for account in self.collectors.accounts()}
        return names.get(self.number, str(self.number))


class SharedTagFile(TagFile):
    """Of one monitor. `own` are the tags of the file at the start, `agreed` what the data folder remembers.

    `offered` are tags that the source brings along: no file has them, but others may edit them.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        clock: Clock,
        check: Callable[[TagTable], None],
        running: RunningTags,
        documents: Documents,
        process: Process,
        own: TagTable,
        agreed: Agreed,
        offered: Iterable[Tag] = (),
    ) -> None:
        super().__init__(path, folder, clock, check, self._use)
        self.behind = True
        """Whether the file has not been compared with the store yet."""
        self._folder = folder
        self._running = running
        self._documents = documents
        self._process = process
        self._name = ""  # once the store has said it
        self._own = own
        self._agreed = agreed
        self._digest = _digest(agreed)
        self._offered = tuple(offered)
        self._read: dict[str, tuple[int, Tag | None]] = {}  # by name, the version that was read last
        self._unreadable: dict[str, UsageError] = {}
        self._refused = ""
        self._unwritten = ""
        self._logged = ""

    @property
    def problem(self) -> str:
        """What keeps this process or its file from what the store says of tags; empty if nothing does."""
        unreadable = [
            f"The shared definition of {name} cannot be used: {error}."
            for name, error in list(self._unreadable.items())[:1]
        ]
        return " ".join(filter(None, (self._apart(), self._refused, *unreadable, self._unwritten)))

    def read(self) -> Draft:
        """The tags of all processes, those of the file as it is now. Raises like `TagFile.read`."""
        text = read_text(self.path)
        return Draft(self.seen(text), text, tags_in_force(parse_tags(text, self.path), self._agreed))

    def seen(self, text: str) -> str:
        """See `TagFile.seen`; what another process changed counts, too."""
        return super().seen(text + self._digest)

    def apply(self, draft: Draft, who: str) -> None:
        """Publish what was edited by hand, and use it. Raises UsageError, StoreError and JournalError."""
        own = parse_tags(draft.text, self.path)
        self._check(own)
        with self._lock:
            self._compare(own, who)
            self._bring_up()
            self._retag(tags_in_force(self._own, self._agreed))

    def look(self) -> None:
        """Take up what other processes have changed; the first time, publish what was edited here.

        Raises StoreError. What fails otherwise is in `problem`.
        """
        with self._lock:
            try:
                self._documents.look_again(COLLECTION)
                if self.behind or self._unwritten or self._shared() != self._agreed.shared:
                    self._follow()
                    self._refused = ""
                    self._bring_up()  # last: a large file takes seconds
            except StoreError:
                raise
            except SensormonError as error:
                self._refused = f"The tags here are not those of the other processes: {error}."
            if self.problem != self._logged:
                self._logged = self.problem
                _log.warning("%s", self._logged or "the tags agree with the store again")

    def _follow(self) -> None:
        """Use what the store says, after publishing what was edited here. Raises like `apply`."""
        before, known = self._running.now(), bool(self._agreed.shared)
        self._compare(self._own, "")
        table = tags_in_force(self._own, self._agreed)
        if list(table.with_tags(self._offered)) != list(before):
            self._retag(table)
            if known:  # not the first time on this store, when all tags of others are new
                self._note_others(before, self._running.now())

    def _keep(self, draft: Draft, tags: TagTable, who: str, renamed: Mapping[str, str]) -> TagTable:
        """Publish what differs from the draft, then write what concerns the file into it.

        If the file cannot be written, the data folder has the change, and `problem` says so.
        """
        file = parse_tags(draft.text, self.path)
        if self.behind:
            self._compare(self._own, "")
        by_hand = {tag.name for tag in file if not same(self._agreed.file.get(tag.name), tag)}
        edited: dict[str, Tag | None] = {
            tag.name: tag
            for tag in tags
            if tag.name in by_hand or tag.name not in draft.tags or not same(draft.tags[tag.name], tag)
        }
        gone = [name for name in draft.tags.names if name not in tags]
        edited |= dict.fromkeys(name for name in gone if self._agreed.shared.get(name) is not None)
        self._publish(edited, who)
        wanted = {tag.name: tag for tag in tags}
        kept = [wanted.get(tag.name, tag) for tag in file if tag.name not in gone]
        new = [tag for tag in tags if tag.name not in draft.tags]
        own = self._file_after(draft.text, file, TagTable(kept).with_tags(new), renamed)
        self._settle(own, {**self._agreed.shared, **edited})
        return tags_in_force(self._own, self._agreed)

    def _use(self, table: TagTable) -> None:
        self._running.retag(table, frozenset(name for name in table.names if name not in self._own))

    def _compare(self, own: TagTable, who: str) -> None:
        """Publish what was edited in this table since the last comparison. Raises like `apply`.

        Without `who` it is the file that says so.
        """
        self._name = self._name or self._process.name()
        shared = self._shared()
        edited = edits(own, self._agreed, shared, self._elsewhere())
        if self.behind:
            edited |= {
                tag.name: tag for tag in self._offered if tag.name not in own and tag.name not in shared
            }
        edited = {name: tag for name, tag in edited.items() if name not in self._unreadable}
        self._publish(
            edited,
            who or f"{self.path.name} of {self._name}",
            [name for name in edited if name not in shared],
        )
        self.behind = False
        self._settle(own, {**shared, **edited})

    def _settle(self, own: TagTable, shared: Mapping[str, Tag | None]) -> None:
        """Remember this own table, compared with what the store has now."""
        documents = self._documents.of(COLLECTION)
        first = {name for name, document in documents.items() if document.content.get("first") is True}
        self._own = own
        self._remember(compared(own, self._agreed, shared, str(self.path), first))
        names = sorted(own.names)
        declared = self._documents.standing(FILES).get(self._name)
        if declared is None or declared.content.get("names") != names:
            self._documents.keep(FILES, self._name, {"names": names}, self._name)

    def _bring_up(self) -> None:
        """Write the store's definitions into the file."""
        try:
            text = read_text(self.path)
            file = parse_tags(text, self.path)
        except UsageError as error:
            self._unwritten = f"The tag file does not follow the store: {error}."
            return
        own = followed(self._own, file, self._agreed)
        after = brought_up(file, self._agreed)
        if self._file_after(text, file, after, {}) is not file or list(after) == list(file):
            self._own = own
            self._remember(replace(self._agreed, file={tag.name: tag for tag in own}))

    def _file_after(self, text: str, file: TagTable, after: TagTable, renamed: Mapping[str, str]) -> TagTable:
        """The file's tags after these were written into it; `file` itself if they could not be."""
        if list(after) == list(file):
            self._unwritten = ""
            return file
        try:
            own = self._write(text, after, {old: new for old, new in renamed.items() if old in file})
        except UsageError as error:
            self._unwritten = f"The tags in force are the store's; the tag file does not follow: {error}."
            return file
        self._unwritten = ""
        return own

    def _remember(self, agreed: Agreed) -> None:
        if agreed == self._agreed:
            return
        self._agreed, self._digest = agreed, _digest(agreed)
        try:
            write_agreed(self._folder, agreed)
        except OSError as error:
            self._unwritten = (
                f"What the tags are cannot be remembered in the data folder ({error.strerror}); "
                "free some space, or make it writable."
            )

    def _shared(self) -> dict[str, Tag | None]:
        """The tags of all processes, as the store has them and the journal is about to. Raises StoreError."""
        shared: dict[str, Tag | None] = {}
        for name, document in self._documents.of(COLLECTION).items():
            known = self._read.get(name)
            if known is None or known[0] != document.time:
                content = {key: value for key, value in document.content.items() if key != "first"}
                try:
                    tag = None if document.removed else read_definition(name, content)
                except UsageError as error:
                    self._unreadable[name] = error
                    if name in self._agreed.shared:
                        shared[name] = self._agreed.shared[name]
                    continue
                self._unreadable.pop(name, None)
                known = self._read[name] = document.time, tag
            shared[name] = known[1]
        return shared

    def _elsewhere(self) -> set[str]:
        """The tags that other processes have in their files."""
        files = self._documents.standing(FILES)
        lists = [document.content.get("names", []) for name, document in files.items() if name != self._name]
        return {str(name) for names in lists for name in names}

    def _publish(self, tags: Mapping[str, Tag | None], who: str, first: Iterable[str] = ()) -> None:
        """Keep these definitions, None for a removed tag. Raises JournalError and StoreError."""
        beginnings = {name: {"first": True} for name in first}
        versions = [
            Version(
                COLLECTION,
                name,
                {**(definition(tag) if tag else {}), **beginnings.get(name, {})},
                tag is None,
            )
            for name, tag in tags.items()
        ]
        for begin in range(0, len(versions), _TOGETHER):
            self._documents.keep_all(versions[begin : begin + _TOGETHER], who)

    def _note_others(self, before: TagTable, after: TagTable) -> None:
        """Write into the log who changed what elsewhere."""
        documents = self._documents.of(COLLECTION)
        by_author: dict[str, list[str]] = {}
        for name in dict.fromkeys([*before.names, *after.names]):
            document = documents.get(name)
            was, now = ([table[name]] if name in table else [] for table in (before, after))
            lines = changes(TagTable(was), TagTable(now)) if was != now else []
            by_author.setdefault(document.who if document else "", []).extend(lines)
        for who, lines in by_author.items():
            more = [f"and {len(lines) - LINES:,} more"] if len(lines) > LINES else []
            if lines:
                self._note(TagChange(self._clock.now(), who, (*lines[:LINES], *more)))

    def _apart(self) -> str:
        """The tags whose values mean something else in the file."""
        names = sorted(self._agreed.apart)
        if not names:
            return ""
        own, shared = self._own[names[0]], self._agreed.shared.get(names[0])
        others = f" The same holds for {', '.join(names[1:])}." if names[1:] else ""
        return (
            f"{names[0]} is in {_meaning(own)} in {self.path.name} here, but another process published it in "
            f"{_meaning(shared or own)} first, which is in force.{others} "
            "Give a tag that is another measuring point a name of its own."
        )


def _digest(agreed: Agreed) -> str:
    return TagTable(filter(None, agreed.shared.values())).digest


def _meaning(tag: Tag) -> str:
    """What its values mean, in words."""
    if tag.has_states:
        return f"states ({', '.join(tag.states) or 'any words'})"
    return tag.unit or "no unit"
