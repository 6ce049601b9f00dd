"""Times in the parameters of requests, as a query carries them."""

from __future__ import annotations

import pytest

from sensormon.api.problems import Problem
from sensormon.api.times import time_in
from sensormon.model.timestamps import parse


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-31T12:00:00 02:00", "2026-01-31T10:00:00Z"),
        ("2026-01-31 12:00:00 02", "2026-01-31T10:00:00Z"),
        ("2026-01-31 12:00:00", "2026-01-31T12:00:00Z"),
        ("2026-01-31 12:00 UTC", "2026-01-31T12:00:00Z"),
        ("2026-01-31", "2026-01-31T00:00:00Z"),
    ],
)
def test_a_plus_that_was_not_escaped_is_read_as_the_offset_it_was(text: str, time: str) -> None:
    assert time_in("since", text, 0) == parse(time)


def test_what_is_no_time_is_a_400_that_shows_it() -> None:
    with pytest.raises(Problem, match="yesterday"):
        time_in("since", "yesterday", 0)
