"""`users`, `tokens`, `sessions`, `audit`: the same on a stopped and on a running monitor."""

from __future__ import annotations

import csv
import io
import json
import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sensormon.__main__ import main
from sensormon.access.person import Way
from sensormon.access.roles import Role
from sensormon.cli import access as cli_access
from sensormon.model.clock import DAY, SystemClock
from sensormon.model.settings import Settings
from sensormon.monitor.control import NAME
from sensormon.monitor.monitor import Monitor
from tests.support.access import ADDRESS, OTHER_PHRASE, PHRASE

ME = pwd.getpwuid(os.geteuid()).pw_name
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(params=["stopped", "running"])
def monitor(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Monitor | None]:
    """A running monitor, or none."""
    started = None
    if request.param == "running":
        started = Monitor(settings)
        started.start()
    yield started
    if started:
        started.stop()


@pytest.fixture
def data_dir(settings: Settings, monitor: Monitor | None) -> Path:
    """The folder of that monitor, or of none."""
    return monitor.settings.data_dir if monitor else settings.data_dir


@pytest.fixture
def run(data_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command, with this on standard input; returns the exit code and what was printed."""
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(data_dir))

    def call(*arguments: str, given: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        try:
            code = main(arguments)
        except SystemExit as end:  # argparse's own
            code = int(str(end.code))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def add_user(run: Run, name: str = "Jana", role: str = "operator") -> tuple[int, str, str]:
    return run("users", "add", name, "--role", role, "--password-stdin", given=f"{PHRASE}\n")


def test_an_account_from_its_beginning_to_its_end(run: Run) -> None:
    assert add_user(run) == (0, "Jana is an operator\n", "")
    code, _, error = add_user(run)
    assert code == 2
    assert "already" in error
    assert run("users", "role", "jana", "engineer")[0] == 0
    assert run("users", "password", "jana", "--password-stdin", given=OTHER_PHRASE)[0] == 0
    code, out, _ = run("users", "list", "--json")
    (account,) = json.loads(out)
    assert (code, account["name"], account["role"], account["changed_by"]) == (0, "Jana", "engineer", ME)
    assert set(account) == {"name", "role", "changed", "changed_by"}
    code, out, _ = run("users", "list")
    assert out.splitlines()[0].split() == ["name", "role", "changed", "by"]
    assert out.splitlines()[1].split()[:2] == ["Jana", "engineer"]
    assert run("users", "remove", "Jana")[0] == 0
    assert json.loads(run("users", "list", "--json")[1]) == []
    assert run("users", "remove", "Jana")[0] == 2


def test_the_password_that_was_given_is_the_one_that_counts(
    run: Run, monitor: Monitor | None, settings: Settings
) -> None:
    add_user(run)
    running = monitor or Monitor(settings)
    assert running.access.accounts.sign_in("Jana", PHRASE, ADDRESS).role is Role.OPERATOR
    if monitor is None:
        running.stop()


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (["users", "add", "Jana", "--role", "operator"], PHRASE, "no terminal"),
        (["users", "password", "Jana"], PHRASE, "no terminal"),
        (["users", "add", "Jana", "--role", "operator", "--password-stdin"], "", "10 to 200 characters"),
        (["users", "add", "Jana", "--role", "operator", "--password-stdin"], "short\n", "10 to 200"),
        (["users", "add", "Jana", "--role", "operator", "--password-stdin"], "x" * 10_000, "10 to 200"),
        (["users", "add", "/", "--role", "operator", "--password-stdin"], PHRASE, "cannot be a name"),
        (["users", "add", "Jana", "--role", "boss", "--password-stdin"], PHRASE, "invalid choice"),
        (["users", "add", "Jana", "--password-stdin"], PHRASE, "--role"),
        (["users", "role", "Jana", "viewer"], "", "no account"),
        (["users"], "", "ACT"),
        (["tokens", "add", "line1"], "", "--scope"),
        (["tokens", "add", "line1", "--scope", "read", "--expires", "soon"], "", "90d"),
        (["tokens", "add", "line1", "--scope", "read", "--expires", "2020-01-31"], "", "expired already"),
        (["tokens", "add", "line1", "--scope", "read", "--expires", "99999d"], "", None),
        (["tokens", "add", "line1", "--scope", "read", "--tags", ""], "", "names no tags"),
        (["tokens", "revoke", "line1"], "", "no token"),
        (["sessions", "end"], "", "required"),
        (["sessions", "end", "abcdefgh"], "", "no such session"),
        (["audit", "--act", "fly"], "", "no act"),
        (["audit", "--since", "soon"], "", "ISO 8601"),
    ],
)
def test_wrong_use_ends_with_two_and_one_reason(
    run: Run, arguments: list[str], given: str, said: str | None
) -> None:
    code, _, error = run(*arguments, given=given)
    assert code == (2 if said else 0)
    assert (said or "") in error
    assert PHRASE not in error


def test_a_token_is_shown_once_alone_on_standard_output(run: Run) -> None:
    before = SystemClock().now()
    code, out, error = run(
        "tokens", "add", "line1", "--scope", "write", "--tags", "a*, b", "--expires", "90d"
    )
    secret = out.strip()
    assert code == 0
    assert secret.startswith("sm_")
    assert len(out.split()) == 1
    assert secret not in error
    code, out, _ = run("tokens", "list", "--json")
    (token,) = json.loads(out)
    assert secret not in out
    assert (token["name"], token["scope"], token["tags"]) == ("line1", "write", ["a*", "b"])
    assert 0 <= token["expires"] - before - 90 * DAY < DAY
    assert run("tokens", "add", "line2", "--scope", "read", "--expires", "2999-01-31")[0] == 0
    assert run("tokens", "revoke", token["id"])[:2] == (0, f"line1 ({token['id']}) is revoked\n")
    listed = run("tokens", "list")[1]
    assert [line.split()[1] for line in listed.splitlines()] == ["name", "line2", "line1"]
    assert "2999-01-31" in listed
    assert "revoked" in listed


def test_sessions_are_listed_and_ended(run: Run, monitor: Monitor | None, settings: Settings) -> None:
    add_user(run)
    running = monitor or Monitor(settings)
    for _ in range(3):
        running.access.sessions.start("Jana", Role.OPERATOR, Way.ACCOUNT, ADDRESS, "Firefox")
    if monitor is None:
        running.stop()
    listed = run("sessions", "list")[1].splitlines()
    assert len(listed) == 4
    assert run("sessions", "end", listed[1].split()[0])[:2] == (0, "1 ended\n")
    assert run("sessions", "end", "--user", "JANA")[:2] == (0, "2 ended\n")
    assert run("sessions", "end", "--user", "Jana")[0] == 1
    assert json.loads(run("sessions", "list", "--json")[1]) == []


def test_the_audit_trail_says_who_did_what(run: Run) -> None:
    add_user(run)
    add_user(run, "=Bo")
    add_user(run, "Eve")
    run("tokens", "add", "line1", "--scope", "read")
    code, out, _ = run("audit", "--format", "json")
    records = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [record["subject"] for record in records] == ["token line1", "user Eve", "user Jana"]
    assert {record["who"] for record in records} == {ME}
    rows = list(csv.DictReader(io.StringIO(run("audit", "--act", "manage users", "--who", ME)[1])))
    assert [row["subject"] for row in rows] == ["user Eve", "user Jana"]
    assert list(rows[0]) == list(records[0])
    until = ["--until", rows[0]["time"]]
    assert len(run("audit", *until)[1].splitlines()) == 2
    assert len(run("audit", "--since", rows[0]["time"])[1].splitlines()) == 3
    assert run("audit", "--who", "nobody")[1].splitlines() == [",".join(rows[0])]


def test_the_whole_audit_trail_is_printed_however_long(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensormon.access.commands.MOST_RECORDS", 4)
    monkeypatch.setattr("sensormon.cli.audit.MOST_RECORDS", 4)
    for i in range(11):
        run("tokens", "add", f"line{i}", "--scope", "read")
    lines = run("audit")[1].splitlines()[1:]
    assert [line.split(",")[6] for line in lines] == [f"token line{i}" for i in reversed(range(11))]


def test_passwords_are_asked_twice_at_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    typed = iter([PHRASE, OTHER_PHRASE, PHRASE, PHRASE])
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return next(typed)

    monkeypatch.setattr("getpass.getpass", ask)
    monkeypatch.setattr("io.StringIO", Terminal)
    code, _, error = run("users", "add", "Jana", "--role", "viewer")
    assert (code, asked) == (2, ["Password: ", "Again: "])
    assert "differ" in error
    assert run("users", "add", "Jana", "--role", "viewer")[0] == 0


def test_a_running_monitor_that_cannot_be_asked_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SENSORMON_DATA_DIR", str(settings.data_dir))
    monkeypatch.setattr(cli_access, "PATIENCE", 0.2)
    monitor = Monitor(settings)  # holds the folder, and has no socket before its start
    assert main(["users", "list"]) == 2
    assert "cannot be asked" in capsys.readouterr().err
    assert not (settings.data_dir / NAME).exists()
    monitor.stop()
