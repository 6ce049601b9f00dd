"""The file that gives people their roles, by name or by a claim of the identity provider.

    default = "viewer"              # everyone else; "none" turns them away

    [names]
    "jana@plant.example" = "administrator"

    [claims.groups]                 # a claim, and the roles of its values
    "plant-engineers" = "engineer"

The highest role that applies counts. Names are compared without regard to case.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensormon.access.roles import Role, role_named
from sensormon.model.errors import UsageError

LONGEST = 1_000_000
"""Most bytes of the file."""
DEEPEST = 100
"""Most dots of a line: the parser's time grows with the square of a dotted key's parts."""


@dataclass(frozen=True)
class RoleRules:
    """Who gets which role; see the module. `claims` has the roles by claim and value."""

    default: Role = Role.VIEWER
    names: Mapping[str, Role] = field(default_factory=dict)
    claims: Mapping[str, Mapping[str, Role]] = field(default_factory=dict)

    def role_of(self, name: str, claims: Mapping[str, Any]) -> Role:
        """The role of the person with this name and these claims."""
        roles = [self.names.get(name.casefold(), self.default)]
        for claim, by_value in self.claims.items():
            values = claims.get(claim, ())
            for value in values if isinstance(values, list | tuple) else (values,):
                roles.append(by_value.get(str(value), self.default))
        return max(roles)


def read_role_rules(path: Path | None) -> RoleRules:
    """The rules in this file; without one everybody is a viewer. Raises UsageError."""
    if path is None:
        return RoleRules()
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise ValueError("the file is longer than 1 MB")
        if any(line.count(b".") > DEEPEST for line in text.splitlines()):
            raise ValueError(f"a line has more than {DEEPEST} dots")
        content = tomllib.loads(text.decode())
        unknown = set(content) - {"default", "names", "claims"}
        if unknown:
            raise ValueError(f"{min(unknown)[:100]!r} is not known")
        default = str(content.get("default", "viewer"))
        return RoleRules(
            Role.NOBODY if default == "none" else role_named(default),
            {str(name).casefold(): role_named(str(role)) for name, role in content.get("names", {}).items()},
            {
                claim: {str(value): role_named(str(role)) for value, role in by_value.items()}
                for claim, by_value in content.get("claims", {}).items()
            },
        )
    except (OSError, ValueError, RecursionError, AttributeError, UsageError) as error:
        what = error.what if isinstance(error, UsageError) else str(error)
        raise UsageError(
            f"the roles cannot be read ({what})",
            where=f"SENSORMON_ROLES {path}",
            hint="docs/operations.md shows such a file",
        ) from error
