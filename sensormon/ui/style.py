"""The style sheet that every page begins with: `browser/base.css` in the colours of the viewer's theme.

The file is part of the page itself, not loaded from `/assets`: it applies before the first paint,
and also on a server that serves only the pages.
"""

from __future__ import annotations

from importlib.resources import files

from sensormon.view.palette import Palette

VARIABLES = (
    "panel",
    "text",
    "secondary",
    "grid",
    "border",
    "band",
    "anomaly",
    "uncertain",
    "interaction",
)
"""The colours of a palette that style sheets use, as `--sm-NAME`."""

_BASE = files("sensormon.ui.browser").joinpath("base.css").read_text(encoding="utf-8")


def style_sheet(palette: Palette) -> str:
    """CSS that sets the variables to the colours of this palette and then styles the page with them."""
    variables = "".join(f"--sm-{name}: {getattr(palette, name)}; " for name in VARIABLES)
    return f":root {{ {variables}}}\n{_BASE}"
