"""A refusal by middleware: JSON like every other error, for requests and for WebSocket handshakes."""

from __future__ import annotations

from sensormon.api.body import Receive, Scope, Send
from sensormon.api.problems import Problem


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with this problem.

    A WebSocket gets it before it is accepted; a server that cannot send a body there answers 403.
    """
    websocket = scope["type"] == "websocket"
    if websocket:
        await receive()  # websocket.connect
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
    prefix = "websocket.http.response" if websocket else "http.response"
    body = problem.body
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in problem.headers.items()),
    ]
    await send({"type": f"{prefix}.start", "status": problem.status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": body})
