"""The secret of a named source: from an environment variable, or from a file that only its owner may read."""

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
    """Reads it anew at each call; `folder` is where a relative path begins.

    The result raises UsageError, without the secret, if it is missing or others may read its file.
    """

    def read() -> str:
        where = f"[sources.{common.name}]"
        if common.password_env:
            value = environment.get(common.password_env, "")
            if not value:
                raise UsageError(
                    f"the environment variable {common.password_env} is not set",
                    where=where,
                    hint="Set it for the monitor and start again",
                )
            return value
        return _of_file(folder / common.password_file, where) if common.password_file else ""

    return read


def _of_file(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
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
