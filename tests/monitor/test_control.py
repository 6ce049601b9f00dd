"""The control socket of a running monitor: who is heard, what is bounded, and what it leaves behind."""

from __future__ import annotations

import json
import logging
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sensormon.access.commands import owner_of
from sensormon.model.clock import SystemClock
from sensormon.model.errors import SensormonError, UsageError
from sensormon.model.settings import Settings
from sensormon.monitor import control
from sensormon.monitor.control import AT_ONCE, LONGEST, NAME, ControlSocket, ask
from sensormon.monitor.monitor import Monitor
from tests.support.access import PHRASE

Serve = Callable[..., Path]


def echo(uid: int, command: str, arguments: Mapping[str, Any]) -> Any:
    if command == "fail":
        raise UsageError("it cannot be done", where="here", hint="Do something else")
    return [uid, command, dict(arguments)]


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "it never came true"
        threading.Event().wait(0.01)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serves a folder until the end of the test; returns the folder."""
    stopping = threading.Event()
    threads: list[threading.Thread] = []

    def begin(folder: Path = tmp_path, answer: Callable[..., Any] = echo) -> Path:
        served = ControlSocket(folder, answer, SystemClock())
        threads.append(threading.Thread(target=served.run, args=(stopping,)))
        threads[-1].start()
        wait_for(lambda: not threads[-1].is_alive() or reachable(folder))
        return folder

    yield begin
    stopping.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def reachable(folder: Path) -> bool:
    try:
        ask(folder, "ping", {})
    except OSError:
        return False
    return True


def raw(folder: Path, sent: bytes, *, end: bool = True) -> bytes:
    """What the socket answers to these bytes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(folder / NAME))
        connection.sendall(sent)
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
        return answer


def test_a_command_is_answered_and_a_refusal_is_raised_as_it_was(serve: Serve) -> None:
    folder = serve()
    assert ask(folder, "users list", {"a": "č"}) == [os.geteuid(), "users list", {"a": "č"}]
    with pytest.raises(SensormonError) as raised:
        ask(folder, "fail", {})
    assert str(raised.value) == "here: it cannot be done. Do something else"


def test_only_the_owner_can_open_it(serve: Serve) -> None:
    mode = os.stat(serve() / NAME).st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_other_accounts_are_not_heard_even_if_they_can_open_it(serve: Serve) -> None:
    folder = serve()
    folder.chmod(0o755)
    (folder / NAME).chmod(0o666)
    opened = os.open(folder, os.O_RDONLY)  # nobody can reach it by its path
    client = (
        "import socket; s = socket.socket(socket.AF_UNIX);"
        f"s.connect('/proc/self/fd/{opened}/{NAME}');"
        's.sendall(b\'{"command": "users list", "arguments": {}}\\n\'); print(s.recv(1000).decode())'
    )
    answer = subprocess.run(
        ["/usr/bin/env", "python3", "-c", client],
        user=65_534,
        pass_fds=[opened],
        check=False,
        capture_output=True,
        timeout=20,
    )
    os.close(opened)
    assert answer.returncode == 0, answer.stderr.decode()
    assert "only the account that runs the monitor" in json.loads(answer.stdout)["error"]["what"]


@pytest.mark.parametrize(
    "sent",
    [
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b'"text"\n',
        b'{"command": "users list"}\n',
        b'{"command": "users list", "arguments": []}\n',
        b"\xff\xfe\n",
        b"not json\n",
        b"[" * 60_000 + b"\n",
        b'{"a":' * 12_000 + b"\n",
        b"cos\nsystem\n(S'true'\ntR.",
    ],
    ids=range(12),
)
def test_what_is_no_request_is_refused_in_words(serve: Serve, sent: bytes) -> None:
    folder = serve()
    assert "error" in json.loads(raw(folder, sent))
    assert reachable(folder)


def test_a_request_that_is_too_long_is_refused_before_its_end(serve: Serve) -> None:
    folder = serve()
    assert b"bytes at most" in raw(folder, b"x" * (LONGEST + 1), end=False)
    with pytest.raises(OSError, match=r"reset|Broken pipe"):
        raw(folder, b"x" * (LONGEST + 10_000_000), end=False)
    assert reachable(folder)


