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
    zone = zone_of(st.context.timezone or "UTC")
    return Viewer(zone, zone.key, st.context.theme.type == "dark")


def zone_of(name: str) -> ZoneInfo:
    """The zone that a browser says it is in, UTC if there is none of this name.

    >>> zone_of("Europe/Prague").key, zone_of("Europe").key, zone_of("../zone").key
    ('Europe/Prague', 'UTC', 'UTC')
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last for a folder of zones
        return ZoneInfo("UTC")
