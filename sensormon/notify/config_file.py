"""The file `notify.toml`: read when it has changed, written by the page, the same in all processes."""

from __future__ import annotations

from pathlib import Path

from sensormon.access.agreed_file import AgreedFile, FileDraft, FileKind
from sensormon.access.documents import Documents
from sensormon.notify.config import NotifyConfig
from sensormon.notify.config_text import BOUNDS, parse_config

COLLECTION = "notify"
NotifyDraft = FileDraft[NotifyConfig]
NotifyFile = AgreedFile[NotifyConfig]


def notify_file(path: Path, folder: Path, documents: Documents | None) -> NotifyFile:
    """That of one monitor; see `AgreedFile`."""
    kind = FileKind(
        COLLECTION,
        parse_config,
        BOUNDS.characters,
        "notifications",
        "docs/notifications.md",
        "to tell nobody, leave it without rules",
    )
    return AgreedFile(kind, path, folder, documents)
