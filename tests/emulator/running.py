"""A running emulator, started by its real command line, and plain HTTP to talk to it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.support.waiting import PATIENCE

VERSION = "2025-12-01"
REGISTRY = "emulator-registry"
CLI = (sys.executable, "-m", "airflow_provider_amlrest.emulator.cli")
START_SECONDS = 180.0
SLOW = {"emulator.seconds": "600"}
"""Tags of a job that outlasts its test."""


class Running:
    """An emulator as a child process.

    :param data_dir: its state.
    :param arguments: further arguments of ``start``.
    :param environment: further environment variables.
    """

    def __init__(self, data_dir: Path, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.ready_file = data_dir.with_name(f"{data_dir.name}-ready.json")
        self.log = data_dir.with_name(f"{data_dir.name}.log")
        self.ready_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [*CLI, "start", "--data-dir", data_dir, "--ready-file", self.ready_file, *arguments],
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        self.facts: dict[str, Any] = self._wait()
        self.workspace = (
            f"/subscriptions/{self.facts['subscription_id']}/resourceGroups/{self.facts['resource_group']}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.facts['workspace_name']}"
        )
        tls = ssl.create_default_context(cafile=self.facts["ca_bundle"])
        self.http = httpx.Client(base_url=self.facts["arm_endpoint"], verify=tls, timeout=30)
        try:
            self.http.headers["Authorization"] = f"Bearer {self.token()}"
        except BaseException:
            self.kill()
            raise

    def _wait(self) -> dict[str, Any]:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.ready_file.exists():
                return dict(json.loads(self.ready_file.read_text()))
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the emulator did not start:\n{self.log.read_text()}")

    def stop(self) -> int:
        """End it as a user does; its exit code."""
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def ask_token(self, **changes: str | None) -> httpx.Response:
        """The token endpoint's answer to a good request with some fields changed or (None) left out."""
        fields: dict[str, str | None] = {
            "tenant": self.facts["tenant_id"],
            "client_id": self.facts["client_id"],
            "client_secret": self.facts["client_secret"],
            "grant_type": "client_credentials",
            "scope": f"{self.facts['arm_endpoint']}/.default",
            **changes,
        }
        tenant = fields.pop("tenant")
        form = {name: value for name, value in fields.items() if value is not None}
        return self.http.post(f"/{tenant}/oauth2/v2.0/token", data=form)

    def token(self, scope: str | None = None) -> str:
        answer = self.ask_token(**({"scope": scope} if scope else {}))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def ml(
        self, method: str, path: str, body: Any = None, *, version: str = VERSION, **query: str
    ) -> httpx.Response:
        """A call below the workspace; query names are given with _ for $."""
        parameters = {"api-version": version, **{name.replace("_", "$", 1): v for name, v in query.items()}}
        return self.http.request(method, f"{self.workspace}/{path}".rstrip("/"), params=parameters, json=body)

    def shared(
        self, method: str, path: str, body: Any = None, *, host: bool = False, **query: str
    ) -> httpx.Response:
        """A call below the registry: Resource Manager's, or that of the registry's own host."""
        version = {"api-version": "2021-10-01-dataplanepreview" if host else VERSION}
        group = self.workspace.partition("/workspaces/")[0]
        url = f"{'/mferp/managementfrontend' if host else ''}{group}/registries/{REGISTRY}/{path}".rstrip("/")
        return self.http.request(method, url, params={**version, **query}, json=body)

    def share(self, path: str, properties: Any) -> str:
        """PUT an asset into the registry; its id."""
        answer = self.shared("PUT", path, {"properties": properties})
        assert answer.status_code == 201, answer.text
        return f"azureml://registries/{REGISTRY}/{path}"

    def put(self, path: str, properties: Any, expect: int = 201, *, version: str = VERSION) -> dict[str, Any]:
        """PUT properties, check the status, and return the answer's properties."""
        answer = self.ml("PUT", path, {"properties": properties}, version=version)
        assert answer.status_code == expect, answer.text
        return dict(answer.json()["properties"])

    def get(self, path: str, *, version: str = VERSION) -> dict[str, Any]:
        answer = self.ml("GET", path, version=version)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["properties"])

    def history(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        return self.http.request(method, f"/history/v1.0{self.workspace}/{path}", json=body, params=query)

    def mlflow(
        self, operation: str, body: Any = None, *, token: str | None = None, **query: str
    ) -> httpx.Response:
        """An MLflow call: GET with a query, or POST with a body."""
        url = f"/mlflow/v1.0{self.workspace}/api/2.0/mlflow/{operation}"
        headers = {"Authorization": f"Bearer {token}"} if token else None
        if body is None:
            return self.http.get(url, params=query, headers=headers)
        return self.http.post(url, json=body, headers=headers)

    def admin(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"x-emulator-key": self.facts["admin_key"]}
        return self.http.request(method, f"/_emulator/{path}", json=body, headers=headers)

    def environment(self, name: str = "env") -> str:
        """The ARM id of an environment that exists."""
        self.put(f"environments/{name}/versions/1", {"image": "docker.io/library/python:3.11"})
        return f"{self.workspace}/environments/{name}/versions/1"

    def command_job(self, **changes: Any) -> dict[str, Any]:
        """Properties of a small command job."""
        return {
            "jobType": "Command",
            "command": "true",
            "environmentId": self.environment(),
            "computeId": f"{self.workspace}/computes/cpu-cluster",
            **changes,
        }

    def wait_for(self, name: str, *statuses: str) -> str:
        """The job's status, once it is one of these."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            status = str(self.get(f"jobs/{name}")["status"])
            if status in statuses:
                return status
            time.sleep(0.05)
        raise AssertionError(f"job {name} is {status}, not one of {statuses}")


def inner_codes(answer: httpx.Response) -> list[str]:
    """The InnerError chain of an error, outermost first."""
    entries = {entry["type"]: entry["info"]["value"] for entry in answer.json()["error"]["additionalInfo"]}
    codes, inner = [], entries.get("InnerError")
    while inner:
        codes.append(inner["code"])
        inner = inner["innerError"]
    return codes


def said(answer: httpx.Response) -> str:
    """What an error says: its message, and those of its details."""
    error = answer.json()["error"]
    return " ".join([error["message"], *(detail["message"] for detail in error["details"])])


def sweep_job(emulator: Running, **changes: Any) -> dict[str, Any]:
    emulator.environment()
    return {
        "jobType": "Sweep",
        "objective": {"primaryMetric": "loss", "goal": "minimize"},
        "samplingAlgorithm": {"samplingAlgorithmType": "random"},
        "searchSpace": {"lr": ["uniform", [0.01, 0.9]], "boosting": ["choice", [["gbdt", "dart"]]]},
        "trial": {"command": "train ${{search_space.lr}}", "environmentId": "azureml:env:1"},
        "limits": {"jobLimitsType": "sweep", "maxTotalTrials": 3, "maxConcurrentTrials": 2},
        "computeId": f"{emulator.workspace}/computes/cpu-cluster",
        **changes,
    }
