"""A file that a person or a page writes: read when it has changed, the same in all processes.

Where several processes use one store, its text is a document, too. A file that was edited by hand goes into
the document, a document that is newer goes into the file; a process whose file cannot be written follows the
document. A file that is wrong or gone changes nothing: what was in force stays so, and `problem` says why.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from sensormon.access.documents import Documents
from sensormon.model.durable_files import replace_file
from sensormon.model.errors import JournalError, StoreError, UsageError

_KEY = "file"
_FILE = "file"
"""Who wrote a version that came from a file edited by hand."""

_log = logging.getLogger(__name__)


Config = TypeVar("Config")


@dataclass(frozen=True)
class FileKind(Generic[Config]):
    """What such a file is: the collection of its document, which names it, too; how its text is read, which
    raises UsageError; the most characters; what it is about and where it is documented, in words; what to
    write instead of removing it.
    """

    name: str
    parse: Callable[[str, Path | str], Config]
    longest: int
    about: str
    documented: str
    instead: str


@dataclass(frozen=True)
class FileDraft(Generic[Config]):
    """The text as read, the base of an edit; `seen` tells whether it has changed since."""

    seen: str
    text: str
    config: Config


class AgreedFile(Generic[Config]):
    """Of one monitor; `documents` only where other processes use the store. Thread-safe."""

    def __init__(self, kind: FileKind[Config], path: Path, folder: Path, documents: Documents | None) -> None:
        self.path = path
        self.problem = ""
        """Why the file is not in force as it stands, or not the same everywhere; empty if it is."""
        self._kind = kind
        self._agreed = folder / f"{kind.name}.agreed"
        self._documents = documents
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._text = ""
        self._config = kind.parse("", path)

    @property
    def in_force(self) -> Config:
        """What was in force at the last look, and what was saved here since; looks at nothing."""
        return self._config

    def current(self) -> Config:
        """What is in force. Looks at the file and at the document; raises nothing, see `problem`."""
        with self._lock:
            try:
                self._refresh()
            except (UsageError, StoreError, JournalError) as error:
                if str(error) != self.problem:
                    _log.warning("%s: %s", self._kind.about, error)
                self.problem = str(error)
            return self._config

    def read(self) -> FileDraft[Config]:
        """The text in force, to edit it. Raises UsageError if the file cannot be read or is wrong."""
        with self._lock:
            self._refresh()
            text = self._text
        return FileDraft(_digest(text), text, self._kind.parse(text, self.path))

    def save(self, draft: FileDraft[Config], text: str, who: str) -> Config:
        """Write this text; in force when it returns. Who may do that is the caller's question.

        Raises UsageError, with nothing changed, if it is wrong, if the file has changed since it was read, or
        if it cannot be written; JournalError and StoreError where it is shared and cannot be kept.
        """
        config = self._kind.parse(text, self.path)
        with self._lock:
            self._refresh()
            if _digest(self._text) != draft.seen:
                raise UsageError(
                    f"somebody has changed the {self._kind.about} since they were read; nothing was written",
                    where=str(self.path),
                    hint="Read them again and make your changes again",
                )
            self._write(text)
            self._text, self._config = text, config
            if self._documents is not None:
                self._keep(self._documents, text, who)
        return config

    def _refresh(self) -> None:
        """The lock is held."""
        stamp = _stamp(self.path)
        if stamp is None and self._text and self._documents is None:
            self._stamp = None
            raise UsageError(
                "the file is gone or cannot be seen; what was in force stays so",
                where=str(self.path),
                hint=f"Put it back; {self._kind.instead}",
            )
        if stamp != self._stamp:
            text = self._read() if stamp is not None else ""
            if text != self._text:
                self._config, self._text = self._kind.parse(text, self.path), text
            self._stamp = stamp  # not of a file that is wrong: nobody saves over it
            self.problem = ""
        if self._documents is not None:
            self._agree(self._documents)

    def _agree(self, documents: Documents) -> None:
        """Bring file and document together."""
        document = documents.of(self._kind.name).get(_KEY)
        kept = str(document.content["text"]) if document is not None else None
        if kept is None:
            if self._text:
                self._keep(documents, self._text, _FILE)
            return
        if kept == self._text:
            return
        if self._text and _digest(self._text) != self._agreed_before():  # somebody has edited the file
            self._keep(documents, self._text, _FILE)
            return
        config = self._kind.parse(kept, f"the {self._kind.about} of the store")
        self._text, self._config = kept, config
        try:
            self._write(kept)
        except UsageError as error:  # a file system that is read-only: the document counts
            self.problem = f"{error}; what the other processes use is in force"
        self._note_agreed(kept)

    def _keep(self, documents: Documents, text: str, who: str) -> None:
        documents.keep(self._kind.name, _KEY, {"text": text}, who)
        self._note_agreed(text)

    def _agreed_before(self) -> str:
        try:
            return self._agreed.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _note_agreed(self, text: str) -> None:
        try:
            replace_file(self._agreed, _digest(text).encode(), mode=0o600)
        except OSError as error:  # the next start takes the file for edited, which is safe
            _log.warning("%s cannot be written: %s", self._agreed, error)

    def _read(self) -> str:
        """Raises UsageError."""
        longest = self._kind.longest
        try:
            with self.path.open("rb") as file:
                content = file.read(longest + 1)
            if len(content) > longest:
                raise ValueError(f"it has more than {longest:,} bytes")
            return content.decode("utf-8-sig")
        except (OSError, ValueError) as error:
            raise UsageError(
                f"it cannot be read ({error})",
                where=str(self.path),
                hint=f"{self._kind.documented} shows such a file",
            ) from error

    def _write(self, text: str) -> None:
        """Raises UsageError."""
        try:
            replace_file(self.path, text.encode(), mode=0o600)  # it may hold tokens
        except OSError as error:
            raise UsageError(
                f"it cannot be written ({error.strerror})",
                where=str(self.path),
                hint="Make the file and its folder writable, or edit it where it comes from",
            ) from error
        self._stamp = _stamp(self.path)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells that the file has changed; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
