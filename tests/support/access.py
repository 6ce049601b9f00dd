"""People and visits for tests of who may do what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.access.visit import Visit
from sensormon.monitor.monitor import Monitor

Restart = Callable[..., Monitor]
"""What the fixture `restart` of tests/access gives: a function that starts a monitor again."""

ADMIN = Person("root", Role.ADMINISTRATOR, Way.COMMAND_LINE)
PHRASE = "correct horse battery"
OTHER_PHRASE = "staple of the horse"
ADDRESS = "192.0.2.7"
LOCAL = {"host": "localhost:8501", "origin": "http://localhost:8501"}


def person(role: Role, name: str = "Jana", session: str = "") -> Person:
    """Somebody who signed in with an account of this role."""
    return Person(name, role, Way.ACCOUNT, session, ADDRESS)


def visit(cookie: str = "", peer: str = ADDRESS, **headers: str) -> Visit:
    """A visit with these headers, `_` in their names standing for `-`."""
    return Visit(peer, {name.replace("_", "-"): text for name, text in headers.items()}, cookie)


@contextmanager
def full_journal(folder: Path) -> Iterator[None]:
    """While this lasts, a journal here with a quota of 1 MB takes nothing more."""
    filler = folder / "journal" / "filler"
    with filler.open("wb") as file:
        file.truncate(2_000_000)
    yield
    filler.unlink()
