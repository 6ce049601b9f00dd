"""The number of a collector on a store that several use.

The store gives the number at the first start; the data folder keeps it, so that later starts need no store.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

from sensormon import __version__
from sensormon.model.durable_files import replace_file
from sensormon.model.errors import StoreError, UsageError
from sensormon.model.json_text import read_object, whole
from sensormon.model.reading_ids import COLLECTORS
from sensormon.stores.collectors import Collectors

FILE = "collector.json"


def entered(collectors: Collectors, writer: str, name: str, folder: Path) -> int:
    """The number of the collector with this journal, from the store; kept in the folder.

    Raises UsageError if another collector of this name runs, StoreError if the store cannot be asked.
    """
    number = collectors.enter(writer, name, socket.gethostname(), __version__)
    kept = json.dumps({"writer": writer, "number": number})
    replace_file(folder / FILE, kept.encode(), mode=0o600)
    return number


def remembered(writer: str, folder: Path, error: StoreError) -> int:
    """The number as the folder has it, when `error` keeps the store from saying it. Raises UsageError."""
    try:
        kept = read_object((folder / FILE).read_text(encoding="utf-8"))
        if kept.get("writer") == writer:
            return whole(kept, "number", COLLECTORS - 1)
    except (OSError, ValueError):
        pass
    raise UsageError(
        f"a collector's first start needs its database ({error.what})",
        where=error.where,
        hint="Start it again once the database answers; later starts do without",
    )
