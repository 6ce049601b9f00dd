"""The docs' notebook: its cells run in their order, in a process of their own, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd

from sensormon.client import Monitor
from tests.support.api import TOKEN
from tests.support.server import ROOT, Server

NOTEBOOK = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
SHOWN = """
import ast, sys
names = {}
for cell in CELLS:
    *body, last = ast.parse(cell).body
    if not isinstance(last, ast.Expr):
        body, last = [*body, last], None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    print(">", eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else "")
assert not {"streamlit", "duckdb"} & set(sys.modules)
"""
"""Runs the cells and prints of each what a notebook shows: its last expression."""


def test_its_cells_run_in_their_order(server: Server, monitor: Monitor) -> None:
    times = pd.date_range(end=pd.Timestamp.now("UTC"), periods=600, freq="s")
    values = 37 + np.arange(600) % 7 / 10
    values[500] = 49.0
    before = server.wait_until("/api/stats", lambda ledger: ledger["pending"] == 0)["stored"]
    monitor.write(pd.DataFrame({"tag": "fermenter_temp", "timestamp": times, "value": values}))
    server.wait_until("/api/stats", lambda ledger: ledger["stored"] == before + 600)
    cells = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    for _ in range(2):
        shown = subprocess.run(
            [sys.executable, "-W", "error", "-c", f"CELLS = {cells!r}\n{SHOWN}"],
            env={**os.environ, "SENSORMON_URL": server.url, "SENSORMON_TOKEN": TOKEN},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout.count("\n>") + 1 == len(cells)
        assert "°C" in shown.stdout
        assert "zscore" in shown.stdout
        assert "accepted=3, anomalies=0" in shown.stdout
    ledger = server.wait_until("/api/stats", lambda ledger: ledger["pending"] == 0)
    assert ledger["stored"] == before + 603, "the cell that writes ran twice"


def test_it_is_a_notebook_of_format_4_without_outputs() -> None:
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in NOTEBOOK["cells"]:
        assert cell["cell_type"] in {"code", "markdown"}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
