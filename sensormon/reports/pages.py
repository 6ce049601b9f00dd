"""Lays out what is on the pages of a report: the words, tables and charts, in the order of the board's grid.

Pure. The result is plain data for the template `report.typ`, which sets each text as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sensormon.boards.board import COLUMNS, Tile, TileKind
from sensormon.model.clock import SECOND
from sensormon.model.format import counted, day_and_time, duration, listed
from sensormon.model.tags import Tag, TagTable
from sensormon.model.text import cleaned
from sensormon.reports.content import Content, Course, EventLine
from sensormon.reports.spans import span_words, zone_words
from sensormon.view.palette import LIGHT
from sensormon.view.phrases import normal_band
from sensormon.view.severity import severity_words
from sensormon.view.simulated import BADGE
from sensormon.view.state_bands import LISTED, fill, place_of, word_of
from sensormon.view.statistics import statistics_table, statistics_words

LONGEST = 160
"""Characters of a name; longer ones are cut and end in an ellipsis."""
LONGEST_WHY = 400
"""Characters of a sentence or note."""
_RUN = 18
_ACROSS = 4  # tags in a table of statistics
_WIDTHS = {"wide": "3fr", "part": "1.5fr", "short": "27mm"}
ZERO_WIDTH = "\u200b"
"""Where a long word may break."""
_LONG_RUN = re.compile(rf"\S{{{_RUN}}}(?=\S)")
_JOINT = re.compile(r"(?<=\w)([_/\\]|(?<=[^\W\d])\.)(?=[^\W\d])")

Draw = Callable[[Course, float], str]
"""A course as SVG, as wide as this share of the page's text."""
Block = dict[str, Any]


def laid_out(content: Content, draw: Draw) -> Block:
    """The pages of this report."""
    order, zone = content.order, content.order.zone
    span = order.since, order.until
    return {
        "mark": "sensormon report",
        "title": _name(order.board.title or order.board.name),
        "span": span_words(*span, zone),
        "zone": zone_words(*span, zone),
        "by": _name(order.by),
        "generated": f"Generated {day_and_time(content.made, zone)[:16]} by {_name(order.by)} · sensormon",
        "summary": [*_summary(content)],
        "notes": [_text(note, LONGEST_WHY) for note in content.notes],
        "rows": [*_rows(content, draw), *_statistics(content), [_data_table(content)]],
    }


def _summary(content: Content) -> Iterator[Block]:
    courses, counts = content.courses.values(), content.counts
    if courses:  # a list of the events of all tags has no readings
        yield _fact("Tags", f"{len(courses):,}")
        yield _fact("Readings", f"{sum(course.overview.readings for course in courses):,}")
    yield _fact("Events", f"{counts.number:,}{'' if counts.complete else '+'}")
    yield _fact("High severity", f"{counts.high:,}", alarm=bool(counts.high))
    yield _fact("To acknowledge", f"{counts.unacknowledged:,}")


# -- the board ------------------------------------------------------------------------


def _rows(content: Content, draw: Draw) -> Iterator[list[Block]]:
    """The tiles from the top down; those beside each other on the board stay so where they are small."""
    tiles = sorted(enumerate(content.order.board.tiles), key=lambda pair: (pair[1].row, pair[1].column))
    waiting: list[tuple[int, Tile]] = []
    for place, tile in tiles:
        if waiting and (tile.row != waiting[0][1].row or not _fits(tile, [other for _, other in waiting])):
            yield _row(content, waiting, draw)
            waiting = []
        waiting.append((place, tile))
        if not _small(tile):
            yield _row(content, waiting, draw)
            waiting = []
    if waiting:
        yield _row(content, waiting, draw)


def _small(tile: Tile) -> bool:
    """Whether a tile may stand beside others."""
    if tile.kind is TileKind.CHART:
        return len(tile.tags) == 1 and tile.width <= COLUMNS // 2
    return tile.kind is TileKind.VALUE and len(tile.tags) <= 2 and tile.width < COLUMNS


def _fits(tile: Tile, others: Sequence[Tile]) -> bool:
    return _small(tile) and sum(other.width for other in others) + tile.width <= COLUMNS


def _row(content: Content, tiles: Sequence[tuple[int, Tile]], draw: Draw) -> list[Block]:
    whole = sum(tile.width for _, tile in tiles)
    return [
        {
            **_block(content, place, tile, tile.width / whole if len(tiles) > 1 else 1.0, draw),
            "width": tile.width,
        }
        for place, tile in tiles
    ]


