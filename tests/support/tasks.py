"""Run an operator as Airflow does, without Airflow's services: rendered, with a task instance."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.triggers.base import BaseTrigger

from airflow_provider_amlrest.operators.reading import read_wait_options


def unique(request: pytest.FixtureRequest) -> str:
    """The test's name, as a valid name in Azure ML."""
    return "".join(c if c.isalnum() else "-" for c in request.node.name).strip("-")


def found(result: dict[str, str]) -> dict[str, str]:
    """The result of an asset operator that finds the asset of this result."""
    return {**result, "outcome": "found"}


@dataclass
class Try:
    """One try of a task instance: what operators read from it, and the XComs that they push."""

    task: Any
    dag_file: str = __file__
    run_id: str = "manual__2026-01-01T00:00:00+00:00"
    try_number: int = 1
    max_tries: int | None = None
    map_index: int = -1
    xcoms: dict[str, Any] = field(default_factory=dict)

    @property
    def dag_id(self) -> str:
        return "tests"

    @property
    def task_id(self) -> str:
        return str(self.task.task_id)

    @property
    def folder(self) -> Path:
        return Path(self.dag_file).parent

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        assert (task_ids, map_indexes) == (self.task_id, self.map_index)
        return self.xcoms.get(key)

    @property
    def context(self) -> Any:
        if self.max_tries is None:
            self.max_tries = self.task.retries
        return {
            "ti": self,
            "task": self.task,
            "dag": SimpleNamespace(dag_id=self.dag_id, fileloc=self.dag_file),
            "ds": "2026-01-01",
        }

    def execute(self, meanwhile: Callable[[], object] = lambda: None) -> Any:
        """Render the task's templates and execute it; each time it defers, run its trigger and resume it.

        :param meanwhile: is called each time that it has deferred.
        """
        self.task.render_template_fields(self.context)
        go_on = partial(self.task.execute, self.context)
        while True:
            try:
                return go_on()
            except TaskDeferred as deferred:
                meanwhile()
                event = asyncio.run(fire(as_stored(deferred.trigger)))
                given = {**json.loads(json.dumps(deferred.kwargs or {})), "event": event}
                go_on = partial(self.task.resume_execution, deferred.method_name, given, self.context)


def read_job(task: Any, folder: Path) -> Any:
    """The job that a rendered task asks for, of a DAG in this folder."""
    return task._read(Try(task, str(folder / "dag.py")).context)


def submit(task: Any, attempt: Try, client: Any = None) -> str:
    """Submit a rendered task's job as its execution does, and no more; its name."""
    task._options = read_wait_options(task)
    with task.hook.client() as own:
        return str(task._submit(client or own, read_job(task, attempt.folder), attempt.context).name)


def as_stored(trigger: BaseTrigger) -> Any:
    """The trigger that a triggerer creates from what Airflow's database stores of this one."""
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))


async def fire(trigger: BaseTrigger) -> Any:
    """Run a trigger to its only event, and return the payload as Airflow's database stores it."""
    events = [event.payload async for event in trigger.run()]
    assert len(events) == 1
    return json.loads(json.dumps(events[0]))
