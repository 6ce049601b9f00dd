"""The way in for `SourceKind`: imports the libraries."""

from __future__ import annotations

from sensormon.sources.connected import Secret
from sensormon.sources.sparkplug.explorer import SparkplugExplorer
from sensormon.sources.sparkplug.kind import SparkplugSource
from sensormon.sources.sparkplug.source import Listener


def open_source(config: SparkplugSource, secret: Secret) -> Listener:
    """A source that can run."""
    return Listener(config, secret)


def explore(config: SparkplugSource, secret: Secret) -> SparkplugExplorer:
    """What a page asks of a group."""
    return SparkplugExplorer(config, secret)
