"""A program that holds the database open: `python -m sensormon.stores.duckdb_hold FILE`.

For failure drills and tests. Prints `held` once it has the file and releases it when its
standard input ends, so also when its parent dies. Ends with DuckDB's error if it has not got the file
after `PATIENCE`.
"""

from __future__ import annotations

import sys
import time

import duckdb

PATIENCE = 20.0
"""Seconds for which it tries to get the file."""


def main(path: str) -> None:
    """Wait until nobody else has the file, open it, hold it. Raises duckdb.IOException."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection = duckdb.connect(path)
            break
        except duckdb.IOException:
            if time.monotonic() > until:
                raise
            time.sleep(0.005)
    sys.stdout.write("held\n")
    sys.stdout.flush()
    sys.stdin.read()
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
