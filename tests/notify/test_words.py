"""Messages in words: a subject that says what is wrong, the same facts as text, as mail and as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from sensormon.detectors.judged import Judged, off_expected
from sensormon.model.clock import DAY, SECOND
from sensormon.model.entries import DetectorSettings
from sensormon.model.tags import Tag
from sensormon.notify.messages import Kind, Message, ToldEvent
from sensormon.notify.words import SUBJECT, outgoing, payload_of, subject_of
from sensormon.view.explanation import explain
from tests.support.plant import START

ZONE = ZoneInfo("Europe/Prague")
WHY = "Z-score: 42.1 °C lies 4.6 °C above the expected 37.5 ± 1.1 °C (z 12.5, above 3.0)."
LINK = f"https://monitor.plant.example/answer/{'3f' * 24}"
EVENT = ToldEvent(
    7, "fermenter_temp", "Fermenter temperature", START, "42.1 °C", 12.54, "high", WHY, number=42.1
)
PH = ToldEvent(
    9, "fermenter_ph", "Fermenter pH", START + 5 * SECOND, "8.9 pH", 4.1, "medium", "pH: why.", number=8.9
)
HOSTILE = '<img src=x onerror="alert(1)">&"\r\nBcc: all@plant.example'


def message(kind: Kind = Kind.EVENT, *events: ToldEvent, **more: object) -> Message:
    fields = {"rule": "hot", "created": START + 90 * SECOND, **more}
    return Message("k1", kind, contact="shift", events=events, **fields)  # type: ignore[arg-type]


def subject(kind: Kind = Kind.EVENT, *events: ToldEvent, **more: object) -> str:
    return subject_of(message(kind, *events, **more), ZONE)


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_subject_says_what_is_wrong_since_when_and_how_bad() -> None:
    assert subject(Kind.EVENT, EVENT) == (
        "Fermenter temperature 42.1 °C, 4.6 °C above expected since 16:13 — high"
    )
    assert subject(Kind.EVENT, PH) == "Fermenter pH 8.9 pH, score 4.1 since 16:13 — medium"
    assert subject(Kind.EVENT, EVENT, created=START + DAY).endswith("since 2026-09-21 16:13 — high")
    assert subject(Kind.EVENT, EVENT, PH) == (
        "2 events since 16:13: Fermenter temperature, Fermenter pH — high"
    )


def test_each_kind_has_words_of_its_own() -> None:
    assert subject(Kind.RETURNED, EVENT) == (
        "Returned to normal: Fermenter temperature, peak 42.1 °C, since 16:13"
    )
    assert subject(Kind.REMINDER, EVENT) == (
        "Not acknowledged: Fermenter temperature 42.1 °C since 16:13 — high"
    )
    assert subject(Kind.ESCALATION, EVENT, PH).startswith("Escalation: 2 events since 16:13: ")
    assert subject(Kind.EVENT, EVENT, PH, held_back=429, storm=True) == (
        "Alarm flood: 431 events in 1 min 30 s; 2 listed, 429 more"
    )
    assert subject(Kind.EVENT, EVENT, PH, storm=True) == (
        "Alarm flood, 2 more events: Fermenter temperature, Fermenter pH — high"
    )
    assert subject(Kind.EVENT, PH, storm=True) == "Alarm flood, 1 more event: Fermenter pH — medium"
    assert subject(Kind.RETURNED, EVENT, PH, storm=True).startswith("Returned to normal: 2 events since")
    assert subject(Kind.ESCALATION, EVENT, PH, storm=True).startswith("Escalation: 2 events since")
    assert subject(Kind.EVENT, EVENT, EVENT, PH) == (
        "3 events since 16:13: Fermenter temperature, Fermenter pH — high"
    )
    assert subject(Kind.DIGEST, EVENT, PH, held_back=55) == (
        "Digest: 57 events since 16:13; 2 listed, 55 more"
    )
    assert subject(Kind.TEST) == "Test message from sensormon to shift"


@pytest.mark.parametrize(
    ("kind", "condition", "text", "expected"),
    [
        (
            Kind.HEALTH,
            "silent:ph",
            "pH has been silent for 5 min. Check it.",
            "Monitor: pH has been silent for 5 min. Check it",
        ),
        (Kind.HEALTH, "a\nb", "A is so.\nB is so.", "Monitor: A is so (and 1 more)"),
        (Kind.REMINDER, "store:x", "x is away.", "Monitor, still: x is away"),
        (Kind.ESCALATION, "store:x", "x is away.", "Monitor, escalation: x is away"),
        (Kind.RETURNED, "store:x", "x takes readings again.", "Monitor: x takes readings again"),
        (
            Kind.HEALTH,
            "heartbeat",
            "The monitor is alive. Nothing.\nx is away.",
            "The monitor is alive. Nothing",
        ),
    ],
)
def test_subject_on_the_monitor_itself(kind: Kind, condition: str, text: str, expected: str) -> None:
    ill = message(kind, condition=condition, text=text)
    assert subject_of(ill, ZONE) == expected
    assert all(line in outgoing(ill).text for line in text.splitlines())
    assert payload_of(ill, "")["text"] == text


@pytest.mark.parametrize("length", [10, 60, 128])
@pytest.mark.parametrize("kind", list(Kind))
def test_subject_is_one_short_line_whatever_a_tag_is_called(kind: Kind, length: int) -> None:
    long = replace(EVENT, title="t" * length, tag="g" * length, value="v" * 40)
    for events in ((long,), (long, long), (replace(EVENT, title=HOSTILE),), ()):
        words = subject(kind, *events, text=HOSTILE * 9, condition="x:y")
        assert 0 < len(words) <= SUBJECT
        assert words.isprintable()


def test_subject_keeps_severity_and_time_when_a_name_is_cut() -> None:
    words = subject(Kind.EVENT, replace(EVENT, title="t" * 128, tag="g" * 128))
    assert words.endswith("g… 42.1 °C since 16:13 — high")
    assert len(words) == SUBJECT


def test_text_has_the_sentence_of_why_the_zone_and_the_link() -> None:
    words = outgoing(message(Kind.EVENT, EVENT, PH, held_back=3), LINK, ZONE)
    assert (
        words.text
        == f"""Fermenter temperature
