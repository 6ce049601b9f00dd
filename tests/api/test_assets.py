"""The assets that the browser loads: complete, compressed, cacheable, and nothing else."""

from __future__ import annotations

import gzip
import re
from dataclasses import asdict
from importlib.resources import files

import httpx
import pytest

from sensormon.api.assets import Assets, version
from sensormon.ui.style import VARIABLES, style_sheet
from sensormon.view.palette import DARK, LIGHT, Palette


@pytest.fixture
def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=Assets()), base_url="http://monitor")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name", ["loader.js", "plotly.js", "copy_link.js", "head.js", "keys.js", "plotly-basic.min.js"]
)
async def test_a_file_is_served_as_it_is(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/{name}")
    assert answer.status_code == 200
    assert answer.content == (files("sensormon.ui.browser") / name).read_bytes()
    assert answer.headers["content-type"].startswith("text/javascript")
    plain = await client.get(f"/{name}", headers={"Accept-Encoding": "identity"})
    assert plain.content == answer.content
    assert len(gzip.compress(answer.content)) < len(plain.content)


@pytest.mark.anyio
async def test_an_answer_is_kept_only_with_its_version_in_the_address(client: httpx.AsyncClient) -> None:
    assert (await client.get("/loader.js")).headers["cache-control"] == "no-cache"
    old = await client.get("/0123456789ab/loader.js")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    assert "immutable" in (await client.get(f"/{version()}/loader.js")).headers["cache-control"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name",
    [
        "",
        "__init__.py",
        "../palette.py",
        "%2e%2e/palette.py",
        "nope.js",
        "other/loader.js",
        "0123456789ab/0123456789ab/loader.js",
        "0123456789ab/../loader.js/",
        "plotly-basic.LICENSE",
    ],
)
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/{name}")).status_code == 404
    assert (await client.post("/loader.js")).status_code == 404


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_every_colour_of_the_style_sheets_is_set_from_the_palette(palette: Palette) -> None:
    used = {
        file.name: set(re.findall(r"var\(--sm-([\w-]+)", file.read_text(encoding="utf-8")))
        for file in files("sensormon.ui.browser").iterdir()
        if file.name.endswith(".css")
    }
    assert used.pop("wall.css") <= asdict(DARK).keys()  # it sets the dark palette, whole, by itself
    assert set().union(*used.values()) == set(VARIABLES)
    for name in VARIABLES:
        assert f"--sm-{name}: {getattr(palette, name)};" in style_sheet(palette)


def test_the_style_sheet_passes_the_filter_of_streamlits_html() -> None:
    assert not re.search(r"<[/\w!]", style_sheet(LIGHT)), "what looks like markup empties the whole sheet"


def test_plotly_in_the_browser_is_of_the_release_that_the_figures_are_made_for() -> None:
    """Both files begin with their version; a new major one of the package needs a new bundle."""
    drawn_by = _major((files("sensormon.ui.browser") / "plotly-basic.min.js").read_text(encoding="utf-8"))
    assert drawn_by == _major(
        (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    )


def _major(script: str) -> str:
    version = re.search(r"plotly\.js.* v(\d+)\.", script[:200])
    assert version
    return version[1]
