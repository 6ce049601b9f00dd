"""The Explore page: spans, comparison, measures, notes, export, and its state in the URL."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from sensormon.model.clock import SECOND, ManualClock
from sensormon.model.settings import Settings
from sensormon.model.timestamps import render
from sensormon.monitor.monitor import Monitor
from sensormon.ui.table_download import AT_ONCE
from tests.support.pages import button, chart, mounted, show, text
from tests.support.plant import START, Adopt, batch_of

MINUTES = {"from": render(START - 600 * SECOND), "to": render(START - 300 * SECOND)}


@pytest.mark.usefixtures("full")
def test_default_view_stacks_the_last_hour_of_the_first_tags() -> None:
    app = show("explore")
    given = mounted(app, "explore-chart")
    assert given["span"] == [(START - 3_600 * SECOND) / 1e3, START / 1e3]
    assert {"yaxis", "yaxis2", "yaxis3"} <= set(chart(app)["layout"])
    assert "2,700 readings, all drawn" in text(app)
    assert "Fermenter temperature, Fermenter pH, Agitator speed" in given["alt"]


@pytest.mark.usefixtures("full")
def test_times_in_the_url_win_over_a_relative_span() -> None:
    app = show("explore", **MINUTES, explore="Fermenter pH", past="15 min")
    assert mounted(app, "explore-chart")["span"] == [
        (START - 600 * SECOND) / 1e3,
        (START - 300 * SECOND) / 1e3,
    ]
    assert "300 readings, all drawn" in text(app)
    assert mounted(app, "explore-link")["pinned"] == {**MINUTES, "past": None}


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("times", [("1970-01-01", "9999-12-31T23:59:59Z"), ("9998-01-01", "9999-12-31")])
def test_span_to_the_ends_of_the_calendar_works(times: tuple[str, str]) -> None:
    app = show(
        "explore", earlier="another time earlier", offset="5000 w", **{"from": times[0], "to": times[1]}
    )
    assert mounted(app, "explore-chart")["span"][1] > 2e14


@pytest.mark.usefixtures("full")
def test_link_of_a_relative_span_holds_its_times() -> None:
    app = show("explore", past="15 min")
    pinned = mounted(app, "explore-link")["pinned"]
    assert pinned == {"from": render(START - 900 * SECOND), "to": render(START), "past": None}
    again = show("explore", **{name: value for name, value in pinned.items() if value})
    assert mounted(again, "explore-chart")["figure"] == mounted(app, "explore-chart")["figure"]


@pytest.mark.usefixtures("full")
def test_relative_span_removes_the_times_from_the_url() -> None:
    app = show("explore", **MINUTES)
    app.get("button_group")[0].set_value("6 h").run()
    assert "from" not in app.query_params
    assert mounted(app, "explore-chart")["span"][0] == (START - 21_600 * SECOND) / 1e3


@pytest.mark.usefixtures("full")
def test_layout_of_the_address_is_drawn_and_an_overlay_of_many_units_says_why_it_is_normalised() -> None:
    by_unit = chart(show("explore", layout="By unit"))["layout"]
    assert [by_unit[name]["title"]["text"] for name in ("yaxis", "yaxis2", "yaxis3")] == ["°C", "pH", "rpm"]
    app = show("explore", layout="Overlay")
    assert chart(app)["layout"]["yaxis"]["range"] == [-5, 105]
    assert "An overlay has at most 2 axes" in text(app)
    two = chart(show("explore", layout="Overlay", explore=["Fermenter pH", "Agitator speed"]))["layout"]
    assert (two["yaxis2"]["side"], two["yaxis2"]["title"]["text"]) == ("right", "rpm")


@pytest.mark.usefixtures("full")
def test_overlay_normalised_with_an_earlier_span() -> None:
    app = show(
        "explore",
        explore=["Fermenter temperature", "Fermenter pH"],
        layout="Overlay",
        axes="Normalised",
        earlier="another time earlier",
        offset="5 min",
    )
    figure = chart(app)
    assert figure["layout"]["yaxis"]["range"] == [-5, 105]
    assert sum(trace.get("opacity") == 0.6 for trace in figure["data"]) == 2
    assert "5 min earlier" in text(app)
    assert "no readings" not in text(app)
    assert "a week earlier: no readings" in text(show("explore", earlier="a week earlier"))
    assert "Enter a number" in text(show("explore", earlier="another time earlier", offset="soon"))


@pytest.mark.usefixtures("full")
def test_empty_span_leads_to_the_whole_history() -> None:
    app = show("explore", **{"from": "2020-01-01", "to": "2020-01-02"})
    assert "No readings in view" in text(app)
    button(app, "Show the whole history").click().run()
    assert not app.exception
    assert "2,700 readings, all drawn" in text(app)
    assert app.query_params["from"] == render(START - 900 * SECOND)


def test_all_covers_the_history_of_the_chosen_tags(settings: Settings, adopt: Adopt) -> None:
    clock = ManualClock(START)
    monitor = adopt(Monitor(settings, clock))
    ended = START - 86_400 * SECOND
    monitor.submit(batch_of(*[("fermenter_ph", 7.0)] * 50, at=ended - 49 * SECOND))
    monitor.submit(batch_of(*[("fermenter_temp", 37.0)] * 50, at=START - 49 * SECOND))
    monitor.drain()

    def span(*tags: str) -> list[float]:
        return mounted(show("explore", past="All", explore=list(tags)), "explore-chart")["span"]

    ph, temp = "Fermenter pH", "Fermenter temperature"
    assert span(ph) == [(ended - 49 * SECOND) / 1e3, ended / 1e3 + 1], "it does not go on to now"
    assert span(temp)[0] == (START - 49 * SECOND) / 1e3
    assert span(ph, temp) == [span(ph)[0], span(temp)[1]]
    other = show("explore", past="All", explore="Agitator speed")
    assert "No reading of this tag is stored" in text(other)


def test_all_stays_fixed_while_readings_arrive(settings: Settings, adopt: Adopt) -> None:
    clock = ManualClock(START)
    monitor = adopt(Monitor(settings, clock))

    def feed() -> None:
        monitor.submit(batch_of(*[("fermenter_ph", 7.0)] * 50, at=clock.now() - 49 * SECOND))
        monitor.drain()

    feed()
    app = show("explore", past="All", explore="Fermenter pH")
    before = mounted(app, "explore-chart")["span"]
    clock.advance(600)
    feed()
    app.run()
    assert mounted(app, "explore-chart")["span"] == before
    button(app, "Jump to now").click().run()
    assert mounted(app, "explore-chart")["span"][1] == pytest.approx(before[1] + 600_000, abs=1)


def test_distribution_counts_all_readings_in_view(full: Monitor) -> None:
    app = show("explore", look="Distribution", explore="Fermenter pH")
    (spec,) = [json.loads(element.proto.spec) for element in app.get("plotly_chart")]
    assert spec["data"][0]["type"] == "bar"
    assert "Outside the normal band" in text(app)
    assert "900" in text(app)
    assert full.explorer.count("fermenter_ph", 0, START + 1) == 900


@pytest.mark.usefixtures("full")
def test_two_tags_show_their_correlation() -> None:
    app = show("explore", look="Two tags")
    assert "Pearson r =" in text(app)
    assert "n = 900 pairs, at most 0.5 s apart" in text(app)
    assert "does not imply causation" in text(app)
    few = show(
        "explore",
        look="Two tags",
        apart="1 s",
        **{"from": MINUTES["from"], "to": render(START - 595 * SECOND)},
    )
    assert "Not measurable: 5 pairs are fewer than 30" in text(few)
    assert "Choose two different tags" in text(
        show("explore", look="Two tags", across="Fermenter pH", up="Fermenter pH")
    )


@pytest.mark.usefixtures("full")
def test_control_limits_use_the_baseline_in_the_url() -> None:
    app = show("explore", look="Control chart", explore="Fermenter pH")
    assert "first half of the view: 2026-09-21 13:58:20 to 14:05:49" in text(app)
    words = {
        annotation["text"].split()[0] for annotation in chart(app, "explore-control")["layout"]["annotations"]
    }
    assert {"UCL", "CL", "LCL"} <= words
    assert "they are not specification limits" in text(app)
    button(app, "Use the view as baseline").click().run()
    assert app.query_params["baseline"] == f"{render(START - 3_600 * SECOND)}/{render(START)}"
    assert "Baseline, chosen" in text(app)
    pinned = show("explore", look="Control chart", baseline="2020-01-01/2020-01-02")
    assert "Not measurable: limits need 20 consecutive readings" in text(pinned)


def test_notes_in_view_are_listed_and_drawn(full: Monitor) -> None:
    app = show("explore")
    assert "No notes" in text(app)
    full.annotations.add("pump <b>changed</b>", "Ana", START - 60 * SECOND, tags=["fermenter_ph"])
    full.annotations.add("long ago", "Ana", 0)
    full.annotations.add("of another tag", "Ana", START - 60 * SECOND, tags=["elsewhere"])
    app.run()
    words = text(app)
    assert "pump &lt;b&gt;changed&lt;/b&gt;" in words
    assert "long ago" not in words
    assert "of another tag" not in words
    drawn = [
        annotation["text"]
        for annotation in chart(app)["layout"]["annotations"]
        if annotation["text"].startswith("✎")
    ]
    assert drawn == ["✎ pump &lt;b&gt;changed&lt;/b&gt;"]
    assert [element.label for element in app.button].count("Remove") == 1


def test_tag_labels_in_the_note_form_are_no_markdown(settings: Settings, adopt: Adopt) -> None:
    tags = settings.data_dir.parent / "marked.toml"
    tags.write_text('[tags.ph]\nlabel = "**loud** :red[x] [a](https://example.org)"\n')
    monitor = adopt(Monitor(replace(settings, tags=tags), ManualClock(START)))
    monitor.submit(batch_of(("ph", 7.0)))
    monitor.drain()
    span = {"from": render(START - 600 * SECOND), "to": render(START + SECOND)}
    app = button(show("explore", **span), "Add a note").click().run()
    (scope,) = [radio for radio in app.radio if radio.label == "For"]
    assert scope.options[0] == r"the tags shown: \*\*loud\*\* \:red\[x\] \[a\]\(https\://example\.org\)"


def test_long_word_in_a_note_wraps(full: Monitor) -> None:
    full.annotations.add("x" * 300, "Ana", START - 60 * SECOND)
    words = text(show("explore"))
    assert "<div class='note'><b>xxx" in words
    assert re.search(r"\.note[^}]*\{[^}]*overflow-wrap: anywhere", words)


def test_note_to_be_removed_is_shown_as_written(full: Monitor) -> None:
    full.annotations.add("![seen](https://elsewhere.example/dot.png) **now**", "Ana", START - 60 * SECOND)
    app = show("explore")
    button(app, "Remove").click().run()
    (shown,) = [block.value for block in app.markdown if "elsewhere" in block.value]
    assert shown == r"\!\[seen\]\(https\://elsewhere\.example/dot\.png\) \*\*now\*\*"


@pytest.mark.usefixtures("full")
def test_export_holds_the_rows_in_view_and_long_ones_run_as_jobs(
    monkeypatch: pytest.MonkeyPatch, full: Monitor
) -> None:
    app = show("explore", look="Export", explore="Fermenter pH", **MINUTES)
    assert app.get("download_button")[0].proto.label == "Download 300 readings as CSV"
    monkeypatch.setattr("sensormon.ui.explore_files.SMALL", 100)
    monkeypatch.setitem(AT_ONCE, "CSV", 100)
    app.run()
    assert not app.get("download_button")
    button(app, "Export 300 readings as CSV").click().run()
    (job,) = full.jobs.of("file")
    assert full.jobs.wait(job, 30)
    app.run()
    assert app.get("download_button")[0].proto.label.startswith(f"Download {job.result.file.name}")
    assert job.result.file.path.read_bytes().count(b"\n") == 301
    full.submit(batch_of(("fermenter_ph", 7.0), at=START - 500 * SECOND))  # arrives late, into the view
    full.drain()
    app.run()
    assert len(app.get("download_button")) == 1, "what was made stays on offer"
    assert "Exported earlier: 300 rows" in text(app)
    assert button(app, "Export 301 readings as CSV")
    job.result.file.path.unlink()
    app.run()
    assert not app.get("download_button")
    button(app, "Export 301 readings as CSV").click().run()
    assert full.jobs.wait(full.jobs.of("file")[0], 30)
    assert full.jobs.of("file")[0].result.rows == 301


@pytest.mark.usefixtures("full")
def test_chosen_relative_span_replaces_the_one_in_the_url() -> None:
    app = show("explore", past="15 min", **MINUTES)
    assert "past" not in app.query_params
    app.segmented_control(key="past-again-0").set_value("6 h").run()
    assert app.query_params["past"] == "6 h"
    assert "from" not in app.query_params
    assert app.segmented_control(key="past").value == "6 h"


def test_recent_readings_are_drawn_while_the_store_is_away(settings: Settings, adopt: Adopt) -> None:
    Path(settings.store_url).mkdir(parents=True)
    monitor = adopt(Monitor(settings, ManualClock(START)))
    for i in range(60):
        monitor.submit(batch_of(("fermenter_ph", 7.0 + 0.01 * (i % 5)), at=START - (60 - i) * SECOND))
    app = show("explore", explore="Fermenter pH", look="Distribution")
    assert "only the newest readings" in app.warning[0].value
    assert "60 readings, all drawn" in text(app)
    assert "The database cannot be read" in text(app)


@pytest.mark.usefixtures("full")
def test_table_holds_what_is_drawn() -> None:
    app = show("explore", explore="Fermenter pH")
    assert not [frame for frame in app.dataframe if "Flagged" in frame.value]
    app.session_state["explore-table"] = True
    app.run()
    (table,) = [frame.value for frame in app.dataframe if "Flagged" in frame.value]
    assert len(table) == 900
    assert (table["Flagged"] == "flagged").sum() > 0
    assert table["Value"].iloc[0].endswith(" pH")


@pytest.mark.usefixtures("full")
def test_controls_share_one_row_in_every_layout() -> None:
    for layout in ("Stacked", "By unit", "Overlay"):
        app = show("explore", layout=layout)
        assert '.st-key-panel-look) [data-testid="stButtonGroup"] button { min-height: 2.5rem' in text(app)
        (row,) = [
            container
            for container in app.get("flex_container")
            if container.proto.id.endswith("explore-controls")
        ]
        assert "Compare with" in [field.label for field in row.selectbox]
        assert not row.checkbox
        assert app.checkbox(key="flags").value
