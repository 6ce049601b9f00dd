"""The table of acts and roles, said once more in full."""

from __future__ import annotations

import pytest

from sensormon.access.person import Person, Way, check, refusal
from sensormon.access.roles import GIVEN, NEEDS, Act, Role, role_named
from sensormon.model.errors import Forbidden, UsageError

LOWEST = {
    Role.NOBODY: "sign in, sign out",
    Role.VIEWER: "look, explore, try settings, export, save views, change own password",
    Role.OPERATOR: "acknowledge, label, shelve, note, edit boards",
    Role.ENGINEER: "apply settings, train model, edit tags, edit event frames, schedule reports, import, "
    "open case, cause fault, accept loss, retry dead letters",
    Role.ADMINISTRATOR: "set retention, roll up, delete, manage users, manage sessions, manage tokens, "
    "read audit trail, manage sources, manage notifications",
}
"""What each role may do that the one below may not."""


def test_every_act_needs_the_role_that_is_said_here() -> None:
    assert {str(act): role for act, role in NEEDS.items()} == {
        act: role for role, acts in LOWEST.items() for act in acts.split(", ")
    }
    assert set(NEEDS) == set(Act)


@pytest.mark.parametrize("role", Role, ids=str)
@pytest.mark.parametrize("act", Act, ids=str)
def test_a_role_may_do_what_the_table_says_and_nothing_else(act: Act, role: Role) -> None:
    name = "Jana" if role else ""
    somebody = Person(name, role, Way.ACCOUNT if role else Way.VISITOR)
    if role >= NEEDS[act]:
        check(somebody, act)
        assert somebody.may(act)
        assert refusal(somebody, act) == ""
        return
    assert not somebody.may(act)
    with pytest.raises(Forbidden) as raised:
        check(somebody, act)
    assert raised.value.needs == str(NEEDS[act])
    assert raised.value.hint == refusal(somebody, act)
    assert f"Needs the role {NEEDS[act]}." in refusal(somebody, act)


def test_a_refusal_says_what_to_do() -> None:
    assert refusal(Person("", Role.NOBODY, Way.VISITOR), Act.LOOK).endswith("Sign in first.")
    assert refusal(Person("", Role.VIEWER, Way.VISITOR), Act.NOTE).endswith("Sign in to get it.")
    assert refusal(Person("Jana", Role.OPERATOR, Way.ACCOUNT), Act.DELETE).endswith("Jana is an operator.")


def test_a_role_is_known_by_its_name() -> None:
    assert [role_named(f" {str(role).upper()} ") for role in GIVEN] == list(GIVEN)
    for wrong in ("nobody", "", "root", "x" * 100_000):
        with pytest.raises(UsageError) as raised:
            role_named(wrong)
        assert len(str(raised.value)) < 300


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        NEEDS[Act.DELETE] = Role.NOBODY
