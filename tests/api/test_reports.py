"""Reports over HTTP: a PDF for who may read all tags, refusals with the reason."""

from __future__ import annotations

import pytest

from sensormon.access.tokens import Scope
from sensormon.api import Api
from sensormon.boards.boards import boards_of
from sensormon.boards.views import views_of
from tests.support.access import ADMIN
from tests.support.api import Start, fill, get
from tests.support.reported import BOARD, words_of

DAY = "since=2026-01-31T00:00:00Z&until=2026-02-01T00:00:00Z"


@pytest.fixture
def api(start: Start) -> Api:
    """Two tags with two minutes of readings on a day, and a board of them."""
    monitor, api = start()
    fill(api)
    monitor.drain()
    boards_of(monitor).save(BOARD, "Ana")
    return api


def test_a_board_is_answered_as_pdf(api: Api) -> None:
    answer = get(api, f"/report?board=fermenter&{DAY}&zone=Europe/Berlin")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert 'filename="fermenter-2026-01-31-to-2026-02-01.pdf"' in answer.headers["content-disposition"]
    assert "Sat 31 Jan 2026 01:00 to Sun 1 Feb 2026 01:00 Europe/Berlin (UTC+01:00)" in words_of(
        answer.content
    )


def test_all_tags_are_a_board_without_anybodys_making_it(api: Api) -> None:
    words = words_of(get(api, f"/report?board=all-tags&{DAY}").content)
    assert "All tags Sat 31 Jan 2026 UTC Tags 3 Readings 121" in words


def test_a_shared_view_is_answered_over_its_own_span(start: Start) -> None:
    monitor, api = start()
    fill(api)
    monitor.drain()
    span = ("from", "2026-01-31T00:00:00Z"), ("to", "2026-02-01T00:00:00Z")
    views_of(monitor).save("pH of the run", "explore", span, "Ana", shared=True, who="Ana")
    views_of(monitor).save("My data", "data", (), "Ana", shared=True, who="Ana")
    views_of(monitor).save("Mine", "live", (), "Ana", shared=False, who="Ana")
    answer = get(api, "/report?board=view:pH of the run")
    assert answer.status_code == 200
    assert 'filename="ph-of-the-run-2026-01-31.pdf"' in answer.headers["content-disposition"]
    assert "Time-weighted mean" in words_of(answer.content)
    for name, words in (("My data", "a view of Data cannot be printed"), ("Mine", "there is no view 'Mine'")):
        refused = get(api, f"/report?board=view:{name}")
        assert refused.status_code == 400
        assert words in refused.json()["detail"]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        (f"board=nowhere&{DAY}", 404, "no board 'nowhere'"),
        ("board=fermenter&since=2026-01-01&until=2026-01-02T00:00:00Z", 400, "no readings in this span"),
        ("board=fermenter&since=2020-01-01&until=2026-01-02", 400, "366 days at most"),
        ("board=fermenter&since=yesterday", 400, "not an ISO 8601 time"),
        ("board=fermenter&until=2026-01-02", 400, "needs its begin"),
        ("board=fermenter&span=tomorrow", 400, "no span 'tomorrow'"),
        ("board=fermenter&zone=Mars", 400, "no time zone 'Mars'"),
        ("", 400, "board: Field required"),
    ],
)
def test_what_cannot_be_a_report_is_refused(api: Api, query: str, status: int, words: str) -> None:
    answer = get(api, f"/report?{query}")
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_a_token_for_some_tags_gets_no_report(start: Start) -> None:
    monitor, api = start(access="users")
    _, some = monitor.access.tokens.add(ADMIN, "some", Scope.READ, ["fermenter_ph"])
    _, whole = monitor.access.tokens.add(ADMIN, "all", Scope.READ)
    bearer = {"Authorization": f"Bearer {some}"}
    assert get(api, f"/report?board=all-tags&{DAY}", **bearer).status_code == 403
    answer = get(api, f"/report?board=all-tags&{DAY}", Authorization=f"Bearer {whole}")
    assert "no readings in this span" in answer.json()["detail"]
