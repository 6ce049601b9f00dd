"""`python -m sensormon tokens`: API tokens."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any

from sensormon.access.tokens import Scope
from sensormon.cli.access import print_rows, run_access_command, shown_time
from sensormon.model import timestamps
from sensormon.model.clock import DAY, SystemClock
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings

_DAYS = re.compile("([0-9]{1,5})d", re.ASCII)


def register(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("tokens", help="API tokens: add, list, revoke")
    acts = command.add_subparsers(required=True, metavar="ACT")

    act = acts.add_parser("add", help="make a token; its secret is shown once, on standard output")
    act.add_argument("name")
    act.add_argument("--scope", required=True, choices=[str(scope) for scope in Scope])
    act.add_argument("--tags", metavar="'a*,b'", help="only these tags; default: all")
    act.add_argument("--expires", default="", metavar="TIME", help="2027-01-31 or 90d; default: never")
    act.set_defaults(run=add)

    act = acts.add_parser("list", help="the tokens, without their secrets")
    act.add_argument("--json", action="store_true", help="as JSON")
    act.set_defaults(run=show)

    act = acts.add_parser("revoke", help="revoke a token")
    act.add_argument("name", metavar="NAME_OR_ID")
    act.set_defaults(run=revoke)


def add(options: argparse.Namespace, settings: Settings) -> int:
    """Make a token and print its secret. Raises SensormonError."""
    token = run_access_command(
        settings,
        "tokens add",
        name=options.name,
        scope=options.scope,
        tags=_patterns(options.tags),
        expires=_expiry(options.expires),
    )
    until = shown_time(token["expires"], "it is revoked")
    print(f"{token['name']} ({token['id']}), scope {token['scope']}, until {until}.", file=sys.stderr)
    print("Shown once; it cannot be shown again:", file=sys.stderr)
    print(token["secret"])
    return 0


def _patterns(text: str | None) -> list[str]:
    """The patterns in this option; none if it was not given. Raises UsageError if it is empty."""
    if text is None:
        return []
    patterns = [pattern.strip() for pattern in text.split(",") if pattern.strip()]
    if not patterns:  # as of an unset variable of a shell: the token must not open all tags
        raise UsageError(
            "it names no tags", where="--tags", hint="Name tags or patterns, or leave it out for all tags"
        )
    return patterns


def show(options: argparse.Namespace, settings: Settings) -> int:
    """Print the tokens. Raises SensormonError."""
    rows = run_access_command(settings, "tokens list")
    if not options.json:
        rows = [_shown(row) for row in rows]
    columns = {
        "id": "id",
        "name": "name",
        "scope": "scope",
        "tags": "tags",
        "expires": "expires",
        "used": "last used",
        "state": "state",
        "created_by": "by",
    }
    print_rows(rows, columns, options.json)
    return 0


def revoke(options: argparse.Namespace, settings: Settings) -> int:
    """Revoke a token. Raises SensormonError."""
    token = run_access_command(settings, "tokens revoke", name=options.name)
    print(f"{token['name']} ({token['id']}) is revoked")
    return 0


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "tags": row["tags"] or "all",
        "expires": shown_time(row["expires"], "never"),
        "used": shown_time(row["used"], "never"),
    }


def _expiry(text: str) -> int:
    """µs UTC; 0 for never."""
    if not text:
        return 0
    days = _DAYS.fullmatch(text)
    if days:
        return SystemClock().now() + int(days[1]) * DAY
    try:
        return timestamps.parse(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text[:50]!r} is neither a date nor a number of days",
            where="--expires",
            hint="Try 2027-01-31 or 90d",
        ) from error
