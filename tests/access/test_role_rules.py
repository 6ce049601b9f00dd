"""The file of roles: what is good, and what is refused in one line."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from sensormon.access.role_rules import RoleRules, read_role_rules
from sensormon.access.roles import Role
from sensormon.model.errors import UsageError

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"


def read(tmp_path: Path, text: str | bytes) -> RoleRules:
    path = tmp_path / "roles.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_role_rules(path)


def test_without_a_file_everybody_is_a_viewer() -> None:
    assert read_role_rules(None).role_of("anybody", {"groups": ["administrator"]}) is Role.VIEWER


def test_the_highest_role_that_applies_counts(tmp_path: Path) -> None:
    rules = read(
        tmp_path,
        '[names]\n"Jana@Plant.example" = "operator"\n'
        '[claims.groups]\n"eng" = "engineer"\n"all" = "viewer"\n'
        '[claims."https://plant.example/role"]\n"7" = "administrator"\n',
    )
    assert rules.role_of("jana@plant.EXAMPLE", {}) is Role.OPERATOR
    assert rules.role_of("jana@plant.example", {"groups": ["all", "eng"]}) is Role.ENGINEER
    assert rules.role_of("bo", {"groups": "eng"}) is Role.ENGINEER
    assert rules.role_of("bo", {"groups": ["Eng", {"eng": 1}, None]}) is Role.VIEWER
    assert rules.role_of("bo", {"https://plant.example/role": 7}) is Role.ADMINISTRATOR


def test_by_default_everyone_else_can_be_turned_away(tmp_path: Path) -> None:
    rules = read(tmp_path, 'default = "none"\n[names]\nbo = "viewer"\n')
    assert rules.role_of("ana", {}) is Role.NOBODY
    assert rules.role_of("Bo", {}) is Role.VIEWER


def test_the_example_in_the_docs_is_read(tmp_path: Path) -> None:
    section = DOCS.read_text(encoding="utf-8").split("## Accounts, tokens and the audit trail")[1]
    match = re.search(r"```toml\n(.*?)```", section, re.DOTALL)
    assert match is not None
    rules = read(tmp_path, match[1])
    assert rules.role_of("jana@plant.example", {}) is Role.ADMINISTRATOR
    assert rules.role_of("bo", {"groups": ["plant-engineers"]}) is Role.ENGINEER
    assert rules.role_of("somebody", {}) is Role.VIEWER


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[names]\nbo = "boss"\n', "no role 'boss'"),
        ("[names]\nbo = 4\n", "no role '4'"),
        ('[names]\nbo = { role = "viewer" }\n', "no role"),
        ('default = "all"\n', "no role 'all'"),
        ("default = true\n", "no role"),
        ('names = "bo"\n', "cannot be read"),
        ('[claims]\ngroups = "engineer"\n', "cannot be read"),
        ("[users]\n", "'users' is not known"),
        ("this is not TOML", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        ("# " + "x" * 1_000_001, "longer than 1 MB"),
        ("names" + ".a" * 400_000 + " = 1\n", "more than 100 dots"),
        ("names = " + "[" * 100_000, "cannot be read"),
        ("names = " + "{a=" * 100_000, "cannot be read"),
        ('[names]\nbo = "' + "x" * 500_000 + '"\n', "no role"),
        ("x" * 500_000 + " = 1\n", "is not known"),
    ],
    ids=range(16),
)
def test_a_file_that_cannot_be_used_is_refused_in_one_short_line(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    started = time.monotonic()
    with pytest.raises(UsageError, match="SENSORMON_ROLES") as raised:
        read(tmp_path, text)
    assert said in str(raised.value)
    assert len(str(raised.value)) < 1_000
    assert "\n" not in str(raised.value)
    assert time.monotonic() - started < 5


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.toml", tmp_path):
        with pytest.raises(UsageError, match="the roles cannot be read"):
            read_role_rules(path)
