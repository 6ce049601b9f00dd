"""Names that only seem to be this server's: DNS rebinding, and Host headers that are no names."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable

import pytest

from sensormon.api.hosts import Authority, MachineNames, _authority_of, authority_of
from sensormon.model.errors import UsageError
from sensormon.model.settings import read_settings
from tests.support.front import Front

Fronts = Callable[..., Front]


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "evil.test:8501",
        "localhost.evil.test",
        "evil.test.",
        "evilstreamlit.app",
        "streamlit.app",
        "127.0.0.1.evil.test",
        "localhost@evil.test",
        "localhost evil.test",
        "localhost,evil.test",
        "localhost:8501:1",
        "localhost:99999",
        "localhost:",
        "[::1",
        "[::1]evil",
        "[zz]",
        ".",
        "",
        "a" * 300,
        "\u00e9vil",
    ],
)
def test_an_unknown_or_garbled_host_is_refused_everywhere(front: Fronts, host: str) -> None:
    here = front()
    for path in ("/", "/api/data", "/assets/live.js", "/_stcore/host-config"):
        reply = here.request("GET", path, [("host", host)])
        assert reply.status == 421
        assert set(reply.json) == {"error", "detail", "hint"}
        assert reply.headers["x-content-type-options"] == "nosniff"
    assert here.websocket([("host", host)]).status == 421
    assert here.websocket([("host", host)], extensions=()).status == 403
    assert here.page.scopes == []


def test_a_missing_or_doubled_host_is_refused(front: Fronts) -> None:
    here = front()
    assert here.request("GET", "/", []).status == 421
    assert here.request("GET", "/", [("host", "localhost"), ("host", "localhost")]).status == 421
    assert here.websocket([]).status == 421
    assert here.page.scopes == []


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:8501",
        "localhost.:8501",
        "127.0.0.1:8501",
        "192.0.2.1",
        "[::1]:8501",
        "[2001:DB8::1]",
        socket.gethostname(),
        "my-plant.streamlit.app",
    ],
)
def test_this_machine_s_names_and_any_address_are_known(front: Fronts, host: str) -> None:
    here = front()
    assert here.request("GET", "/", [("host", host)]).status == 200
    assert here.request("GET", "/api/data", [("host", host)]).status == 200
    assert here.websocket([("host", host)]).status == 101


def test_operators_add_names_and_wildcards_on_purpose(front: Fronts) -> None:
    here = front(hosts=("monitor.plant.example", "*.lab.example"))
    for host, status in [
        ("MONITOR.plant.example:443", 200),
        ("a.lab.example", 200),
        ("b.a.lab.example", 200),
        ("lab.example", 421),
        ("evillab.example", 421),
        ("plant.example", 421),
        ("x.monitor.plant.example", 421),
    ]:
        assert here.request("GET", "/", [("host", host)]).status == status, host
    assert front(hosts=("*",)).request("GET", "/", [("host", "anything.test")]).status == 200


def test_health_answers_any_host_with_the_state_word_alone(front: Fronts) -> None:
    here = front()
    for headers in ([("host", "evil.test")], []):
        reply = here.request("GET", "/api/health", headers)
        assert (reply.status, reply.json) == (200, {"status": "ok"})
        assert here.request("GET", "/_stcore/health", headers).body == b"ok"
        assert here.request("POST", "/api/health", headers).status == 421
    known = here.request("GET", "/api/health").json
    assert known["status"] == "ok"
    assert "journal" in known


def test_the_full_name_counts_once_the_resolver_has_answered() -> None:
    asked, answer = threading.Event(), threading.Event()
    name = socket.gethostname().partition(".")[0].lower()

    def slow() -> str:
        asked.set()
        answer.wait(10)
        return f"{name.upper()}.plant.example."

    machine = MachineNames(slow)
    assert asked.wait(10)
    assert f"{name}.plant.example" not in machine.names
    answer.set()
    for thread in threading.enumerate():
        if thread.name == "full-name":
            thread.join(10)
    assert f"{name}.plant.example" in machine.names


def test_a_resolver_cannot_give_this_machine_another_name() -> None:
    machine = MachineNames(lambda: "evil.test")
    for thread in threading.enumerate():
        if thread.name == "full-name":
            thread.join(10)
    assert "evil.test" not in machine.names


def test_a_host_is_read_without_its_case_and_last_dot() -> None:
    assert authority_of(b"Plant.Example.:80") == Authority("plant.example", 80)
    assert authority_of(b"[0:0::1]") == Authority("::1", None)
    assert authority_of(b"plant.example..") != authority_of(b"plant.example")


def test_names_to_add_are_checked() -> None:
    assert read_settings({"SENSORMON_HOSTS": " A.example, *.b.example. ,*"}).hosts == (
        "a.example",
        "*.b.example",
        "*",
    )
    assert read_settings({}).hosts == ()
    for wrong in ("http://a.example", "a.example:80", "a.*.example", "*a", "a,,b", "a b", "-a", "*."):
        with pytest.raises(UsageError, match="SENSORMON_HOSTS"):
            read_settings({"SENSORMON_HOSTS": wrong})


def test_no_redirect_repeats_the_host(front: Fronts) -> None:
    here = front()
    for path in ("/api/data/", "/api/docs/", "/api/docs/assets", "/api/ingest/"):
        reply = here.request("GET", path, [("host", "localhost:1")])
        assert "localhost:1" not in json.dumps(reply.headers)
        assert reply.status == 404


def test_a_host_of_megabytes_is_refused_and_not_remembered(front: Fronts) -> None:
    before = _authority_of.cache_info().currsize
    assert front().request("GET", "/", [("host", "a" * 2_000_000)]).status == 421
    assert authority_of(b"a" * 2_000_000) is None
    assert _authority_of.cache_info().currsize == before
