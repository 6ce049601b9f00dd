"""Services through apprise, against a receiver of our own."""

from __future__ import annotations

import logging
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from sensormon.model.errors import UsageError
from sensormon.notify.ways.apprise_way import ThroughApprise
from sensormon.notify.ways.by_url import way_of
from sensormon.notify.ways.delivery import Answer, Outgoing, Way
from sensormon.notify.ways.schemes import CLOUD, HOSTED, SCHEMES
from tests.notify.ways.conftest import StartReceiver
from tests.support.receiver import Receiver, Request

ROOT = Path(__file__).parents[3]
TOPIC, TOKEN = "plant", "AbCdEfGhIjKlMn0"


def ntfy(server: Receiver, host: str = "127.0.0.1", scheme: str = "ntfy", allow_private: bool = True) -> Way:
    url = f"{scheme}://{host}:{server.port}/{TOPIC}-{TOKEN}"
    return way_of(url, mail=None, secret="", allow_private=allow_private)


def test_the_text_arrives_with_its_subject(receiver: StartReceiver, outgoing: Outgoing) -> None:
    server = receiver()
    answer = ntfy(server).send(outgoing, 10)
    assert answer == Answer(True, "127.0.0.1: 200 OK")
    (request,) = server.received
    assert request.json["topic"] == f"{TOPIC}-{TOKEN}"
    assert request.json["title"] == outgoing.subject
    assert request.json["message"] == outgoing.text


def test_a_text_with_markup_arrives_as_it_is_and_cut_to_one_message(
    receiver: StartReceiver, outgoing: Outgoing
) -> None:
    server = receiver()
    text = "5 < 7 & {{ x }} *not bold* \\n " + "č" * 40_000
    way = way_of(f"gotify://127.0.0.1:{server.port}/{TOKEN}", mail=None, secret="", allow_private=True)
    assert way.send(replace(outgoing, text=text), 10).delivered
    (request,) = server.received
    assert request.json["message"].startswith("5 < 7 & {{ x }} *not bold* \\n ččč")
    assert len(request.json["message"]) <= 32_768


