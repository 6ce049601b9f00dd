"""No password, token or cookie is ever written, logged, shown or carried away in a case."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path

import pytest

from sensormon.__main__ import main
from sensormon.access.person import Way
from sensormon.access.roles import Role
from sensormon.access.tokens import Scope
from sensormon.model.errors import SensormonError
from tests.support.access import ADDRESS, ADMIN, PHRASE, Restart, person, visit
from tests.support.plant import batch_of


def test_a_whole_data_folder_holds_no_secret(
    restart: Restart, caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monitor = restart(access="users")
    access = monitor.access
    phrases = [f"{PHRASE} {i}" for i in range(4)]
    account = access.accounts.add(ADMIN, "Jana", Role.OPERATOR, phrases[0])
    access.accounts.set_password(ADMIN, "Jana", phrases[1])
    cookies = [access.sessions.start("Jana", account.role, Way.ACCOUNT, ADDRESS, "Firefox") for _ in range(2)]
    for cookie in cookies:
        access.identity.of(visit(cookie))
    session = access.sessions.all()[0]
    access.accounts.change_own_password(person(Role.OPERATOR, session=session.key), phrases[1], phrases[2])
    token, secret = access.tokens.add(ADMIN, "line1", Scope.WRITE)
    access.tokens.find(secret)
    said: list[str] = []
    for act in (
        lambda: access.accounts.sign_in("Jana", phrases[3], ADDRESS),
        lambda: access.accounts.sign_in(phrases[2], phrases[2], ADDRESS),
        lambda: access.accounts.add(ADMIN, "Jana", Role.VIEWER, phrases[3]),
        lambda: access.tokens.revoke(ADMIN, secret),
        lambda: access.sessions.end(ADMIN, cookies[0]),
    ):
        with pytest.raises(SensormonError) as raised:
            act()
        said += [str(raised.value), repr(raised.value)]
    said += [repr(part) for part in (access, account, session, token, visit(cookies[0]))]
    monitor.submit(batch_of(*[("fermenter_ph", 7.0)] * 60))
    monitor.drain()
    monitor.stop()
    case = tmp_path / "case.sensormon"
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(monitor.settings.data_dir))
    assert main(["case", str(case)]) == 0

    secrets = [text.encode() for text in (*phrases, *cookies, secret)]
    files = [path for path in monitor.settings.data_dir.rglob("*") if path.is_file()]
    assert any(path.suffix == ".seg" for path in files)
    assert any(path.suffix == ".duckdb" for path in files)
    for path in files:
        content = path.read_bytes()
        assert not [text for text in secrets if text in content], path.name
    everything_said = "\n".join([*said, caplog.text]).encode()
    assert not [text for text in secrets if text in everything_said]

    with zipfile.ZipFile(case) as archive:
        parts = b"".join(archive.read(name) for name in archive.namelist())
    for text in (*secrets, b"argon2", b"Jana", b"line1", token.id.encode(), session.key.encode()):
        assert text not in parts
