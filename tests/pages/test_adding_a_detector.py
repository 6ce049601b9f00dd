"""A new detector is one file and its line in the registry; pages, sentences and `detect` find it there."""

from __future__ import annotations

import numpy as np
import pytest

from sensormon.detectors import DETECTORS, PER_TAG, detect
from sensormon.detectors.judged import Judged
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.profiles import single
from sensormon.monitor.monitor import Monitor
from sensormon.view.detectors import detector_words
from sensormon.view.explanation import explain
from tests.support.jump import Jump
from tests.support.pages import show, text
from tests.support.plant import batch_of


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line in the registry."""
    monkeypatch.setitem(PER_TAG, "jump", Jump)
    monkeypatch.setitem(DETECTORS, "jump", Jump)


def test_detect_takes_the_new_detector() -> None:
    result = detect(np.array([1.0, 1.1, 5.0, 5.1]), detector="jump", limit=2.0)
    assert result["is_anomaly"].tolist() == [False, False, True, False]


@pytest.mark.usefixtures("full")
def test_tuning_offers_the_new_detector_with_its_own_words() -> None:
    app = show("tuning", detector=Jump.title)
    assert app.multiselect(key="detector").value == ["jump"]
    assert Jump.PARAMETERS[0].label_with_unit in {field.label for field in (*app.slider, *app.number_input)}
    assert Jump.catches in text(app)
    assert "With new settings" in text(app)


def test_applied_detector_explains_its_flags(full: Monitor, clock: ManualClock) -> None:
    settings = full.tuner.apply(single("jump", {"limit": 0.05}), "Ana")
    assert detector_words(settings.detector, settings.params) == "Jump watch, limit 0.05"
    clock.advance(1)
    now = clock.now()
    full.submit(batch_of(("fermenter_ph", 7.0), ("fermenter_ph", 8.5), at=now))
    full.drain()
    flagged = full.stored.anomalies(["fermenter_ph"], now, now + 60 * SECOND)
    why = explain(full.tags["fermenter_ph"], Judged.of(flagged.iloc[0].to_dict()), settings)
    assert "jumped by jump 1.5" in why.sentence
