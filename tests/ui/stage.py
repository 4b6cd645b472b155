"""A real Airflow with users of several roles, and an emulator: what the browser tests look at."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace
from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.rest import AzureMLClient
from tests.support.emulated import Emulated
from tests.support.endpoints import make_model
from tools.local_airflow import LocalAirflow
from tools.services import free_port

ROLES = ("admin", "user", "viewer")
NOBODY = "nobody"
"""A user without any role."""
DAGS = (
    "training",
    "failing",
    "endless",
    "loose",
    "sweeping",
    "wide",
    "pipeline",
    "long",
    "gated",
    "serving",
    "mixed",
)
PASSWORD = "a password of the tests"


class Stage:
    """Everything that runs; ``exits`` stops it. Behind a path of its own, as many Airflows are."""

    def __init__(self, folder: Path, exits: ExitStack) -> None:
        self.emulated = Emulated(folder)
        exits.callback(self.emulated.stop)
        self.workspace = EmulatedWorkspace(self.emulated, os.environ.__setitem__)
        passwords = folder / "passwords.json"
        passwords.write_text(json.dumps(dict.fromkeys((*ROLES, NOBODY), PASSWORD)))
        port = free_port()
        self.airflow = LocalAirflow(
            folder / "airflow",
            Path(__file__).parent / "dags",
            logs=folder / "logs",
            port=port,
            path="/air",
            login=("admin", PASSWORD),
            settings={
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
                    [*(f"{role}:{role}" for role in ROLES), f"{NOBODY}:"]
                ),
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            },
        )
        self.airflow.connect("azureml_default", self.emulated.connection_uri())
        self.workspace.configure(operation_seconds=0)
        with self.client() as client:
            make_model(client)
        exits.enter_context(self.airflow)
        self.airflow.wait_for_dags(DAGS)

    @contextmanager
    def client(self) -> Iterator[AzureMLClient]:
        """A client of the emulator's workspace, beside Airflow's own."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", self.emulated.connection_uri())
            with AzureMLHook().client() as client:
                yield client

    def session(self, role: str | None) -> requests.Session:
        """Requests of a user with this role; None: of nobody."""
        session = requests.Session()
        session.trust_env = False
        if role is not None:
            login = {"username": role, "password": PASSWORD}
            answer = session.post(f"{self.airflow.url}/auth/token", json=login, timeout=10)
            session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return session

    def get(self, path: str) -> Any:
        """Of Airflow's own API, as an admin."""
        return self.session("admin").get(f"{self.airflow.url}/api/v2/{path}", timeout=10).json()

    def run_ids(self, dag_id: str) -> set[str]:
        return {run["dag_run_id"] for run in self.get(f"dags/{dag_id}/dagRuns")["dag_runs"]}

    def states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """The states of a run's tasks."""
        return {task.task_id: task.state for task in self.airflow.api.task_instances(dag_id, run_id)}

    def endpoint(self, name: str) -> dict[str, Any]:
        """The properties of an online endpoint; its traffic is empty as long as there is none."""
        with self.client() as client:
            found = client.get_resource(f"onlineEndpoints/{name}").wire
        return {"traffic": {}, **found.get("properties", {})}

    def job_of(self, run_id: str) -> Any:
        """The first job that was made for a run; None: there is none yet."""
        jobs = self.workspace.jobs()
        return next((job for job in jobs if job.tags.get("airflow_run_id") == run_id), None)

    def reads(self, since: int = 0) -> list[dict[str, Any]]:
        """What was read of Azure ML, after the first ``since`` requests."""
        return self.emulated.asked("GET|POST", since=since)
