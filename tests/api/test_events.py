"""Events over HTTP: as the pages have them, only of the tags a token covers, never silently cut."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from sensormon.access.tokens import Scope
from sensormon.api import make_api, readers
from sensormon.model.timestamps import FOREVER
from sensormon.monitor.monitor import Monitor
from tests.support.access import ADMIN
from tests.support.api import Start, fill, get


def plain(cell: Any) -> Any:
    """A cell of a frame as it stands in the answer."""
    if isinstance(cell, pd.Timestamp):
        return cell
    return None if cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell)) else cell


def test_events_are_those_of_the_pages_with_what_people_did(full: Monitor) -> None:
    api = make_api(lambda: full)
    newest = full.events.between(None, 0, FOREVER).iloc[0]
    full.actions.record([int(newest["peak_id"])], "acknowledge", "Ana", note="known")
    full.drain()
    events = full.events.between(None, 0, FOREVER).drop(columns=["ids"])
    answer = get(api, "/events").json()
    assert answer["complete"]
    assert len(answer["events"]) == len(events) > 3
    assert (answer["events"][0]["state"], answer["events"][0]["who"]) == ("acknowledged", "Ana")
    for row, event in zip(answer["events"], events.to_dict("records"), strict=True):
        times = {
            name: row[name] and pd.Timestamp(row[name])
            for name, cell in event.items()
            if isinstance(cell, pd.Timestamp) or cell is pd.NaT
        }
        assert {**row, **times} == {name: plain(cell) for name, cell in event.items()}


def test_an_answer_says_whether_older_events_are_left_out(full: Monitor) -> None:
    api = make_api(lambda: full)
    whole = get(api, "/events").json()["events"]
    count = len(whole)
    assert get(api, f"/events?limit={count}").json() == {"complete": True, "events": whole}
    assert get(api, f"/events?limit={count - 1}").json() == {"complete": False, "events": whole[:-1]}
    assert get(api, "/events?until=2020-01-01").json() == {"complete": True, "events": []}
    middle = whole[count // 2]["start"].replace("+", "%2B")
    assert len(get(api, f"/events?since={middle}").json()["events"]) < count


def test_a_token_of_some_tags_gets_the_events_of_these(start: Start) -> None:
    monitor, api = start()
    fill(api)
    monitor.workers.loading.stop(5)
    monitor.drain()
    assert [event["tag"] for event in get(api, "/events").json()["events"]] == ["fermenter_temp"]
    _, secret = monitor.access.tokens.add(ADMIN, "ph", Scope.READ, ("fermenter_ph",))
    limited = {"Authorization": f"Bearer {secret}"}
    assert get(api, "/events", **limited).json() == {"complete": True, "events": []}
    assert get(api, "/events?tag=fermenter_temp", **limited).status_code == 403
    assert get(api, "/events?tag=unknown").status_code == 404


def test_events_count_as_rows_for_an_address_without_a_token(
    full: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "ROWS_A_MINUTE", 1)
    api = make_api(lambda: full)
    assert [get(api, "/events", Authorization="").status_code for _ in range(2)] == [200, 429]
