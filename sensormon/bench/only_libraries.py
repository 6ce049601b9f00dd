"""The reference for a start and for memory: a Streamlit server that only imports the same libraries."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sensormon.bench.server import PATIENCE, Server

_APP = """
import duckdb, fastapi, numba, numpy, pandas, plotly.graph_objects, pyarrow.parquet
import streamlit as st
app = st.App(__file__)
"""


@contextmanager
def only_libraries(folder: Path) -> Iterator[Server]:
    """Such a server, its file in this folder. It may not listen yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = folder / "only_libraries.py"
    file.write_text(_APP)
    command = [sys.executable, "-m", "streamlit", "run", str(file), "--server.port", str(port)]
    options = ["--server.headless", "true", "--browser.gatherUsageStats", "false"]
    process = subprocess.Popen(
        command + options, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield Server(port, process, os.environ)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_for_answer(server: Server) -> None:
    """Return once it answers. Raises TimeoutError."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            server.get("/_stcore/health")
        except OSError:  # it does not listen yet
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"the server did not answer within {PATIENCE:.0f} s")
