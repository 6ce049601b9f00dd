"""The webhook against a real receiver with faults."""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import socket
import ssl
import time
from dataclasses import replace

import pytest

from sensormon.model.errors import UsageError
from sensormon.notify.ways.by_url import way_of
from sensormon.notify.ways.delivery import Answer, Outgoing, Way
from sensormon.notify.ways.webhook import Webhook
from tests.notify.ways.conftest import StartReceiver
from tests.support.receiver import Behaviour, Receiver, Request, accepts

SECRET, TOKEN = "s3cret-of-the-hook", "T0KEN-x9z"


def hook(server: Receiver, path: str = f"/hook/{TOKEN}?key=Q8query", scheme: str = "http") -> Way:
    url = f"{scheme}://localhost:{server.port}{path}"
    return way_of(url, mail=None, secret=SECRET, allow_private=True)


def test_the_payload_arrives_signed_with_its_key(receiver: StartReceiver, outgoing: Outgoing) -> None:
    server = receiver()
    answer = hook(server).send(outgoing, 5)
    assert answer == Answer(True, "200 OK")
    (request,) = server.received
    assert (request.method, request.path) == ("POST", f"/hook/{TOKEN}?key=Q8query")
    assert request.json == outgoing.payload
    assert request.headers["idempotency-key"] == outgoing.key
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"localhost:{server.port}"
    expected = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-sensormon-signature"] == f"sha256={expected}"


def test_two_tries_send_the_same_bytes(receiver: StartReceiver, outgoing: Outgoing) -> None:
    server = receiver(lambda request: request.answer(500))
    way = hook(server)
    assert not way.send(outgoing, 5).delivered
    assert not way.send(outgoing, 5).delivered
    first, second = server.received
    assert (first.body, first.headers) == (second.body, second.headers)


def test_without_a_secret_there_is_no_signature(receiver: StartReceiver, outgoing: Outgoing) -> None:
    server = receiver()
    way = way_of(f"http://127.0.0.1:{server.port}/", mail=None, secret="", allow_private=True)
    assert way.send(outgoing, 5).delivered
    assert "x-sensormon-signature" not in server.received[0].headers


