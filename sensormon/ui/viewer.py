"""How one viewer sees times and colours."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from sensormon.view.palette import DARK, LIGHT, Palette


@dataclass(frozen=True)
class Viewer:
    """How one viewer sees times and colours."""

    zone: ZoneInfo
    zone_name: str
    dark: bool

    @property
    def palette(self) -> Palette:
        return DARK if self.dark else LIGHT


def viewer() -> Viewer:
    """The browser's zone, or UTC if it is unknown, and its theme."""
    name = st.context.timezone or "UTC"
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        name, zone = "UTC", ZoneInfo("UTC")
    return Viewer(zone, name, st.context.theme.type == "dark")
