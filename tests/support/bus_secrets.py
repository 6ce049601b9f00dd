"""The secrets of the bus of the Compose files, made by the very lines that docs/deployment.md gives."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_DOCUMENT = Path(__file__).parents[2] / "docs" / "deployment.md"


def make_bus_secrets(folder: Path) -> dict[str, str]:
    """Make `secrets/bus-passwords` and `secrets/bus-url` in this folder; returns the passwords by user."""
    text = _DOCUMENT.read_text(encoding="utf-8")
    lines = re.findall(r"^.* > secrets/bus-(?:passwords|url)$", text, re.MULTILINE)
    assert len(lines) == 2
    (folder / "secrets").mkdir(exist_ok=True)
    subprocess.run(["sh", "-ec", "\n".join(lines)], cwd=folder, check=True, capture_output=True)
    return dict(re.findall(r'(\w+)_password: "(\w+)"', (folder / "secrets" / "bus-passwords").read_text()))
