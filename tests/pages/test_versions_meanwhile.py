"""Dialogs that apply settings, when somebody else has applied other ones since they were opened."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from tests.support.pages import text
from tests.support.plant import START, Adopt


def open_dialog() -> None:
    """What the button "Revert to version 1" opens while version 2 is in force."""
    from sensormon.monitor.runtime import monitor
    from sensormon.ui.tuning_versions import revert
    from sensormon.ui.viewer import viewer

    m = monitor()
    revert(m, viewer(), next(version for version in m.tuner.versions() if version.id == 1), 2)


def test_revert_never_goes_over_a_version_applied_since_the_dialog_was_opened(
    settings: Settings, adopt: Adopt
) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    monitor.tuner.set_zscore({"threshold": 4.0}, "Ann")
    monitor.drain()
    app = AppTest.from_function(open_dialog, default_timeout=60).run()
    assert not app.exception
    monitor.tuner.set_zscore({"threshold": 5.0}, "Ben")
    app.text_input(key="revert-1-who").set_value("Cleo")
    app.text_input(key="revert-1-reason").set_value("back")
    app.button(key="revert-1-apply").click().run()
    assert not app.exception
    assert "Ben has applied version 3 meanwhile" in text(app)
    assert monitor.detection.in_force.id == 3
