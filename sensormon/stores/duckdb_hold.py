"""Another program that has the database open: `python -m sensormon.stores.duckdb_hold FILE`.

For failure drills and tests. Says `held` once it has the file and lets go when its
standard input ends, so also when whoever started it dies.
"""

from __future__ import annotations

import sys
import time

import duckdb


def main(path: str) -> None:
    """Wait until nobody else has the file, take it, keep it."""
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
