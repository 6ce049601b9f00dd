"""Sets the pages of a report with typst, which makes the PDF.

The template is ours and fixed; everything else goes in as one JSON text, so no name, note or label is ever
markup. The compiler sees an empty folder, no packages, and no network. What it is not: a layout of what the
pages say; see `pages`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC
from functools import lru_cache
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sensormon.model.errors import SensormonError, UsageError
from sensormon.model.timestamps import to_datetime

HOW_TO_GET = "pip install -r requirements-reports.txt"
"""What brings the libraries that reports need."""
LONGEST_DATA = 32 << 20
"""Bytes of what a report says and draws."""
_setting = threading.Lock()


def missing() -> str:
    """Why no report can be made here, in one line; empty if it can."""
    lacking = [name for name in ("typst", "matplotlib") if find_spec(name) is None]
    if not lacking:
        return ""
    return f"Reports need {' and '.join(lacking)}, not installed here: {HOW_TO_GET}, then restart"


def check_installed() -> None:
    """Raise UsageError if a library is missing."""
    if missing():
        raise UsageError(
            "reports need libraries that are not installed", where="reports", hint=f"Run {HOW_TO_GET}"
        )


def typeset(data: Mapping[str, Any], made: int) -> bytes:
    """The PDF of these pages, as `pages.laid_out` returns them, made at this time (µs UTC).

    One at a time: it is all processor. Raises SensormonError if it cannot be set.
    """
    typst: Any = import_module("typst")
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    if len(text) > LONGEST_DATA:
        raise UsageError(
            "the report would be too large", where="report", hint="Choose fewer tags or a shorter span"
        )
    with _setting, TemporaryDirectory(prefix="sensormon-report-") as folder:
        nothing = Path(folder)
        try:
            pdf: bytes = typst.compile(
                _template(),
                root=folder,
                font_paths=_fonts(),
                sys_inputs={"report": text},
                package_path=nothing,
                package_cache_path=nothing,
                timestamp=to_datetime(made).astimezone(UTC).replace(microsecond=0),
                format="pdf",
            )
        except (RuntimeError, ValueError) as error:
            raise SensormonError(
                f"the report cannot be set: {str(error)[:300]}",
                where="report",
                hint="Report it, with the board",
            ) from error
    return pdf


@lru_cache(maxsize=1)
def _template() -> bytes:
    return (files("sensormon") / "reports" / "report.typ").read_bytes()


@lru_cache(maxsize=1)
def _fonts() -> Any:
    """Matplotlib's, the same on every machine, and those of the machine for signs that they lack."""
    typst: Any = import_module("typst")
    folder = Path(str(files("matplotlib"))) / "mpl-data" / "fonts" / "ttf"
    return typst.Fonts(include_system_fonts=True, font_paths=[str(folder)])
