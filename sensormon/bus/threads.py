"""Work that blocks, done beside an event loop in threads that never hold up the end of the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from sensormon.model.errors import SensormonError

T = TypeVar("T")


async def in_thread(step: Callable[[], T]) -> T:
    """The result of this step, which another thread carries out; raises what it raises.

    The thread is a daemon, unlike those of the standard library's executors: a database that hangs must not
    keep the process from ending. If the task is cancelled the step goes on, and its result is lost.
    """
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()  # from here on it cannot be cancelled under the thread's hands

    def work() -> None:
        try:
            outcome = step()
        except SensormonError as error:
            result.set_exception(error)
        except BaseException as error:  # a fault of ours, which the thread reports too
            result.set_exception(error)
            raise
        else:
            result.set_result(outcome)

    threading.Thread(target=work, name="sensormon-bus-store", daemon=True).start()
    return await asyncio.wrap_future(result)
