"""What pages tell a newcomer about the source in use, without giving secrets away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.api.auth import Tokens, announcement
from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import ACCESS, Settings
from sensormon.model.tags import Tag, TagTable
from sensormon.monitor import runtime
from sensormon.monitor.monitor import Monitor
from sensormon.view.guide import PAGES, parts_of
from tests.support.pages import PAGES as FILES
from tests.support.pages import show, text
from tests.support.plant import START, Adopt, batch_of

HIDDEN = "kept-by-the-environment"


def test_curl_line_refers_to_the_token_without_showing_it(settings: Settings, adopt: Adopt) -> None:
    adopt(Monitor(settings, ManualClock(START)))
    app = show("live")
    (line,) = [block.value for block in app.code if "curl" in block.value]
    token = (settings.data_dir / "token").read_text().strip()
    assert f"$(cat {(settings.data_dir / 'token').resolve()})" in line
    assert token not in line
    assert token not in text(app)
    assert '{"tag": "fermenter_temp", "value": 37.5}' in line
    assert "Nothing sends readings yet" in text(app)


def test_token_of_the_environment_is_not_shown(settings: Settings, adopt: Adopt) -> None:
    adopt(Monitor(replace(settings, token=HIDDEN), ManualClock(START)))
    app = show("data")
    (line,) = [block.value for block in app.code if "curl" in block.value]
    assert "Bearer $SENSORMON_TOKEN" in line
    assert HIDDEN not in line + text(app)


def test_curl_line_at_start_names_an_existing_tag(settings: Settings, adopt: Adopt) -> None:
    tags = TagTable([Tag("boiler_p", "Boiler", unit="bar", normal=(2.0, 5.0))])
    tokens = Tokens.of(replace(settings, token=HIDDEN))
    said = announcement(tokens, 8501, tags, adopt(Monitor(settings)).access)
    assert '{"tag": "boiler_p", "value": 3.5}' in said
    assert HIDDEN not in said


def test_start_says_in_one_line_who_may_do_what_and_how_to_make_the_first_account(
    settings: Settings, adopt: Adopt
) -> None:
    tokens = Tokens.of(replace(settings, token=HIDDEN))
    for access in ACCESS:
        runtime.stop()
        monitor = adopt(Monitor(replace(settings, access=access)))
        said = announcement(tokens, 8501, TagTable([]), monitor.access)
        assert said.startswith(f"SENSORMON_ACCESS={access}: ")
        assert ("python -m sensormon users add NAME --role administrator" in said) == (access == "users")


def test_curl_line_is_gone_once_readings_arrive(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(settings, ManualClock(START)))
    monitor.submit(batch_of(("fermenter_ph", 7.0), at=START - SECOND))
    monitor.drain()
    app = show("live")
    assert "1 reading, from sources, over HTTP or from files" in text(app)
    assert not [block for block in app.code if "curl" in block.value]


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("page", FILES)
def test_every_page_has_its_help(page: str) -> None:
    words = text(show(page))
    about = next(entry for entry in PAGES.values() if entry.path == page)
    assert about.purpose in words
    assert "A simulated fermenter: three sensors" in words
    assert words.count("Switch on a fault") == 0, "links are links, not text"


def test_link_selects_the_fault_to_start(full: Monitor) -> None:
    app = show("pipeline", fault="Gap")
    assert app.selectbox(key="fault").value == "gap"
    assert "every page reports that the tag is silent" in text(app)
    app.button(key="fault-start").click().run()
    assert not app.exception
    assert full.source.simulator is not None
    (fault,) = full.source.simulator.active(START + SECOND)
    assert (fault.fault, fault.tag) == ("gap", "fermenter_temp")


def test_viewing_creates_no_token_file(settings: Settings, adopt: Adopt) -> None:
    monitor = adopt(Monitor(replace(settings, source="simulator"), ManualClock(START)))
    show("live")
    assert not Path(monitor.settings.data_dir / "token").exists()


@pytest.mark.usefixtures("full")
def test_greeting_shows_until_dismissed() -> None:
    app = show("anomalies")
    assert "A simulated fermenter: three sensors" in text(app)
    app.button(key="put-away").click().run()
    assert not [button for button in app.button if button.key == "put-away"]
    assert not [button for button in show("anomalies", within="6 h").button if button.key == "put-away"]


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("page", ["live", "tuning"])
def test_help_says_what_is_seen_on_the_page(page: str) -> None:
    words = text(show(page))
    about = next(entry for entry in PAGES.values() if entry.path == page)
    assert "What do I see here?" in words
    names = [part.split(": ")[0] for part in parts_of(about)]
    assert len(names) > 4
    assert [name for name in names if f"<li><b>{name}</b>: " not in words] == []
