"""What the browser enforces for us: the content policy, framing, and origins, on a real server."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import visit
from tests.support.pages import menu
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.long]

VIOLATIONS = """window.violations = []
addEventListener("securitypolicyviolation", event => {
  violations.push([event.violatedDirective, event.blockedURI, event.sourceFile].join(" "))
})"""
PROBE = re.compile(r"/_stcore/(health|host-config)$")
"""What Streamlit asks for below a page's path, to find out its base path; the 404 is expected."""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Another program's server on this machine: its address and the folder that it serves."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{other.server_port}", tmp_path
        other.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "path", [*("" if place == 0 else path for place, (path, _) in enumerate(menu())), "api/docs"]
)
def test_every_page_keeps_to_the_policy_without_an_error_or_warning(
    page: Page, server: Server, path: str
) -> None:
    grave = ("error",) if path == "api/docs" else ("error", "warning")
    errors: list[str] = []
    page.add_init_script(VIOLATIONS)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            errors.append(f"{message.type}: {message.text} {message.location}")
            if message.type in grave and not PROBE.search(message.location.get("url", ""))
            else None
        ),
    )
    if path == "api/docs":
        page.goto(f"{server.url}/{path}")
        expect(page.locator(".opblock").first).to_be_visible()
        page.locator(".opblock-get").first.click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        expect(page.locator(".live-responses-table")).to_be_visible()
    else:
        visit(page, server, path)
        expect(page.get_by_text("ledger balanced")).to_be_visible()
    page.wait_for_load_state("networkidle") if path == "api/docs" else page.wait_for_timeout(2_500)
    assert page.evaluate("violations") == []
    assert errors == []


def test_another_origin_cannot_frame_a_page(
    browser: Browser, server: Server, foreign: tuple[str, Path]
) -> None:
    address, folder = foreign
    page = browser.new_page()
    (folder / "frame.html").write_text(f'<iframe src="{server.url}/"></iframe>', encoding="utf-8")
    refusals: list[str] = []
    page.on("console", lambda message: refusals.append(message.text) if message.type == "error" else None)
    page.goto(f"{address}/frame.html")
    page.wait_for_timeout(2_000)
    assert any("frame-ancestors" in text for text in refusals)
    assert page.frames[1].url.startswith("chrome-error:")
    page.close()


def test_a_page_at_another_port_cannot_open_the_websocket(
    page: Page, server: Server, foreign: tuple[str, Path]
) -> None:
    address, folder = foreign
    (folder / "page.html").write_text("<title>another program</title>", encoding="utf-8")
    opens = """address => new Promise(resolve => {
      const socket = new WebSocket(address)
      socket.onopen = () => resolve("open")
      socket.onerror = () => resolve("refused")
    })"""
    stream = f"{server.url.replace('http', 'ws')}/_stcore/stream"
    page.goto(f"{address}/page.html")
    assert page.evaluate(opens, stream) == "refused"
    visit(page, server, "")
    assert page.evaluate(opens, stream) == "open"


def test_a_name_that_is_made_to_resolve_here_gets_no_page(page: Page, server: Server) -> None:
    answer = page.goto(f"http://rebound.localhost:{server.port}/")  # browsers resolve it to this machine
    assert answer is not None
    assert answer.status == 421
