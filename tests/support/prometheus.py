"""A Prometheus server of one's own, as a child process that collects from one monitor."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.server import LONGEST, free_port, wait_for_port

_CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: sensormon
    metrics_path: /api/metrics
    authorization: {{credentials: "{token}"}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def is_installed() -> bool:
    return shutil.which("prometheus") is not None


class Prometheus:
    """Collects every second from the monitor at this port; its files are in `folder`."""

    def __init__(self, folder: Path, port: int, token: str) -> None:
        configuration = folder / "prometheus.yml"
        configuration.write_text(_CONFIGURATION.format(token=token, port=port))
        own = free_port()
        self._url = f"http://127.0.0.1:{own}"
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={configuration}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{own}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.process, own, lambda: "Prometheus has ended")

    def rows(self, expression: str) -> list[dict[str, Any]]:
        """What this PromQL gives now: of each series its labels and its value. Empty while there is none."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self._url}/api/v1/query?{query}", timeout=10) as answer:  # noqa: S310  our own
            content = json.load(answer)
        assert content["status"] == "success"
        return [{**series["metric"], "": float(series["value"][1])} for series in content["data"]["result"]]

    def rows_once_there(self, expression: str) -> list[dict[str, Any]]:
        """Those of which the value is a number, once there are some."""
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            rows = self.rows(expression)
            if numbers := [row for row in rows if not math.isnan(row[""])]:
                return numbers
            time.sleep(0.1)
        raise AssertionError(f"{expression} gives nothing; last: {rows}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
