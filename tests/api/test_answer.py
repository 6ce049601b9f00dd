"""The page of a message's link: it acts once and only by its form, with all of the server's middleware."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from sensormon.model.clock import DAY, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.timestamps import to_datetime
from sensormon.monitor.monitor import Monitor
from sensormon.notify.links import LASTS, PATH
from sensormon.notify.messages import COLLECTION, Kind, content_of
from sensormon.stores.entries import AuditQuery
from tests.support.answers import URL, documents, link_to, sent, spikes
from tests.support.front import Front, Header, Reply
from tests.support.plant import START, Adopt

HOST: Header = ("host", "localhost:8501")
FORM: Header = ("content-type", "application/x-www-form-urlencoded")
OURS: list[Header] = [HOST, ("origin", "http://localhost:8501"), ("sec-fetch-site", "same-origin"), FORM]
FROM_MAIL: list[Header] = [HOST, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]
EVERYTHING = AuditQuery(0, START + DAY)
HOSTILE = '"><script>alert(1)</script>{{7*7}}'

Start = Callable[..., tuple[Monitor, Front]]


@pytest.fixture
def begin(settings: Settings, adopt: Adopt) -> Start:
    """Starts a monitor on a manual clock behind the server's middleware."""

    def make(**changes: Any) -> tuple[Monitor, Front]:
        changes = {"access": "users", "url": URL, **changes}
        return adopt(Monitor(replace(settings, **changes), ManualClock(START))), Front()

    return make


def answer(front: Front, link: str, act: str = "acknowledge", **more: Any) -> Reply:
    body = urlencode({"act": act, "note": more.pop("note", "")}).encode()
    return front.request("POST", link, more.pop("headers", OURS), body, **more)


def look(front: Front, link: str, **more: Any) -> Reply:
    return front.request(more.pop("method", "GET"), link, FROM_MAIL, **more)


def acts(monitor: Monitor) -> list[tuple[str, str, str]]:
    frame = monitor.events.actions(0, 1 << 62)
    return list(zip(frame["who"], frame["action"], frame["note"], strict=True))


@pytest.mark.parametrize("access", ["local", "users", "oidc", "proxy", "open"])
def test_link_shows_the_event_and_its_form_acts_in_every_mode(begin: Start, access: str) -> None:
    provider = {
        "oidc_url": "https://id.example",
        "oidc_client_id": "x",
        "oidc_client_secret": "y",
    }
    more = {"oidc": provider, "proxy": {"proxy_header": "x-user", "proxy_from": ("192.0.2.9",)}}
    monitor, front = begin(access=access, **more.get(access, {}))
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)), "Europe/Prague")
    page = look(front, link)
    text = page.body.decode()
    assert page.status == 200
    for words in ("Fermenter temperature", "45.00 °C lies", "Over, not acknowledged", "CEST", "Shelve for"):
        assert words in text
    reply = answer(front, link, note="on my way")
    assert reply.status == 200
    assert "<strong>Acknowledged</strong> by shift (by link)" in reply.body.decode()
    assert "Over, acknowledged by shift (by link)" in reply.body.decode()
    assert acts(monitor) == [("shift (by link)", "acknowledge", "on my way")]
    assert front.page.scopes == []


def test_looking_changes_nothing_however_often(begin: Start) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    for method in ("GET", "HEAD", "GET"):
        prefetch: list[Header] = [*FROM_MAIL, ("sec-purpose", "prefetch"), ("purpose", "prefetch")]
        assert front.request(method, link, prefetch).status == 200
        assert front.request(method, link, FROM_MAIL, b"act=acknowledge").status == 200
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        reply = front.request(method, link, OURS, b"act=acknowledge")
        assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, POST")
    assert acts(monitor) == []
    assert answer(front, link).status == 200


@pytest.mark.parametrize(
    ("zone", "shown"),
    [("Asia/Tokyo", "23:13:20 JST"), ("", "14:13:20 UTC"), ("Nowhere/City", "14:13:20 UTC")],
)
def test_page_shows_times_in_the_zone_of_the_message(begin: Start, zone: str, shown: str) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)), zone)
    if not zone:  # that of the machine
        here = to_datetime(START).astimezone()
        shown = f"{here:%H:%M:%S} {here:%Z}"
    assert f"Sent to shift at {shown}" in look(front, link).body.decode()


def test_link_answers_once_and_then_says_by_whom(begin: Start) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    answer(front, link, "shelve-8h")
    for reply in (answer(front, link, "label-true"), look(front, link)):
        text = reply.body.decode()
        assert reply.status == 200
        assert "answered already" in text
        assert "Shelved for 8 h by shift (by link)" in text
        assert "<button" not in text
    assert [act for _, act, _ in acts(monitor)] == ["shelve"]


def test_expired_forged_and_broken_links_look_the_same(begin: Start) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    monitor.clock.advance(LASTS / 1e6)  # type: ignore[attr-defined]
    pages = set()
    for wrong in (link, f"{PATH}{'0' * 48}", link[:-5], PATH):
        reply = look(front, wrong)
        assert reply.status == 404
        pages.add(reply.body)
    assert answer(front, link).body in pages
    assert len(pages) == 1
    assert b"It has expired, or it is not complete." in pages.pop()
    assert acts(monitor) == []


