"""How far a value travels: the modules of the provider that are called with it.

``python -m tools.journeys`` runs a task against the emulator and follows three values by Python's profiler:
the command from the DAG to the PUT of its job, a job's last status to the end of the task, and a line of the
job's log to the task's log. A call counts if it passes the value on: it returns the value, or has it in an
argument when the value arrives. A call that has it in an argument and only reads it, to check, to hash or to
show it, counts as a look. Arguments are searched at any depth, except operators and Airflow's context, which
contain everything.

rooms: modules that pass it on. moves: from one of them into another. re-entries: moves into a module that was
entered before. The emulator and the client of azure-core are not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, TaskDeferred

import airflow_provider_amlrest
from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace, EmulatorProcess
from airflow_provider_amlrest.operators import AzureMLSubmitCommandJobOperator

ROOT = str(Path(airflow_provider_amlrest.__file__).parent) + os.sep
DEPTH = 6
"""How deep a value is searched in an argument."""


@dataclass
class Call:
    """A call of a function in the provider."""

    frame: FrameType
    module: str
    caller: Call | None
    has_it: bool
    """In an argument."""
    hands_on: bool = False

    @property
    def is_on_the_way(self) -> bool:
        """Whether it and all its callers that have the value pass it on."""
        caller = self.caller
        while caller is not None and not caller.has_it and not caller.hands_on:
            caller = caller.caller
        return self.hands_on and (caller is None or caller.is_on_the_way)


@dataclass
class Journey:
    """The calls that had a value, in order."""

    value: str
    arrives: Callable[[FrameType], bool]
    calls: list[Call] = field(default_factory=list)
    open: dict[int, list[Call]] = field(default_factory=dict)
    """By thread: the calls that have not returned."""
    has_arrived: bool = False

    @property
    def modules(self) -> list[str]:
        """Those that pass it on, in the order in which the value reaches them."""
        way = [call.module for call in self.calls if call.is_on_the_way]
        return [module for module, before in zip(way, [None, *way], strict=False) if module != before]

    @property
    def rooms(self) -> list[str]:
        """Each module once."""
        return list(dict.fromkeys(self.modules))

    @property
    def re_entries(self) -> int:
        """Moves into a module that was entered before."""
        return len(self.modules) - len(self.rooms)

    @property
    def looks(self) -> list[str]:
        """Modules that only read it."""
        looking = (call.module for call in self.calls if call.has_it)
        return list(dict.fromkeys(module for module in looking if module not in self.rooms))

    def enter(self, frame: FrameType) -> None:
        """Record a call if it is in the provider."""
        file = frame.f_code.co_filename
        if not file.startswith(ROOT) or file.startswith(f"{ROOT}emulator{os.sep}"):
            return
        code = frame.f_code
        count = code.co_argcount + code.co_kwonlyargcount
        names = code.co_varnames[: count + bool(code.co_flags & 4) + bool(code.co_flags & 8)]
        has_it = any(_holds(frame.f_locals.get(name), self.value, DEPTH) for name in names)
        stack = self.open.setdefault(threading.get_ident(), [])
        call = Call(frame, file.removeprefix(ROOT), stack[-1] if stack else None, has_it)
        stack.append(call)
        self.calls.append(call)

    def leave(self, frame: FrameType, returned: object) -> None:
        """A call is over: record whether it returned the value."""
        stack = self.open.get(threading.get_ident(), [])
        if stack and stack[-1].frame is frame:
            call = stack.pop()
            stores = call.has_it and frame.f_code.co_name == "__init__"
            call.hands_on = call.hands_on or stores or _holds(returned, self.value, DEPTH)

    def arrive(self) -> None:
        """The calls that have it now have passed it on."""
        self.has_arrived = True
        for stack in self.open.values():
            for call in stack:
                call.hands_on = call.has_it


def _holds(thing: Any, value: str, depth: int) -> bool:
    if isinstance(thing, str):
        return value in thing
    if isinstance(thing, bytes):
        return value.encode() in thing
    if depth == 0 or thing is None or isinstance(thing, int | float | type | Path):
        return False
    if isinstance(thing, BaseOperator) or (isinstance(thing, Mapping) and "ti" in thing):
        return False
    if isinstance(thing, Mapping):
        return any(_holds(member, value, depth - 1) for member in thing.values())
    if isinstance(thing, list | tuple | set | frozenset):
        return any(_holds(member, value, depth - 1) for member in thing)
    if type(thing).__module__.startswith(airflow_provider_amlrest.__name__):
        return any(_holds(member, value, depth - 1) for member in getattr(thing, "__dict__", {}).values())
    # A request on its way.
    return _holds(getattr(thing, "content", None), value, 1)


class _OverError(BaseException):
    """The value has arrived."""


@contextmanager
def followed(journey: Journey) -> Iterator[None]:
    """Follow the value within the block, up to where it arrives."""

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "return":
            journey.leave(frame, argument)
        elif event == "call":
            journey.enter(frame)
            if journey.arrives(frame):
                journey.arrive()
                if frame.f_code.co_name == "_send":
                    raise _OverError

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield
    except _OverError:
        pass
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    if not journey.has_arrived:
        raise RuntimeError(f"{journey.value!r} did not arrive: what is looked for has another name by now.")


def _sends_a_put(frame: FrameType) -> bool:
    request = getattr(frame.f_locals.get("call"), "request", None)
    return frame.f_code.co_name == "_send" and getattr(request, "method", "") == "PUT"


def _is_called(name: str) -> Callable[[FrameType], bool]:
    return lambda frame: frame.f_code.co_name == name and frame.f_code.co_filename.startswith(ROOT)


def run(task_id: str, **arguments: Any) -> None:
    """A task from its DAG to its end, as Airflow runs it."""
    task = AzureMLSubmitCommandJobOperator(
        task_id=task_id,
        environment="AzureML-sklearn-1.5:1",
        compute="cpu-cluster",
        poll_interval=0.2,
        cancel_on_kill=False,
        **arguments,
    )
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(
        task=task,
        task_id=task_id,
        dag_id="journeys",
        run_id="manual__2026-01-01T00:00:00+00:00",
        try_number=1,
        max_tries=0,
        map_index=-1,
        xcom_push=lambda key, value: pushed.update({key: value}),
        xcom_pull=lambda task_ids, key, map_indexes: pushed.get(key),
    )
    context: Any = {"ti": ti, "task": task, "dag": SimpleNamespace(dag_id="journeys", fileloc=__file__)}
    task.render_template_fields(context)
    try:
        task.execute(context)
    except TaskDeferred as deferred:
        event = asyncio.run(_fire(deferred.trigger))
        kwargs = {**(deferred.kwargs or {}), "event": event}
        task.resume_execution(deferred.method_name, kwargs, context)


async def _fire(trigger: Any) -> Any:
    [event] = [event.payload async for event in trigger.run()]
    return event


def journeys() -> dict[str, Journey]:
    """Each journey by its title; the connection must lead to an emulator that runs jobs."""
    command = "true the-command"
    line = "printf '%s-%s\\n' the line; sleep 2"
    found = {
        "command: from the DAG to the PUT": Journey("the-command", _sends_a_put),
        "status: to a green task, sync": Journey("Completed", _is_called("publish_result")),
        "status: to a green task, deferred": Journey("Completed", _is_called("publish_result")),
        "log line: to the task's log, sync": Journey("the-line", _is_called("show")),
        "log line: to the task's log, deferred": Journey("the-line", _is_called("show")),
    }
    put, *others = found.values()
    with followed(put):
        run("put", command=command, deferrable=False)
    for number, journey in enumerate(others):
        with followed(journey):
            run(
                f"wait-{number}",
                command=line,
                deferrable=bool(number % 2),
                get_logs=journey.value != "Completed",
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--modules", action="store_true", help="list the modules, too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        emulator = EmulatorProcess(Path(folder), runtime="host")
        try:
            EmulatedWorkspace(emulator, os.environ.__setitem__).connect("azureml_default")
            found = journeys()
        finally:
            emulator.stop()
    print("| journey | rooms | moves | re-entries | looks |\n|---|---|---|---|---|")
    for title, journey in found.items():
        counts = len(journey.rooms), len(journey.modules), journey.re_entries, len(journey.looks)
        print(f"| {title} | {' | '.join(map(str, counts))} |")
    if arguments.modules:
        for title, journey in found.items():
            print(f"\n{title}\n  " + "\n  ".join([*journey.modules, "looks: " + ", ".join(journey.looks)]))


if __name__ == "__main__":
    main()
