"""A time limit for everything in a call: name resolution, tokens, retries, and an answer that arrives slowly.

A socket's timeout starts again with each byte, and what the libraries do besides requests has no timeout.
An event loop has :func:`asyncio.timeout` for that; a thread has :func:`in_time`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

from airflow_provider_amlrest.rest.http.errors import UnreachableError

T = TypeVar("T")


def seconds_left(deadline: float | None, *bounds: float | None) -> float | None:
    """Seconds until the deadline (seconds since the epoch), or the smallest of the bounds; None: no limit."""
    left = None if deadline is None else deadline - time.time()
    return min((bound for bound in (left, *bounds) if bound is not None), default=None)


def out_of_time(asked: str, seconds: float) -> UnreachableError:
    """The error for something that takes longer than it may."""
    if seconds <= 0:
        return UnreachableError(asked, "its time was over before it was sent.")
    return UnreachableError(asked, f"it took longer than {seconds:.3g} s.")


def in_time(action: Callable[[], T], seconds: float | None, asked: str) -> T:
    """Run an action, and wait for it.

    An action that takes longer is left to a separate thread, which ends with its connection or its process.

    :param seconds: the longest time to wait; None: as long as it takes.
    :param asked: what the action asks for, for the error.
    :raises UnreachableError: if it takes longer.
    """
    if seconds is None:
        return action()
    if seconds <= 0:
        raise out_of_time(asked, seconds)
    outcome: Future[T] = Future()
    context = copy_context()

    def run() -> None:
        try:
            outcome.set_result(context.run(action))
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=run, name=asked, daemon=True).start()
    if not wait([outcome], seconds).done:
        raise out_of_time(asked, seconds) from None
    return outcome.result()
