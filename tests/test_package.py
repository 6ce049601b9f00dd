"""The package as users install and import it: all its files, and no Streamlit in a notebook."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "sensormon"
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]

NOTEBOOK = """
import sys
from sensormon.detectors import DETECTORS, detect
assert len(detect([7.0, 7.1] * 100, detector="recommended")) == 200
"""


@pytest.mark.parametrize("code", [NOTEBOOK, "import sys, sensormon.__main__"], ids=["notebook", "commands"])
def test_the_apps_libraries_are_not_imported_without_the_app(code: str) -> None:
    imported = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(*sorted(name.partition('.')[0] for name in sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.split()
    assert "sensormon" in imported
    assert not {"streamlit", "fastapi", "starlette", "plotly"} & set(imported)
    assert "duckdb" not in imported or code != NOTEBOOK


def test_the_library_of_postgresql_is_imported_where_it_is_the_store() -> None:
    code = "import sys, sensormon.monitor.assembly; print('psycopg' in sys.modules)"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.strip() == "False"


def test_arrow_gives_back_what_it_no_longer_needs() -> None:
    code = "import sensormon.__main__, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert printed.strip() == "system"


def test_every_folder_with_modules_is_a_package() -> None:
    assert SETUPTOOLS["packages"]["find"]["include"] == ["sensormon*"]
    assert [
        folder
        for folder in {path.parent for path in PACKAGE.rglob("*.py")}
        if not (folder / "__init__.py").exists()
    ] == []


def test_every_other_file_is_listed() -> None:
    listed = {path for pattern in SETUPTOOLS["package-data"]["sensormon"] for path in PACKAGE.glob(pattern)}
    present = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {path for path in present if path.suffix != ".py"} == listed
    assert {"py.typed", "icon.png", "schema.sql"} <= {path.name for path in listed}


def test_every_library_the_package_imports_is_required() -> None:
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for library in (
        "duckdb",
        "fastapi",
        "numba",
        "numpy",
        "pandas",
        "plotly",
        "psycopg[binary]",
        "pyarrow",
        "streamlit",
    ):
        assert f"\n{library}>=" in f"\n{required}"
