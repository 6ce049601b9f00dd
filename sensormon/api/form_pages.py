"""What pages with a form in front of Streamlit share: reading the form, and a page for what fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.responses import Response

from sensormon.api.body import Vanished
from sensormon.api.problems import Problem, problem_of
from sensormon.model.errors import SensormonError

MOST_FIELDS = 10


def read_form(text: bytes, again: str) -> dict[str, list[str]]:
    """The values of each field. Raises Problem, with `again` as what to do, if there are too many fields."""
    try:
        return parse_qs(text.decode("utf-8", "replace"), max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Problem(400, "malformed", "the form has too many fields", again) from None


async def answer_or_page(
    answer: Awaitable[Response], failed: Callable[[str, int], Response]
) -> Response | None:
    """The answer, or the page that `failed` makes of what went wrong and its status; None if nobody waits."""
    try:
        return await answer
    except Vanished:
        return None
    except (Problem, SensormonError) as error:
        problem = problem_of(error)
        text = f"{problem.content['detail']}. {problem.content['hint']}"
        response = failed(text[:1].upper() + text[1:], problem.status)
        response.headers.update(problem.headers)
        return response
