"""Commands as plain data: whatever comes in, the answer is data or one clear error."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sensormon.access.access import Access
from sensormon.access.commands import COMMANDS, READING, owner_of, run_command, this_user
from sensormon.access.person import Way
from sensormon.access.roles import Role
from sensormon.model.errors import Forbidden, SensormonError, UsageError
from sensormon.monitor.monitor import Monitor
from tests.support.access import ADDRESS, ADMIN, PHRASE, person

GOOD = {
    "users add": {"name": "Jana", "role": "operator", "password": PHRASE},
    "users list": {},
    "users role": {"name": "Jana", "role": "viewer"},
    "users password": {"name": "Jana", "password": PHRASE + "!"},
    "users remove": {"name": "Jana"},
    "tokens add": {"name": "line1", "scope": "write", "tags": ["a*"], "expires": 1 << 52},
    "tokens list": {},
    "tokens revoke": {"name": "line1"},
    "sessions list": {},
    "sessions end all": {"name": "Jana"},
    "audit": {"since": 0, "people": ["root"], "acts": ["manage users"]},
}
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def test_every_command_answers_with_what_json_can_hold(access: Access) -> None:
    for name, arguments in GOOD.items():
        answer = run_command(access, ADMIN, name, arguments)
        assert json.loads(json.dumps(answer)) == answer
    assert set(GOOD) | {"sessions end"} == set(COMMANDS)


def test_commands_that_only_read_change_nothing(monitor: Monitor) -> None:
    last = monitor.parts.journal.last
    for name in READING:
        run_command(monitor.access, ADMIN, name, GOOD[name])
    assert monitor.parts.journal.last == last


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_needs_an_administrator(access: Access, name: str) -> None:
    arguments = GOOD.get(name, {"key": "0" * 64})
    for role in (Role.NOBODY, Role.VIEWER, Role.OPERATOR, Role.ENGINEER):
        with pytest.raises(Forbidden):
            run_command(access, person(role), name, arguments)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(COMMANDS)),
    arguments=st.dictionaries(
        st.sampled_from(
            [
                "name",
                "role",
                "password",
                "scope",
                "tags",
                "expires",
                "key",
                "since",
                "until",
                "people",
                "acts",
            ]
        ),
        junk,
    ),
)
def test_arguments_of_any_kind_are_used_or_refused_in_one_line(
    access: Access, name: str, arguments: dict[str, object]
) -> None:
    said = ""
    try:
        json.dumps(run_command(access, ADMIN, name, arguments))
    except SensormonError as error:
        said = str(error)
    assert "\n" not in said


def test_a_command_that_is_unknown_is_refused(access: Access) -> None:
    for name in ("", "users", "__class__", "x" * 100_000):
        with pytest.raises(UsageError, match="no command"):
            run_command(access, ADMIN, name, {})


def test_a_session_is_named_by_the_beginning_of_its_key(access: Access) -> None:
    for _ in range(40):
        access.sessions.start("Jana", Role.VIEWER, Way.ACCOUNT, ADDRESS, "Firefox")
    key = access.sessions.all()[0].key
    for short in ("", key[:1], key[:5]):
        with pytest.raises(UsageError, match="does not say which"):
            run_command(access, ADMIN, "sessions end", {"key": short})
    with pytest.raises(UsageError, match="no such session"):
        run_command(access, ADMIN, "sessions end", {"key": "x" * 64})
    assert run_command(access, ADMIN, "sessions end", {"key": key[:12]}) == 1
    assert key not in [session.key for session in access.sessions.all()]


def test_who_acts_is_the_account_of_the_operating_system() -> None:
    assert this_user() == owner_of(os.geteuid())
    assert owner_of(0).name == "root"
    nobody = owner_of(3_999_999_999)
    assert (nobody.name, nobody.role, nobody.way) == ("uid 3999999999", Role.ADMINISTRATOR, Way.COMMAND_LINE)
