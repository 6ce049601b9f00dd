"""The file `sources.toml`: read when it has changed, written by the page, the same in all processes."""

from __future__ import annotations

from pathlib import Path

from sensormon.access.agreed_file import AgreedFile, FileDraft, FileKind
from sensormon.access.documents import Documents
from sensormon.sources.named_text import BOUNDS, Sources, parse_sources

COLLECTION = "sources"
SourcesDraft = FileDraft[Sources]
SourcesFile = AgreedFile[Sources]


def sources_file(path: Path, folder: Path, documents: Documents | None) -> SourcesFile:
    """That of one monitor; see `AgreedFile`."""
    kind = FileKind(
        COLLECTION,
        parse_sources,
        BOUNDS.characters,
        "sources",
        "docs/sources.md",
        "to read nothing, leave it without sources",
    )
    return AgreedFile(kind, path, folder, documents)
