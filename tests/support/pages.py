"""The pages, and what they show when Streamlit's AppTest runs them without a browser."""

from __future__ import annotations

import json
import re
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.support.server import ROOT

PAGES = ["live", "boards", "anomalies", "explore", "tuning", "pipeline", "data", "notifications", "access"]
"""Every page by the name of its file, in the order of the menu."""


def menu() -> list[tuple[str, str]]:
    """File and title of each page, in the order of the menu."""
    source = (ROOT / "sensormon" / "ui" / "navigation.py").read_text()
    pages = re.findall(r'st\.Page\("pages/(\w+)\.py", title="(\w+)"', source)
    assert pages
    return pages


def show(page: str, **query: str) -> AppTest:
    """The page after its first run, opened with these query parameters. Fails if the page raises."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    if page != "live":
        app.switch_page(f"pages/{page}.py")  # as a link does: the first page that is drawn is this one
    app.run()
    assert not app.exception, app.exception
    return app


def text(app: AppTest) -> str:
    """All text on the page, except that of tables, figures and input widgets."""
    kinds = ("html", "markdown", "caption", "info", "error", "header", "subheader")
    parts = [element for kind in kinds for element in app.get(kind)]
    return "\n".join(
        str(getattr(part, name, "") or getattr(part.proto, name, ""))
        for part in parts
        for name in ("title", "value", "body")
    )


def figures(app: AppTest) -> int:
    """How many Plotly figures the page shows."""
    return len(app.get("plotly_chart"))


def mounted(app: AppTest, key: str) -> dict[str, Any]:
    """The data given to the browser component with this key."""
    (component,) = [element for element in app.get("bidi_component") if element.proto.id.endswith(f"-{key}")]
    data: dict[str, Any] = json.loads(component.proto.json)
    return data


def button(app: AppTest, label: str) -> Any:
    """The first button with this label."""
    return next(element for element in app.button if element.label == label)


def chart(app: AppTest, key: str = "explore-chart") -> dict[str, Any]:
    """The figure of the chart."""
    figure: dict[str, Any] = json.loads(mounted(app, key)["figure"])
    return figure
