"""Runs code that is written without I/O: a generator yields requests, and is sent their answers.

This is the only such loop, with one version for threads and one for event loops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar, cast

from airflow_provider_amlrest.rest.http.errors import AzureMLError

Step = TypeVar("Step")
T = TypeVar("T")


def drive(flow: Generator[Step, Any, T], answer: Callable[[Step], Any]) -> T:
    """Run a generator and return its result. An AzureMLError is thrown into it, so that it can handle it."""
    try:
        step = next(flow)
        while True:
            try:
                came = answer(step)
            except AzureMLError as error:
                step = flow.throw(error)
            else:
                step = flow.send(came)
    except StopIteration as done:
        return cast("T", done.value)


async def drive_async(flow: Generator[Step, Any, T], answer: Callable[[Step], Awaitable[Any]]) -> T:
    """As :func:`drive`."""
    try:
        step = next(flow)
        while True:
            try:
                came = await answer(step)
            except AzureMLError as error:
                step = flow.throw(error)
            else:
                step = flow.send(came)
    except StopIteration as done:
        return cast("T", done.value)
