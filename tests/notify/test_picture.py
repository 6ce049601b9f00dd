"""The picture of an event."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from PIL import Image

from sensormon.model.readings import Bools, Floats, Ints
from sensormon.notify.picture import event_chart
from sensormon.view.palette import LIGHT

ROOT = Path(__file__).parents[2]
PRAGUE = ZoneInfo("Europe/Prague")
BAND = "#E4E6E9"
BEGAN = 1_796_040_000_000_000
Series = tuple[Ints, Floats, Floats, Floats, Bools]


def series(rows: int = 300) -> Series:
    """A level with a step that is flagged."""
    times = BEGAN + np.arange(rows, dtype=np.int64) * 1_000_000
    values = 37 + 0.1 * np.sin(np.arange(rows) / 5)
    flagged = np.zeros(rows, dtype=bool)
    flagged[rows * 2 // 3 : rows * 5 // 6] = True
    values[flagged] += 2
    return times, values, np.full(rows, 36.6), np.full(rows, 37.4), flagged


def picture(readings: Series, title: str = "fermenter_temp", unit: str = "°C") -> Image.Image:
    content = event_chart(*readings, title, unit, PRAGUE)
    assert content is not None
    return Image.open(BytesIO(content)).convert("RGB")


def pixels(image: Image.Image, colour: str) -> int:
    return int((np.asarray(image) == np.array(rgb(colour))).all(axis=2).sum())


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def test_it_shows_line_band_and_flags_in_the_products_colours() -> None:
    image = picture(series())
    assert image.size == (960, 435)
    assert all(pixels(image, colour) for colour in (LIGHT.line, LIGHT.anomaly, LIGHT.panel, BAND))


def test_without_flags_nothing_is_red() -> None:
    *rest, flagged = series()
    image = picture((*rest, np.zeros_like(flagged)))
    assert not pixels(image, LIGHT.anomaly)


def test_without_a_band_none_is_drawn() -> None:
    times, values, lower, upper, flagged = series()
    image = picture((times, values, lower * np.nan, upper * np.nan, flagged))
    assert pixels(image, BAND) < pixels(picture(series()), BAND) / 100  # text has all greys


def test_the_line_breaks_at_a_gap() -> None:
    times, values, lower, upper, flagged = series()
    whole = np.asarray(picture((times, values, lower, upper, flagged & False)))
    late = times.copy()
    late[150:] += 100_000_000
    broken = np.asarray(picture((late, values, lower, upper, flagged & False)))
    line = np.array(rgb(LIGHT.line))
    columns = [(image == line).all(axis=2).any(axis=0) for image in (whole, broken)]
    empty = [int((~column[150:800]).sum()) for column in columns]
    assert empty[1] > empty[0] + 100


def test_the_same_readings_give_the_same_picture() -> None:
    assert event_chart(*series(), "t", "", UTC) == event_chart(*series(), "t", "", UTC)


@pytest.mark.parametrize(("title", "unit"), [("$a_b$ {x} \\frac", "$"), ("x" * 5_000, "u" * 500)])
def test_texts_are_shown_as_they_are(title: str, unit: str) -> None:
    assert picture(series(), title, unit).size == (960, 435)


@pytest.mark.parametrize("scale", [0.0, -1e-12, 1e300])
def test_any_size_of_value_is_drawn(scale: float) -> None:
    times, values, lower, upper, flagged = series()
    image = picture((times, values * scale, lower * scale, upper * scale, flagged))
    assert pixels(image, LIGHT.line)


def test_few_readings_are_drawn_and_none_gives_no_picture() -> None:
    times, values, lower, upper, flagged = series()
    assert picture((times[:1], values[:1], lower[:1], upper[:1], flagged[:1]))
    assert event_chart(times, values * np.nan, lower, upper, flagged, "t", "", UTC) is None
    assert event_chart(times[:0], values[:0], lower[:0], upper[:0], flagged[:0], "t", "", UTC) is None


def test_readings_that_are_none_are_left_out() -> None:
    times, values, lower, upper, flagged = series()
    values[::7] = np.nan
    values[3] = np.inf
    assert picture((times, values, lower, upper, flagged))


def test_thousands_of_readings_are_thinned_and_keep_their_flags() -> None:
    image = picture(series(20_000))
    assert pixels(image, LIGHT.anomaly)


def test_without_the_extra_there_is_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert event_chart(*series(), "t", "", UTC) is None


def test_matplotlib_is_imported_when_a_picture_is_drawn() -> None:
    code = "import sys, sensormon.notify.picture; print('matplotlib' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert printed.stdout.strip() == "False"
