"""Mail against a real SMTP server."""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage

import pytest

from sensormon.model.errors import UsageError
from sensormon.notify.ways.by_url import way_of
from sensormon.notify.ways.delivery import Answer, MailServer, Outgoing, Way
from sensormon.notify.ways.mail import message_of
from tests.notify.ways.conftest import StartMail
from tests.support.mail_server import PASSWORD, USER, RawServer, Talker

SENDER, TO = "sensormon@plant.example", "lead@plant.example"


def to_lead(port: int, scheme: str = "smtp", user: str = "", password: str = "") -> Way:
    mail = MailServer(f"{scheme}://localhost:{port}", SENDER, user, password)
    return way_of(f"mailto:{TO}", mail=mail, secret="", allow_private=True)


def test_a_relay_without_login_takes_the_message(mail_server: StartMail, outgoing: Outgoing) -> None:
    server = mail_server()
    assert to_lead(server.port).send(outgoing, 5) == Answer(True, "250 queued as 17")
    (message,) = server.inbox.messages
    (envelope,) = server.inbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, [TO])
    assert message["Subject"] == outgoing.subject
    assert message["From"] == SENDER
    assert message["To"] == TO
    assert message["Auto-Submitted"] == "auto-generated"
    assert server.inbox.greetings == ["[127.0.0.1]"]


def test_text_html_and_picture_arrive_as_one_message(mail_server: StartMail, outgoing: Outgoing) -> None:
    server = mail_server()
    assert to_lead(server.port).send(outgoing, 5).delivered
    (message,) = server.inbox.messages
    assert message.get_content_type() == "multipart/alternative"
    text, related = message.iter_parts()
    assert isinstance(text, EmailMessage)
    assert isinstance(related, EmailMessage)
    assert text.get_content().splitlines() == outgoing.text.splitlines()
    html, picture = related.iter_parts()
    assert isinstance(html, EmailMessage)
    assert isinstance(picture, EmailMessage)
    assert html.get_content().splitlines() == outgoing.html.splitlines()
    assert picture.get_content() == outgoing.picture
    assert picture["Content-ID"] == "<chart>"
    assert picture.get_content_disposition() == "inline"
    assert b"\xc2" not in (server.inbox.envelopes[0].content or b"")  # 7 bits, for any server


def test_text_alone_is_plain(outgoing: Outgoing) -> None:
    message = message_of(replace(outgoing, html="", picture=None), SENDER, TO)
    assert message.get_content_type() == "text/plain"


def test_html_without_picture_is_plain_and_html(outgoing: Outgoing) -> None:
    message = message_of(replace(outgoing, picture=None), SENDER, TO)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_the_message_id_is_the_same_at_each_try_and_of_the_key_alone(outgoing: Outgoing) -> None:
    first = message_of(outgoing, SENDER, TO)["Message-ID"]
    assert message_of(replace(outgoing, text="again"), SENDER, TO)["Message-ID"] == first
    assert message_of(replace(outgoing, key="other"), SENDER, TO)["Message-ID"] != first
    assert first.endswith("@plant.example>")


def test_a_subject_cannot_add_headers_or_recipients(mail_server: StartMail, outgoing: Outgoing) -> None:
    server = mail_server()
    evil = replace(outgoing, subject="hot\r\nBcc: eve@evil.example\r\n\r\nbody\x00\ud800")
    assert to_lead(server.port).send(evil, 5).delivered
    (message,) = server.inbox.messages
    assert message["Bcc"] is None
    assert message["Subject"].startswith("hot Bcc: eve@evil.example body")
    assert server.inbox.envelopes[0].rcpt_tos == [TO]


def test_a_long_subject_is_cut(outgoing: Outgoing) -> None:
    assert len(message_of(replace(outgoing, subject="č" * 900), SENDER, TO)["Subject"]) == 200


def test_a_line_with_a_dot_alone_does_not_end_the_message(mail_server: StartMail, outgoing: Outgoing) -> None:
    server = mail_server()
    text = "first\n.\nMAIL FROM:<eve@evil.example>\nlast"
    assert to_lead(server.port).send(replace(outgoing, text=text, html=""), 5).delivered
    (message,) = server.inbox.messages
    assert message.get_content().splitlines() == text.splitlines()


