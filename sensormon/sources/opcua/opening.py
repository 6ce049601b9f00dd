"""The way in for `SourceKind`: imports the library."""

from __future__ import annotations

import logging
from pathlib import Path

from sensormon.sources.connected import Secret
from sensormon.sources.opcua.explorer import OpcUaExplorer
from sensormon.sources.opcua.kind import OpcUaSource
from sensormon.sources.opcua.line import Line

# The library tells of every request; what matters to a person is in the source's health.
logging.getLogger("asyncua").setLevel(logging.ERROR)


def open_source(config: OpcUaSource, secret: Secret, folder: Path) -> Line:
    """A source that can run, with this data folder."""
    return Line(config, secret, folder)


def explore(config: OpcUaSource, secret: Secret, folder: Path) -> OpcUaExplorer:
    """What a page asks of a server."""
    return OpcUaExplorer(config, secret, folder)
