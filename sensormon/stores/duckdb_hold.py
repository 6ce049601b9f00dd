"""A program that holds the database open: `python -m sensormon.stores.duckdb_hold FILE`.

For failure drills and tests. Prints `held` once it has the file and releases it when its
standard input ends, so also when its parent dies.
"""

from __future__ import annotations

import sys
import time

import duckdb


def main(path: str) -> None:
    """Wait until nobody else has the file, open it, hold it."""
    while True:
        try:
            connection = duckdb.connect(path)
            break
        except duckdb.IOException:
            time.sleep(0.005)
    sys.stdout.write("held\n")
    sys.stdout.flush()
    sys.stdin.read()
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
