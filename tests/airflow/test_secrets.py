"""Secrets of Airflow's that jobs carry and print, under a real Airflow: they are in nothing that it keeps.

XComs lie in object storage, OpenLineage's events in files, and of Airflow 3 logs in a remote store, too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.lifecycle.masking import MASKED_PROPERTY, NOT_SHOWN
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.runs.log_tail import LogTail
from tests.support.emulated import Emulated
from tools.local_airflow import AIRFLOW_3, LocalAirflow

HERE = Path(__file__).parent
PASSWORD = "canary-of-the-connection-1f0b7e"
VARIABLE = "canary-of-the-variable-9d2c55"
LINES = ("canary-first-line-77ab", "canary-second-line-3c1d", "canary-third-line-e09f")
CANARIES = (PASSWORD, VARIABLE, *LINES)
MODES = ("sync", "deferred")
TASKS = {"train": "success", "fail": "failed", "sense": "success", "sense_failed": "failed"}
ROUTES = ("task", "task/data", "task/log", "task/trials", "run/data", "recent/data", "history/data")


class Stack:
    """Airflow and an emulator that runs jobs; what Airflow keeps is below ``kept``."""

    def __init__(self, folder: Path, exits: ExitStack) -> None:
        self.kept = folder / "kept"
        self.remote, self.objects, self.lineage = (
            self.kept / name for name in ("remote", "objects", "lineage")
        )
        for path in (self.remote, self.objects, self.lineage):
            path.mkdir(parents=True)
        self.emulated = Emulated(folder, "host")
        exits.callback(self.emulated.stop)
        self.airflow = LocalAirflow(
            self.kept / "airflow",
            HERE / "secret_dags",
            logs=self.kept / "logs",
            settings={
                "AIRFLOW_VAR_API_SECRET": VARIABLE,
                "AIRFLOW_VAR_PEM_SECRET": "\n".join(LINES),
                "AIRFLOW__CORE__XCOM_BACKEND": (
                    "airflow.providers.common.io.xcom.backend.XComObjectStorageBackend"
                ),
                "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH": f"file://{self.objects}",
                "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD": "0",
                "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                    {"type": "file", "log_file_path": str(self.lineage / "events"), "append": False}
                ),
                **(self._remote_logs() if AIRFLOW_3 else {}),
            },
        )
        self.airflow.connect("azureml_default", self.emulated.connection_uri())
        self.airflow.connect("vault", json.dumps({"conn_type": "http", "password": PASSWORD}))
        exits.enter_context(self.airflow)
        self.airflow.wait_for_dags({f"secret_{mode}" for mode in MODES})
        self.runs = {mode: self.airflow.api.trigger(f"secret_{mode}") for mode in MODES}

    def _remote_logs(self) -> dict[str, str]:
        return {
            "PYTHONPATH": str(HERE / "remote_logs"),
            "REMOTE_LOGS": str(self.remote),
            "AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": "remote_logs.LOGGING_CONFIG",
        }

    def log(self, dag_id: str, run_id: str, task: Any) -> str:
        return "\n".join(self.airflow.api.task_log(dag_id, run_id, task))

    def page(self, path: str, **query: str) -> str:
        """What a route of the pages answers."""
        return requests.get(f"{self.airflow.url}/azureml/{path}", params=query, timeout=60).text

    def commands(self, asked: list[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
        """All that the command line says to each of these, in a process that has read no secret."""
        environment = {**os.environ, "AIRFLOW_CONN_AZUREML_DEFAULT": self.emulated.connection_uri()}
        code = (
            "import json, sys; from airflow_provider_amlrest.cli.main import main\n"
            "for arguments in json.loads(sys.argv[1]): main(arguments); print(end='\\f')"
        )
        told = subprocess.run(
            [sys.executable, "-u", "-c", code, json.dumps(asked)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return dict(zip(asked, told.stdout.split("\f")[:-1], strict=True))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with ExitStack() as exits:
        yield Stack(tmp_path_factory.mktemp("secrets"), exits)


@pytest.fixture
def client(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureMLClient]:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", stack.emulated.connection_uri())
    with AzureMLHook().client() as client:
        yield client


def finish(stack: Stack, dag_id: str, run_id: str) -> dict[str, str]:
    """Wait for the end of a run; the logs of its tasks."""
    tasks = list(stack.airflow.api.watch(dag_id, run_id, 300))[-1]
    logs = {task.task_id: stack.log(dag_id, run_id, task) for task in tasks}
    assert {task.task_id: task.state for task in tasks} == TASKS, logs
    return logs


@pytest.mark.parametrize("mode", MODES)
def test_a_secret_goes_to_the_job_and_nowhere_else(stack: Stack, client: AzureMLClient, mode: str) -> None:
    dag_id, run_id = f"secret_{mode}", stack.runs[mode]
    logs = finish(stack, dag_id, run_id)
    jobs = [job for job in client.list_jobs() if job.tags.get("airflow_run_id") == run_id]
    assert len(jobs) == 2
    for job in jobs:
        # It has them, and prints them.
        assert PASSWORD in str(job.command)
        assert job.tags["owner"] == PASSWORD
        assert job.properties[MASKED_PROPERTY] == "true"
        printed = "\n".join(client.read_log(job.name, LogTail(), True))
        assert all(canary in printed for canary in CANARIES)

    # Who has made the job shows its log, masked; also line by line. Who only waits for it shows nothing.
    for task_id in ("train", "fail"):
        assert "| ***" in logs[task_id]
        assert "| input=***" in logs[task_id]
    assert NOT_SHOWN in logs["sense_failed"]
    assert "XCom not found" not in "".join(path.read_text() for path in stack.airflow.logs.rglob("*.log"))

    names = [job.name for job in jobs]
    asked: list[tuple[str, ...]] = [("list", "--output", "json"), ("list",)]
    for name in names:
        asked += [(what, name) for what in ("show", "logs", "metrics", "wait")]
        asked.append(("show", name, "--output", "json"))
    told = stack.commands(asked)
    for name in names:
        assert NOT_SHOWN in told["logs", name]
        assert name in told["show", name]
    seen = [*told.values()]
    api = stack.airflow.api
    for task_id in TASKS:
        seen.append(json.dumps([api.rendered(dag_id, run_id, task_id), api.links(dag_id, run_id, task_id)]))
        assert "/runs/" in str(api.links(dag_id, run_id, task_id)["Azure ML Studio"])
    if AIRFLOW_3:
        seen += pages(stack, dag_id, run_id)
    assert [canary for canary in CANARIES for text in seen if canary in text] == []
    assert "***" in json.dumps(api.rendered(dag_id, run_id, "train"))
    assert found(stack.kept) == []


def pages(stack: Stack, dag_id: str, run_id: str) -> list[str]:
    """What the pages show of a run: all that they can without the secret."""
    query = {"dag_id": dag_id, "run_id": run_id}
    told = {
        (route, task_id): stack.page(route, **query, task_id=task_id) for route in ROUTES for task_id in TASKS
    }
    page = json.loads(told["task/data", "train"])
    assert page["job"]["command"].startswith("echo ***; echo input=")
    assert page["job"]["tags"]["owner"] == "***"
    assert page["job"]["inputs"] == {"key": "***"}
    assert page["job"]["display_name"] == "job of ***"
    assert page["job"]["status"] == "Completed"
    assert NOT_SHOWN in json.loads(told["task/log", "train"])["notice"]
    assert NOT_SHOWN in json.loads(told["task/data", "fail"])["error"]["message"]
    sensed = json.loads(told["task/data", "sense"])
    assert sensed["job"]["name"] == page["job"]["name"]
    assert sensed["job"]["command"] == ""
    # A custom XCom backend takes nothing from the lists.
    rows = {row["task"]["task_id"]: row["status"] for row in json.loads(told["run/data", "train"])["rows"]}
    assert rows == {"train": "Completed", "fail": "Failed", "sense": "Completed", "sense_failed": "Failed"}
    return list(told.values())


def found(folder: Path) -> list[str]:
    """Where a canary is, of all files: logs, remote logs, database, object storage."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert any(path.is_relative_to(folder / "objects") for path in files)
    events = [path.read_bytes() for path in files if path.is_relative_to(folder / "lineage")]
    assert any(b'"name": "secret_sync.fail"' in event and b"errorMessage" in event for event in events)
    if AIRFLOW_3:
        assert any(b"| ***" in path.read_bytes() for path in files if path.is_relative_to(folder / "remote"))
    return [
        f"{canary} in {path.relative_to(folder)}"
        for path in files
        for content in [path.read_bytes()]
        for canary in CANARIES
        if canary.encode() in content
    ]