def _block(content: Content, place: int, tile: Tile, share: float, draw: Draw) -> Block:
    courses = [content.courses[name] for name in tile.tags]
    heading = _name(tile.title)
    match tile.kind:
        case TileKind.CHART:
            charts = [_chart(content, course, draw, share) for course in courses]
            only = len(courses) == 1 and heading in ("", charts[0]["title"])
            return {"kind": "charts", "heading": "" if only else heading, "charts": charts}
        case TileKind.VALUE:
            items = [_value(content, course) for course in courses]
            return {"kind": "values", "heading": heading, "items": items, "across": max(1, round(4 * share))}
        case TileKind.STATE:
            return _states(content, courses, heading or "States")
        case TileKind.EVENTS:
            return _event_table(content, place, tile, heading or "Events")
        case TileKind.TEXT:
            paragraphs = [_text(_plain(line), 4_000) for line in tile.text.splitlines() if line.strip()]
            return {"kind": "text", "heading": heading, "paragraphs": paragraphs}


def _chart(content: Content, course: Course, draw: Draw, share: float) -> Block:
    overview, figures, tag = course.overview, course.figures, course.tag
    title = _name(course.title)
    numbers = {
        "mean": figures.mean,
        "s.d.": figures.sd,
        "min": figures.lowest,
        "P95": figures.p95,
        "max": figures.highest,
    }
    known = {} if tag.has_states else {name: value for name, value in numbers.items() if math.isfinite(value)}
    facts = [_fact(name, tag.render(value)) for name, value in known.items()]
    facts += [_fact("last", _last(course))] if tag.has_states or math.isfinite(figures.last) else []
    events = content.by_tag.get(tag.name, 0)
    facts += (
        [_fact("flagged", f"{figures.flagged:,} in {counted(events, 'event')}")] if figures.flagged else []
    )
    facts += [_fact("without readings", _without(course))] if figures.missing else []
    return {
        "title": title,
        "unit": _text("  ·  ".join(filter(None, (_name(tag.unit), normal_band(tag)))), LONGEST),
        "badge": BADGE if course.simulated else "",
        "svg": draw(course, share),
        "alt": f"{title}: {counted(overview.readings, 'reading')}",
        "empty": "No readings in this span.",
        "legend": _legend(course),
        "figures": facts if overview.readings else [],
    }


def _legend(course: Course) -> list[Block]:
    words = course.words or {}
    codes = sorted({stretch.code for stretch in course.stretches})
    shown = codes[:LISTED]
    whole = max(1, course.overview.until - course.overview.since)
    legend = []
    for code in shown:
        took = sum(stretch.end - stretch.start for stretch in course.stretches if stretch.code == code)
        color, *_ = fill(LIGHT, place_of(words, code))
        legend.append({"color": color, "word": f"{_name(word_of(words, code))} {took / whole:.0%}"})
    more = len(codes) - len(shown)
    return [*legend, {"color": LIGHT.panel, "word": f"and {counted(more, 'more state')}"}] if more else legend


def _value(content: Content, course: Course) -> Block:
    figures, zone = course.figures, content.order.zone
    note = (
        f"at {day_and_time(figures.last_time, zone)[:16]}"
        if figures.last_time
        else "no readings in this span"
    )
    return {"title": _name(course.title), "value": _last(course), "note": f"{note}{_suffix(course)}"}


def _last(course: Course) -> str:
    value = course.figures.last
    if course.tag.has_states:
        return _name(word_of(course.words or {}, value)) if math.isfinite(value) else "–"
    return _rendered(course.tag, value)


def _rendered(tag: Tag, value: float) -> str:
    return _name(tag.render(value)) if math.isfinite(value) else "–"


def _suffix(course: Course) -> str:
    return f" · {BADGE.lower()}" if course.simulated else ""


def _without(course: Course) -> str:
    figures = course.figures
    if not course.overview.readings:
        return "the whole span"
    where = f" in {counted(figures.gaps, 'gap')}" if figures.gaps > 1 else ""
    return f"{duration(figures.missing)}{where}"


# -- tables ---------------------------------------------------------------------------


def _table(
    heading: str, columns: Sequence[tuple[str, str]], rows: list[list[Block]], empty: str, more: str = ""
) -> Block:
    """A table; a column is a `number`, as wide as its text, or has a width of `_WIDTHS`."""
    names = [
        {"name": name, "width": _WIDTHS.get(kind, ""), "number": kind == "number"} for name, kind in columns
    ]
    return {
        "kind": "rows",
        "heading": heading,
        "columns": names,
        "rows": rows,
        "empty": empty,
        "more": more,
        "width": COLUMNS,
    }


