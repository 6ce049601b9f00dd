"""Writes tags.toml for the dashboard: only what changed, atomically, never over another's change.

Comments, order, the simulator's profiles and everything else in the file stay as they are. The
file as it was before is kept beside it as `tags.toml.bak`; who changed what is in
`tag_changes.jsonl` in the data folder. What it is not: an editor of profiles.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from sensormon.model.clock import Clock
from sensormon.model.durable_files import replace_file
from sensormon.model.errors import SensormonError, UsageError
from sensormon.model.json_text import read_object, whole
from sensormon.model.tags import KEYS, Tag, TagTable, parse_tags, read_text
from sensormon.model.text import LONGEST_NAME, cleaned

LOG = "tag_changes.jsonl"
_READ_BACK = 64 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Draft:
    """The file as read: the base of an edit. `seen` shows whether the file has changed since."""

    seen: str
    text: str
    tags: TagTable


@dataclass(frozen=True)
class TagChange:
    """One saved edit: when (µs UTC), by whom, what in words."""

    time: int
    who: str
    changes: tuple[str, ...]


class TagFile:
    """Of one monitor. `retag` makes the monitor use a table, `check` raises if it cannot."""

    def __init__(
        self,
        path: Path,
        folder: Path,
        clock: Clock,
        check: Callable[[TagTable], None],
        retag: Callable[[TagTable], None],
    ) -> None:
        self.path = path
        self._log = folder / LOG
        self._clock = clock
        self._check = check
        self._retag = retag
        self._lock = threading.Lock()

    def read(self) -> Draft:
        """The file as it is now. Raises UsageError if it cannot be read or is wrong."""
        text = read_text(self.path)
        return Draft(self.seen(text), text, parse_tags(text, self.path))

    def seen(self, text: str) -> str:
        """What `Draft.seen` is for the file with this text."""
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def apply(self, draft: Draft, who: str) -> None:
        """Make the monitor use the file as read, after an edit by hand. Raises UsageError.

        `who` applies it; the audit trail has it.
        """
        del who
        self._check(draft.tags)
        self._retag(draft.tags)

    def save(
        self,
        draft: Draft,
        tags: TagTable,
        who: str,
        changes: Sequence[str],
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        """Write this table into the file and make the monitor use it; on disk when it returns.

        `renamed` are tags that keep their profile under another name. Raises UsageError, with
        nothing changed, if the file has changed since it was read, cannot be written,
        or has a form in which the change cannot be made.
        """
        if not cleaned(who):
            raise UsageError("a name is needed", where="Save", hint="Give yours, for the log")
        with self._lock:
            self._check(tags)
            if self.seen(read_text(self.path)) != draft.seen:
                raise UsageError(
                    "the file has changed since this page read it; nothing was written",
                    where=str(self.path),
                    hint="Read it again and make your changes again",
                )
            who = cleaned(who)[:LONGEST_NAME]
            self._retag(self._keep(draft, tags, who, renamed or {}))
            self._note(TagChange(self._clock.now(), who, tuple(changes)))

    def _keep(self, draft: Draft, tags: TagTable, who: str, renamed: Mapping[str, str]) -> TagTable:
        """Make this table durable; the table to use. Raises UsageError like `save`."""
        del who  # the log has it
        return self._write(draft.text, tags, renamed)

    def _write(self, before: str, tags: TagTable, renamed: Mapping[str, str]) -> TagTable:
        """Replace the file with this text by one with these tags; what it says then. Raises UsageError."""
        text, written = _written(before, tags, renamed, self.path)
        try:
            _replace(self.path, text)
        except OSError as error:
            raise UsageError(
                f"it cannot be written ({error.strerror}); nothing was changed",
                where=str(self.path),
                hint="Make the file and its folder writable",
            ) from error
        return written

    def add(self, tags: Sequence[Tag], who: str) -> None:
        """Add these tags to the file and to the monitor. Raises UsageError like `save`."""
        draft = self.read()
        lines = [f"{tag.name} is new" for tag in tags]
        self.save(draft, draft.tags.with_tags(tags), who, lines)

    def changes(self, limit: int = 20) -> list[TagChange]:
        """The newest edits saved from the dashboard, newest first; empty if they cannot be read."""
        try:
            with self._log.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _READ_BACK))
                lines = file.read().splitlines()
        except OSError:
            return []
        changes: list[TagChange] = []
        for line in reversed(lines):
            try:
                row = read_object(line)
                changes.append(
                    TagChange(whole(row, "time"), str(row["who"]), tuple(map(str, row["changes"])))
                )
            except (ValueError, KeyError, TypeError):
                continue  # the first line may be cut off, the last torn by a kill
            if len(changes) == limit:
                break
        return changes

    def _note(self, change: TagChange) -> None:
        _log.info("tags changed by %s: %s", change.who, "; ".join(change.changes))
        row = {"time": change.time, "who": change.who, "changes": change.changes}
        try:
            with self._log.open("ab") as file:
                file.write(json.dumps(row).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SensormonError(
                f"the tags are changed, but who did it cannot be written ({error.strerror})",
                where=str(self._log),
                hint="Free some space, or make it writable",
            ) from error


def _written(text: str, tags: TagTable, renamed: Mapping[str, str], path: Path) -> tuple[str, TagTable]:
    """The text with these tags, checked to state exactly these. Raises UsageError if it cannot."""
    new_text = ""
    try:
        new_text = edited(text, tags, renamed)
        table = parse_tags(new_text, path)
    except (TOMLKitError, UsageError, AttributeError, KeyError, TypeError, ValueError):
        table = TagTable([])  # tomlkit has other classes, with other methods, for inline and dotted tables
    if {tag.name: tag for tag in table} != {tag.name: tag for tag in tags}:
        raise UsageError(
            "its form does not allow this change from here; nothing was written",
            where=str(path),
            hint="Write each tag as a [tags.NAME] table, or change it by hand",
        )
    return new_text, table


def edited(text: str, tags: TagTable, renamed: Mapping[str, str]) -> str:
    """This text of a tags.toml with these tags: only what differs is changed."""
    document = tomlkit.parse(text)
    tables: Any = document["tags"]
    before = parse_tags(text, Path("tags.toml"))
    kept = {new: tables[old].get("profile") for old, new in renamed.items()}
    for old in before:
        if old.name not in tags:
            tables.remove(old.name)
    for tag in tags:
        if tag.name in before:
            _change(tables[tag.name], before[tag.name], tag)
        else:
            tables[tag.name] = _new(tag, kept.get(tag.name) or dict(tag.profile) or None)
    return tomlkit.dumps(document)


def rendered(tags: Iterable[Tag]) -> str:
    """These tags, with their profiles, as the text of a tags.toml."""
    document, tables = tomlkit.document(), tomlkit.table(is_super_table=True)
    for tag in tags:
        tables[tag.name] = _new(tag, dict(tag.profile) or None)
    document["tags"] = tables
    return tomlkit.dumps(document)


def unfit_for_file(tag: Tag) -> str:
    """Why a tags.toml cannot hold this definition as it is; empty if it can."""
    try:
        kept = parse_tags(rendered([tag]), Path("tags.toml"))
    except UsageError as error:
        return error.what
    except (TOMLKitError, AttributeError, KeyError, TypeError, ValueError) as error:
        return str(error)
    return "" if [*kept] == [tag] else "the file would say something else of it"


def _change(table: Any, before: Tag, after: Tag) -> None:
    for key in KEYS:
        if getattr(before, key) == getattr(after, key):
            continue
        value = _plain(after, key)
        if value is None:
            if key in table:
                table.remove(key)
        elif key in table:
            table[key] = value
        else:
            _insert(table, key, value)


def _insert(table: Any, key: str, value: Any) -> None:
    """The position after the last key, before comments that belong to what follows."""
    container = table.value
    last = None
    for name, item in container.body:
        if name is None:
            continue
        if isinstance(item, tomlkit.items.Table):
            break
        last = name
    if last is None:
        table.add(key, value)
    else:
        container._insert_after(last, key, tomlkit.item(value))  # the public `add` inserts after comments


def _new(tag: Tag, profile: Any) -> Any:
    table = tomlkit.table()
    for key in KEYS:
        value = _plain(tag, key)
        if value is not None:
            table.add(key, value)
    if profile is not None:
        table.add("profile", profile)
    return table


def _plain(tag: Tag, key: str) -> Any:
    """The value as TOML; None if it need not be written."""
    value = getattr(tag, key)
    default = Tag(tag.name, "", simulated=tag.profile.get("simulate") is not False)
    if value == getattr(default, key) and key != "label":
        return None
    if key == "states" and tag.kind == "boolean":
        return None  # the kind says so
    if key == "simulated" and tag.formula:
        return None  # the formula says so
    if key == "label" and value == tag.name.replace("_", " ").capitalize():
        return None
    return list(value) if isinstance(value, tuple) else value


def _replace(path: Path, text: str) -> None:
    """Replace the file by this text, or leave it; the old text is kept as PATH.bak. Raises OSError."""
    target = path.resolve()  # a link stays a link
    mode = stat.S_IMODE(target.stat().st_mode)
    if not mode & 0o222:
        raise OSError(0, "it is read-only")
    backup = target.with_name(path.name + ".bak")
    for final, content in ((backup, target.read_bytes()), (target, text.encode())):
        replace_file(final, content, mode=mode)
