"""The ranges of time that pages offer by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SECONDS: Mapping[str, int] = MappingProxyType(
    {
        "5 min": 300,
        "15 min": 900,
        "1 h": 3_600,
        "6 h": 21_600,
        "24 h": 86_400,
        "7 d": 604_800,
        "30 d": 2_592_000,
        "90 d": 7_776_000,
    }
)
"""How long each preset is; a page offers some of them."""