def _states(content: Content, courses: Sequence[Course], heading: str) -> Block:
    zone = content.order.zone
    rows = []
    for course in courses:
        figures, tag = course.figures, course.tag
        at = day_and_time(figures.last_time, zone)[:16] if figures.last_time else "–"
        ends = (
            ["–", "–"]
            if tag.has_states
            else [_rendered(tag, figures.lowest), _rendered(tag, figures.highest)]
        )
        events = content.by_tag.get(tag.name, 0)
        rows.append(
            [
                _cell(_name(course.title)),
                _cell(_last(course)),
                _cell(at),
                *map(_cell, ends),
                _cell(f"{events:,}" if events else "–"),
                _cell(_without(course) if figures.missing else "–", alarm=not course.overview.readings),
            ]
        )
    columns = [("Tag", "wide"), ("Last", "number"), ("At", ""), ("Min", "number"), ("Max", "number")]
    return _table(heading, [*columns, ("Events", "number"), ("Without readings", "number")], rows, "No tags.")


def _event_table(content: Content, place: int, tile: Tile, heading: str) -> Block:
    lines = content.events.get(place, ())
    tags = set(tile.tags)
    whole = sum(number for tag, number in content.by_tag.items() if not tags or tag in tags)
    left = whole - len(lines)
    more = f"{counted(left, 'older event')} not listed; the Anomalies page has them." if left > 0 else ""
    columns = [
        ("Began", ""),
        ("Lasted", "number"),
        ("Tag", "part"),
        ("Peak", "number"),
        ("Severity", ""),
        ("State", "short"),
    ]
    rows = [[*_event_cells(content, line)] for line in lines]
    return _table(heading, [*columns, ("Why", "wide")], rows, "No events in this span.", more)


def _event_cells(content: Content, line: EventLine) -> Iterator[Block]:
    seconds = (line.until - line.began) / SECOND
    lasted = "ongoing" if not line.until else duration(seconds) if seconds else "–"
    severe = line.severity == "high"
    state = listed([word for word in (line.state, line.label) if word], 2)
    yield _cell(day_and_time(line.began, content.order.zone)[:16])
    yield _cell(lasted)
    yield _cell(_name(line.title))
    yield _cell(_name(line.value))
    yield _cell(severity_words(line.severity), alarm=severe)
    yield _cell(_name(state))
    yield _cell(_text(line.why, LONGEST_WHY))


def _statistics(content: Content) -> Iterator[list[Block]]:
    """The statistics, a row each and a column per tag, in tables that fit the page."""
    tags = TagTable(content.courses[row.tag].tag for row in content.statistics)
    for start in range(0, len(content.statistics), _ACROSS):
        part = content.statistics[start : start + _ACROSS]
        table = statistics_table(part, tags)
        columns = [
            ("Statistic", "wide"),
            *((_name(content.courses[row.tag].title), "number") for row in part),
        ]
        rows = [
            [_cell(_name(str(name))), *(_cell(_name(str(cell))) for cell in cells)]
            for name, *cells in table.itertuples()
        ]
        heading = "Statistics" if not start else "Statistics, continued"
        words = statistics_words(content.statistics) if start + _ACROSS >= len(content.statistics) else ""
        yield [_table(heading, columns, rows, "", words)]


def _data_table(content: Content) -> Block:
    """What the figures rest on: readings by tag, and the account of all readings."""
    rows = [
        [
            _cell(_name(course.title)),
            _cell(_name(course.tag.name)),
            _cell(f"{course.figures.readings:,}"),
            _cell(f"{course.figures.flagged:,}"),
            _cell(_without(course) if course.figures.missing else "–"),
            _cell("simulated" if course.simulated else "–"),
        ]
        for course in content.courses.values()
    ]
    columns = [("Tag", "wide"), ("Name", ""), ("Readings", "number"), ("Flagged", "number")]
    more = f"Ledger of all tags since the first start: {content.ledger}."
    return _table(
        "Data of this report", [*columns, ("Without readings", "number"), ("Origin", "")], rows, more, more
    )


# -- texts from outside ---------------------------------------------------------------


def _fact(name: str, words: str, *, alarm: bool = False) -> Block:
    return {"name": name, "words": words, "alarm": alarm}


def _cell(words: str, *, alarm: bool = False) -> Block:
    return {"words": words, "alarm": alarm}


def _plain(line: str) -> str:
    """A line of Markdown as plain text: bullets for lists, no marks of headings and of bold."""
    return re.sub(r"(\*\*|__)(.+?)\1", r"\2", re.sub(r"^\s*[-*] ", "• ", re.sub(r"^\s*#{1,6} ", "", line)))


def _name(text: str) -> str:
    return _text(text, LONGEST)


def _text(text: str, most: int) -> str:
    """The text in one line, cut to that many characters, with places where long words may break."""
    line = " ".join(cleaned(text).split())
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    return _LONG_RUN.sub(lambda match: match[0] + ZERO_WIDTH, _JOINT.sub(rf"\1{ZERO_WIDTH}", line))
