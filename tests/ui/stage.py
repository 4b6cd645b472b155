"""A real Airflow with users of several roles, and an emulator: what the browser tests look at."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace
from tests.support.emulated import Emulated
from tools.local_airflow import LocalAirflow
from tools.services import free_port

ROLES = ("admin", "user", "viewer")
NOBODY = "nobody"
"""A user without any role."""
DAGS = ("training", "failing", "endless", "loose", "sweeping", "wide", "pipeline", "long", "gated", "mixed")
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
        exits.enter_context(self.airflow)
        self.airflow.wait_for_dags(DAGS)

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

    def job_of(self, run_id: str) -> Any:
        """The first job that was made for a run; None: there is none yet."""
        jobs = self.workspace.jobs()
        return next((job for job in jobs if job.tags.get("airflow_run_id") == run_id), None)

    def reads(self, since: int = 0) -> list[dict[str, Any]]:
        """What was read of Azure ML, after the first ``since`` requests."""
        return self.emulated.asked("GET|POST", since=since)
