"""People with accounts: one for each role, and sessions that they have started."""

from __future__ import annotations

from pathlib import Path

from sensormon.access.person import Person, Way
from sensormon.access.roles import GIVEN, Role
from sensormon.access.visit import Visit
from sensormon.model.clock import SystemClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
ROOT = Person("root", Role.ADMINISTRATOR, Way.COMMAND_LINE)
PHRASE = "plum anchor violet engine"
NAMES = {
    Role.VIEWER: "Vera",
    Role.OPERATOR: "Otto",
    Role.ENGINEER: "Ella",
    Role.ADMINISTRATOR: "Ada",
}


def with_accounts(monitor: Monitor) -> dict[Role, str]:
    """Add an account for each role and sign each in; returns the session tokens for the cookie."""
    tokens = {}
    for role in GIVEN:
        if monitor.access.accounts.find(NAMES[role]) is None:
            monitor.access.accounts.add(ROOT, NAMES[role], role, PHRASE)
        tokens[role] = monitor.access.sessions.start(NAMES[role], role, Way.ACCOUNT, "10.0.0.7", BROWSER)
    return tokens


def prepared(folder: Path) -> dict[Role, str]:
    """The same for the data folder of a server that is not running yet."""
    monitor = Monitor(Settings(data_dir=folder, source="none"), SystemClock())
    tokens = with_accounts(monitor)
    monitor.drain()
    monitor.stop()
    return tokens


def visit_of(token: str) -> Visit:
    """The visit of a browser with this session."""
    return Visit("10.0.0.7", {"host": "plant.example", "user-agent": BROWSER}, token)