def test_who_guesses_is_slowed_down_and_right_links_go_on_working(begin: Start) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    statuses = [look(front, f"{PATH}{number:048x}").status for number in range(12)]
    assert statuses[:5] == [404] * 5
    assert set(statuses[5:]) == {429}
    assert int(look(front, f"{PATH}{'a' * 48}").headers["retry-after"]) > 0
    assert look(front, link).status == 200
    assert look(front, f"{PATH}{'a' * 48}", client=("192.0.2.8", 1)).status == 404
    assert answer(front, link).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [HOST, FORM, ("origin", "http://evil.example")],
        [HOST, FORM, ("origin", "http://localhost:8502")],
        [HOST, FORM, ("origin", "null")],
        [*OURS[:2], FORM, ("sec-fetch-site", "cross-site")],
    ],
)
def test_form_of_another_site_answers_nothing(begin: Start, headers: list[Header]) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    assert answer(front, link, headers=headers).status == 403
    assert acts(monitor) == []


def test_wrong_host_gets_nothing(begin: Start) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    evil: list[Header] = [("host", "evil.example"), ("origin", "http://evil.example"), FORM]
    assert front.request("GET", link, evil).status == 421
    assert answer(front, link, headers=evil).status == 421
    assert acts(monitor) == []


def test_link_leads_to_a_name_that_is_known_without_further_settings(begin: Start) -> None:
    monitor, front = begin(hosts=())
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    there: list[Header] = [("host", "monitor.plant.example"), ("origin", URL), FORM]
    assert front.request("GET", link, there).status == 200
    assert answer(front, link, headers=there).status == 200
    assert acts(monitor) != []


def test_page_loads_nothing_tells_nobody_and_is_kept_nowhere(begin: Start) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    for reply in (look(front, link), answer(front, link), look(front, f"{PATH}{'0' * 48}")):
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["referrer-policy"] == "strict-origin"
        assert reply.headers["x-robots-tag"].startswith("noindex")
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert "set-cookie" not in reply.headers
        text = reply.body.decode()
        assert "<script" not in text
        assert " style=" not in text
        assert link not in text  # the form goes back to where it came from


def test_text_from_outside_is_shown_as_text(begin: Start) -> None:
    monitor, front = begin()
    (number,) = spikes(monitor, 45.0)
    link = link_to(monitor, sent(monitor, number, contact=HOSTILE))
    monitor.actions.record([number], "note", HOSTILE, note=HOSTILE)
    monitor.actions.record([number], "acknowledge", HOSTILE)
    for reply in (look(front, link), answer(front, link, HOSTILE, note=HOSTILE), answer(front, link)):
        text = reply.body.decode()
        assert "<script" not in text
        assert "&quot;&gt;&lt;script&gt;" in text
    assert [act for _, act, _ in acts(monitor)] == ["note", "acknowledge", "acknowledge"]


def test_impossible_forms_are_refused_and_change_nothing(begin: Start) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    reply = answer(front, link, "unshelve", note="my words")
    assert reply.status == 400
    assert "There is no such answer." in reply.body.decode()
    assert ">my words</textarea>" in reply.body.decode()
    assert answer(front, link, note="x" * 1_001).status == 400
    assert answer(front, link, note="x" * 30_000).status == 413
    assert front.request("POST", link, OURS, b"&".join([b"a=1"] * 100)).status == 400
    assert front.request("POST", link, OURS, b"\xff\xfe").status == 400
    assert acts(monitor) == []
    assert answer(front, link, note="ž" * 1_000).status == 200


def test_message_of_a_test_shows_that_links_work_and_has_nothing_to_answer(begin: Start) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, kind=Kind.TEST))
    page = look(front, link)
    assert page.status == 200
    assert b"The links in messages work." in page.body
    assert b"<button" not in page.body
    assert answer(front, link).status == 400
    assert acts(monitor) == []


def test_events_acknowledged_meanwhile_are_offered_the_rest(begin: Start) -> None:
    monitor, front = begin()
    ids = spikes(monitor, 45.0, 46.0)
    link = link_to(monitor, sent(monitor, *ids))
    assert b"Acknowledge all 2 events" in look(front, link).body
    monitor.actions.record(ids, "acknowledge", "Otto")
    page = look(front, link).body.decode()
    assert "acknowledged by Otto at" in page
    assert "Acknowledge all" not in page
    assert "Label all 2 events as" in page


def test_secret_is_in_no_log_and_no_metric(begin: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    monitor, front = begin(access="open")
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    look(front, link)
    answer(front, link, "nonsense")
    answer(front, link)
    secret = link.removeprefix(PATH)
    metrics = front.request("GET", "/api/metrics").body.decode()
    assert "sensormon_readings" in metrics
    assert secret not in metrics
    assert secret not in caplog.text
    assert all(secret not in repr(record) for record in monitor.access.audit.read(EVERYTHING))


def test_marks_that_mail_programs_add_do_no_harm(begin: Start) -> None:
    monitor, front = begin()
    link = link_to(monitor, sent(monitor, *spikes(monitor, 45.0)))
    for end in (".", ")", ">", "/", ").", ""):
        assert look(front, link + end).status == 200


def test_page_names_the_tag_of_a_message_from_a_flood(begin: Start) -> None:
    monitor, front = begin()
    message = replace(sent(monitor, *spikes(monitor, 45.0)), storm=True)
    documents(monitor).keep(COLLECTION, message.key, content_of(message), "sensormon")
    page = look(front, link_to(monitor, message)).body.decode()
    assert "Fermenter temperature</h1>" in page
    assert "Alarm flood" not in page
