"""A real OpenID provider in a process of its own, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from tests.support.server import free_port, wait_for_port

INSTALLED = find_spec("oidc_provider_mock") is not None
"""Whether the program is there."""


class Provider:
    """Knows users by their `sub`, with the claims of their ID tokens; `stop` it yourself."""

    def __init__(self, *users: dict[str, Any]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        claims = [part for user in users for part in ("--user-claims", json.dumps(user))]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "oidc_provider_mock", "-p", str(self.port), *claims],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.process, self.port, lambda: "the provider has ended")

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)
