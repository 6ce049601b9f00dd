"""Data → Sources: the list, adding, testing, picking, a dry run, saving, roles and what is never shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from sensormon.access.roles import Role
from sensormon.intake.named_sources import sources_of
from sensormon.model.clock import ManualClock
from sensormon.model.entries import AuditRecord
from sensormon.model.readings import Quality
from sensormon.model.settings import Settings
from sensormon.monitor.monitor import Monitor
from sensormon.sources.named_text import parse_sources
from sensormon.stores.entries import AuditQuery
from tests.support.lines import Device, LinesSource, Point, Row, known_here
from tests.support.pages import show
from tests.support.pages import text as markdown
from tests.support.people import visit_of, with_accounts
from tests.support.plant import START, Adopt

FAR = 2 * START
WORD = "violet-anchor-7"


@pytest.fixture
def device() -> Iterator[Device]:
    device = Device(
        {
            "boiler/PI-1": Point(7.1),
            "boiler/PI-2": Point(99.0),
            "boiler/TI-3": Point(20.0, "°C", 0, 100, Quality.BAD_SENSOR_FAILURE),
            "pump/FI-4": Point(1.5, "m3/h"),
        },
        WORD,
    )
    yield device
    device.close()


@pytest.fixture
def plant(
    settings: Settings, adopt: Adopt, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Monitor]:
    """A monitor in the mode `users`; its administrator looks at the pages."""
    known_here(monkeypatch)
    monkeypatch.setenv("LINES_PASSWORD", WORD)
    monitor = adopt(Monitor(replace(settings, access="users"), clock))
    monitor.beside["tokens"] = with_accounts(monitor)
    as_a(monkeypatch, session_of(monitor, Role.ADMINISTRATOR))
    clock.advance(1.0)
    yield monitor
    sources_of(monitor).stop()


def session_of(monitor: Monitor, role: Role) -> str:
    """The token of the person with this role."""
    token: str = monitor.beside["tokens"][role]
    return token


def as_a(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setattr("sensormon.ui.who.visit", lambda: visit_of(token))


def text(app: AppTest) -> str:
    """All text on the page, without what escapes it for Markdown."""
    parts = [*(each.proto.body for each in app.get("warning"))]
    return "\n".join([markdown(app), *parts]).replace("\\", "")


def in_file(monitor: Monitor) -> dict[str, Any]:
    path = monitor.settings.sources_file
    return dict(parse_sources(path.read_text())) if path.exists() else {}


def press(app: AppTest, key: str) -> AppTest:
    """Press the button whose key ends like this; the page must not fail."""
    button = next(button for button in app.button if button.key and button.key.endswith(key))
    assert not button.disabled, f"{key} is disabled"
    button.click().run()
    assert not app.exception, app.exception
    return app


def field(app: AppTest, kind: str, key: str) -> Any:
    """The field whose key ends like this."""
    return next(each for each in app.get(kind) if each.key and each.key.endswith(key))


def write(monitor: Monitor, device: Device, name: str = "line1", more: str = "") -> None:
    """A source in the file, written by hand."""
    path = monitor.settings.sources_file
    before = path.read_text() if path.exists() else "# kept\n"
    path.write_text(
        f'{before}\n[sources.{name}]\nkind = "lines"\nurl = "lines://127.0.0.1:{device.port}"\n'
        f'password_env = "LINES_PASSWORD"\n{more}\n'
    )


ROWS = '[[sources.line1.points]]\npoint = "boiler/PI-1"  # the old one\ntag = "fermenter_ph"\nnote = "x"\n'


def new_source(device: Device, name: str = "line1") -> AppTest:
    """The editor of a new source with its fields filled in."""
    app = press(show("data", section="Sources"), "source-new")
    press(app, "source-kind-lines")
    field(app, "text_input", "-name").input(name)
    field(app, "text_input", "-url").input(f"lines://127.0.0.1:{device.port}")
    field(app, "button_group", "-secret").set_value("Environment variable").run()
    field(app, "text_input", "-password_env").input("LINES_PASSWORD").run()
    assert not app.exception, app.exception
    return app


def newest(monitor: Monitor, act: str = "manage sources") -> AuditRecord:
    return next(record for record in monitor.access.audit.read(AuditQuery(0, FAR)) if record.act == act)


@pytest.mark.usefixtures("plant")
def test_without_sources_one_sentence_says_what_they_are() -> None:
    app = show("data", section="Sources")
    assert "A source reads what a plant already has" in text(app)
    press(app, "source-new")
    assert "Reads a device that speaks lines." in text(app)
    assert "Gone needs no_such_package, which is not installed: pip install" in text(app)
    assert field(app, "button", "source-kind-gone").disabled


def test_source_is_added_tested_picked_tried_and_saved(plant: Monitor, device: Device) -> None:
    app = new_source(device)
    press(app, "source-test")
    assert "Connects, sees 4 points, 1 answer with bad quality" in text(app)
    assert "boiler/TI-3 has failed: look at its cable" in text(app)
    press(app, "-browse")
    press(app, "-open-0-0")
    field(app, "text_input", "-prefix").input("B1_")
    field(app, "checkbox", "-lower").check().run()
    press(app, "-pick-all")
    assert "3 tags will be new in the tag table" in text(app)
    press(app, "source-preview")
    (table,) = [each.value for each in app.dataframe if "What happens" in each.value]
    assert list(table["Tag"]) == ["b1_pi-1", "b1_pi-2", "b1_ti-3"]
    assert table["What happens"][0] == "stored"
    assert table["Value"][0] == "7.10 bar"
    assert "outside the valid range 0 to 10 bar" in table["What happens"][1]
    assert table["Quality"][2] == "bad: sensor failure"
    press(app, "source-save")
    assert "line1 is saved and starts. 3 tags added to the tag table." in text(app)
    source = in_file(plant)["line1"]
    assert [(row.point, row.tag) for row in source.rows] == [
        ("boiler/PI-1", "b1_pi-1"),
        ("boiler/PI-2", "b1_pi-2"),
        ("boiler/TI-3", "b1_ti-3"),
    ]
    tag = plant.tags["b1_pi-1"]
    assert (tag.unit, tag.valid, tag.resolution, tag.simulated) == ("bar", (0.0, 10.0), 0.01, False)
    assert (newest(plant).before, newest(plant).failure) == ("nothing", "")
    assert "b1_pi-2" in newest(plant).after
    assert newest(plant, "edit tags").after
    assert set(device.asked) == {WORD}
    shown = text(app) + "".join(map(str, plant.access.audit.read(AuditQuery(0, FAR))))
    assert WORD not in shown + plant.settings.sources_file.read_text()


def test_saved_source_runs_and_its_state_is_shown(plant: Monitor, device: Device) -> None:
    write(plant, device, more=ROWS)
    sources = sources_of(plant)
    sources.look()
    until_stored(plant)
    app = show("data", section="Sources")
    shown = text(app)
    assert "● connected" in shown
    assert "4 points" in shown
    assert "<b>line1</b>" in shown
    press(app, "source-switch-line1")
    assert "line1 is stopped." in text(app)
    assert not in_file(plant)["line1"].common.on
    sources.look()
    assert "○ stopped" in text(show("data", section="Sources"))
    press(app, "source-switch-line1")
    assert in_file(plant)["line1"].common.on
    assert "# the old one" in plant.settings.sources_file.read_text(), "comments stay"


def until_stored(plant: Monitor) -> None:
    """Wait until a reading of the source is durable."""
    tick, until = threading.Event(), monotonic() + 30
    while not sources_of(plant).health()[0].stored:
        assert monotonic() < until, sources_of(plant).health()
        tick.wait(0.02)


def test_edit_keeps_what_the_form_does_not_show(plant: Monitor, device: Device) -> None:
    write(plant, device, more=f"timeout = 3.0\n{ROWS}")
    app = press(show("data", section="Sources"), "source-edit-line1")
    assert field(app, "text_area", "-other").value == "timeout = 3.0\n"
    field(app, "number_input", "-most").set_value(50).run()
    press(app, "source-save")
    assert in_file(plant)["line1"] == LinesSource(
        in_file(plant)["line1"].common,
        f"lines://127.0.0.1:{device.port}",
        50,
        3.0,
        (Row("boiler/PI-1", "fermenter_ph", "x"),),
    )
    assert newest(plant).before == "most unset"
    assert newest(plant).after == "most: 50"


def test_wrong_value_is_refused_beside_its_field_and_nothing_is_written(
    plant: Monitor, device: Device
) -> None:
    app = new_source(device, "")
    field(app, "text_input", "-url").input("http://nowhere").run()
    assert field(app, "button", "source-test").disabled
    press(app, "source-save")
    assert "The source needs a name" in text(app)
    field(app, "text_input", "-name").input("line1").run()
    assert "An address such as lines://127.0.0.1:700 is needed" in text(app)
    field(app, "text_input", "-url").input(f"lines://me:{WORD}@127.0.0.1:{device.port}").run()
    assert "Never write a password here" in text(app)
    assert not plant.settings.sources_file.exists()


def test_name_of_another_source_is_refused(plant: Monitor, device: Device) -> None:
    write(plant, device)
    app = new_source(device)
    press(app, "source-save")
    assert "There is already a source line1" in text(app)


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(plant: Monitor, device: Device) -> None:
    write(plant, device, more=ROWS)
    app = press(show("data", section="Sources"), "source-edit-line1")
    path = plant.settings.sources_file
    path.write_text(path.read_text().replace("boiler/PI-1", "pump/FI-4"))
    field(app, "number_input", "-most").set_value(50).run()
    press(app, "source-save")
    assert "somebody has changed this source since you opened it" in text(app)
    assert in_file(plant)["line1"].rows[0].point == "pump/FI-4"
    assert in_file(plant)["line1"].most == 100


@pytest.mark.usefixtures("plant")
def test_server_that_does_not_answer_is_said_with_what_to_do(device: Device) -> None:
    app = new_source(device)
    device.close()
    press(app, "source-test")
    assert "nothing answers there. Check its power and the address" in text(app)
    field(app, "text_input", "-url").input("lines://127.0.0.1:1").run()
    assert "nothing answers there" not in text(app), "the answer was about another address"
    assert "Something has changed since; ask again." in text(app)


def test_source_is_removed_and_others_stay(plant: Monitor, device: Device) -> None:
    write(plant, device, more=ROWS)
    write(plant, device, "line2")
    app = press(show("data", section="Sources"), "source-edit-line1")
    press(app, "source-remove")
    assert "line1 was removed." in text(app)
    assert list(in_file(plant)) == ["line2"]
    assert newest(plant).after == "nothing"


def test_wrong_file_is_named_and_nothing_can_be_changed(plant: Monitor, device: Device) -> None:
    write(plant, device)
    plant.settings.sources_file.write_text('[sources.line1]\nkind = "telepathy"\n')
    app = show("data", section="Sources")
    assert "'telepathy' is not one of" in text(app)
    assert field(app, "button", "source-new").disabled


def test_text_of_the_file_is_edited_with_the_same_checks(plant: Monitor, device: Device) -> None:
    write(plant, device)
    app = show("data", section="Sources")
    area = field(app, "text_area", "sources-text-0")
    area.input(area.value.replace("lines://", "telepathy://"))
    press(app, "sources-text-save")
    assert "url: an address such as" in text(app)
    area = field(app, "text_area", "sources-text-0")
    area.input(area.value.replace("telepathy://", "lines://") + "most = 7\n")
    press(app, "sources-text-save")
    assert "The file is saved and in force." in text(app)
    assert in_file(plant)["line1"].most == 7
    assert "line1: " in newest(plant).after
    area = field(app, "text_area", "sources-text-1")
    area.input(area.value.replace("127.0.0.1", f"me:{WORD}@127.0.0.1"))
    press(app, "sources-text-save")
    assert "a password stands in it" in text(app)
    assert WORD not in plant.settings.sources_file.read_text()


def test_viewer_sees_the_state_and_changes_nothing(
    plant: Monitor, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(plant, device)
    as_a(monkeypatch, session_of(plant, Role.VIEWER))
    app = show("data", section="Sources", source="line1")
    assert "<b>line1</b>" in text(app)
    assert field(app, "button", "source-edit-line1").disabled
    assert field(app, "button", "source-switch-line1").disabled
    assert field(app, "button", "source-new").disabled
    assert not [area for area in app.text_area if area.key and "sources-text" in area.key]
    assert not [each for each in app.text_input if each.key and each.key.endswith("-url")]
