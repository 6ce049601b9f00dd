"""Colours that carry words or meaning are far enough from their ground, in both themes (WCAG 2.2, AA).

1.4.3: 4.5 to 1 for text. 1.4.11: 3 to 1 for graphics that mean something, and for the focus ring.
Gridlines, card edges and shaded bands decorate: what they say is also said by position or words.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sensormon.view.palette import DARK, LIGHT, Palette

CONFIG = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())["theme"]
THEMES = {"light": LIGHT, "dark": DARK}


def luminance(colour: str) -> float:
    """Relative luminance of #RRGGBB, as WCAG defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(color: str, other: str) -> float:
    """From 1 to 21."""
    light, dark = sorted((luminance(color), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_itself() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("text", ["text", "secondary", "anomaly", "interaction"])
@pytest.mark.parametrize("ground", ["ground", "panel"])
def test_text_has_contrast(theme: str, text: str, ground: str) -> None:
    palette = THEMES[theme]
    assert contrast(getattr(palette, text), getattr(palette, ground)) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("mark", ["line", "anomaly", "uncertain", "interaction", "secondary"])
@pytest.mark.parametrize("ground", ["ground", "panel"])
def test_marks_contrast_with_the_background(theme: str, mark: str, ground: str) -> None:
    palette = THEMES[theme]
    assert contrast(getattr(palette, mark), getattr(palette, ground)) >= 3


@pytest.mark.parametrize("theme", THEMES)
def test_marks_contrast_with_the_line_beneath(theme: str) -> None:
    palette = THEMES[theme]
    # Its shape also distinguishes a diamond, but its colour must still stand out from the line.
    assert contrast(palette.anomaly, palette.line) >= 1.1


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("textColor", "backgroundColor"),
        ("textColor", "secondaryBackgroundColor"),
        ("linkColor", "backgroundColor"),
        ("linkColor", "secondaryBackgroundColor"),
        ("primaryColor", "backgroundColor"),
        ("redTextColor", "redBackgroundColor"),
        ("yellowTextColor", "yellowBackgroundColor"),
        ("blueTextColor", "blueBackgroundColor"),
        ("grayTextColor", "backgroundColor"),
        ("grayTextColor", "secondaryBackgroundColor"),
        ("codeTextColor", "codeBackgroundColor"),
        ("dataframeHeaderTextColor", "dataframeHeaderBackgroundColor"),
    ],
)
def test_streamlits_own_text_has_contrast(theme: str, text: str, ground: str) -> None:
    colours = CONFIG[theme]
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_the_theme_and_the_palette_have_the_same_colours(theme: str) -> None:
    colours, palette = CONFIG[theme], THEMES[theme]
    same: dict[str, str] = {
        "backgroundColor": palette.ground,
        "secondaryBackgroundColor": palette.panel,
        "textColor": palette.text,
        "primaryColor": palette.interaction,
        "linkColor": palette.interaction,
        "borderColor": palette.border,
        "redTextColor": palette.anomaly,
        "grayTextColor": palette.secondary,
    }
    assert {name: colours[name] for name in same} == same
    assert isinstance(palette, Palette)
