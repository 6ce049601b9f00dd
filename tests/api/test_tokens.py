"""Tokens of every scope: what each opens, what it is limited to, and when it ends."""

from __future__ import annotations

import pytest

from sensormon.access.person import Person, Way
from sensormon.access.roles import Role
from sensormon.access.tokens import Scope
from sensormon.access.visit import COOKIE
from sensormon.monitor.monitor import Monitor
from tests.support.api import Start, fill, get, post

ADMIN = Person("Jana", Role.ADMINISTRATOR, Way.COMMAND_LINE)
READING = {"tag": "fermenter_ph", "value": 7.0}
READS = ("/data", "/anomalies", "/tags", "/stats", "/metrics")
LIVE = (
    "/live/strip?span=60",
    "/live/now",
    "/live/active",
    "/live/board?tag=fermenter_temp&span=60",
    "/live/history?tag=fermenter_temp&span=604800",
    "/live/events?tag=fermenter_temp&span=3600",
)
"""What the pages poll for."""
PASSWORD = "four random words here"


def token(monitor: Monitor, scope: Scope, *tags: str) -> dict[str, str]:
    """The header with a new token."""
    name = f"{scope} {' '.join(tags)}".strip()
    return {"Authorization": f"Bearer {monitor.access.tokens.add(ADMIN, name, scope, tags)[1]}"}


def stored(monitor: Monitor) -> int:
    return int(monitor.ledger.now().to_dict()["received"])


def test_each_scope_opens_its_own_routes_and_a_refusal_names_the_one_needed(start: Start) -> None:
    monitor, api = start(access="users")
    for scope, reads, writes in (
        (Scope.READ, 200, 403),
        (Scope.WRITE, 403, 201),
        (Scope.ADMIN, 200, 201),
    ):
        bearer = token(monitor, scope)
        for path in READS:
            answer = get(api, path, **bearer)
            assert answer.status_code == reads, (scope, path)
            assert reads == 200 or answer.json()["needs"] == "read"
        answer = post(api, "/ingest", READING, **bearer)
        assert answer.status_code == writes, scope
        assert writes == 201 or answer.json()["needs"] == "write"
        answer = get(api, "/audit", **bearer)
        assert answer.status_code == (200 if scope is Scope.ADMIN else 403), scope


@pytest.mark.parametrize("access", ["local", "users", "open"])
def test_writes_need_a_token_in_every_mode(start: Start, access: str) -> None:
    monitor, api = start(access=access)
    for path, body in (
        ("/ingest", READING),
        ("/ingest/batch", [READING]),
        ("/v2/write", "fermenter_ph value=7"),
    ):
        for wrong in ("", "Bearer wrong", "Bearer sm_wrong", "Basic c2VjcmV0"):
            assert post(api, path, body, Authorization=wrong).status_code == 401, (path, wrong)
    assert stored(monitor) == 0


def test_reads_are_free_where_nobody_has_to_sign_in(start: Start) -> None:
    for access in ("local", "open"):
        _, api = start(access=access)
        for path in (*READS, "/docs", "/openapi.json"):
            assert get(api, path, Authorization="").status_code == 200, (access, path)
        assert get(api, "/audit", Authorization="").status_code == 401


def test_only_the_word_of_health_is_free_where_people_sign_in(start: Start) -> None:
    modes = ({"access": "users"}, {"access": "proxy", "proxy_header": "x-user", "proxy_from": ("10.0.0.5",)})
    for mode in modes:
        _, api = start(**mode)
        for path in (*READS, "/docs", "/openapi.json", "/audit", "/exports/x", *LIVE, "/no"):
            answer = get(api, path, Authorization="")
            assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized"), path
        answer = get(api, "/health", Authorization="")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert get(api, "/health").json()["problems"] == []


def test_limited_token_writes_only_its_tags_and_otherwise_nothing(start: Start) -> None:
    monitor, api = start()
    bearer = token(monitor, Scope.WRITE, "fermenter_p*")
    assert post(api, "/ingest", READING, **bearer).status_code == 201
    before = stored(monitor)
    rows = [READING, {"tag": "fermenter_temp", "value": 37}]
    for path, body in (
        ("/ingest/batch", rows),
        ("/ingest", rows[1]),
        ("/v2/write", "x,sensor=fermenter_ph value=7\nx,sensor=fermenter_temp value=37"),
    ):
        answer = post(api, path, body, **bearer)
        assert answer.status_code == 403, path
        assert "fermenter_temp" in answer.text
        assert (answer.json().get("code", "forbidden")) == "forbidden"
    malformed = [READING, {"tag": "fermenter_temp", "value": "hot"}]
    assert post(api, "/ingest/batch", malformed, **bearer).status_code == 403
    assert stored(monitor) == before
    assert post(api, "/ingest/batch", rows).json()["accepted"] == 2


def test_limited_token_reads_only_its_tags(start: Start) -> None:
    monitor, api = start(access="users")
    fill(api)
    bearer = token(monitor, Scope.READ, "fermenter_temp")
    rows = get(api, "/data", **bearer).json()
    assert len(rows) == 61
    assert {row["tag"] for row in rows} == {"fermenter_temp"}
    assert [row["tag"] for row in get(api, "/anomalies", **bearer).json()] == ["fermenter_temp"]
    assert [tag["name"] for tag in get(api, "/tags", **bearer).json()] == ["fermenter_temp"]
    for path in ("/data", "/anomalies"):
        answer = get(api, f"{path}?tag=fermenter_temp&tag=fermenter_ph", **bearer)
        assert (answer.status_code, answer.json()["needs"]) == (403, "read")
        assert "fermenter_ph" in answer.json()["detail"]
    for path in ("/stats", "/metrics", *LIVE):
        answer = get(api, path, **bearer)
        assert (answer.status_code, answer.json()["needs"]) == (403, "read for all tags"), path
    assert get(api, "/health", **bearer).json() == {"status": "ok"}
    nothing = token(monitor, Scope.READ, "no_such_tag")
    assert get(api, "/data", **nothing).json() == []
    assert get(api, "/tags", **nothing).json() == []


