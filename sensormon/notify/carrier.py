"""Hands a message over by a way of its contact, as the file says.

Secrets come from the environment when a way is opened, and stay there: `${NAME}` in a way stands for what
the variable NAME holds. Neither they, nor the address of a way, nor the link of a message is in an answer's
words. What it is not: who decides when, or by which way.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping

from sensormon.model.errors import SensormonError, UsageError
from sensormon.notify.config import Contact, Mail, NotifyConfig
from sensormon.notify.links import without_secrets
from sensormon.notify.messages import Message
from sensormon.notify.trying import PATIENCE, Outcome
from sensormon.notify.ways.by_url import way_of
from sensormon.notify.ways.delivery import MailServer, Outgoing, Way, without

DEADLINE = 20.0
"""Seconds for one hand-over."""
UNUSABLE = 2 * PATIENCE / 1e6
"""Seconds after which a way that cannot be used as the file stands is tried again; the next one at once."""

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,99})\}")

Compose = Callable[[Message, bool], Outgoing]
"""Words a message, with a picture if that is asked for and can be. Raises StoreError, JournalError,
and UsageError if what goes with it cannot be made."""


class ByTheFile:
    """`config` gives what is in force. Thread-safe."""

    def __init__(
        self, config: Callable[[], NotifyConfig], environment: Mapping[str, str], compose: Compose
    ) -> None:
        self._config = config
        self._environment = environment
        self._compose = compose
        self._lock = threading.Lock()
        self._opened: dict[tuple[str, str, Mail | None, bool], Way] = {}

    def ways(self, contact: str) -> int | None:
        """How many ways this contact has, 0 if there is none of this name; None if nobody is to be told."""
        contacts = self._config().contacts
        if not contacts:
            return None
        return len(contacts[contact].ways) if contact in contacts else 0

    def terms(self, contact: str) -> tuple[Contact | None, Mail | None]:
        """What the file says of this contact and of the mail server."""
        config = self._config()
        return config.contacts.get(contact), config.mail

    def deliver(self, message: Message) -> Outcome:
        """Hand it over by its way, within some `DEADLINE`."""
        config = self._config()
        contact = config.contacts.get(message.contact)
        if contact is None or message.way >= len(contact.ways):
            return Outcome(False, "the file has changed", wait=0.0)
        url = contact.ways[message.way]
        try:
            way = self.open(contact, url, config.mail)
        except UsageError as error:
            return Outcome(False, _reason(error), wait=UNUSABLE)
        try:
            outgoing = self._compose(message, is_mail(url))
        except UsageError as error:  # what cannot be made must not hold up what else there is to tell
            return Outcome(False, str(error), lasting=True)
        except SensormonError as error:
            return Outcome(False, str(error))
        answer = way.send(outgoing, DEADLINE)
        words = without(without_secrets(answer.words), self._held(url))
        return Outcome(answer.delivered, words, answer.lasting, answer.wait)

    def open(self, contact: Contact, url: str, mail: Mail | None) -> Way:
        """The way, as one opened before. Raises UsageError, without the URL, if it cannot be used."""
        signed = url.lower().startswith(("http://", "https://"))
        secret = self._secret(contact.secret_env if signed else "", f"contacts.{contact.name}")
        key = url, secret, mail if is_mail(url) else None, contact.allow_private
        with self._lock:
            if key not in self._opened:
                if len(self._opened) > 1_000:
                    self._opened.clear()
                server = self._server(mail) if mail is not None and is_mail(url) else None
                filled = self._filled(url, contact)
                try:
                    self._opened[key] = way_of(
                        filled, mail=server, secret=secret, allow_private=contact.allow_private
                    )
                except UsageError as error:
                    held = self._held(url)
                    raise UsageError(
                        without(error.what, held), where=error.where, hint=without(error.hint, held)
                    ) from None
            return self._opened[key]

    def problems(self) -> Iterator[str]:
        """Look at each way as the file stands: why it cannot be used, without its address, "" if it can.

        A way through apprise takes half a second the first time, so whoever has other things to do stops in
        between.
        """
        config = self._config()
        for contact in config.contacts.values():
            for place, url in enumerate(contact.ways):
                try:
                    self.open(contact, url, config.mail)
                    yield ""
                except UsageError as error:
                    yield f"Contact {contact.name} cannot be reached by way {place + 1}: {_reason(error)}"

    def _filled(self, url: str, contact: Contact) -> str:
        """The way with what its variables hold."""
        where = f"contacts.{contact.name}"
        return _VARIABLE.sub(lambda match: self._secret(match[1], where), url)

    def _held(self, url: str) -> list[str]:
        """What the variables of the way hold, wherever in it they stand."""
        return [self._environment.get(name, "") for name in _VARIABLE.findall(url)]

    def _server(self, mail: Mail) -> MailServer:
        return MailServer(mail.server, mail.sender, mail.user, self._secret(mail.password_env, "mail"))

    def _secret(self, name: str, where: str) -> str:
        """What this environment variable holds; empty without a name."""
        if name and not self._environment.get(name):
            raise UsageError(
                f"the environment variable {name} is not set", where=where, hint="Set it and start again"
            )
        return self._environment[name] if name else ""


def _reason(error: UsageError) -> str:
    """Why, and what to do, without the key of the file: the contact is named beside it."""
    return f"{error.what}. {error.hint}" if error.hint else error.what


def is_mail(url: str) -> bool:
    """Whether this way is mail, which shows pictures."""
    return url.lower().startswith("mailto:")