def test_proxies_of_the_environment_are_not_used(
    receiver: StartReceiver, outgoing: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = receiver(), receiver()
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
    assert hook(server).send(outgoing, 5).delivered
    assert proxy.received == []


@pytest.mark.parametrize(
    ("status", "lasting"),
    [(201, None), (204, None), (400, True), (401, True), (403, True), (404, True), (408, False), (410, True),
     (413, True), (425, False), (429, False), (500, False), (502, False), (503, False), (504, False)],
)  # fmt: skip
def test_a_status_is_delivered_lasting_or_worth_another_try(
    receiver: StartReceiver, outgoing: Outgoing, status: int, lasting: bool | None
) -> None:
    server = receiver(lambda request: request.answer(status))
    answer = hook(server).send(outgoing, 5)
    assert answer.delivered == (lasting is None)
    assert answer.lasting == bool(lasting)
    assert str(status) in answer.words


@pytest.mark.parametrize(
    ("asked", "wait"),
    [("30", 30.0), ("9999999", 3600.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("soon", None)],
)
def test_retry_after_is_handed_on_within_bounds(
    receiver: StartReceiver, outgoing: Outgoing, asked: str, wait: float | None
) -> None:
    server = receiver(lambda request: request.answer(503, b"down for\r\nan hour", Retry_After=asked))
    assert hook(server).send(outgoing, 5) == Answer(
        False, "503 Service Unavailable: down for an hour", False, wait
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: StartReceiver, outgoing: Outgoing, status: int) -> None:
    elsewhere = receiver()
    target = f"http://127.0.0.1:{elsewhere.port}/{TOKEN}"
    server = receiver(lambda request: request.answer(status, Location=target))
    answer = hook(server).send(outgoing, 5)
    assert not answer.delivered
    assert answer.lasting
    assert "redirect" in answer.words
    assert elsewhere.received == []


def drip(request: Request) -> None:
    """A byte of the status line every 50 ms, so that no read ever times out."""
    for byte in b"HTTP/1.1 200 OK" + b" " * 1000:
        request.wfile.write(bytes([byte]))
        if not request.pause(0.05):
            return


def endless_headers(request: Request) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while request.pause(0):
        request.wfile.write(b"X-More: " + b"x" * 60_000 + b"\r\n")


def endless_interim(request: Request) -> None:
    while request.pause(0):
        request.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def silent(request: Request) -> None:
    request.pause(30)


@pytest.mark.parametrize("behaviour", [drip, silent, endless_interim])
def test_the_deadline_holds_as_a_whole(
    receiver: StartReceiver, outgoing: Outgoing, behaviour: Behaviour
) -> None:
    server = receiver(behaviour)
    began = time.monotonic()
    answer = hook(server).send(outgoing, 0.4)
    assert time.monotonic() - began < 5  # the server would go on for half a minute, or for ever
    assert answer == Answer(False, f"localhost:{server.port} gave no complete answer within 0.4 s")


def test_the_deadline_holds_in_a_handshake_that_nobody_answers(outgoing: Outgoing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts, and says nothing
        way = way_of(
            f"https://localhost:{listener.getsockname()[1]}/", mail=None, secret="", allow_private=True
        )
        answer = way.send(outgoing, 0.4)
    assert "no complete answer within 0.4 s" in answer.words
    assert not answer.lasting


def test_endless_headers_are_given_up(receiver: StartReceiver, outgoing: Outgoing) -> None:
    answer = hook(receiver(endless_headers)).send(outgoing, 5)
    assert not answer.delivered
    assert "does not answer as a web server" in answer.words


@pytest.mark.parametrize(("status", "delivered"), [(200, True), (500, False)])
def test_an_endless_body_is_not_read(
    receiver: StartReceiver, outgoing: Outgoing, status: int, delivered: bool
) -> None:
    written = 0

    def endless(request: Request) -> None:
        nonlocal written
        request.send_response(status)
        request.end_headers()
        while request.pause(0):
            written += request.wfile.write(b"all is well " * 5_000)

    answer = hook(receiver(endless)).send(outgoing, 5)
    assert answer.delivered == delivered
    assert len(answer.words) <= 300
    assert written < 30_000_000  # what the buffers of the two ends take


def test_a_reset_is_worth_another_try(receiver: StartReceiver, outgoing: Outgoing) -> None:
    answer = hook(receiver(Request.reset)).send(outgoing, 5)
    assert not answer.delivered
    assert not answer.lasting
    assert "localhost:" in answer.words


def test_a_closed_port_is_said(outgoing: Outgoing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = way_of(f"http://localhost:{port}/", mail=None, secret="", allow_private=True).send(outgoing, 5)
    assert answer == Answer(False, f"localhost:{port} refuses the connection: look whether the server runs")


def test_a_name_without_an_address_is_said(outgoing: Outgoing) -> None:
    answer = way_of("https://no-such-host.invalid/", mail=None, secret="", allow_private=False).send(
        outgoing, 5
    )
    assert not answer.delivered
    assert not answer.lasting
    assert "no-such-host.invalid" in answer.words


@pytest.mark.usefixtures("trusted")
def test_https_verifies_the_name_in_the_certificate(
    receiver: StartReceiver, outgoing: Outgoing, tls: ssl.SSLContext, other_tls: ssl.SSLContext
) -> None:
    right, wrong = receiver(tls=tls), receiver(tls=other_tls)
    assert hook(right, scheme="https").send(outgoing, 5).delivered
    answer = hook(wrong, scheme="https").send(outgoing, 5)
    assert not answer.delivered
    assert "certificate" in answer.words
    assert wrong.received == []


def test_https_refuses_an_authority_that_nobody_trusts(
    receiver: StartReceiver, outgoing: Outgoing, tls: ssl.SSLContext
) -> None:
    server = receiver(tls=tls)
    answer = hook(server, scheme="https").send(outgoing, 5)
    assert "SSL_CERT_FILE" in answer.words
    assert server.received == []


def test_https_to_a_port_without_tls_is_said(receiver: StartReceiver, outgoing: Outgoing) -> None:
    answer = hook(receiver(), scheme="https").send(outgoing, 2)
    assert not answer.delivered
    assert "TLS" in answer.words


def test_no_secret_is_in_words_or_logs(
    receiver: StartReceiver, outgoing: Outgoing, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def repeats(request: Request) -> None:
        said = f"no {request.path}, {TOKEN.lower()}, {TOKEN} or {SECRET} for ada:pa%20ss"
        request.answer(404, said.encode())

    server = receiver(repeats)
    way = hook(server)
    answer = way.send(outgoing, 5)
    assert answer.lasting
    for text in (answer.words, caplog.text, repr(way), str(way)):
        for secret in (TOKEN, TOKEN.lower(), SECRET, "Q8query"):
            assert secret not in text


def test_what_leads_to_this_machine_is_refused_at_sending(
    receiver: StartReceiver, outgoing: Outgoing
) -> None:
    server = receiver()
    way = Webhook(f"http://hooks.example:{server.port}/{TOKEN}", ask=lambda *_: ["127.0.0.1"])
    answer = way.send(outgoing, 5)
    assert answer.lasting
    assert "Messages do not go there unless the contact has allow_private = true" in answer.words
    assert server.received == []


def test_a_number_that_is_none_arrives_as_null(receiver: StartReceiver, outgoing: Outgoing) -> None:
    server = receiver()
    payload = {"events": [{"value": math.nan, "score": math.inf, "why": "\ud800 č"}]}
    assert hook(server).send(replace(outgoing, key="tag-č\n", payload=payload), 5).delivered
    (request,) = server.received
    assert request.json == {"events": [{"value": None, "score": None, "why": "? č"}]}
    assert request.headers["idempotency-key"] == "tag-%C4%8D%0A"


def test_a_user_in_the_url_signs_in_over_https_alone(
    receiver: StartReceiver,
    outgoing: Outgoing,
    tls: ssl.SSLContext,
    authority_file: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority_file))
    server = receiver(accepts, tls)
    url = f"https://ada:p%C3%A4ss@localhost:{server.port}/"
    assert way_of(url, mail=None, secret="", allow_private=True).send(outgoing, 5).delivered
    assert server.received[0].headers["authorization"] == "Basic YWRhOnDDpHNz"
    with pytest.raises(UsageError, match="unencrypted") as refused:
        way_of(url.replace("https", "http"), mail=None, secret="", allow_private=True)
    assert "ss@" not in str(refused.value)
