"""Under a real Airflow: a scheduler, tasks as processes, a database, logs."""

from __future__ import annotations

import html
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_amlrest.connection import FIELDS
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.rest import AzureMLClient
from tests.support.emulated import Emulated
from tests.support.waiting import wait_for
from tools.local_airflow import AIRFLOW_3, LocalAirflow

CANARY = "canary-secret-4c1f0b7e"
DAGS = Path(__file__).parent / "dags"
RUN_TIMEOUT = 600.0

# How soon Airflow notices a task process that is gone: 3.x, then 2.11.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "60",
    "AIRFLOW__SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "3",
}


class Stack:
    """Airflow and the emulator, and what they leave behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pid_file = folder / "task.pid"
        self.exits = ExitStack()
        os.environ["AMLREST_EMULATOR_CLIENT_SECRET"] = CANARY
        try:
            self.emulated = Emulated(folder, "host")
        finally:
            del os.environ["AMLREST_EMULATOR_CLIENT_SECRET"]
        self.exits.callback(self.emulated.stop)
        self.airflow = LocalAirflow(
            folder / "airflow",
            DAGS,
            triggerers=0,
            settings={**IMPATIENT, "TASK_PID_FILE": str(self.pid_file)},
        )
        self.airflow.connect("azureml_default", self.emulated.connection_uri())
        self.exits.enter_context(self.airflow)
        self.airflow.wait_for_dags({"walk_through", "kill_me"})

    def jobs(self, client: AzureMLClient, dag_id: str) -> list[str]:
        """Names of the jobs that a DAG has submitted."""
        return [job.name for job in client.list_jobs() if job.tags.get("airflow_dag_id") == dag_id]

    def finish(self, dag_id: str, run_id: str, *, failing: str = "") -> dict[str, Any]:
        """Wait for the end of a run, of which no other task may fail; its tasks by id."""
        tasks = list(self.airflow.api.watch(dag_id, run_id, RUN_TIMEOUT))[-1]
        for task in tasks:
            wanted = "failed" if task.task_id == failing else "success"
            assert task.state == wanted, f"{task}\n{self.log(dag_id, run_id, task)[-4000:]}"
        return {task.task_id: task for task in tasks}

    def log(self, dag_id: str, run_id: str, task: Any) -> str:
        return "\n".join(self.airflow.api.task_log(dag_id, run_id, task))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    with stack.exits:
        yield stack


@pytest.fixture
def client(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureMLClient]:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", stack.emulated.connection_uri())
    with AzureMLHook().client() as client:
        yield client


@pytest.mark.skipif(AIRFLOW_3, reason="the form of Airflow 3 is asked for in tests/ui")
def test_the_connection_form(stack: Stack) -> None:
    page = requests.get(f"{stack.airflow.url}/connection/add", timeout=60).text
    read = html.unescape(page)
    inputs = {
        match["id"]: match[0]
        for match in re.finditer(r'<input[^>]*\bid="extra__azureml__(?P<id>\w+)"[^>]*>', page)
    }
    assert set(inputs) == {field.name for field in FIELDS}
    for field in FIELDS:
        assert ('type="password"' in inputs[field.name]) == field.secret, field.name
        assert field.label in read
        assert field.description in read


def test_a_killed_task_finds_its_job_and_a_clear_makes_a_new_one(stack: Stack, client: AzureMLClient) -> None:
    api = stack.airflow.api
    run_id = api.trigger("kill_me")
    names = wait_for(lambda: stack.jobs(client, "kill_me"))
    os.kill(int(wait_for(lambda: stack.pid_file.exists() and stack.pid_file.read_text())), signal.SIGKILL)
    stack.pid_file.with_name("task.pid.go").touch()
    task = stack.finish("kill_me", run_id)["train"]
    assert task.try_number == 2
    assert stack.jobs(client, "kill_me") == names
    assert "is taken over, not submitted again" in stack.log("kill_me", run_id, task)

    api.clear("kill_me", run_id, "train")
    wait_for(lambda: len(stack.jobs(client, "kill_me")) == 2)
    task = stack.finish("kill_me", run_id)["train"]
    assert task.try_number == 3
    assert len(stack.jobs(client, "kill_me")) == 2


def test_a_walk_through_and_then_no_secret_anywhere(stack: Stack, client: AzureMLClient) -> None:
    api = stack.airflow.api
    run_id = api.trigger("walk_through")
    failing = stack.finish("walk_through", run_id, failing="failing")["failing"]
    assert re.search(r"failed: .*3.*https://.*/runs/", stack.log("walk_through", run_id, failing), re.DOTALL)

    waited = next(task for task in api.task_instances("walk_through", run_id) if task.task_id == "wait")
    assert "cannot be called outside" not in stack.log("walk_through", run_id, waited)
    trained = api.xcom("walk_through", run_id, "wait")
    assert trained["metrics"] == {"score": 0.5}
    swept = api.xcom("walk_through", run_id, "sweep")
    assert swept["trials"] == 3
    assert swept["best_trial"]["metric"] == 0.7
    assert swept["best_trial"]["params"] == {"x": 0.7}
    body = api.rendered("walk_through", run_id, "train")["request_body"]
    assert json.loads(body)["properties"]["jobType"] == "Command"
    links = api.links("walk_through", run_id, "train")
    assert "/runs/" in str(links["Azure ML Studio"])
    assert not links["Azure ML models"]
    assert len(stack.jobs(client, "walk_through")) == 5

    datastore = client.get_default_datastore()
    key = client.list_datastore_secrets(datastore.name).account_key
    assert key
    stack.exits.close()
    assert_nowhere(stack.folder, CANARY, key, "sig=", "Bearer eyJ")


def assert_nowhere(folder: Path, *secrets: str) -> None:
    """Look into every file: logs, metadata database, emulator's state and blobs."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert any(path.name == "requests.jsonl" for path in files)
    found = [
        f"{secret!r} in {path.relative_to(folder)}"
        for path in files
        for content in [path.read_bytes()]
        for secret in secrets
        if secret.encode() in content
    ]
    assert found == []
