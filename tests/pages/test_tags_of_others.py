"""The pages of a process whose store others use: the tags of all, and what keeps two files apart."""

from __future__ import annotations

from pathlib import Path

from sensormon.model.clock import ManualClock
from sensormon.model.settings import Settings
from sensormon.model.tags import Tag
from tests.support.pages import show, text
from tests.support.plant import Adopt
from tests.support.postgresql import PostgreSQL
from tests.support.together import Together

BAR = '[tags.pressure]\nunit = "bar"\nvalid = [0, 10]\n'
PSI = '[tags.pressure]\nunit = "psi"\nvalid = [0, 145]\n[tags.pump]\nstates = ["off", "on"]\n'


def test_data_shows_the_tags_of_all_and_pipeline_what_keeps_two_files_apart(
    settings: Settings, postgresql: PostgreSQL, tmp_path: Path, clock: ManualClock, adopt: Adopt
) -> None:
    plant = Together(settings, postgresql.new_database(), tmp_path, clock)
    line = plant.start("line", BAR)
    plant.follow(line)
    other = adopt(plant.start("other", PSI))
    plant.follow(other, line)
    line.tag_file.add([Tag("speed", "Speed of line 1", "rpm")], "ada")
    plant.follow(line, other)
    assert "pressure is in psi in other.toml here" in text(show("pipeline"))
    page = show("data", section="Tags")
    (table,) = [frame.value for frame in page.dataframe if "Valid low" in frame.value.columns]
    assert table["Name"].tolist() == ["pressure", "pump", "speed"]
    assert table["Unit"].tolist() == ["bar", "", "rpm"]
    assert "changed by hand" not in text(page)
    line.stop()
