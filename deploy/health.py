"""The health check of a container: exit code 0 if the monitor is well, 1 with a line that says what is wrong.

Without an argument it asks /api/health. With `collector` it reads the status that `python -m sensormon
collect`, which has no port, writes into its data folder. It needs nothing but Python.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE = 4.0
"""Seconds for an answer."""
OLDEST = 120.0
"""Seconds that a status may be old; a loader whose store is away writes one every 30 s."""


def pages() -> str:
    """What is wrong with the monitor that serves the pages; empty if nothing is."""
    url = f"http://127.0.0.1:{os.environ.get('STREAMLIT_SERVER_PORT', '8501')}/api/health"
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE):
            return ""
    except urllib.error.HTTPError as error:
        return f"{url}: {error.code} {error.read(1_000).decode('utf-8', 'replace')}"
    except OSError as error:
        return f"{url}: {error}"


def collector() -> str:
    """What is wrong with the collector of this data folder; empty if nothing is."""
    status = Path(os.environ.get("SENSORMON_DATA_DIR", "data")) / "status.json"
    try:
        age = time.time() - json.loads(status.read_text(encoding="utf-8"))["time"] / 1e6
    except (OSError, ValueError, KeyError) as error:
        return f"{status}: {error!r}"
    return f"{status}: {age:.0f} s old" if age > OLDEST else ""


if __name__ == "__main__":
    sys.exit((collector() if sys.argv[1:] == ["collector"] else pages()) or 0)
