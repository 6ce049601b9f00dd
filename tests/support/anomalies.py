"""The list of events on the Anomalies page, read and used as a viewer does."""

from __future__ import annotations

import pandas as pd
from streamlit.testing.v1 import AppTest

from sensormon.model.clock import SECOND
from sensormon.monitor.monitor import Monitor
from tests.support.plant import START

FAR = START + 10**6 * SECOND
"""After all readings of these tests."""


def events(app: AppTest) -> pd.DataFrame:
    """The table of events."""
    frame: pd.DataFrame = next(table.value for table in app.dataframe if "State" in table.value)
    return frame


def table_id(app: AppTest, column: str) -> str:
    """The id by which the browser knows the table with this column; another id is another table to it."""
    return str(next(table.proto.id for table in app.dataframe if column in table.value))


def choose(app: AppTest, monitor: Monitor, *places: int) -> list[int]:
    """Choose events by their place in the list; returns their ids."""
    ids = monitor.events.between(None, START - 3600 * SECOND, FAR)["id"].tolist()
    chosen = [int(ids[place]) for place in places]
    app.query_params["event"] = ",".join(map(str, chosen))
    app.run()
    return chosen


def named(app: AppTest, name: str = "Ana") -> AppTest:
    """The page of a viewer who gave this name before."""
    app.session_state["who"] = name
    return app


def states(monitor: Monitor, ids: list[int]) -> list[str]:
    """The states of these events, newest first."""
    frame = monitor.events.between(None, 0, FAR)
    return list(frame[frame["id"].isin(ids)]["state"])


def usual(count: int) -> list[tuple[str, float]]:
    """Values of the pH that raise no flag."""
    return [("fermenter_ph", 7 + 0.01 * (i % 3)) for i in range(count)]
