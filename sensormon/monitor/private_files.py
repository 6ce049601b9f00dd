"""The data folder belongs to one account: it holds every reading, what people wrote, and the token.

Folders have mode 0700 and files 0600. Files that are not ours (`tags.toml`, whatever a person put
there) keep their modes; the folder's own mode protects them too. So does what a link leads to, which
somebody else may have laid while the folder was open. Secrets are not among ours: whoever reads one
checks it first; see `sensormon.api.auth.kept_secret`.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

OURS = (
    "journal",
    "archive",
    "exports",
    "sensormon.duckdb*",
    "failed_measurements*.jsonl*",
    "retention.json*",
    "tag_changes.jsonl",
    "detector_memory.bin*",
    "monitor.lock",
    "opcua",
    "attention.json*",
    "status.json*",
    "mappings.json*",
)
"""The names in a data folder that this program makes."""

_log = logging.getLogger(__name__)


def make_private(folder: Path) -> None:
    """Make the folder if it is missing, and it and our files in it accessible to this account alone.

    From here on the process makes only private files, also where a library makes them. A folder that
    is shared on purpose (/tmp) keeps its own mode. What cannot be changed is logged. Raises OSError if
    the folder cannot be made.
    """
    os.umask(0o077)
    folder.mkdir(parents=True, exist_ok=True)
    if not folder.stat().st_mode & stat.S_ISVTX:
        _tighten(folder.resolve())
    for path in _files(folder):
        _tighten(path)


def make_database_private(path: Path) -> None:
    """The same for a database file that may lie elsewhere, and the write-ahead file beside it."""
    for file in (path, path.with_name(path.name + ".wal")):
        _tighten(file)


def _files(folder: Path) -> Iterator[Path]:
    for pattern in OURS:
        for path in folder.glob(pattern):
            yield path
            if path.is_dir() and not path.is_symlink():
                yield from path.rglob("*")


def _tighten(path: Path) -> None:
    """Take the rights of others from this file or folder; not from what a link leads to."""
    try:
        state = path.lstat()
        mode = stat.S_IMODE(state.st_mode)
        if mode & 0o077 and not stat.S_ISLNK(state.st_mode):
            path.chmod(mode & 0o700)
    except FileNotFoundError:
        pass  # it was a temporary file
    except OSError as error:
        _log.warning("%s stays open to other accounts (%s)", path, error.strerror)
