"""Run an operator as Airflow does, without Airflow's services: rendered, with a task instance's facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest


def unique(request: pytest.FixtureRequest) -> str:
    """The test's name as that of something in Azure ML."""
    return "".join(c if c.isalnum() else "-" for c in request.node.name).strip("-")


@dataclass
class Try:
    """One try of a task instance: what operators read of it, and the XComs they push."""

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

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    @property
    def context(self) -> Any:
        if self.max_tries is None:
            self.max_tries = self.task.retries
        return {
            "ti": self,
            "task": self.task,
            "dag": SimpleNamespace(fileloc=self.dag_file),
            "ds": "2026-01-01",
        }

    def execute(self) -> Any:
        """Render the task's templates and execute it."""
        self.task.render_template_fields(self.context)
        return self.task.execute(self.context)
