"""The look "Statistics" of the Explore page."""

from __future__ import annotations

import pytest

from tests.support.pages import show, text


@pytest.mark.usefixtures("full")
def test_statistics_of_the_tags_in_view_are_a_table_and_a_file() -> None:
    app = show("explore", look="Statistics")
    assert not app.exception
    (table,) = [frame.value for frame in app.dataframe if "Fermenter pH" in frame.value]
    assert table.loc["Readings", "Fermenter pH"] == "900"
    assert table.loc["Time above", "Fermenter pH"].startswith("7.")
    assert table.shape == (13, 3)
    assert app.get("download_button")[0].proto.label == "Download 3 tags as CSV"
    assert "are by time: means over 1 s" in text(app)


@pytest.mark.usefixtures("full")
def test_own_limits_are_kept_in_the_address_and_checked() -> None:
    app = show("explore", look="Statistics", explore="Fermenter pH", stats_limits="Own", stats_high="9.5")
    (table,) = [frame.value for frame in app.dataframe if "Fermenter pH" in frame.value]
    assert table.loc["Time above", "Fermenter pH"] == "9.50 pH: never"
    assert table.loc["Time below", "Fermenter pH"] == "–"
    reversed_limits = show("explore", look="Statistics", stats_limits="Own", stats_high="1", stats_low="2")
    assert "The lower limit is above the upper one" in text(reversed_limits)
