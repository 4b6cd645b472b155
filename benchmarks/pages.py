"""What the pages inside the Airflow UI cost: seconds, bytes, and reads of Azure ML.

``python -m benchmarks.pages`` starts Airflow and the emulator, runs a sweep of 1,000 trials and a pipeline of
100 steps, puts 200 runs of a DAG into Airflow's database, and asks for the data of pages as a browser does.
Beside the data of the sweep, in the same run: the time that it takes to read the metrics of each trial by
itself.
"""

from __future__ import annotations

import gzip
import json
import sqlite3
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from airflow_provider_amlrest.rest import AzureMLClient, WorkspaceId
from airflow_provider_amlrest.rest.http.cloud import custom_cloud
from airflow_provider_amlrest.rest.http.credentials import ClientSecret, sync_credential
from tests.support.waiting import wait_for
from tests.ui.stage import Stage

RUNS = 200
MINUTE = 60.0
PAUSE = 5.0
"""Seconds after which a page asks again while its job is active."""


class Asking:
    """A person whose pages ask for data."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.session = stage.session("viewer")

    def get(self, path: str, **query: str) -> tuple[float, bytes]:
        """Seconds, and what came."""
        began = time.perf_counter()
        answer = self.session.get(f"{self.stage.airflow.url}/azureml/{path}", params=query, timeout=120)
        answer.raise_for_status()
        return time.perf_counter() - began, answer.content

    def row(self, what: str, path: str, **query: str) -> float:
        mark = self.stage.emulated.mark()
        seconds, content = self.get(path, **query)
        reads = len(self.stage.reads(mark))
        again, _ = self.get(path, **query)
        packed = len(gzip.compress(content, 5))
        print(
            f"| {what} | {seconds:.2f} | {again:.3f} | {len(content):,} | {packed:,} | {reads} |", flush=True
        )
        return seconds


def run_of(stage: Stage, dag_id: str) -> str:
    """A run of the DAG that has ended well."""
    run_id = stage.airflow.api.trigger(dag_id)
    wait_for(lambda: stage.airflow.api.run_state(dag_id, run_id) == "success")
    return run_id


def read_one_by_one(stage: Stage, sweep: str) -> float:
    """Seconds to read the metrics of each trial by a request of its own."""
    facts = stage.emulated.facts
    cloud = custom_cloud(facts["arm_endpoint"], facts["authority_host"]).trusting(facts["ca_bundle"], None)
    identity = ClientSecret(facts["tenant_id"], facts["client_id"], facts["client_secret"])
    workspace = WorkspaceId(facts["subscription_id"], facts["resource_group"], facts["workspace_name"])
    with (
        sync_credential(identity, cloud) as credential,
        AzureMLClient(credential, workspace, cloud=cloud) as client,
    ):
        names = [run.name for run in client.list_children(sweep)]
        began = time.perf_counter()
        for name in names:
            client.get_metrics(name)
        return time.perf_counter() - began


def multiply(database: Path, run_id: str) -> None:
    """Put more runs like this one into Airflow's database: their tasks and XComs, too."""
    with sqlite3.connect(database, timeout=60) as connection:
        connection.row_factory = sqlite3.Row
        [run] = connection.execute("SELECT * FROM dag_run WHERE run_id = ?", (run_id,))
        tasks = connection.execute("SELECT * FROM task_instance WHERE run_id = ?", (run_id,)).fetchall()
        xcoms = connection.execute("SELECT * FROM xcom WHERE run_id = ?", (run_id,)).fetchall()
        highest = connection.execute("SELECT max(id) FROM dag_run").fetchone()[0]
        for number in range(1, RUNS):
            name = f"{run_id}-{number}"
            _insert(connection, "dag_run", run, id=highest + number, run_id=name, logical_date=None)
            for task in tasks:
                _insert(connection, "task_instance", task, id=uuid.uuid4().hex, run_id=name)
            for xcom in xcoms:
                _insert(connection, "xcom", xcom, dag_run_id=highest + number, run_id=name)


def _insert(connection: sqlite3.Connection, table: str, row: sqlite3.Row, **changes: Any) -> None:
    values = {**dict(row), **changes}
    columns, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))  # noqa: S608


def reads_per_minute(stage: Stage, tabs: int, query: dict[str, str]) -> int:
    """Reads of Azure ML in a minute while so many tabs are open on a job that no task waits for."""
    asking = Asking(stage)
    mark, end = stage.emulated.mark(), time.monotonic() + MINUTE
    while time.monotonic() < end:
        for _ in range(tabs):
            asking.get("task/data", **query)
            asking.get("task/log", **query)
        time.sleep(PAUSE)
    return len(stage.reads(mark))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as exits:
        stage = Stage(Path(folder), exits)
        asking = Asking(stage)
        wide, long, trained = run_of(stage, "wide"), run_of(stage, "long"), run_of(stage, "training")
        multiply(stage.airflow.home / "airflow.db", trained)
        of_sweep = {"dag_id": "wide", "run_id": wide, "task_id": "sweep"}
        of_pipeline = {"dag_id": "long", "run_id": long, "task_id": "hundred"}
        of_training = {"dag_id": "training", "run_id": trained, "task_id": "train"}

        print("| data | first s | again s | bytes | gzipped | reads of Azure ML |\n|---|---|---|---|---|---|")
        asking.row("a job, with its metrics", "task/data", **of_training)
        asking.row("a sweep's job", "task/data", **of_sweep)
        seconds = asking.row("its 1,000 trials", "task/trials", **of_sweep)
        asking.row("a pipeline's job", "task/data", **of_pipeline)
        asking.row("its 100 steps", "task/steps", **of_pipeline)
        _, content = asking.get("task/steps", **of_pipeline)
        step = json.loads(content)["rows"][0][2]
        asking.row("one of them", "task/data", step=step, **of_pipeline)
        asking.row(f"a task over {RUNS} runs", "history/data", dag_id="training", task_id="train")
        asking.row("the newest jobs", "recent/data")
        one_by_one = read_one_by_one(stage, stage.job_of(wide).name)
        ratio = f"{one_by_one / seconds:.1f} x"
        print(f"\n1,000 trials, the metrics of each read by itself: {one_by_one:.1f} s, {ratio}")

        loose = stage.airflow.api.trigger("loose")
        wait_for(lambda: stage.job_of(loose))
        query = {"dag_id": "loose", "run_id": loose, "task_id": "train"}
        url = f"{stage.airflow.url}/azureml/task/data"
        wait_for(lambda: asking.session.get(url, params=query, timeout=60).ok)
        print("\n| open tabs | reads of Azure ML in a minute |\n|---|---|")
        for tabs in (1, 10):
            print(f"| {tabs} | {reads_per_minute(stage, tabs, query)} |", flush=True)


if __name__ == "__main__":
    main()
