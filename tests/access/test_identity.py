"""Who a visit is, in each of the five modes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sensormon.access.identity import name_in
from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.access.visit import Visit
from sensormon.model.clock import DAY, SECOND
from sensormon.model.settings import ACCESS
from sensormon.monitor.monitor import Monitor
from tests.support.access import ADDRESS, ADMIN, LOCAL, PHRASE, Restart, visit
from tests.support.plant import START

OIDC = {
    "access": "oidc",
    "oidc_url": "https://id.plant.example",
    "oidc_client_id": "sensormon",
    "oidc_client_secret": "x",
    "url": "https://plant.example",
}
PROXY = {
    "access": "proxy",
    "proxy_header": "x-remote-user",
    "proxy_from": ("192.0.2.0/28", "2001:db8::1"),
}


def signed_in(monitor: Monitor, role: Role = Role.OPERATOR) -> str:
    """The cookie of Jana, who has just signed in."""
    account = monitor.access.accounts.add(ADMIN, "Jana", role, PHRASE)
    return monitor.access.sessions.start(account.name, account.role, Way.ACCOUNT, ADDRESS, "Firefox")


def claims(**others: Any) -> dict[str, Any]:
    """Those of an ID token that was issued just now."""
    return {"iss": "https://id", "sub": "7", "iat": START // SECOND, "preferred_username": "jana", **others}


def provided(monitor: Monitor, said: dict[str, Any]) -> Person:
    return monitor.access.identity.of(Visit(ADDRESS, {}, claims=said))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "roles.toml"
    path.write_text('default = "none"\n[names]\njana = "engineer"\n[claims.groups]\nops = "operator"\n')
    return path


def test_open_makes_everybody_administrator(restart: Restart) -> None:
    somebody = restart(access="open").access.identity.of(visit())
    assert (somebody.role, somebody.way, somebody.verified) == (Role.ADMINISTRATOR, Way.OPEN, False)


def test_local_makes_administrator_who_sits_at_this_machine(restart: Restart) -> None:
    identity = restart(access="local").access.identity
    here = identity.of(Visit("127.0.0.1", LOCAL))
    assert (here.role, here.way, here.verified) == (Role.ADMINISTRATOR, Way.MACHINE, False)
    elsewhere = identity.of(Visit(ADDRESS, LOCAL))
    assert (elsewhere.role, elsewhere.way, elsewhere.address) == (Role.VIEWER, Way.VISITOR, ADDRESS)


def test_local_lets_people_sign_in(restart: Restart) -> None:
    monitor = restart(access="local")
    cookie = signed_in(monitor)
    for peer, headers in ((ADDRESS, {}), ("127.0.0.1", LOCAL)):
        jana = monitor.access.identity.of(Visit(peer, headers, cookie))
        assert (jana.name, jana.role, jana.way) == ("Jana", Role.OPERATOR, Way.ACCOUNT)


def test_users_knows_only_who_signed_in(restart: Restart) -> None:
    monitor = restart(access="users")
    cookie = signed_in(monitor)
    identity = monitor.access.identity
    assert identity.of(visit(cookie)).role is Role.OPERATOR
    for stranger in (visit(), visit("x"), visit(cookie + "x"), Visit("127.0.0.1", LOCAL)):
        assert identity.of(stranger) == Person("", Role.NOBODY, Way.VISITOR, address=stranger.peer)


def test_a_key_of_a_session_is_not_its_cookie(restart: Restart) -> None:
    monitor = restart(access="users")
    key = monitor.access.identity.of(visit(signed_in(monitor))).session
    assert key
    assert monitor.access.identity.of(visit(key)).role is Role.NOBODY


def test_another_role_and_removal_take_effect_at_once(restart: Restart) -> None:
    monitor = restart(access="users")
    cookie = signed_in(monitor)
    monitor.access.accounts.set_role(ADMIN, "jana", Role.VIEWER)
    assert monitor.access.identity.of(visit(cookie)).role is Role.VIEWER
    monitor.access.accounts.remove(ADMIN, "JANA")
    assert monitor.access.identity.of(visit(cookie)).role is Role.NOBODY
    monitor.access.accounts.add(ADMIN, "Jana", Role.ADMINISTRATOR, PHRASE)
    assert monitor.access.identity.of(visit(cookie)).role is Role.NOBODY


def test_oidc_gives_the_role_by_name_or_claim(restart: Restart, rules: Path) -> None:
    monitor = restart(**OIDC, roles=rules)
    jana = provided(monitor, claims())
    assert (jana.name, jana.role, jana.way) == ("jana", Role.ENGINEER, Way.PROVIDER)
    assert provided(monitor, claims(sub="8", preferred_username="bo", groups=["ops"])).role is Role.OPERATOR
    for stranger in ({}, claims(preferred_username="ana"), {"groups": ["ops"]}):
        assert provided(monitor, stranger).role is Role.NOBODY
    assert monitor.access.identity.of(Visit("127.0.0.1", LOCAL)).role is Role.NOBODY


def test_oidc_forgets_no_sign_out(restart: Restart, rules: Path) -> None:
    monitor = restart(**OIDC, roles=rules)
    jana = provided(monitor, claims())
    monitor.access.sessions.end(jana, jana.session)
    assert provided(monitor, claims()).role is Role.NOBODY
    again = restart(**OIDC, roles=rules)
    assert provided(again, claims()).role is Role.NOBODY
    assert provided(again, claims(iat=START // SECOND + 5)).role is Role.ENGINEER


@pytest.mark.parametrize("iat", [None, "1790000000", True, float("nan"), 0, (START - 31 * DAY) // SECOND])
def test_oidc_refuses_claims_that_are_too_old_to_be_remembered(
    restart: Restart, rules: Path, iat: object
) -> None:
    assert provided(restart(**OIDC, roles=rules), claims(iat=iat)).role is Role.NOBODY


def test_proxy_hears_the_header_only_from_the_proxy(restart: Restart, rules: Path) -> None:
    identity = restart(**PROXY, roles=rules).access.identity
    for peer in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"):
        jana = identity.of(visit(peer=peer, x_remote_user="Jana"))
        assert (jana.name, jana.role, jana.way) == ("Jana", Role.ENGINEER, Way.PROXY)
    for peer in ("192.0.2.16", "127.0.0.1", "2001:db8::2", "", "localhost"):
        assert identity.of(visit(peer=peer, x_remote_user="Jana")).role is Role.NOBODY
    for headers in ({}, {"x_remote_user": ""}, {"x_remote_user": "ana"}, {"remote_user": "jana"}):
        assert identity.of(visit(peer="192.0.2.7", **headers)).role is Role.NOBODY


def test_a_cookie_counts_only_where_accounts_do(restart: Restart) -> None:
    cookie = signed_in(restart(access="users"), Role.ADMINISTRATOR)
    for changes in (OIDC, PROXY):
        assert restart(**changes).access.identity.of(visit(cookie)).role is Role.NOBODY


@pytest.mark.parametrize("mode", ACCESS)
def test_who_is_not_signed_in_sees_nothing_where_people_must_sign_in(restart: Restart, mode: str) -> None:
    changes = {"oidc": OIDC, "proxy": PROXY}.get(mode, {"access": mode})
    identity = restart(**changes).access.identity
    assert identity.mode == mode
    assert identity.closed is (identity.of(visit()).role is Role.NOBODY)
    assert identity.has_accounts is (mode in ("local", "users"))


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"sub": "7", "email": "jana@plant.example"}, "jana@plant.example"),
        ({"sub": "7", "email": "jana@plant.example", "email_verified": False}, "7"),
        ({"sub": "7", "name": "the administrator"}, "7"),
        ({"sub": "7", "preferred_username": ["jana"]}, "7"),
        ({"sub": "7", "preferred_username": " \u202e "}, "7"),
        ({"name": "the administrator"}, ""),
    ],
)
def test_a_claim_names_a_person_only_if_the_provider_vouches_for_it(
    said: dict[str, object], name: str
) -> None:
    assert name_in(said) == name