peak 42.1 °C, since 2026-09-21 16:13:20 CEST, severity high, score 12.5
{WHY}

Fermenter pH
peak 8.9 pH, since 2026-09-21 16:13:25 CEST, severity medium, score 4.1
pH: why.

3 more events not listed.

Acknowledge, shelve or label, without signing in:
{LINK}
The link works once, within 7 days.

--{" "}
sensormon · sent to shift by rule hot
"""
    )


def test_mail_says_the_same_as_the_text() -> None:
    for kind in Kind:
        told = message(kind, EVENT, PH, held_back=3, storm=kind is Kind.DIGEST)
        words = outgoing(told, LINK, ZONE)
        page = Page(words.html)
        for line in ("2026-09-21 16:13:20 CEST", WHY, "3 more events not listed.", "42.1 °C"):
            assert line in words.text
            assert line in page.text
        assert ("href", LINK) in page.attributes


def test_without_a_link_there_is_none() -> None:
    words = outgoing(message(Kind.EVENT, EVENT), "", ZONE)
    assert "http" not in words.text
    assert "a" not in Page(words.html).tags
    assert words.payload["events"][0]["link"] == ""


def test_mail_runs_nothing_and_loads_nothing_but_the_picture_it_brings() -> None:
    told = message(
        Kind.DIGEST,
        replace(EVENT, title=HOSTILE, why=HOSTILE, value=HOSTILE, severity=HOSTILE),
        rule=HOSTILE,
    )
    html = outgoing(told, LINK, ZONE, picture=True).html
    page = Page(html)
    assert page.tags.count("img") == 1
    assert not {"script", "iframe", "link", "form", "object", "svg"} & set(page.tags)
    assert ("src", "cid:chart") in page.attributes
    assert [value for name, value in page.attributes if name in ("src", "href")] == ["cid:chart", LINK]
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "url(" not in html
    assert "onerror" in page.text
    assert "img" not in Page(outgoing(told, LINK, ZONE).html).tags


def test_lines_of_text_are_those_of_the_message_alone() -> None:
    told = message(Kind.EVENT, replace(EVENT, title=HOSTILE, why=HOSTILE), rule=HOSTILE)
    words = outgoing(told, LINK, ZONE)
    assert not [line for line in words.text.splitlines() if line.startswith("Bcc")]
    assert "\n" not in words.subject
    assert "\r" not in words.text


def test_many_events_are_short_and_have_the_button_first() -> None:
    events = tuple(replace(EVENT, id=i, title=f"Line {i}") for i in range(1, 21))
    html = outgoing(message(Kind.EVENT, *events, held_back=411, storm=True), LINK, ZONE).html
    assert html.index(LINK) < html.index("Line 1<")
    assert "common cause" in html
    assert len(html) < 60_000  # Gmail cuts a message at 102 kB


def test_webhook_gets_the_fixed_keys_and_plain_json() -> None:
    endless = replace(PH, score=math.inf)
    payload = payload_of(message(Kind.EVENT, EVENT, endless, held_back=4), LINK)
    assert json.loads(json.dumps(payload, allow_nan=False)) == {
        "key": "k1",
        "kind": "event",
        "rule": "hot",
        "contact": "shift",
        "events": [
            {
                "id": 7,
                "tag": "fermenter_temp",
                "began": "2026-09-21T14:13:20.000Z",
                "value": 42.1,
                "score": 12.54,
                "severity": "high",
                "why": WHY,
                "link": LINK,
            },
            {
                "id": 9,
                "tag": "fermenter_ph",
                "began": "2026-09-21T14:13:25.000Z",
                "value": 8.9,
                "score": None,
                "severity": "medium",
                "why": "pH: why.",
                "link": LINK,
            },
        ],
        "held_back": 4,
    }


@pytest.mark.parametrize("detector", ["zscore", "recommended", "hampel"])
def test_how_far_off_is_read_from_the_sentence_that_a_detector_writes(detector: str) -> None:
    tag = Tag("ph", "pH", "pH", resolution=0.01)
    version = DetectorSettings(1, START, "environment", detector, {}, {})
    reading = Judged(8.91, 0, 500, 5.2, 7.02, 6.66, 7.38, True, detector=detector)
    assert off_expected(explain(tag, reading, version).sentence) == "1.89 pH above expected"
