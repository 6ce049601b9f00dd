"""Imports run one way, and each library stays in its room."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sensormon"
FILES = sorted(PACKAGE.rglob("*.py"))

ROOMS = {
    "streamlit": {"page_parts"},
    "plotly": {"charts", "charts_explore", "charts_statistics", "traces", "live_cards", "page_parts"},
    "duckdb": {
        "stores.duckdb_connection",
        "stores.duckdb_store",
        "stores.duckdb_errors",
        "stores.duckdb_hold",
        "stores.duckdb_kept",
        "stores.duckdb_rows",
        "stores.duckdb_retention",
        "stores.duckdb_stream",
    },
    "fastapi": {"api"},
    "starlette": {"api"},
    "msgspec": {"api"},
    "prometheus_client": {"api"},
    "numba": {"memory", "detectors"},
    "xlsxwriter": {"table_writers"},
    "tomlkit": {"tag_file"},
}
"""Which modules may import a library; a package's name stands for all its modules."""

ORDER = [
    [
        "readings",
        "errors",
        "clock",
        "timestamps",
        "tags",
        "settings",
        "ledger",
        "nab",
        "skab",
        "journal_depth",
        "terms",
        "__init__",
    ],
    [
        "records",
        "events",
        "event_counts",
        "detectors",
        "memory",
        "validation",
        "sources",
        "segments",
        "durable_files",
        "data_folder",
        "answers",
        "jobs",
        "table_writers",
        "tag_edit",
        "thinning",
    ],
    [
        "archive",
        "detector_memory",
        "watchdog",
        "status",
        "event_actions",
        "table_files",
        "export",
        "export_files",
        "tag_file",
        "case_format",
        "overview",
    ],
    ["control_chart", "relations"],
    ["event_export"],
    ["journal", "stores", "pipeline", "rescoring", "recent", "event_scores"],
    ["comparison", "event_filters", "reading_streams"],
    ["alarm_load"],
    ["dead_letters"],
    ["loader"],
    ["collector"],
    [
        "restart",
        "demonstrations",
        "event_reader",
        "intake",
        "running_tags",
        "import_files",
        "importer",
        "tuner",
        "retention",
        "storage",
        "exporter",
        "books",
        "annotations",
        "case_reader",
        "case_writer",
        "case_pieces",
    ],
    ["case_opener", "new_tags"],
    ["cases"],
    ["explorer"],
    ["monitor"],
    ["runtime", "stopped", "known_events", "explore_export"],
    ["evaluation"],
    ["verification", "api", "bench_detection", "score", "import_report"],
    ["import_command", "export_command", "case_command", "import_job", "compare_job"],
    ["bench"],
    ["__main__"],
]
"""From the ground up; a module imports from its own floor and those below."""


def imports(path: Path) -> set[str]:
    """The dotted names that a file imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return found


def module(path: Path) -> str:
    """The dotted name inside the package."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


@pytest.mark.parametrize("path", FILES, ids=module)
def test_a_library_is_imported_only_where_it_belongs(path: Path) -> None:
    name = module(path)
    for library, rooms in ROOMS.items():
        if any(one.split(".")[0] == library for one in imports(path)):
            assert name in rooms or name.split(".")[0] in rooms, f"{name} imports {library}"


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_run_downward(path: Path) -> None:
    floors = {name: floor for floor, names in enumerate(ORDER) for name in names}
    own = floors.get(module(path).split(".")[0])
    if own is None:
        return  # what draws and words: it stands beside this order and is held by the rooms above
    for one in imports(path):
        parts = one.split(".")
        if parts[0] == "sensormon" and len(parts) > 1 and parts[1] in floors:
            assert floors[parts[1]] <= own, f"{module(path)} imports {one}"


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.stem)
def test_pages_only_read_and_draw(path: Path) -> None:
    libraries = {one.split(".")[0] for one in imports(path)}
    assert not libraries & {"duckdb", "threading", "plotly", "numpy", "time"}
    assert "SELECT" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=module)
def test_no_file_grows_past_500_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
