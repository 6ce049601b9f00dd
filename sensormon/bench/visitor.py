"""A viewer without a browser: it asks for a page as Streamlit's own JavaScript does, and waits for its end.

Each opening is a session of its own, like a new tab. What it leaves out: loading and running the page's
JavaScript, and drawing.
"""

from __future__ import annotations

import importlib
import json
import time
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

PATIENCE = 300.0
"""Seconds after which a page counts as never drawn."""


@dataclass(frozen=True)
class Opened:
    """How long it took (s) until the page was whole, and how many bytes its elements were."""

    seconds: float
    size: int


def opened(port: int, page: str, query: str = "") -> Opened:
    """Open the page of this name, empty for the first one, with this query string.

    On the Live page until its board has got the readings it first draws. Raises RuntimeError if the page
    reports a fault or is not whole after `PATIENCE`, OSError if nothing listens on the port.
    """
    question = _message("BackMsg")()
    question.rerun_script.page_name = page
    question.rerun_script.query_string = query
    context = question.rerun_script.context_info
    context.timezone, context.locale, context.color_scheme = "Europe/Berlin", "en", "light"
    context.url = f"http://127.0.0.1:{port}/{page}"
    started = time.perf_counter()
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    try:
        with connect(
            address, subprotocols=[Subprotocol("streamlit")], max_size=None, compression=None, proxy=None
        ) as connection:
            connection.send(question.SerializeToString())
            board, size = _until_whole(connection, f"/{page}{query and '?'}{query}", started + PATIENCE)
            if board is not None:
                size += _first_readings(port, board)
            return Opened(time.perf_counter() - started, size)
    except WebSocketException as error:
        raise RuntimeError(f"{address}: {error}") from error
    except TimeoutError as error:
        raise RuntimeError(f"/{page}?{query} was not whole after {PATIENCE:.0f} s") from error


def _until_whole(
    connection: ClientConnection, page: str, deadline: float
) -> tuple[dict[str, Any] | None, int]:
    """What the Live board was given, if it is on the page, and the bytes sent until the page is whole."""
    forward = _message("ForwardMsg")
    again, whole = map(
        forward.ScriptFinishedStatus.Value, ("FINISHED_EARLY_FOR_RERUN", "FINISHED_SUCCESSFULLY")
    )
    board, size = None, 0
    while True:
        body = connection.recv(timeout=max(0.0, deadline - time.perf_counter()))
        size += len(body)
        message = forward.FromString(body if isinstance(body, bytes) else body.encode())
        element = message.delta.new_element
        match element.WhichOneof("type"):
            case "exception":
                raise RuntimeError(f"{page}: {element.exception.type}: {element.exception.message}")
            case "bidi_component" if element.bidi_component.json:
                data = json.loads(element.bidi_component.json)
                board = data if data.get("module") == "board.js" else board
        if message.WhichOneof("type") == "script_finished" and message.script_finished != again:
            if message.script_finished != whole:
                raise RuntimeError(f"{page}: its script did not run to the end")
            return board, size


def _message(name: str) -> Any:
    """A kind of message between page and server; Streamlit takes a second to import, so only when needed."""
    return getattr(importlib.import_module(f"streamlit.proto.{name}_pb2"), name)


def _first_readings(port: int, board: dict[str, Any]) -> int:
    """Ask for what the board draws first; the bytes of the answer."""
    if not board["tags"]:
        return 0
    asked = [*(("tag", tag["name"]) for tag in board["tags"]), ("span", board["span"])]
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"X-Sensormon-Page": board["key"], "Accept-Encoding": "gzip"}
    with closing(connection):
        connection.request("GET", f"/api/live/board?{urlencode(asked)}", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"/api/live/board: status {answer.status}")
    return len(body)
