"""A page of plain HTML in front of Streamlit: no scripts, nothing from elsewhere, light and dark."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from starlette.responses import HTMLResponse

from sensormon.view.palette import DARK, LIGHT, Palette

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_POLICY = (
    "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_SHOWN = ("ground", "panel", "text", "secondary", "border", "anomaly", "interaction")
_STYLE = """
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; padding: 1rem; display: grid; place-items: center;
  background: var(--ground); color: var(--text); font: 1rem/1.5 "Source Sans", system-ui, sans-serif; }
main { width: 100%; max-width: 23rem; background: var(--panel); border: 1px solid var(--border);
  border-radius: .4rem; padding: 1.75rem; }
.product { margin: 0 0 .25rem; color: var(--secondary); font-size: .875rem; }
h1 { margin: 0 0 1.25rem; font-size: 1.5rem; line-height: 2rem; font-weight: 600; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
label { display: block; margin-bottom: .3rem; font-size: .875rem; color: var(--secondary); }
input { width: 100%; min-height: 2.75rem; margin-bottom: 1rem; padding: .5rem .75rem; font: inherit;
  color: var(--text); background: var(--ground); border: 1px solid var(--border); border-radius: .4rem; }
button { width: 100%; min-height: 2.75rem; font: inherit; font-weight: 600; cursor: pointer;
  color: var(--panel); background: var(--interaction); border: 0; border-radius: .4rem; }
:focus-visible { outline: 2px solid var(--interaction); outline-offset: 2px; }
a { color: var(--interaction); }
.wrong { padding-left: .75rem; border-left: 3px solid; color: var(--anomaly); font-weight: 600; }
.quiet { color: var(--secondary); font-size: .875rem; }
p:last-child { margin-bottom: 0; }
button + p, form + p { margin-top: 1rem; }
code { font: .8rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.command { overflow-x: auto; }
.command span { white-space: nowrap; }
"""


def plain_page(
    title: str,
    body: str,
    status: int = 200,
    headers: dict[str, str] | None = None,
    refresh: str = "",
    style: str = "",
) -> HTMLResponse:
    """A page of this title and body (HTML); `style` is CSS besides the usual one.

    With `refresh` the browser goes on to that address at once.
    """
    again = f'\n<meta http-equiv="refresh" content="0; url={escape(refresh)}">' if refresh else ""
    css = f"{_COLOURS}{_STYLE}{style}"
    html = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">{again}
<title>{escape(title)} · sensormon</title>
<style>{css}</style>
</head>
<body>
<main>
<p class="product">sensormon</p>
<h1>{escape(title)}</h1>
{body}
</main>
</body>
</html>
"""
    policy = _POLICY.format(style=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode())
    usual = {**_HEADERS, "Content-Security-Policy": policy}
    return HTMLResponse(html, status, {**usual, **(headers or {})})


def _variables(palette: Palette) -> str:
    return "".join(f"--{name}: {getattr(palette, name)}; " for name in _SHOWN)


_COLOURS = (
    f":root {{ {_variables(LIGHT)}}}\n@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)}}} }}"
)
