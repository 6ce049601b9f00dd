"""How much memory and scratch space DuckDB may take here, so that it leaves enough to everything else.

Without a limit DuckDB takes up to 80 % of the machine's memory, whatever else runs there and whatever
the container allows. A query that needs more spills to `scratch_folder`; one that cannot raises
StoreUnavailable. The limit covers DuckDB's buffers, not the results that it hands over.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MOST = 256_000_000
"""Bytes; enough for every query of the pages over a hundred million readings."""
LEAST = 96_000_000
SHARE = 8
"""Of the memory that this process may use, one part in this many."""
MOST_SCRATCH = 4_000_000_000
SCRATCH_SHARE = 4

_CGROUPS = Path("/sys/fs/cgroup")


def config(path: Path) -> dict[str, str]:
    """The settings of a connection to this database file."""
    return {
        "memory_limit": f"{memory_limit(usable_memory())}B",
        "temp_directory": str(scratch_folder(path)),
        "max_temp_directory_size": f"{_scratch_limit(path.parent)}B",
    }


def memory_limit(usable: int) -> int:
    """Bytes for DuckDB where the process may use this many.

    >>> memory_limit(690_000_000), memory_limit(1 << 40)
    (96000000, 256000000)
    """
    return min(MOST, max(LEAST, usable // SHARE))


def scratch_folder(path: Path) -> Path:
    """Beside the database file; DuckDB makes it if a query needs it, and empties it."""
    return path.with_name(path.name + ".tmp")


def usable_memory(cgroups: Path = _CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes that this process may use: the machine's, or what its control groups (1 or 2) allow, if less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_group_limits(cgroups, membership)])


def _group_limits(cgroups: Path, membership: Path) -> list[int]:
    """The limits of the groups of this process and of those above them; none where there are no groups."""
    files = [cgroups / "memory.max", cgroups / "memory" / "memory.limit_in_bytes"]
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, place = line.split(":", 2)
        folder = Path(place.strip("/"))
        for group in (folder, *folder.parents):
            if not controllers:
                files.append(cgroups / group / "memory.max")
            elif "memory" in controllers.split(","):
                files.append(cgroups / "memory" / group / "memory.limit_in_bytes")
    limits = []
    for file in dict.fromkeys(files):
        try:
            text = file.read_text().strip()
        except OSError:
            continue  # no such group, or not ours to read
        if text.isdecimal():  # "max" is none
            limits.append(int(text))
    return limits


def _scratch_limit(folder: Path) -> int:
    """Bytes; the rest of the free space is for the journal."""
    return min(MOST_SCRATCH, shutil.disk_usage(folder).free // SCRATCH_SHARE)
