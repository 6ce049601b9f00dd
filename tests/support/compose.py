"""Compose files put together as Compose does: later files over earlier ones, `!reset` taking away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "deploy" / "compose"
_RESET = object()


yaml.SafeLoader.add_constructor("!reset", lambda *_: _RESET)  # Compose's own tag


def read(*names: str) -> dict[str, Any]:
    """The files of deploy/compose with these names, merged."""
    whole: Any = {}
    for name in names:
        with (FOLDER / name).open(encoding="utf-8") as file:
            whole = _merged(whole, yaml.safe_load(file))
    return dict(whole)


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        names = [*below, *(name for name in above if name not in below)]
        parts = {
            name: _merged(below.get(name), above[name]) if name in above else below[name] for name in names
        }
        return {name: part for name, part in parts.items() if part is not _RESET}
    return [*below, *above] if isinstance(below, list) and isinstance(above, list) else above


def shapes() -> list[Sequence[str]]:
    """The files of every shape, each with and without TLS in front."""
    bare = [
        ["one-process.yaml"],
        ["one-process.yaml", "plant.yaml"],
        ["postgresql.yaml"],
        ["postgresql.yaml", "bus.yaml"],
    ]
    assert {*FOLDER.glob("*.yaml")} == {FOLDER / name for files in [*bare, ["tls.yaml"]] for name in files}
    return [*bare, *([*files, "tls.yaml"] for files in bare)]
