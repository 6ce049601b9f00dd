"""Heights, y ranges and colours of the charts on Explore, and their place in the address."""

from __future__ import annotations

import pytest

from sensormon.view.palette import LIGHT
from tests.support.pages import chart, show


@pytest.mark.usefixtures("full")
def test_a_chart_is_taller_the_fewer_tags_are_in_view() -> None:
    alone = chart(show("explore", explore="Fermenter pH"))["layout"]
    three = chart(show("explore"))["layout"]
    assert alone["height"] == 440
    assert three["height"] / 3 < 230
    size = three["yaxis"]["domain"][1] - three["yaxis"]["domain"][0]
    assert size * (three["height"] - 46) > 150


@pytest.mark.usefixtures("full")
def test_y_ranges_of_the_address_are_drawn() -> None:
    app = show("explore", y="fermenter_ph~6~8,fermenter_temp~normal,nobody~valid,agitator_rpm~9~1")
    layout = chart(app)["layout"]
    usual = chart(show("explore"))["layout"]
    ranges = {layout[axis]["title"]["text"]: layout[axis]["range"] for axis in ("yaxis", "yaxis2", "yaxis3")}
    assert ranges["pH"] == [6, 8]
    assert ranges["°C"] == [34.5, 40.5]
    assert layout["yaxis3"]["range"] == usual["yaxis3"]["range"], "a range that ends before it starts is none"
    said = next(caption.value for caption in app.caption if "axes that cannot be used" in caption.value)
    assert said.replace("\\", "").endswith("cannot be used: nobody~valid, agitator_rpm~9~1.")


@pytest.mark.usefixtures("full")
def test_the_menu_writes_ranges_and_colours_to_the_address() -> None:
    app = show("explore", explore="Fermenter pH")
    app.selectbox(key="axis-range-fermenter_ph").set_value("From … to").run()
    app.number_input(key="axis-high-fermenter_ph").set_value(9.5).run()
    assert app.query_params["y"].endswith("~9.5")
    assert chart(app)["layout"]["yaxis"]["range"][1] == 9.5
    app.selectbox(key="axis-color-fermenter_ph").set_value(1).run()
    assert app.query_params["colors"] == "fermenter_ph~1"
    assert chart(app)["data"][0]["line"]["color"] == LIGHT.series[1]
    app.selectbox(key="axis-range-fermenter_ph").set_value("Fit").run()
    assert "y" not in app.query_params
    assert not app.exception


@pytest.mark.usefixtures("full")
def test_a_tag_keeps_its_colour_wherever_it_stands() -> None:
    colors = []
    for order in (["Fermenter pH", "Agitator speed"], ["Agitator speed", "Fermenter pH"]):
        figure = chart(show("explore", layout="Overlay", explore=order))
        (line,) = [
            trace
            for trace in figure["data"]
            if trace["mode"] == "lines" and trace["name"].endswith("Fermenter pH")
        ]
        colors.append(line["line"]["color"])
    assert colors == [LIGHT.series[1]] * 2