def test_revoked_and_expired_tokens_end_at_once(start: Start) -> None:
    monitor, api = start()
    bearer = token(monitor, Scope.WRITE)
    assert post(api, "/ingest", READING, **bearer).status_code == 201
    assert post(api, "/ingest", READING, **bearer).status_code == 201
    monitor.access.tokens.revoke(ADMIN, "write")
    assert post(api, "/ingest", READING, **bearer).status_code == 401
    now = monitor.clock.now()
    _, secret = monitor.access.tokens.add(ADMIN, "short", Scope.WRITE, expires=now + 1_000)
    while monitor.clock.now() < now + 1_000:
        pass  # a millisecond
    assert post(api, "/ingest", READING, Authorization=f"Bearer {secret}").status_code == 401


def test_token_outlives_a_restart_and_its_use_is_known(start: Start) -> None:
    monitor, api = start()
    bearer = token(monitor, Scope.WRITE)
    assert post(api, "/ingest", READING, **bearer).status_code == 201
    monitor, api = start()
    (kept,) = monitor.access.tokens.all()
    assert kept.used > 0
    assert post(api, "/ingest", READING, **bearer).status_code == 201


def signed_in(monitor: Monitor, role: Role) -> dict[str, str]:
    """The headers of a browser in which somebody of this role has signed in."""
    monitor.access.accounts.add(ADMIN, f"a {role}", role, PASSWORD)
    secret = monitor.access.sessions.start(f"a {role}", role, Way.ACCOUNT, "10.0.0.9", "test")
    return {"Authorization": "", "Cookie": f"other=1; {COOKIE}={secret}"}


def test_signed_in_browser_reads_and_cannot_write(start: Start) -> None:
    monitor, api = start(access="users")
    fill(api)
    browser = signed_in(monitor, Role.VIEWER)
    for path in (*READS, "/docs", "/openapi.json", *LIVE):
        assert get(api, path, **browser).status_code == 200, path
    assert get(api, "/health", **browser).json()["problems"] == []
    assert get(api, "/exports/x", **browser).status_code == 404
    assert post(api, "/ingest", READING, **browser).status_code == 401
    answer = get(api, "/audit", **browser)
    assert (answer.status_code, answer.json()["needs"]) == (403, "administrator")
    assert "token" not in answer.text
    (session,) = monitor.access.sessions.all()
    monitor.access.sessions.end(ADMIN, session.key)
    assert get(api, "/data", **browser).status_code == 401


@pytest.mark.parametrize("access", ["local", "users"])
def test_audit_trail_is_read_by_administrators_filtered_and_as_a_file(start: Start, access: str) -> None:
    monitor, api = start(access=access)
    browser = signed_in(monitor, Role.ADMINISTRATOR)
    acts = [row["act"] for row in get(api, "/audit", **browser).json()]
    assert acts == ["sign in", "manage users"]
    (row,) = get(api, "/audit?act=manage%20users&who=Jana", **browser).json()
    assert (row["who"], row["verified"], row["after"]) == ("Jana", True, "added, administrator")
    assert get(api, "/audit?until=2020-01-01", **browser).json() == []
    assert len(get(api, "/audit?limit=1", **browser).json()) == 1
    table = get(api, "/audit?format=csv", **browser)
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()[0] == "time,who,verified,role,address,act,subject,before,after,failure"
    assert len(table.text.splitlines()) == 3


@pytest.mark.parametrize(
    ("access", "hint"),
    [
        ("local", "or sign in as an administrator at /sign-in"),
        ("users", "or sign in as an administrator at /sign-in"),
        ("proxy", "or come as an administrator through the proxy"),
        ("open", "nobody signs in here"),
    ],
)
def test_a_refusal_names_only_ways_that_this_mode_has(start: Start, access: str, hint: str) -> None:
    changes = {"proxy_header": "x-user", "proxy_from": ("10.0.0.5",)} if access == "proxy" else {}
    _, api = start(access=access, **changes)
    answer = get(api, "/audit", Authorization="")
    assert answer.status_code == 401
    expected = hint.replace(" as an administrator", "") if access in ("users", "proxy") else hint
    assert expected in answer.json()["hint"]
    assert ("/sign-in" in answer.text) == (access in ("local", "users"))


def test_a_person_whom_a_proxy_names_is_told_the_role(start: Start) -> None:
    _, api = start(access="proxy", proxy_header="x-user", proxy_from=("127.0.0.1",))
    answer = get(api, "/audit", Authorization="", **{"X-User": "Jana"})
    assert (answer.status_code, answer.json()["needs"]) == (403, "administrator")


def test_name_in_a_header_counts_only_from_the_proxy(start: Start) -> None:
    _, api = start(access="proxy", proxy_header="x-user", proxy_from=("127.0.0.1",))
    assert (
        get(api, "/tags", Authorization="", **{"X-User": "Jana"}).status_code == 200
    )  # the client is 127.0.0.1
    _, api = start(access="proxy", proxy_header="x-user", proxy_from=("10.0.0.0/8",))
    assert get(api, "/tags", Authorization="", **{"X-User": "Jana"}).status_code == 401
