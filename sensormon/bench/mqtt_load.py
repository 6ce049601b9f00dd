"""The load of `bench mqtt`, and the bare subscriber beside it, each in a process of its own.

`python -m sensormon.bench.mqtt_load publish PORT RATE SECONDS` and `… listen PORT SECONDS`: one line of JSON
on standard output at the end.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

TAGS = 100
WINDOW = 1_000
"""Messages that may wait for the broker's confirmation."""
TICK = 0.01
"""Seconds between two handfuls of messages."""
QUIET = 1.0
"""Seconds without a message after which the bare subscriber has them all."""


def publish(port: int, rate: float, seconds: float) -> dict[str, Any]:
    """Publish this many messages a second, as far as the broker confirms them, for this long."""
    client, confirmed, lock = _connected(port, "load"), 0, threading.Semaphore(WINDOW)

    def note(*_: object) -> None:
        nonlocal confirmed
        confirmed += 1
        lock.release()

    client.on_publish = note
    client.loop_start()
    began, sent = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - began) < seconds:
        while sent < rate * elapsed and time.perf_counter() - began < seconds:
            lock.acquire()
            payload = f'{{"v":{sent},"t":{time.time_ns() // 1_000}}}'
            client.publish(f"plant/t{sent % TAGS}", payload, 1)
            sent += 1
        time.sleep(TICK)
    taken = time.perf_counter() - began
    while confirmed < sent:
        time.sleep(TICK)
    client.disconnect()
    client.loop_stop()
    return {"sent": sent, "seconds": taken}


def listen(port: int, seconds: float) -> dict[str, Any]:
    """Acknowledge what comes, as paho does by itself; how long after its own time each came, in seconds."""
    client, late, last = _connected(port, "bare", clean_session=False), list[float](), [time.monotonic()]

    def note(_client: Client, _data: object, message: Any) -> None:
        late.append(time.time() - json.loads(message.payload)["t"] / 1e6)
        last[0] = time.monotonic()

    client.on_message = note
    client.subscribe("plant/+", 1)
    client.loop_start()
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    until = time.monotonic() + seconds
    while time.monotonic() < until or time.monotonic() - last[0] < QUIET:
        time.sleep(TICK)
    client.disconnect()
    client.loop_stop()
    return {"late": late}


def _connected(port: int, name: str, clean_session: bool = True) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean_session)
    client.max_inflight_messages_set(WINDOW)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    return client


if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    run = publish if what == "publish" else listen
    sys.stdout.write(json.dumps(run(int(numbers[0]), *map(float, numbers[1:]))))
