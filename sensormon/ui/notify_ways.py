"""Whether a way can be used, asked before it is saved: the reason in the words of the page, never the URL.

Nothing is sent and no name is resolved. What it is not: the judge of addresses at the time of sending.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from sensormon.model.errors import UsageError
from sensormon.notify.config import Contact, Mail
from sensormon.notify.ways.by_url import way_of
from sensormon.notify.ways.delivery import MailServer

ON_THIS_MACHINE = "May call this machine itself"
"""What has to be ticked for addresses of this machine."""
_SERVICES = {
    "hooks.slack.com": "slack://",
    "discord.com": "discord://",
    "webhook.office.com": "workflows://",
    "logic.azure.com": "workflows://",
    "powerplatform.com": "workflows://",
    "chat.googleapis.com": "gchat://",
    "ntfy.sh": "ntfys://",
    "api.telegram.org": "tgram://",
}
"""Hosts that do not read the JSON of our webhook, each with the scheme by which apprise serves it."""


def way_refusal(contact: Contact, mail: Mail | None) -> UsageError | None:
    """Why one of the ways cannot be used, as "key: reason" for the field of that key; None if all can.

    A way with a variable in it is not judged: what that holds is known when it is used.
    """
    server = MailServer(mail.server, mail.sender, mail.user, mail.password_env) if mail else None
    for way in contact.ways:
        if "${" in way:
            continue
        try:
            way_of(way, mail=server, secret="", allow_private=contact.allow_private)
        except UsageError as error:
            private = "allow_private" in error.hint
            hint = f"If messages should go there, tick “{ON_THIS_MACHINE}”" if private else error.hint
            key = error.where.rpartition(".")[2] if "mail" in error.where else "ways"
            words = f"{error.what}. {hint}" if hint else error.what
            return UsageError(f"{key}: {words}", where=contact.name)
        if service := _service(way):
            return UsageError(f"ways: {service}", where=contact.name)
    return None


def _service(way: str) -> str:
    """Why this webhook would be refused by the service it leads to; empty if nothing is known."""
    host = (urlsplit(way).hostname or "").lower() if way.startswith("http") else ""
    for name, scheme in _SERVICES.items():
        if host == name or host.endswith(f".{name}"):
            return (
                f"{host} does not understand sensormon's webhook. Write {scheme}… instead, "
                f"as apprise describes it"
            )
    return ""
