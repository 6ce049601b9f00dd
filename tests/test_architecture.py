"""Imports run one way, and each library stays in its room."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.longest_files import LONGEST

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sensormon"
FILES = sorted(PACKAGE.rglob("*.py"))
PYTHON = [
    ROOT / "app.py",
    *(path for folder in ("sensormon", "pages", "tests") for path in sorted((ROOT / folder).rglob("*.py"))),
]

ROOMS = [
    "model",
    "tables",
    "client",
    "sources",
    "detectors",
    "formulas",
    "analysis",
    "journal",
    "stores",
    "ingest",
    "bus",
    "access",
    "events",
    "exchange",
    "monitor",
    "boards",
    "intake",
    "view",
    "notify",
    "outputs",
    "reports",
    "api",
    "ui",
    "bench",
    "cli",
]
"""From the ground up. A room imports only from rooms listed earlier, and within itself without circles."""

AT_THE_ROOT = {"__init__.py": -1, "__main__.py": len(ROOMS)}
"""The only modules outside the rooms: everything may import the version, and nothing the command line."""

LIBRARIES = {
    "streamlit": {"ui", "api.provider_cookie", "bench"},
    "plotly": {"view", "ui", "bench.bare_app"},
    "duckdb": {"stores", "bench"},
    "psycopg": {"stores", "sources.sql"},
    "nats": {"bus"},
    "fastapi": {"api"},
    "httpx": {"client", "sources.influxdb"},
    "starlette": {"api", "bench.bare_live"},
    "uvicorn": {"api"},
    "msgspec": {"api"},
    "prometheus_client": {"api"},
    "numba": {"detectors", "formulas.windows", "ingest.tag_memory"},
    "xlsxwriter": {"exchange"},
    "python_calamine": {"tables.excel_child"},
    "tomlkit": {
        "boards.board_text",
        "model.tag_file",
        "notify.config_edit",
        "sources.named_edit",
        "sources.named_keys",
    },
    "asyncua": {"sources.opcua", "outputs", "bench"},
    "cryptography": {"sources.opcua", "outputs"},
    "paho": {"sources.mqtt", "outputs", "bench.mqtt_load"},
    "google": {"sources.sparkplug"},
    "pymodbus": {"sources.modbus", "bench"},
    "sqlalchemy": {"sources.sql"},
    "argon2": {"access"},
    "apprise": {"notify.ways.apprise_child"},
    "requests": {"notify.ways.apprise_child"},
    "urllib3": {"notify.ways.apprise_child"},
    "matplotlib": {"notify.event_drawing", "reports.drawing"},
    "typst": {"reports.typesetting"},
}
"""Which rooms, or single modules, may import a library."""


def module(path: Path) -> str:
    """The dotted name inside the package, without a trailing `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in FILES}


@cache
def statements(path: Path) -> list[ast.Import | ast.ImportFrom]:
    """Whatever a file imports, at any depth, also under TYPE_CHECKING."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def imports(path: Path) -> set[str]:
    """The dotted names that a file imports."""
    names = set()
    for node in statements(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def own_modules(path: Path) -> set[str]:
    """The modules of this package that a file imports, by their dotted names inside it."""
    names = set()
    for node in statements(path):
        assert not getattr(node, "level", 0), f"{path.name} has a relative import"
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sensormon":
            base = node.module.removeprefix("sensormon").removeprefix(".")
            for alias in node.names:
                whole = f"{base}.{alias.name}".removeprefix(".")
                names.add(whole if whole in MODULES else base or "__init__")
        elif isinstance(node, ast.Import):
            names |= {
                alias.name.removeprefix("sensormon").removeprefix(".") or "__init__"
                for alias in node.names
                if alias.name.split(".")[0] == "sensormon"
            }
    return names


def floor(name: str) -> int:
    """The room's place in the list. Raises AssertionError for a module outside it."""
    room = name.split(".", maxsplit=1)[0]
    if f"{room}.py" in AT_THE_ROOT:
        return AT_THE_ROOT[f"{room}.py"]
    assert room in ROOMS, f"{name} lies in no room; the rooms are {', '.join(ROOMS)}"
    return ROOMS.index(room)


def test_a_library_is_imported_only_where_it_belongs() -> None:
    strays = [
        f"{name} imports {library}"
        for name, path in MODULES.items()
        for library in sorted({imported.split(".")[0] for imported in imports(path)} & LIBRARIES.keys())
        if not any(f"{name}.".startswith(f"{place}.") for place in LIBRARIES[library])
    ]
    assert strays == []


def test_a_room_imports_only_from_rooms_listed_earlier() -> None:
    later = [
        f"{name} imports {imported}"
        for name, path in MODULES.items()
        for imported in sorted(own_modules(path))
        if floor(imported) > floor(name)
    ]
    assert later == []


@pytest.mark.parametrize("room", ROOMS)
def test_modules_of_a_room_import_each_other_without_circles(room: str) -> None:
    edges = {
        name: {imported for imported in own_modules(path) if imported.split(".")[0] == room} - {name}
        for name, path in MODULES.items()
        if name.split(".")[0] == room
    }
    while free := [name for name, needed in edges.items() if not needed & edges.keys()]:
        for name in free:
            del edges[name]
    assert not edges, f"these import each other in a circle, or one that does: {', '.join(sorted(edges))}"


def test_only_the_version_and_the_commands_are_outside_the_rooms() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == set(AT_THE_ROOT)
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ROOMS)


def test_the_documents_list_the_rooms_in_this_order() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## The rooms")[2]
    assert re.findall(r"^\| `(\w+)` \|", table.partition("\n## ")[0], re.MULTILINE) == ROOMS
    listed = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("from rooms listed earlier:")[2]
    assert re.findall(r"\w+", listed.partition("[docs/")[0]) == ROOMS


def test_files_that_begin_first_exist() -> None:
    assert [name for name in LONGEST if not (ROOT / "tests" / name).is_file()] == []


def test_no_test_module_is_imported_by_another() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        borrowed = sorted(name for name in imports(path) if ".test_" in name)
        assert not borrowed, (
            f"{path.name} imports {', '.join(borrowed)}: move what both need to tests/support"
        )


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.stem)
def test_pages_only_read_and_draw(path: Path) -> None:
    libraries = {name.split(".")[0] for name in imports(path)}
    assert not libraries & {"duckdb", "threading", "plotly", "numpy", "time"}
    assert "SELECT" not in path.read_text(encoding="utf-8")


def test_no_python_file_grows_past_500_lines() -> None:
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in PYTHON
    }
    assert {name: count for name, count in lines.items() if count > 500} == {}
