"""Opens an output of any kind. Its library is imported only then: asyncua alone takes 37 MB."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from sensormon.access.documents import Documents
from sensormon.intake.secrets import secret_from
from sensormon.model.errors import OutputError
from sensormon.monitor.monitor import Monitor
from sensormon.outputs.config import Output, Secret
from sensormon.outputs.event_look import EventLooks
from sensormon.outputs.report import OutputReport
from sensormon.outputs.running import Run
from sensormon.sources.connected import HOW_TO_GET

_MODULES = {"mqtt": "sensormon.outputs.mqtt_output", "opcua": "sensormon.outputs.opcua_output"}
"""By kind, the module with `run(config, around, report, stopping)`."""
_NEEDS = {"mqtt": "paho", "opcua": "asyncua"}


@dataclass(frozen=True)
class Around:
    """What all outputs of a monitor share. `shared`: several processes use the store."""

    monitor: Monitor
    looks: EventLooks
    documents: Documents
    environment: Mapping[str, str]
    shared: bool

    def password(self, secret: Secret, where: str) -> str:
        """This secret, read anew; "" if there is none. Raises UsageError, without the secret."""
        folder = self.monitor.settings.data_dir
        return secret_from(secret.variable, secret.file, where, self.environment, folder)()


def opened(config: Output, around: Around) -> Run:
    """What its thread does."""

    def run(report: OutputReport, stopping: threading.Event) -> None:
        if find_spec(_NEEDS[config.kind]) is None:
            raise OutputError(
                f"{_NEEDS[config.kind]} is not installed",
                where=config.common.where,
                hint=f"{HOW_TO_GET}, then start again",
            )
        import_module(_MODULES[config.kind]).run(config, around, report, stopping)

    return run
