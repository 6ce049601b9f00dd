"""`kind = "folder"`: what sources.toml says of a folder that is watched for new and growing files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sensormon.model.toml_table import Table, number, text
from sensormon.sources.connected import SourceKind
from sensormon.sources.named import Common, NamedSource

PATTERN = "*.csv"
INTERVAL = 5.0


@dataclass(frozen=True)
class FolderSource(NamedSource):
    """The files of the folder `path` whose names match `pattern`, read by the saved mapping of this name.

    It looks every `interval` seconds. `data` is the monitor's data folder, which has the
    mappings; whoever opens the source sets it.
    """

    path: str = ""
    pattern: str = PATTERN
    mapping: str = ""
    interval: float = INTERVAL
    data: Path = Path()
    kind: ClassVar[str] = "folder"

    @property
    def folder(self) -> Path:
        """The watched folder."""
        return Path(self.path)

    @property
    def place(self) -> str:
        return f"{self.path}/{self.pattern}"


def read(common: Common, table: Table) -> FolderSource:
    """The source in this table. Raises UsageError."""
    return FolderSource(
        common,
        table.needed("path", _path, '"/srv/loggers/line1"'),
        table.usual("pattern", _pattern, PATTERN),
        table.needed("mapping", text, '"the name of a mapping that was saved on the Import page"'),
        table.usual("interval", number(0.1, 86_400, "seconds"), INTERVAL),
    )


def items(config: FolderSource) -> dict[str, Any]:
    """The keys of this source for the file; None for what is left out."""
    return {
        "path": config.path,
        "pattern": None if config.pattern == PATTERN else config.pattern,
        "mapping": config.mapping,
        "interval": None if config.interval == INTERVAL else config.interval,
    }


def _path(value: Any) -> str:
    path = text(value)
    if not path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"{path[:100]!r} is not the whole path of a folder, from / on")
    return path.rstrip("/") or "/"


def _pattern(value: Any) -> str:
    pattern = text(value)
    if "/" in pattern:
        raise ValueError("a pattern is for names of files in this folder alone, without /")
    return pattern


KIND = SourceKind("folder", "Folder", read, items, "sensormon.intake.folder", keeps_files=True)
