"""`python -m sensormon users`: accounts for SENSORMON_ACCESS=users and local."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from sensormon.access.passwords import LONGEST
from sensormon.access.person import with_article
from sensormon.access.roles import GIVEN, role_named
from sensormon.cli.access import print_rows, run_access_command, shown_time
from sensormon.model.errors import UsageError
from sensormon.model.settings import Settings


def register(commands: Any) -> None:
    """Add the command and its options."""
    command = commands.add_parser("users", help="accounts: add, list, remove, role, password")
    acts = command.add_subparsers(required=True, metavar="ACT")
    roles = [str(role) for role in GIVEN]

    act = acts.add_parser("add", help="add an account")
    act.add_argument("name")
    act.add_argument("--role", required=True, choices=roles)
    _add_password(act)
    act.set_defaults(run=add)

    act = acts.add_parser("list", help="the accounts and their roles")
    act.add_argument("--json", action="store_true", help="as JSON")
    act.set_defaults(run=show)

    act = acts.add_parser("remove", help="remove an account and end its sessions")
    act.add_argument("name")
    act.set_defaults(run=remove)

    act = acts.add_parser("role", help="give an account another role")
    act.add_argument("name")
    act.add_argument("role", choices=roles)
    act.set_defaults(run=set_role)

    act = acts.add_parser("password", help="set another password and end the account's sessions")
    act.add_argument("name")
    _add_password(act)
    act.set_defaults(run=set_password)


def add(options: argparse.Namespace, settings: Settings) -> int:
    """Add an account. Raises SensormonError."""
    password = _password(options)
    account = run_access_command(
        settings, "users add", name=options.name, role=options.role, password=password
    )
    print(f"{account['name']} is {with_article(role_named(account['role']))}")
    return 0


def show(options: argparse.Namespace, settings: Settings) -> int:
    """Print the accounts. Raises SensormonError."""
    rows = run_access_command(settings, "users list")
    if not options.json:
        rows = [{**row, "changed": shown_time(row["changed"], "")} for row in rows]
    columns = {"name": "name", "role": "role", "changed": "changed", "changed_by": "by"}
    print_rows(rows, columns, options.json)
    return 0


def remove(options: argparse.Namespace, settings: Settings) -> int:
    """Remove an account. Raises SensormonError."""
    run_access_command(settings, "users remove", name=options.name)
    print(f"{options.name} is removed")
    return 0


def set_role(options: argparse.Namespace, settings: Settings) -> int:
    """Give an account another role. Raises SensormonError."""
    run_access_command(settings, "users role", name=options.name, role=options.role)
    print(f"{options.name} is now {with_article(role_named(options.role))}")
    return 0


def set_password(options: argparse.Namespace, settings: Settings) -> int:
    """Set another password. Raises SensormonError."""
    run_access_command(settings, "users password", name=options.name, password=_password(options))
    print(f"{options.name} has another password; its sessions have ended")
    return 0


def _add_password(act: argparse.ArgumentParser) -> None:
    act.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the first line of standard input; default: ask for it",
    )


def _password(options: argparse.Namespace) -> str:
    """The password, which no command line holds: other programs could read it there."""
    if options.password_stdin:
        return sys.stdin.readline(4 * LONGEST).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for the password",
            where="users",
            hint="Use --password-stdin and write it to standard input",
        )
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise UsageError("the two passwords differ", where="users", hint="Try again")
    return password
