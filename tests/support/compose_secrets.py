"""The secrets of the Compose files, made by the very lines that docs/deployment.md gives."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_DOCUMENT = Path(__file__).parents[2] / "docs" / "deployment.md"
_NAMES = ("database-password", "pgpass", "bus-passwords", "bus-url")


def make_secrets(folder: Path) -> Path:
    """Make those of database and bus in this folder; returns the one they are in, which is in it."""
    text = _DOCUMENT.read_text(encoding="utf-8")
    lines = re.findall(rf"^.* > secrets/(?:{'|'.join(_NAMES)})$", text, re.MULTILINE)
    assert len(lines) == len(_NAMES)
    (folder / "secrets").mkdir()
    subprocess.run(["sh", "-ec", "\n".join(lines)], cwd=folder, check=True, capture_output=True)
    return folder / "secrets"


def bus_passwords(secrets: Path) -> dict[str, str]:
    """Those of the bus, by user."""
    return dict(re.findall(r'(\w+)_password: "(\w+)"', (secrets / "bus-passwords").read_text()))
