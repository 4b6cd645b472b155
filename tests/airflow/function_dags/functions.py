"""Tasks that run as functions in Azure ML, as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import dag, task, task_group

if TYPE_CHECKING:
    from pathlib import Path

JOB: dict[str, Any] = {"environment": "AzureML-any:1", "compute": "cpu-cluster", "poll_interval": 0.2}
OUTSIDE = 3


@task.azureml(**JOB)
def add(a: int, b: int = 2, *, times: int = 1) -> int:
    """Add, and say so."""
    print(f"adding {a} and {b}")
    return (a + b) * times


@task.azureml(**JOB)
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task.azureml(**JOB)
def fails(rows: int) -> None:
    import os

    os.chdir("/")

    def check() -> None:
        if rows < 5:
            raise ValueError(f"too few rows: {rows}")

    print("about to fail")
    check()


@task.azureml(**JOB, outputs={"table": "uri_folder"})
def writes(table: Path, day: str, title: str = "") -> dict[str, Any]:
    from pathlib import Path

    folder = Path(table)
    (folder / "day.txt").write_text(day)
    return {"title": title, "files": [file.name for file in folder.iterdir()], "abs": folder.is_absolute()}


@task.azureml(**JOB)
def gives(what: str) -> Any:
    import datetime
    import os

    os.chdir("/")
    values = {
        "none": None,
        "large": "x" * 8191,
        "just fits": "x" * 8190,
        "text": "é\u2028🙂",
        "nested": [{"a": (1, 2.5)}],
    }
    values |= {"date": [datetime.date(2026, 1, 1)], "not finite": float("nan"), "key": {1: 2}}
    return values[what]


@task.azureml(**JOB)
async def waits(seconds: float) -> str:
    import asyncio

    await asyncio.sleep(seconds)
    return "awaited"


@task.azureml(**JOB)
def uses_what_the_job_lacks() -> int:
    return OUTSIDE


@task.azureml(**JOB)
def takes(*values: Any, ds: str | None = None, **more: Any) -> list[Any]:
    return [values, ds, more]


@task.azureml(**JOB, outputs={"table": "uri_folder"})
def with_packages(table: str) -> list[Any]:
    from importlib.util import find_spec
    from pathlib import Path

    import tiny  # type: ignore[import-not-found]

    return [tiny.WORD, Path(table).is_dir() and find_spec("pip") is not None]


@dag(schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC))
def chain() -> None:
    first = add(1)
    again = add.override(task_id="again", retries=2)(first, b=3)

    @task_group
    def grouped(a: Any) -> Any:
        return add.partial(b=a, times=2).expand(a=[1, 2])

    @task.azureml(**JOB)
    def inner(text: str) -> dict[str, str]:
        words = """two
lines"""
        return {"text": words + text}

    @task
    def local(text: str, whole: dict[str, str]) -> None:
        print(f"local has {text!r} of {whole}")

    total(grouped(again))
    words = inner("!")
    local(words["text"], words)
    writes.override(task_id="paths").partial(title="t").expand(day=["a", "b"])


chained = chain()