@pytest.mark.usefixtures("trusted")
def test_starttls_comes_before_the_login(
    mail_server: StartMail, outgoing: Outgoing, tls: ssl.SSLContext
) -> None:
    server = mail_server(login=True, tls_context=tls, require_starttls=True)
    way = to_lead(server.port, "smtp+starttls", USER, PASSWORD)
    assert way.send(outgoing, 5).delivered
    assert (server.inbox.encrypted, server.inbox.users) == ([True], [True])


@pytest.mark.usefixtures("trusted")
def test_smtps_speaks_tls_from_the_first_byte(
    mail_server: StartMail, outgoing: Outgoing, tls: ssl.SSLContext
) -> None:
    server = mail_server(login=True, tls=tls)
    assert to_lead(server.port, "smtps", USER, PASSWORD).send(outgoing, 5).delivered
    assert server.inbox.users == [True]


@pytest.mark.usefixtures("trusted")
def test_a_wrong_login_is_lasting_and_secret(
    mail_server: StartMail, outgoing: Outgoing, tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = mail_server(login=True, tls_context=tls, require_starttls=True)
    wrong = "not-the-password"
    way = to_lead(server.port, "smtp+starttls", USER, wrong)
    answer = way.send(outgoing, 5)
    assert (answer.delivered, answer.lasting) == (False, True)
    assert "refuses the login: 535" in answer.words
    coded = base64.b64encode(f"\0{USER}\0{wrong}".encode()).decode()
    for text in (answer.words, caplog.text, repr(way)):
        assert wrong not in text
        assert coded not in text
    assert server.inbox.messages == []


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
def test_a_certificate_of_another_name_gets_no_password(
    mail_server: StartMail, outgoing: Outgoing, other_tls: ssl.SSLContext, scheme: str
) -> None:
    options = {"tls": other_tls} if scheme == "smtps" else {"tls_context": other_tls}
    server = mail_server(login=True, **options)
    answer = to_lead(server.port, scheme, USER, PASSWORD).send(outgoing, 5)
    assert not answer.delivered
    assert "certificate" in answer.words
    assert server.inbox.messages == []


def test_an_unknown_authority_is_refused(
    mail_server: StartMail, outgoing: Outgoing, tls: ssl.SSLContext
) -> None:
    server = mail_server(login=True, tls_context=tls)
    answer = to_lead(server.port, "smtp+starttls", USER, PASSWORD).send(outgoing, 5)
    assert "SSL_CERT_FILE" in answer.words
    assert server.inbox.messages == []


def test_a_server_without_starttls_gets_nothing(mail_server: StartMail, outgoing: Outgoing) -> None:
    server = mail_server()
    answer = to_lead(server.port, "smtp+starttls", USER, PASSWORD).send(outgoing, 5)
    assert (answer.delivered, answer.lasting) == (False, True)
    assert "STARTTLS" in answer.words
    assert server.inbox.messages == []


@pytest.mark.usefixtures("trusted")
def test_a_server_that_wants_starttls_says_it(
    mail_server: StartMail, outgoing: Outgoing, tls: ssl.SSLContext
) -> None:
    server = mail_server(tls_context=tls, require_starttls=True)
    answer = to_lead(server.port).send(outgoing, 5)
    assert (answer.delivered, answer.lasting) == (False, True)
    assert "530" in answer.words


@pytest.mark.parametrize(
    ("refusal", "words", "lasting"),
    [
        ({"sender_answer": "550 5.7.1 not you"}, "refuses the sender: 550 5.7.1 not you", True),
        ({"sender_answer": "451 4.3.0 busy"}, "refuses the sender: 451 4.3.0 busy", False),
        (
            {"recipient_answer": "550 5.1.1 no such user"},
            "refuses the recipient: 550 5.1.1 no such user",
            True,
        ),
        ({"recipient_answer": "450 4.2.0 greylisted"}, "refuses the recipient: 450 4.2.0 greylisted", False),
        ({"data_answer": "554 5.6.0 spam"}, "refuses the message: 554 5.6.0 spam", True),
        ({"data_answer": "452 4.3.1 disk full"}, "refuses the message: 452 4.3.1 disk full", False),
    ],
)
def test_a_refusal_is_lasting_if_the_server_says_it_is(
    mail_server: StartMail, outgoing: Outgoing, refusal: dict[str, str], words: str, lasting: bool
) -> None:
    server = mail_server()
    for name, value in refusal.items():
        setattr(server.inbox, name, value)
    assert to_lead(server.port).send(outgoing, 5) == Answer(
        False, f"localhost:{server.port} {words}", lasting
    )


TALKERS = {
    "hangs": lambda: Talker(b""),
    "hangs after its greeting": lambda: Talker(b"220 mail.test\r\n"),
    "drips": lambda: Talker(b"220 ", b"x"),
    "goes on for ever": lambda: Talker(b"", b"220-still here\r\n"),
}


@pytest.mark.parametrize("talker", TALKERS.values(), ids=TALKERS.keys())
def test_the_deadline_holds_as_a_whole(
    outgoing: Outgoing, talker: Callable[[], asyncio.BaseProtocol]
) -> None:
    server = RawServer(talker)
    try:
        began = time.monotonic()
        answer = to_lead(server.port).send(outgoing, 0.4)
        assert time.monotonic() - began < 5  # the server would go on for ever
        assert answer == Answer(False, f"localhost:{server.port} gave no complete answer within 0.4 s")
    finally:
        server.close()


def test_a_server_that_floods_is_given_up(outgoing: Outgoing) -> None:
    server = RawServer(lambda: Talker(b"220-more\r\n" * 20_000))
    try:
        answer = to_lead(server.port).send(outgoing, 5)
        assert answer == Answer(False, f"localhost:{server.port} says more than a mail server does")
    finally:
        server.close()


def test_a_server_that_is_away_is_worth_another_try(outgoing: Outgoing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = to_lead(port).send(outgoing, 5)
    assert (answer.delivered, answer.lasting) == (False, False)
    assert "refuses the connection" in answer.words


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (MailServer("smtp://mail.plant.example", SENDER, USER, PASSWORD), "unencrypted"),
        (MailServer("smtps://mail.plant.example", SENDER, USER), "a user and a password"),
        (MailServer("smtps://mail.plant.example", SENDER, USER, PASSWORD + "č"), "beyond ASCII"),
        (MailServer("http://mail.plant.example", SENDER), "not the URL of a mail server"),
        (MailServer(f"smtps://{USER}:{PASSWORD}@mail.plant.example", SENDER), "not the URL of a mail server"),
        (MailServer("smtps://mail.plant.example:port", SENDER), "not the URL of a mail server"),
        (MailServer("smtps://", SENDER), "not the URL of a mail server"),
        (MailServer("smtps://127.0.0.1", SENDER), "allow_private"),
        (MailServer("smtps://mail.plant.example", "nobody"), "not an email address"),
        (MailServer("smtps://mail.plant.example", "a@b.example, c@d.example"), "not an email address"),
        (MailServer("smtps://mail.plant.example", "a@b.example\r\nBcc: c@d.example"), "not an email address"),
    ],
)
def test_a_server_that_cannot_be_used_is_refused(server: MailServer, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        way_of(f"mailto:{TO}", mail=server, secret="", allow_private=False)
    assert PASSWORD not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "mailto:",
        "mailto:lead",
        "mailto:lead@plant.example?subject=x",
        "mailto:lead@plant.example,boss@plant.example",
        "mailto:lead%0D%0ABcc:eve@plant.example",
        "mailto://lead@plant.example",
        "mailto:<lead@plant.example",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        way_of(url, mail=MailServer("smtps://mail.plant.example", SENDER), secret="", allow_private=False)


def test_a_sender_may_have_a_name(outgoing: Outgoing) -> None:
    message = message_of(outgoing, "Plant monitor čš <sensormon@plant.example>", TO)
    assert str(message["From"]) == "Plant monitor čš <sensormon@plant.example>"
    assert message["Message-ID"].endswith("@plant.example>")


def test_without_a_mail_server_there_is_no_mail() -> None:
    with pytest.raises(UsageError, match="no mail server"):
        way_of(f"mailto:{TO}", mail=None, secret="", allow_private=False)


def test_the_password_is_not_in_what_the_server_is_shown_as() -> None:
    assert PASSWORD not in repr(MailServer("smtps://mail.plant.example", SENDER, USER, PASSWORD))
