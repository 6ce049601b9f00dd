"""The documents: what they link to exists, and every picture of a detector is shown."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from sensormon.notify.config import Calendar, Contact, Mail, Rule
from sensormon.notify.config_text import parse_config
from tests.support.detector_pictures import DETECTORS, cases, figure
from tests.support.pictures import INTO, LARGEST, example

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)", document.read_text(encoding="utf-8"))
    files = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in files if not (document.parent / target).exists()] == []


def test_example_of_notifications_is_a_file_that_works() -> None:
    config = parse_config(example())
    assert [*config.rules] == ["hot", "nights", "ill", "alive"]


def test_every_key_of_notifications_is_explained() -> None:
    text = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
    keys = {Rule: {"calendars": "when"}, Contact: {}, Calendar: {}, Mail: {"sender": "from"}}
    named = {names.get(field.name, field.name) for kind, names in keys.items() for field in fields(kind)}
    explained = set(re.findall(r"`(\w+)`", "\n".join(line for line in text.splitlines() if line[:1] == "|")))
    assert named - {"name"} <= explained


def test_example_of_event_frames_prints_what_the_page_says() -> None:
    page = (ROOT / "docs" / "event-frames.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    counted, went = run.stdout.splitlines()
    assert f"It prints `{counted}`" in page
    since = re.search(r"since=(\d+), now='below'", went)
    assert since is not None, went
    assert f"since step {since[1]} of 120: minute {int(since[1]) * 42 / 120:.0f}" in page


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
