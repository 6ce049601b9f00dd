"""What a process that reads a file from outside is limited to, and the codes it ends with."""

from __future__ import annotations

import os
import resource
import sys

UNREADABLE, TOO_LARGE, REFUSED = 3, 4, 5
"""Exit codes: it is damaged; it takes more than BYTES (the line has its cells, if known); refused."""

CELL = 48
"""Bytes that a number takes in the work with a table (measured); text takes twice that and its length."""
MOST_COLUMNS = 5_000


class Refused(Exception):
    """What is wrong with the file, for a person."""


def limit(most: int, seconds: int) -> None:
    """Limit memory to what is in use now and twice the budget, and time, size of output and priority."""
    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + 2 * most, now + 2 * most))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * most, 2 * most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)


def failed(code: int, line: str) -> int:
    """The code, with this line on standard error."""
    sys.stderr.write(line + "\n")
    return code
