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
    return secret
