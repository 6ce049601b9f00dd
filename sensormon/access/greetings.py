"""Who has put the greeting away: once per account, in whichever browser. What it is not: a gate."""

from __future__ import annotations

from sensormon.access.documents import Documents
from sensormon.access.person import Person
from sensormon.model.errors import SensormonError, StoreError

COLLECTION = "greeted"
"""The collection of the documents; the key is the person's name, without regard to case."""


class Greetings:
    """Of one monitor. Thread-safe."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def is_over(self, person: Person) -> bool:
        """Whether this person has put it away; False for somebody whose name is not proved.

        True while it cannot be read: a greeting must not come back for that.
        """
        if not person.verified:
            return False
        try:
            return person.name.casefold() in self._documents.of(COLLECTION)
        except StoreError:
            return True

    def put_away(self, person: Person) -> bool:
        """Remember it for this person, if the name is proved; returns whether that was possible.

        The browser remembers it too, so a journal that takes nothing now is no reason to complain.
        """
        if not person.verified or self.is_over(person):
            return False
        try:
            self._documents.keep(COLLECTION, person.name.casefold(), {}, person.name)
        except SensormonError:
            return False
        return True
