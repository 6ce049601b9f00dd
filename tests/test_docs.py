"""The documents: what they link to exists, and every picture of a detector is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.detector_pictures import DETECTORS, cases, figure
from tests.support.pictures import INTO, LARGEST

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)", document.read_text(encoding="utf-8"))
    files = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in files if not (document.parent / target).exists()] == []


def test_every_picture_of_a_detector_is_shown() -> None:
    page = (ROOT / "docs" / "which_detector.md").read_text(encoding="utf-8")
    for name in cases():
        assert f"(images/{name}.png)" in page
        assert (INTO / f"{name}.png").stat().st_size <= LARGEST


def test_a_picture_has_the_flags_of_every_detector() -> None:
    drawn = figure(cases()["detect-shift"])
    marks = [trace for trace in drawn.data if trace.marker.symbol == "line-ns-open"]
    assert len(marks) == len(DETECTORS)
    flagged = {name: len(trace.x) for name, trace in zip(reversed(DETECTORS), marks, strict=True)}
    assert flagged["zscore"] > 0
    assert flagged["stuck"] == 0
