"""Pages of charts have the browser load at once what their charts need; all other answers pass unchanged."""

from __future__ import annotations

import re
from importlib.resources import files

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from sensormon.api.assets import version
from sensormon.api.early import CHARTS, Early, modules

PAGE = '<html><head><title>Streamlit</title></head><body>"</head>"</body></html>'


async def streamlit(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers as Streamlit does, also whoever knows the page by its validator."""
    headers = {"ETag": '"page"', "Accept-Ranges": "bytes"}
    known = Request(scope).headers.get("if-none-match") == '"page"'
    answer = Response(status_code=304, headers=headers) if known else HTMLResponse(PAGE, headers=headers)
    await answer(scope, receive, send)


@pytest.fixture
def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=Early(streamlit)), base_url="http://monitor")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize("path", list(CHARTS))
async def test_page_of_charts_names_their_files(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"If-None-Match": '"page"', "Range": "bytes=0-9"})
    assert (answer.status_code, int(answer.headers["content-length"])) == (200, len(answer.content))
    assert not {"etag", "accept-ranges"} & set(answer.headers)
    head, body = answer.text.split("</head>", 1)
    assert body == '<body>"</head>"</body></html>'
    named = re.findall(rf'(?:href|src)="\./assets/{version()}/([\w.-]+)"', head)
    assert {CHARTS[path], "plotly.js", "plotly-basic.min.js"} <= set(named)
    folder = files("sensormon.ui.browser")
    assert [name for name in named if not folder.joinpath(name).is_file()] == []


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/anomalies", "/static/js/index.js", "/_stcore/health"])
async def test_other_answers_pass_unchanged(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.text, answer.headers["etag"]) == (PAGE, '"page"')
    assert (await client.get(path, headers={"If-None-Match": '"page"'})).status_code == 304


def test_modules_are_all_that_a_browser_would_find_one_after_the_other() -> None:
    folder = files("sensormon.ui.browser")
    known = set(modules("board.js"))
    assert {"card.js", "live_chart.js", "traces.js"} <= known
    for name in known:
        text = folder.joinpath(name).read_text(encoding="utf-8")
        assert set(re.findall(r'from "\./([\w.-]+)"', text)) <= known, name
