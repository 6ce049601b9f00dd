"""A small kind of source for the tests of the page: a device that speaks lines of text over TCP.

The device answers `password` with a line for each of its points, `group/name|unit|low|high|value|quality`.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from sensormon.model.clock import SystemClock
from sensormon.model.errors import SourceError
from sensormon.model.readings import Batch, Quality, Reading, Reason, Rejection
from sensormon.model.tags import NAME, Tag
from sensormon.model.toml_table import Table, number, text, whole
from sensormon.model.toml_table import table as read_table
from sensormon.sources.connected import Intake, Offer, Preview, Secret, Seen, SourceKind, Stopping
from sensormon.sources.kinds import KINDS
from sensormon.sources.named import Common, NamedSource
from sensormon.sources.report import Report
from sensormon.view.source_forms import FORMS, Field, Form, Input, Rows

EVERY = 0.1
"""Seconds between two readings."""


@dataclass
class Point:
    """What the device measures."""

    value: float
    unit: str = "bar"
    low: float = 0.0
    high: float = 10.0
    quality: int = Quality.GOOD


@dataclass
class Device:
    """A real server on this machine; `points` may change while it runs. It has a password, if given."""

    points: dict[str, Point]
    password: str = ""
    asked: list[str] = field(default_factory=list)
    answers: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.answers.set()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):  # it is closed already
            self._listener.shutdown(socket.SHUT_RDWR)  # else the thread in accept keeps it open
        self._listener.close()
        self.answers.set()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rw") as line:
            word = line.readline().strip()
            self.asked.append(word)
            self.answers.wait()
            try:
                if word == self.password:
                    for name, p in [*self.points.items()]:
                        line.write(f"{name}|{p.unit}|{p.low}|{p.high}|{p.value}|{p.quality}\n")
                else:
                    line.write("refused\n")
                line.flush()
            except OSError:
                return


# -- the kind -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    point: str
    tag: str
    note: str = ""


@dataclass(frozen=True)
class LinesSource(NamedSource):
    kind: ClassVar[str] = "lines"
    url: str = ""
    most: int = 100
    timeout: float = 2.0
    rows: tuple[Row, ...] = ()

    @property
    def place(self) -> str:
        return self.url

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(row.tag for row in self.rows)


def _rows(value: Any) -> tuple[Row, ...]:
    if not isinstance(value, list):
        raise ValueError("tables are needed")
    return tuple(_row(number, item) for number, item in enumerate(value, 1))


def _row(place: int, value: Any) -> Row:
    row = dict(read_table(value))
    tag = text(row.pop("tag", ""))
    if not NAME.fullmatch(tag):
        raise ValueError(f"point {place}: {tag!r} cannot be a tag's name")
    result = Row(text(row.pop("point", "")), tag, row.pop("note", ""))
    if row:
        raise ValueError(f"point {place}: {min(row)} is not known")
    return result


def _url(value: Any) -> str:
    url = text(value)
    if not url.startswith("lines://") or ":" not in url.removeprefix("lines://"):
        raise ValueError("an address such as lines://127.0.0.1:700 is needed")
    return url


def read(common: Common, table: Table) -> LinesSource:
    return LinesSource(
        common,
        table.needed("url", _url, '"lines://127.0.0.1:700"'),
        table.usual("most", whole(1, 1_000), 100),
        table.usual("timeout", number(0.1, 10, "seconds"), 2.0),
        table.usual("points", _rows, ()),
    )


def items(config: LinesSource) -> dict[str, Any]:
    rows = [{"point": row.point, "tag": row.tag, "note": row.note or None} for row in config.rows]
    return {
        "url": config.url,
        "most": config.most if config.most != 100 else None,
        "timeout": config.timeout if config.timeout != 2.0 else None,
        "points": rows or None,
    }


class Lines:
    """Both the source and its explorer."""

    def __init__(self, config: LinesSource, secret: Secret) -> None:
        self._config = config
        self._secret = secret

    def run(self, intake: Intake, report: Report, stopping: threading.Event) -> None:
        while not stopping.wait(EVERY):
            try:
                points = self._ask(self._config.timeout)
            except SourceError as error:
                report.waiting(error)
                continue
            report.connected(f"{len(points)} points")
            now = intake.clock.now()
            rows = [
                Reading(row.tag, now, points[row.point].value, points[row.point].quality)
                for row in self._config.rows
                if row.point in points
            ]
            try:
                intake.take(Batch.of(rows, source=self._config.name, received=now))
            except Stopping:
                return

    def test(self, seconds: float) -> Seen:
        points = self._ask(seconds)
        bad = [name for name, point in points.items() if point.quality >> 30 > 1]
        return Seen(
            f"connects, sees {len(points)} points, {len(bad)} answer with bad quality",
            tuple(f"{name} has failed: look at its cable" for name in bad),
        )

    def browse(self, below: str, seconds: float) -> Sequence[Offer]:
        points = self._ask(seconds)
        if not below:
            groups = dict.fromkeys(name.partition("/")[0] for name in points)
            return [Offer(group, group, has_more=True) for group in groups]
        return [
            Offer(
                name,
                name.partition("/")[2],
                has_more=False,
                tag=Tag(
                    name.partition("/")[2],
                    name.partition("/")[2],
                    point.unit,
                    valid=(point.low, point.high),
                    resolution=0.01,
                ),
                value=f"{point.value:g}",
            )
            for name, point in points.items()
            if name.startswith(f"{below}/")
        ]

    def preview(self, count: int, seconds: float) -> Preview:
        points, now = self._ask(seconds), SystemClock().now()
        rows = [row for row in self._config.rows if row.point in points][:count]
        missing = tuple(
            Rejection("", now, 0, row.tag, "", "", Reason.MALFORMED, f"the device has no point {row.point}")
            for row in self._config.rows
            if row.point not in points
        )
        readings = [Reading(row.tag, now, points[row.point].value, points[row.point].quality) for row in rows]
        return Preview(Batch.of(readings, source=self._config.name, received=now), missing)

    def _ask(self, seconds: float) -> Mapping[str, Point]:
        host, _, port = self._config.url.removeprefix("lines://").partition(":")
        try:
            with socket.create_connection((host, int(port)), seconds) as connection:
                connection.settimeout(seconds)
                with connection.makefile("rw") as line:
                    line.write(f"{self._secret()}\n")
                    line.flush()
                    answer = [each.strip() for each in line]
        except OSError as error:
            raise SourceError(
                "nothing answers there", where=self._config.url, hint="Check its power and the address"
            ) from error
        if answer == ["refused"]:
            raise SourceError("the password is wrong", where=self._config.url, hint="Set the right one")
        points = {}
        for each in answer[: self._config.most]:
            name, unit, low, high, value, quality = each.split("|")
            points[name] = Point(float(value), unit, float(low), float(high), int(quality))
        return points


def open_source(config: LinesSource, secret: Secret, *_: Any) -> Lines:
    """See `SourceKind`."""
    return Lines(config, secret)


explore = open_source

KIND = SourceKind("lines", "Lines", read, items, "tests.support.lines")
MISSING = SourceKind("gone", "Gone", read, items, "tests.support.lines", needs=("no_such_package",))
FORM = Form(
    "Reads a device that speaks lines.",
    (
        Field("url", "Address", example="lines://127.0.0.1:700", needed=True),
        Field("most", "Most points", Input.WHOLE, usual=100),
    ),
    Rows(
        "points",
        "point",
        (Field("point", "Point", needed=True), Field("tag", "Tag", needed=True)),
        ("point",),
        lambda offer: {"point": offer.address},
    ),
)


def register() -> None:
    """Make the page know this kind, in this process and for good."""
    kinds: Any = KINDS
    forms: Any = FORMS
    kinds.update(lines=KIND, gone=MISSING)
    forms.update(lines=FORM)


def known_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for one test."""
    monkeypatch.setitem(KINDS, "lines", KIND)
    monkeypatch.setitem(KINDS, "gone", MISSING)
    monkeypatch.setitem(FORMS, "lines", FORM)
