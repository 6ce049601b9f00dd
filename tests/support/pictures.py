"""The pictures of the README and the docs, taken from the running app: `make pictures`.

Starts the app on a folder of its own with a fixed seed, waits until it is alive, takes each
view in `VIEWS` with a real browser into docs/images/, and stops the app. Sizes are fixed and
colours are reduced to a palette, so that a picture stays below `LARGEST`. What it is not: a
test; times and readings differ from run to run, as they do on a screen.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from sensormon.ui.help import GREETED
from sensormon.view.guide import PAGES
from tests.support.browser import CHROMIUM, READY
from tests.support.server import ROOT, Server

INTO = ROOT / "docs" / "images"
LARGEST = 200_000
"""Bytes of a picture."""
SEED = "7"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars"]


@dataclass(frozen=True)
class View:
    """One picture: the page's title, what its address holds, the theme and the size."""

    name: str
    page: str
    query: str = ""
    theme: Literal["light", "dark"] = "light"
    width: int = 1440
    height: int = 900
    charts: int = 1  # this many must be drawn before the picture is taken


VIEWS = (
    View("live-light", "Live", charts=3),
    View("live-dark", "Live", theme="dark", charts=3),
    View("explore", "Explore", "past=15+min", height=1000),
    View("anomalies", "Anomalies", "within=15+min", height=1000),
    View("tuning", "Tuning", "detector=Rolling+z-score&threshold=4.2", height=1000, charts=2),
    View("pipeline", "Pipeline", theme="dark", charts=2),
    View("data", "Data", "section=Tags", charts=0),
    View("notifications", "Notifications", charts=0),
    View("access", "Access", charts=0),
    View("phone", "Live", theme="dark", width=390, height=844, charts=3),
)


def address(view: View) -> str:
    """Where the view is, without the server; empty for the first page."""
    first = next(iter(PAGES))
    path = "" if view.page == first else PAGES[view.page].path
    return f"/{path}{f'?{view.query}' if view.query else ''}"


def example() -> str:
    """The file of notifications that docs/notifications.md shows whole."""
    lines = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8").splitlines()
    first = lines.index("    [mail]")
    last = next(place for place, line in enumerate(lines) if place > first and line.startswith("Names of"))
    return "\n".join(line.removeprefix("    ") for line in lines[first:last])


def take(browser: Browser, server: Server, view: View) -> bytes:
    """The view as PNG, as soon as all of it is drawn."""
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme=view.theme,
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    context.add_cookies([{"name": GREETED, "value": "1", "url": server.url}])
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(server.url + address(view))
    page.wait_for_selector(READY)
    page.get_by_text("ledger balanced").wait_for(state="attached")  # a phone shows it on demand
    page.wait_for_function(
        "count => [...document.querySelectorAll('.js-plotly-plot')]"
        ".filter((chart) => chart.querySelector('.xtick')).length >= count",
        arg=view.charts,
    )
    page.wait_for_timeout(1_500)  # fonts and the last of the drawing
    page.wait_for_selector(READY)
    content = page.screenshot()
    context.close()
    return content


def reduced(content: bytes) -> bytes:
    """The PNG with a palette of as many colours as fit into `LARGEST`. Raises ValueError if none does."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    for colours in (256, 128, 64):
        out = io.BytesIO()
        image.quantize(colours, kmeans=1, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() <= LARGEST:
            return out.getvalue()
    raise ValueError(f"{out.tell():,} bytes even with 64 colours; make the view smaller")


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the pictures that are named, all without a name."""
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(view.name for view in VIEWS)}; default: all")
    parser.add_argument("--into", type=Path, default=INTO, help="the folder, default docs/images")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.names) - {view.name for view in VIEWS}
    if unknown:
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    if CHROMIUM is None:
        parser.error("no Chromium found: apt-get install chromium, or set CHROMIUM to its path")
    chosen.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sensormon-pictures-") as folder:
        (Path(folder) / "notify.toml").write_text(example(), encoding="utf-8")
        secrets: dict[str, Any] = dict.fromkeys(("MAIL_PASSWORD", "HOOK_SECRET"), "of nobody")
        server = Server(
            Path(folder) / "data",
            SENSORMON_SEED=SEED,
            SENSORMON_NOTIFY=str(Path(folder) / "notify.toml"),
            **secrets,
        )
        try:
            server.wait_until_stored()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                for view in VIEWS:
                    if chosen.names and view.name not in chosen.names:
                        continue
                    if not (ROOT / "pages" / f"{PAGES[view.page].path}.py").exists():
                        continue
                    content = reduced(take(browser, server, view))
                    file = chosen.into / f"{view.name}.png"
                    file.write_bytes(content)
                    sys.stdout.write(f"{file}  {view.width} x {view.height}  {len(content) / 1e3:,.0f} kB\n")
                browser.close()
        finally:
            server.stop()
            server.output()
    return 0


if __name__ == "__main__":
    sys.exit(main())
