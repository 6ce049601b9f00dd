"""The memory of this process and of those it starts, and a process that reads one table and reports its own.

`python -m tests.support.memory FILE` reads the file as a page does and prints the outcome, and the most
MB that it and the reading process had.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from sensormon.exchange.import_table import read_file
from sensormon.model.errors import UsageError
from sensormon.tables.parquet_reader import SHARED_BYTES, SHARED_SECONDS, Budget


def peak(process: int | str = "self") -> int:
    """The most MB that this process ever had in memory since it was started; 0 if it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    match = re.search(r"VmHWM:\s+(\d+)", status)
    return int(match[1]) >> 10 if match else 0


def children(part: str) -> list[int]:
    """The processes started by this one whose command line has this in it."""
    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text()
            parent = re.search(r"PPid:\t(\d+)", (folder / "status").read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
        if part in command and parent and int(parent[1]) == os.getpid():
            processes.append(int(folder.name))
    return processes


def main(path: str) -> None:
    """Read the file and print what came of it."""
    most = 0

    def look() -> None:
        nonlocal most
        most = max([most, *map(peak, children("parquet_child.py"))])

    try:
        rows = len(read_file(Path(path), Budget(SHARED_BYTES, SHARED_SECONDS, look)).frame)
        sys.stdout.write(f"{rows} rows\n")
    except UsageError as error:
        sys.stdout.write(f"{error}\n")
    sys.stdout.write(f"{peak()}\n{most}\n")


if __name__ == "__main__":
    main(sys.argv[1])
