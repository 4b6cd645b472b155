"""Drives what is written without I/O: a generator yields what it wants, and is sent what came of it.

The one loop of its kind, for threads and for event loops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar, cast

from airflow_provider_amlrest.rest.http.errors import AzureMLError

Step = TypeVar("Step")
T = TypeVar("T")


def drive(flow: Generator[Step, Any, T], answer: Callable[[Step], Any]) -> T:
    """What the generator returns in the end. An AzureMLError is thrown into it: it may know what to do."""
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
