"""Grafana's dashboards as a test reads them: their queries, with macros and variables expanded as it does.

Sources: Grafana's documentation of the PostgreSQL data source (macros) and of global variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.support.server import ROOT

FOLDER = ROOT / "docs" / "grafana"
Json = dict[str, Any]


def dashboard(name: str) -> Json:
    """The dashboard file of this name."""
    content: Json = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


def targets(board: Json) -> Iterator[tuple[str, Json]]:
    """Each query of each panel, with the panel's title."""
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target


def iso(moment: datetime) -> str:
    """As `${__from:date:iso}` gives it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def sql(text: str, since: datetime, until: datetime, seconds: int, tags: Sequence[str]) -> str:
    """The query that the PostgreSQL data source sends, with `seconds` as the interval."""
    quoted = ", ".join("'" + tag.replace("'", "''") + "'" for tag in tags)
    text = text.replace("$tag", quoted).replace("$__interval", f"{seconds}s")
    text = re.sub(
        r"\$__timeGroupAlias\((\w+),\s*(\d+)s\)",
        r'floor(extract(epoch from \1)/\2)*\2 AS "time"',
        text,
    )
    text = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN '{iso(since)}' AND '{iso(until)}'", text)
    assert "$" not in text, text
    return text


def interpolated(text: str, since: datetime, until: datetime, tag: str) -> str:
    """The text with the variables that the Infinity data source is given."""
    text = text.replace("${__from:date:iso}", iso(since)).replace("${__to:date:iso}", iso(until))
    text = text.replace("${tag}", tag)
    assert "$" not in text, text
    return text


def promql(text: str, seconds: int) -> str:
    """The query that the Prometheus data source sends, for a span of this length."""
    text = text.replace("$__rate_interval", f"{seconds}s").replace("$__range", f"{seconds}s")
    assert "$" not in text, text
    return text
