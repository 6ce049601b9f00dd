"""What every table [sources.NAME] of sources.toml has, whatever its kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from sensormon.model.toml_table import Table, flag, text, variable

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Common:
    """`on`: it runs. `collector`: the name of the one that runs it, where several use the store; empty: any.

    `password_env` names the variable with its secret, `password_file` a file of mode 0600. With `new_tags`
    tags that it meets and the table does not have are added.
    """

    name: str
    on: bool = True
    collector: str = ""
    new_tags: bool = False
    password_env: str = ""
    password_file: str = ""


@dataclass(frozen=True)
class NamedSource:
    """The base of what each protocol is told by sources.toml. Values only, and no secret among them."""

    common: Common
    kind: ClassVar[str]
    reads_history: ClassVar[bool] = False
    """Its readings may be those that another source delivers live."""

    @property
    def name(self) -> str:
        """Its name in the file."""
        return self.common.name

    @property
    def source(self) -> str:
        """The name of its readings in the ledger."""
        return self.common.name

    @property
    def place(self) -> str:
        """Where it reads, without secrets."""
        raise NotImplementedError

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that it names; those that a pattern gives are not known beforehand."""
        return ()

    @property
    def simulates(self) -> Sequence[str]:
        """Patterns of the tags of the table that it makes up, unless another source names them."""
        return ()


def owners(sources: Iterable[NamedSource], names: Sequence[str]) -> Mapping[str, str]:
    """Of these tags those that sources deliver, by their names: it names them, or it is the first in the
    file that simulates them.
    """
    listed = list(sources)
    owner = {tag: source.name for source in reversed(listed) for tag in source.tags}
    for source in listed:
        plain = {pattern for pattern in source.simulates if not _WILD.search(pattern)}
        patterns = [pattern for pattern in source.simulates if _WILD.search(pattern)]
        for tag in names:
            if tag in plain or any(fnmatchcase(tag, pattern) for pattern in patterns):
                owner.setdefault(tag, source.name)
    return owner


def read_common(name: str, table: Table, new_tags: bool = False) -> Common:
    """The keys that every kind has; `new_tags` is what the kind has without that key. Raises UsageError."""
    return Common(
        name,
        table.usual("on", flag, True),
        table.usual("collector", text, ""),
        table.usual("new_tags", flag, new_tags),
        table.usual("password_env", variable, ""),
        table.usual("password_file", text, ""),
    )


def common_items(common: Common, new_tags: bool = False) -> dict[str, Any]:
    """The same as keys of the file; None for what is left out, since the kind has it anyway."""
    return {
        "on": None if common.on else False,
        "collector": common.collector or None,
        "new_tags": None if common.new_tags is new_tags else common.new_tags,
        "password_env": common.password_env or None,
        "password_file": common.password_file or None,
    }
