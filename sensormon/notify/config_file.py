"""The file `notify.toml`: read when it has changed, written by the page, the same in all processes.

Where several processes use one store, its text is a document, too. A file that was edited by hand goes into
the document, a document that is newer goes into the file; a process whose file cannot be written follows the
document. A file that is wrong or gone changes nothing: what was in force stays so, and `problem` says why.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from sensormon.access.documents import Documents
from sensormon.model.durable_files import replace_file
from sensormon.model.errors import JournalError, StoreError, UsageError
from sensormon.notify.config import NotifyConfig
from sensormon.notify.config_text import BOUNDS, parse_config

COLLECTION = "notify"
_KEY = "file"
_FILE = "file"
"""Who wrote a version that came from a file edited by hand."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NotifyDraft:
    """The text as read, the base of an edit; `seen` tells whether it has changed since."""

    seen: str
    text: str
    config: NotifyConfig


class NotifyFile:
    """Of one monitor; `documents` only where other processes use the store. Thread-safe."""

    def __init__(self, path: Path, folder: Path, documents: Documents | None) -> None:
        self.path = path
        self.problem = ""
        """Why the file is not in force as it stands, or not the same everywhere; empty if it is."""
        self._agreed = folder / "notify.agreed"
        self._documents = documents
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._text = ""
        self._config = NotifyConfig()

    def current(self) -> NotifyConfig:
        """What is in force. Looks at the file and at the document; raises nothing, see `problem`."""
        with self._lock:
            try:
                self._refresh()
            except (UsageError, StoreError, JournalError) as error:
                if str(error) != self.problem:
                    _log.warning("notifications: %s", error)
                self.problem = str(error)
            return self._config

    def read(self) -> NotifyDraft:
        """The text in force, to edit it. Raises UsageError if the file cannot be read or is wrong."""
        with self._lock:
            self._refresh()
            text = self._text
        return NotifyDraft(_digest(text), text, parse_config(text, self.path))

    def save(self, draft: NotifyDraft, text: str, who: str) -> NotifyConfig:
        """Write this text; in force when it returns. Who may do that is the caller's question.

        Raises UsageError, with nothing changed, if it is wrong, if the file has changed since it was read, or
        if it cannot be written; JournalError and StoreError where it is shared and cannot be kept.
        """
        config = parse_config(text, self.path)
        with self._lock:
            self._refresh()
            if _digest(self._text) != draft.seen:
                raise UsageError(
                    "somebody has changed the notifications since this page read them; nothing was written",
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
                hint="Put it back; to tell nobody, leave it without rules",
            )
        if stamp != self._stamp:
            text = _read(self.path) if stamp is not None else ""
            if text != self._text:
                self._config, self._text = parse_config(text, self.path), text
            self._stamp = stamp  # not of a file that is wrong: nobody saves over it
            self.problem = ""
        if self._documents is not None:
            self._agree(self._documents)

    def _agree(self, documents: Documents) -> None:
        """Bring file and document together."""
        document = documents.of(COLLECTION).get(_KEY)
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
        config = parse_config(kept, "the notifications of the store")
        self._text, self._config = kept, config
        try:
            self._write(kept)
        except UsageError as error:  # a file system that is read-only: the document counts
            self.problem = f"{error}; what the other processes use is in force"
        self._note_agreed(kept)

    def _keep(self, documents: Documents, text: str, who: str) -> None:
        documents.keep(COLLECTION, _KEY, {"text": text}, who)
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

    def _write(self, text: str) -> None:
        """Raises UsageError."""
        try:
            replace_file(self.path, text.encode(), mode=0o600)  # ways may hold tokens
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


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(BOUNDS.characters + 1)
        if len(content) > BOUNDS.characters:
            raise ValueError(f"it has more than {BOUNDS.characters:,} bytes")
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"it cannot be read ({error})", where=str(path), hint="docs/notifications.md shows such a file"
        ) from error


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