def test_half_a_request_is_no_request(serve: Serve) -> None:
    heard: list[str] = []

    def note(_uid: int, command: str, _arguments: Mapping[str, Any]) -> None:
        heard.append(command)

    folder = serve(answer=note)
    heard.clear()
    assert raw(folder, b'{"command": "users list", "arguments": {}}') == b""
    assert heard == []


def test_slow_clients_do_not_keep_others_waiting(serve: Serve) -> None:
    folder = serve()
    slow = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(AT_ONCE - 1)]
    for connection in slow:
        connection.connect(str(folder / NAME))
        connection.sendall(b'{"command"')
    assert reachable(folder)
    for connection in slow:
        connection.close()


def test_a_conversation_has_an_end(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SECONDS", 0.1)
    folder = serve()
    assert raw(folder, b'{"command"', end=False) == b""
    assert reachable(folder)


def test_many_clients_at_once_are_all_answered(serve: Serve) -> None:
    folder = serve()
    answers: list[Any] = []
    threads = [
        threading.Thread(target=lambda i=i: answers.append(ask(folder, "c", {"i": i}))) for i in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(arguments["i"] for _, _, arguments in answers) == list(range(40))


def test_a_path_longer_than_a_socket_can_have(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / ("long-" * 20) / ("longer-" * 20)
    folder.mkdir(parents=True)
    assert len(str(folder)) > 200
    serve(folder)
    assert ask(folder, "c", {})
    assert stat.S_ISSOCK(os.stat(folder / NAME).st_mode)


def test_a_socket_that_a_killed_process_left_is_replaced(serve: Serve, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(tmp_path / NAME))
    with pytest.raises(OSError, match="refused"):
        ask(tmp_path, "c", {})
    assert ask(serve(), "c", {})


def test_without_a_socket_there_is_one_warning(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / NAME).mkdir()  # what else is there in its place is left alone
    serve()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert (tmp_path / NAME).is_dir()


# -- of a whole monitor ---------------------------------------------------------------


@pytest.fixture
def running(settings: Settings) -> Iterator[Monitor]:
    monitor = Monitor(settings)
    monitor.start()
    yield monitor
    monitor.stop()


def answered(folder: Path, command: str, **arguments: Any) -> Any:
    """The answer of a monitor that may not listen yet."""
    answers: list[Any] = []

    def listens() -> bool:
        try:
            answers.append(ask(folder, command, arguments))
        except OSError:
            return False
        return True

    wait_for(listens)
    return answers[0]


def test_a_running_monitor_does_what_its_owner_asks(running: Monitor) -> None:
    folder = running.settings.data_dir
    answered(folder, "users add", name="Jana", role="operator", password=PHRASE)
    assert [account.name for account in running.access.accounts.all()] == ["Jana"]
    (record,) = answered(folder, "audit")
    assert record["who"] == owner_of(os.geteuid()).name
    assert record["verified"]


def test_the_socket_is_gone_after_a_stop(settings: Settings) -> None:
    monitor = Monitor(settings)
    monitor.start()
    answered(settings.data_dir, "users list")
    monitor.stop()
    wait_for(lambda: not (settings.data_dir / NAME).exists())


def test_a_thread_that_died_is_reported_and_started_again(running: Monitor) -> None:
    worker = running.workers.control
    assert worker in running.workers.all
    answered(running.settings.data_dir, "users list")
    assert worker.kill()
    wait_for(lambda: any("control socket" in failure for failure in running.status().failures))
    wait_for(lambda: worker.restarts and not worker.failure)
    assert answered(running.settings.data_dir, "users list") == []
    assert any("control socket" in failure for failure in running.status().restarts)


def test_a_monitor_runs_on_without_a_socket(settings: Settings) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / NAME).mkdir()
    monitor = Monitor(settings)
    monitor.start()
    wait_for(lambda: not monitor.workers.control.alive)
    assert monitor.status().failures == ()
    monitor.stop()


@pytest.mark.long
def test_collect_has_it_too_and_a_kill_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("SENSORMON_")},
        "SENSORMON_DATA_DIR": str(tmp_path / "data"),
        "SENSORMON_SOURCE": "none",
    }
    for end in (subprocess.Popen.kill, subprocess.Popen.terminate):
        process = subprocess.Popen(
            [sys.executable, "-m", "sensormon", "collect"], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            wait_for((tmp_path / "data" / NAME).exists)
            assert answered(tmp_path / "data", "users list") == []
        finally:
            end(process)
            process.wait(20)
    assert not (tmp_path / "data" / NAME).exists()