@pytest.mark.parametrize(
    ("status", "lasting", "wait"),
    [(404, True, None), (503, False, 30.0), (302, True, None), (429, False, 30.0)],
)
def test_a_refusal_is_worth_another_try_as_with_a_webhook(
    receiver: StartReceiver,
    outgoing: Outgoing,
    caplog: pytest.LogCaptureFixture,
    status: int,
    lasting: bool,
    wait: float | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    elsewhere = receiver()
    server = receiver(
        lambda request: request.answer(
            status,
            f"not {TOPIC}-{TOKEN}".encode(),
            Retry_After="30",
            Location=f"http://127.0.0.1:{elsewhere.port}/",
        )
    )
    way = ntfy(server)
    answer = way.send(outgoing, 10)
    assert (answer.delivered, answer.lasting, answer.wait) == (False, lasting, wait)
    assert f"127.0.0.1: {status}" in answer.words
    for text in (answer.words, caplog.text, repr(way)):
        assert TOKEN not in text
    assert len(server.received) == 1  # no retry of apprise's own
    assert elsewhere.received == []


def test_it_ends_at_the_deadline_and_hides_its_url(receiver: StartReceiver, outgoing: Outgoing) -> None:
    seen: list[bytes] = []

    def drip(request: Request) -> None:
        seen.extend(path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
        while request.pause(0.05):
            request.wfile.write(b"HTTP/1.1 200 OK  "[:1])

    server = receiver(drip)
    way = ntfy(server)
    began = time.monotonic()
    answer = way.send(outgoing, 3)
    assert time.monotonic() - began < 6
    assert answer == Answer(False, "ntfy: no complete answer within 3 s")
    assert any(b"apprise_child" in line for line in seen)
    assert not any(TOKEN.encode() in line for line in seen)


def test_it_has_no_secret_of_the_monitor(
    receiver: StartReceiver, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SENSORMON_TOKEN", "MAIL_PASSWORD", "https_proxy"):
        monkeypatch.setenv(name, "http://s3cr3t")
    seen: list[bytes] = []

    def look(request: Request) -> None:
        children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        numbers = [number for path in children for number in path.read_text().split()]
        seen.extend(Path(f"/proc/{number}/environ").read_bytes() for number in numbers)
        request.answer(200)

    assert ntfy(receiver(look)).send(outgoing, 10).delivered
    assert any(b"NETRC=" in variables for variables in seen)
    assert not any(b"s3cr3t" in variables for variables in seen)


def test_a_host_that_leads_to_this_machine_is_refused(receiver: StartReceiver, outgoing: Outgoing) -> None:
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        pytest.skip("this machine does not know its own name")
    server = receiver()
    answer = ntfy(server, socket.gethostname(), allow_private=False).send(outgoing, 10)
    assert (answer.delivered, answer.lasting) == (False, True)
    assert "Messages do not go there" in answer.words
    assert server.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::1]", "169.254.169.254"])
def test_a_written_address_is_refused_at_once(host: str) -> None:
    with pytest.raises(UsageError, match="Messages do not go there"):
        way_of(f"ntfy://{host}/topic", mail=None, secret="", allow_private=False)


@pytest.mark.usefixtures("trusted")
def test_certificates_are_verified_by_the_same_authorities(
    receiver: StartReceiver, outgoing: Outgoing, tls: ssl.SSLContext, other_tls: ssl.SSLContext
) -> None:
    right, wrong = receiver(tls=tls), receiver(tls=other_tls)
    assert ntfy(right, "localhost", "ntfys").send(outgoing, 10).delivered
    answer = ntfy(wrong, "localhost", "ntfys").send(outgoing, 10)
    assert "certificate" in answer.words
    assert wrong.received == []


def test_a_url_that_apprise_cannot_use_is_refused_without_showing_it() -> None:
    with pytest.raises(UsageError, match="apprise cannot use this slack:// URL") as refused:
        way_of(f"slack://{TOKEN}", mail=None, secret="", allow_private=False)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    "parameter",
    ["verify=no", "redirect=yes", "retry=5", "wait=1", "rto=900", "overflow=split", "template=/etc/passwd",
     "attach=http://10.0.0.1/", "VERIFY=no", "store=yes"],
)  # fmt: skip
def test_parameters_that_undo_the_bounds_are_refused(parameter: str) -> None:
    with pytest.raises(UsageError, match="cannot set"):
        way_of(f"ntfy://ntfy.plant.example/topic?{parameter}", mail=None, secret="", allow_private=False)


@pytest.mark.parametrize(
    "scheme",
    ["json", "jsons", "xml", "form", "mailto", "mailtos", "syslog", "rsyslog", "dbus", "kde", "gnome", "glib",
     "windows", "macosx", "file", "exec", "mqtt", "mqtts", "xmpp", "irc", "apprise", "apprises", "growl",
     "smpp", "email", "amqp"],
)  # fmt: skip
def test_what_is_not_on_the_list_is_refused(scheme: str) -> None:
    with pytest.raises(UsageError) as refused:
        way_of(f"{scheme}://user:{TOKEN}@host/{TOKEN}", mail=None, secret="", allow_private=True)
    assert TOKEN not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["", "lead", "slack", "slack:x", "://", "ntfy://a b", "ntfy://a\nb", "ntfy://[", "http://"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        way_of(url, mail=None, secret="", allow_private=True)


def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(UsageError, match=r"pip install '\.\[notify\]'"):
        way_of("ntfy://ntfy.plant.example/topic", mail=None, secret="", allow_private=False)
    way_of("https://hooks.plant.example/alarm", mail=None, secret="", allow_private=False)


def test_apprise_is_not_imported_by_the_ways() -> None:
    code = (
        "import sys, sensormon.notify.ways.by_url; print('apprise' in sys.modules, 'requests' in sys.modules)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert printed.stdout.split() == ["False", "False"]


def test_every_scheme_on_the_list_is_one_of_the_installed_apprise() -> None:
    child = import_module("sensormon.notify.ways.apprise_child")
    for scheme, name in SCHEMES.items():
        module = import_module(f"apprise.plugins.{name}")
        kinds = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, child.NotifyBase)
            and scheme in child._schemes(value)
        ]
        assert len(kinds) == 1, scheme
        hosted = any("{host}" in str(template) for template in kinds[0].templates)
        assert hosted == (scheme in HOSTED), scheme
    assert not HOSTED.keys() & CLOUD.keys()


GUARDED = """
import os, socket, subprocess, sys
from sensormon.notify.ways.apprise_child import Guard
sys.addaudithook(Guard(False))
def refused(act):
    try:
        act()
    except PermissionError as error:
        return "is" in str(error)
    return False
line, local = socket.socket(), socket.socket(socket.AF_UNIX)
print(
    refused(lambda: line.connect(("127.0.0.1", 9))),
    refused(lambda: line.connect(("169.254.169.254", 80))),
    refused(lambda: local.connect("/run/dbus/system_bus_socket")),
    refused(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 514))),
    refused(lambda: subprocess.run(["true"])),
    refused(lambda: os.system("true")),
    refused(lambda: os.execv("/bin/true", ["true"])),
)
"""


def test_nothing_in_the_process_reaches_this_machine_or_starts_a_program() -> None:
    printed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GUARDED], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert printed.stdout.split() == ["True"] * 7


def test_what_no_service_answers_is_said(receiver: StartReceiver, outgoing: Outgoing) -> None:
    way = ntfy(receiver(Request.reset))
    answer = way.send(outgoing, 10)
    assert answer == Answer(
        False, "127.0.0.1: it cannot be reached, or ended the connection before the answer"
    )
    assert isinstance(way, ThroughApprise)


def test_every_scheme_on_the_list_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
    section = text.partition("### Services through apprise")[2].partition("Anything else of apprise")[0]
    names = re.findall(r"`([a-z0-9]+)(\(s\))?`", section)
    listed = {name for name, _ in names} | {f"{name}s" for name, both in names if both}
    assert listed == set(SCHEMES)
