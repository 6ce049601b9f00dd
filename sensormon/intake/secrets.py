"""Secrets of named sources and outputs: from an environment variable, or a file that only its owner reads."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from sensormon.model.errors import UsageError
from sensormon.sources.connected import Secret
from sensormon.sources.named import Common

LONGEST = 10_000
"""Bytes of a file with a secret."""
_OF_THE_MONITOR = ("token", "cookie_secret")
"""Files of the data folder that nobody else is sent."""


def secret_of(common: Common, environment: Mapping[str, str], folder: Path) -> Secret:
    """That of a named source; see `secret_from`."""
    where = f"[sources.{common.name}]"
    return secret_from(common.password_env, common.password_file, where, environment, folder)


def secret_from(variable: str, file: str, where: str, environment: Mapping[str, str], folder: Path) -> Secret:
    """Reads it anew at each call, from this variable or this file; "" if neither is named.

    `where` names the table in errors, `folder` is where a relative path begins. The result raises
    UsageError, without the secret, if it is missing or others may read its file.
    """

    def read() -> str:
        if variable:
            value = environment.get(variable, "")
            if not value:
                raise UsageError(
                    f"the environment variable {variable} is not set",
                    where=where,
                    hint="Set it for the monitor and start again",
                )
            return value
        own = [os.path.realpath(folder / name) for name in _OF_THE_MONITOR]
        if file and os.path.realpath(folder / file) in own:
            raise UsageError(
                f"password_file: {file} holds a secret of the monitor itself, which nobody else is sent",
                where=where,
                hint="Name a file of its own",
            )
        return _of_file(folder / file, where) if file else ""

    return read


def _of_file(path: Path, where: str) -> str:
    try:
        # a pipe would keep the reader waiting for somebody who writes
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise UsageError(
            f"password_file: {path} cannot be read ({error.strerror})",
            where=where,
            hint="Name a file that exists",
        ) from error
    if not stat.S_ISREG(mode):
        raise UsageError(f"password_file: {path} is not a file", where=where)
    if mode & 0o077:
        raise UsageError(f"password_file: others may read {path}", where=where, hint=f"Run chmod 600 {path}")
    try:
        secret = content.decode().strip("\r\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"password_file: {path} is not text", where=where) from error
    if not secret or len(content) > LONGEST:
        raise UsageError(f"password_file: {path} is empty or too long", where=where)
    if not secret.isprintable():  # a key, a table of users, or the environment of a process
        raise UsageError(
            f"password_file: {path} is not a password, which is one line of printable characters", where=where
        )
    return secret
