"""The way that a URL names."""

from __future__ import annotations

from sensormon.model.errors import UsageError
from sensormon.notify.ways.apprise_way import ThroughApprise
from sensormon.notify.ways.delivery import MailServer, Way
from sensormon.notify.ways.mail import Mail, address_in
from sensormon.notify.ways.schemes import SCHEMES
from sensormon.notify.ways.webhook import Webhook

LONGEST_URL = 2_000
"""Characters."""


def way_of(url: str, *, mail: MailServer | None, secret: str, allow_private: bool) -> Way:
    """mailto: is mail, http:// and https:// are our webhook, signed with `secret` unless it is "", and the
    schemes in `schemes` go through apprise. `allow_private`: see `addresses`.

    The first time an apprise URL is seen takes half a second: apprise looks at it. Nothing is sent, no
    name is resolved. Raises UsageError, in one line and without the URL, for one that cannot be used.
    """
    scheme, colon, _ = url.partition(":")
    scheme = scheme.lower()
    if not colon or len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise UsageError(
            "this is not a URL",
            where="ways",
            hint="Write mailto:NAME@HOST, https://HOST/PATH, or one of apprise",
        )
    if scheme in ("http", "https"):
        return Webhook(url, secret, allow_private)
    if scheme == "mailto":
        to = address_in(url)
        if mail is None:
            raise UsageError("no mail server is given", where="ways", hint="Fill in [mail] server and from")
        return Mail(to, mail, allow_private)
    if scheme in SCHEMES and url[len(scheme) :].startswith("://"):
        return ThroughApprise(url, allow_private)
    name = scheme[:30] if scheme.isascii() and scheme.replace("-", "").isalnum() else "this"
    raise UsageError(
        f"{name}:// is not among the ways",
        where="ways",
        hint="docs/notifications.md lists the schemes that are",
    )
