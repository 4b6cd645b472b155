"""What tests get from the fixture ``azureml_emulator``; it needs neither pytest nor the emulator's extra."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPSHandler, ProxyHandler, build_opener
from urllib.request import Request as HttpRequest

from airflow_provider_amlrest.emulator.config import KEY_HEADER

START_SECONDS = 300.0
"""The first start of a machine may install Azurite."""
STOP_SECONDS = 30.0
ADMIN_SECONDS = 60.0

Outcome = Literal[
    "completed",
    "failed",
    "canceled",
    "canceled_by_person",
    "canceled_by_preemption",
    "evicted",
    "stuck",
    "preempted",
    "lost",
]
ProvisioningOutcome = Literal["succeeded", "failed", "stuck", "unhealthy"]


class EmulatorError(RuntimeError):
    """The emulator does not start, or refuses what a test asks of it; the text says why."""


class EmulatorProcess:
    """An emulator as a child process that ends with this one, however that ends.

    Args:
        folder: for its data and its log; must exist.
        runtime: how jobs run: ``simulated``, ``host`` or ``venv``.

    Raises:
        EmulatorError: it does not start; the text has what it said.
    """

    def __init__(self, folder: Path, runtime: str = "simulated") -> None:
        self.data_dir = folder / "data"
        self.runtime = runtime
        self.log = folder / "emulator.log"
        ready_file = folder / "ready.json"
        command = [
            # -P: what lies in the folder of the tests is no part of the emulator.
            *(
                sys.executable,
                "-P",
                "-m",
                "airflow_provider_amlrest.emulator.cli",
                "start",
                "--stop-with-stdin",
            ),
            *("--data-dir", str(self.data_dir), "--ready-file", str(ready_file), "--runtime", runtime),
        ]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (this interpreter, our own module)
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is pytest's: the fixtures still need the emulator
            )
        try:
            self.facts = self._wait(ready_file)
        except BaseException:
            self.stop()
            raise
        tls = ssl.create_default_context(cafile=self.facts["ca_bundle"])
        self._http = build_opener(ProxyHandler({}), HTTPSHandler(context=tls))

    def _wait(self, ready_file: Path) -> dict[str, Any]:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if ready_file.exists():
                return dict(json.loads(ready_file.read_text()))
            time.sleep(0.01)
        said = self.log.read_text(errors="replace").strip()
        raise EmulatorError(f"The Azure ML emulator did not start. {said[-2000:]}")

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """End it, and wait for its end."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Call one of the emulator's own routes (docs/emulator.md); its answer.

        Raises:
            EmulatorError: it is refused.
        """
        request = HttpRequest(  # noqa: S310 (https, our own address)
            f"{self.facts['arm_endpoint']}/_emulator/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={KEY_HEADER: self.facts["admin_key"]},
        )
        try:
            with self._http.open(request, timeout=ADMIN_SECONDS) as answer:
                return json.load(answer)
        except HTTPError as error:
            text = json.loads(error.read())["error"]["message"]
            raise EmulatorError(f"The emulator refuses {method} {path}: {text}") from None

    def request_log(self) -> list[dict[str, Any]]:
        """The requests that it was sent, its own routes included, oldest first."""
        # A line is written when its answer has gone out: another request makes sure that it is there.
        self.admin("GET", "settings")
        # Of that request's own line a part only may be there yet.
        lines = (self.data_dir / "requests.jsonl").read_text().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in lines]


@dataclass(frozen=True)
class Job:
    """A job, a trial of a sweep, or a step of a pipeline, as the workspace has it."""

    name: str
    type: str
    """``Command``, ``Sweep`` or ``Pipeline``."""
    status: str
    """In the service's words: ``Queued``, ``Running``, ``Completed``, ``Failed``, ``Canceled``..."""
    error: str | None
    """Why it failed."""
    metrics: Mapping[str, float]
    properties: Mapping[str, Any]
    """What was submitted, in the shape of api-version 2025-12-01."""
    run_properties: Mapping[str, str]
    """What the service has added to ``properties.properties``."""
    parent: str | None
    """The sweep that a trial belongs to, or the pipeline of a step."""

    @property
    def tags(self) -> Mapping[str, str]:
        return self.properties.get("tags") or {}

    @property
    def node(self) -> str | None:
        """What a step is called in its pipeline."""
        return self.properties.get("displayName") if "azureml.nodeid" in self.run_properties else None

    @property
    def task_id(self) -> str | None:
        """The Airflow task that submitted it."""
        return self.tags.get("airflow_task_id")


@dataclass(frozen=True)
class Asset:
    """A version of an environment, code or data asset."""

    name: str
    version: str
    properties: Mapping[str, Any]
    """In the shape of api-version 2025-12-01."""


@dataclass(frozen=True)
class Compute:
    """A compute of the workspace."""

    name: str
    type: str
    """``AmlCompute`` or ``ComputeInstance``."""
    state: str
    """Of a cluster its provisioning state, such as ``Succeeded``; of an instance ``Running``, ``Stopped``."""
    tags: Mapping[str, str]
    properties: Mapping[str, Any]
    """Size, scale settings and so on, in the shape of the latest api-version."""


@dataclass(frozen=True)
class Deployment:
    """A deployment of an online endpoint, and how it has served."""

    endpoint: str
    name: str
    state: str
    """Its provisioning state."""
    traffic: int
    """Its share of the endpoint's requests, in per cent."""
    mirror_traffic: int
    """How many of them it gets copies of, in per cent."""
    requests: int
    """Which it has answered, copies included."""
    failed: int
    """Of them, those that were not answered with 2xx."""
    properties: Mapping[str, Any]
    """In the shape of the latest api-version."""


@dataclass(frozen=True)
class Request:
    """A request that the emulator was sent."""

    method: str
    path: str
    api_version: str | None
    status: int | None
    """None: the connection was dropped before an answer."""


class EmulatedWorkspace:
    """An Azure ML workspace on this machine, and what is to happen in it.

    Args:
        process: the emulator.
        set_variable: sets an environment variable for as long as the test takes.
    """

    def __init__(self, process: EmulatorProcess, set_variable: Callable[[str, str], object]) -> None:
        self._process = process
        self._set_variable = set_variable
        self._first_request = 0

    @property
    def facts(self) -> Mapping[str, Any]:
        """The ready file: endpoints, ids and credentials."""
        return self._process.facts

    @property
    def connection_uri(self) -> str:
        """A value for ``AIRFLOW_CONN_...``."""
        return str(self.facts["airflow_connection_uri"])

    def connect(self, *conn_ids: str) -> None:
        """Let these Airflow connections lead to the emulator until the test ends, past any proxy."""
        for name in ("no_proxy", "NO_PROXY"):
            self._set_variable(name, ",".join(filter(None, (os.environ.get(name), "127.0.0.1"))))
        for conn_id in conn_ids:
            self._set_variable(f"AIRFLOW_CONN_{conn_id.upper()}", self.connection_uri)

    # what is to happen

    def script(
        self,
        job: str,
        outcome: Outcome = "completed",
        *,
        error: str | None = None,
        seconds: float | None = None,
        queue_seconds: float | None = None,
        metric_steps: int | None = None,
        log_lines: int | None = None,
        metrics: Mapping[str, float | None] | None = None,
        throttled_reads: int | None = None,
        times: int | None = None,
    ) -> None:
        """Say how jobs go that are submitted from now on. The first script that matches a job counts.

        Args:
            job: regular expression that the Airflow task id, or the job's name, display name or experiment
                matches as a whole.
            outcome: ``completed``, ``failed``, ``canceled`` (by the service), ``canceled_by_person``,
                ``canceled_by_preemption``, ``evicted`` (pre-empted and not run again: fails), ``stuck``
                (queued for ever), ``preempted`` (loses its node, runs again, completes), ``lost`` (loses its
                node, fails).
            error: why it failed, in the service's words.
            seconds: in each status after Queued. Default: the setting ``job_seconds``, 0 in the fixture.
            queue_seconds: in Starting and Queued together. Default: 0.
            metric_steps: how often each of them is logged, spread over its time as Running, on its way to
                the value (default 1: at the end).
            log_lines: how many lines of text it logs, spread over its time as Running; with them comes blob
                storage. Default: 0, it has no log.
            metrics: what it logs before its end. A sweep's trials log them too. ``{"loss": None}``: trials do
                not log the sweep's primary metric ``loss``.
            throttled_reads: how many reads of the job are answered 429 with ``Retry-After: 1``. Default: 0.
            times: for how many jobs the script is good. Default: all.

        Raises:
            EmulatorError: a value that cannot be.
        """
        values = {
            "error": error,
            "seconds": seconds,
            "queue_seconds": queue_seconds,
            "metric_steps": metric_steps,
            "log_lines": log_lines,
            "metrics": None if metrics is None else dict(metrics),
            "throttled_reads": throttled_reads,
            "times": times,
        }
        given = {name: value for name, value in values.items() if value is not None}
        self._process.admin("POST", "scripts", {"job": job, "outcome": outcome, **given})

    def provisioning(self, resource: str, outcome: ProvisioningOutcome = "succeeded", **rule: Any) -> None:
        """Say how operations on endpoints and deployments go that begin from now on.

        Args:
            resource: regular expression that the name of the endpoint or deployment matches as a whole, or
                its path: ``onlineEndpoints/shop/deployments/blue``.
            outcome: ``succeeded``, ``failed``, ``stuck`` (under way for ever, at 0 %), ``unhealthy`` (a
                deployment that has succeeded, and then does not serve).
            rule: ``seconds``, ``error``, ``times``, ``operation``, ``answer``... (docs/emulator.md).

        Raises:
            EmulatorError: a value that cannot be.
        """
        self._process.admin("POST", "provisioning", {"resource": resource, "outcome": outcome, **rule})

    def fault(self, path: str, **rule: Any) -> None:
        """Let requests whose path matches go wrong: ``status``, ``drop``, ``times``... (docs/emulator.md).

        Raises:
            EmulatorError: a rule that cannot be.
        """
        self._process.admin("POST", "faults", {"path": path, **rule})

    def configure(self, **settings: Any) -> None:
        """Change settings: ``job_seconds``, ``rate_limit``, ``page_size``... (docs/emulator.md).

        Raises:
            EmulatorError: an unknown setting, or a value that cannot be.
        """
        self._process.admin("PATCH", "settings", settings)

    def reset(self) -> None:
        """An empty workspace, without scripts, faults and requests, and with the fixture's settings."""
        self._process.admin("DELETE", "state")
        self.configure(job_seconds=0, operation_seconds=0, compute_seconds=0)
        self._first_request = len(self._process.request_log())

    # what there is

    def jobs(self, job: str = ".*") -> list[Job]:
        """The jobs of the workspace, oldest first; ``job`` as in :meth:`script`."""
        return [found for found in self._jobs(job) if found.parent is None]

    def trials(self, job: str = ".*") -> list[Job]:
        """The trials of the sweeps that match, in the order of their numbers."""
        return [found for found in self._jobs(job) if found.parent is not None and found.node is None]

    def steps(self, job: str = ".*") -> list[Job]:
        """The steps of the pipelines that match, and of those in them, each after those that it waits for."""
        return [found for found in self._jobs(job) if found.node is not None]

    def assets(self, kind: Literal["environments", "codes", "data", "models", "components"]) -> list[Asset]:
        """The assets of a kind, all versions, oldest first."""
        return [
            Asset(asset["name"], asset["version"], asset["properties"])
            for asset in self._process.admin("GET", f"assets/{kind}")["value"]
        ]

    def computes(self) -> list[Compute]:
        """The computes of the workspace: two clusters from the start, then the others, oldest first."""
        return [Compute(**entry) for entry in self._process.admin("GET", "computes")["value"]]

    def deployments(self) -> list[Deployment]:
        """The deployments of online endpoints, oldest first."""
        return [
            Deployment(
                **{
                    name: entry[name]
                    for name in ("endpoint", "name", "state", "traffic", "mirror_traffic", "properties")
                },
                requests=entry["served"]["requests"],
                failed=entry["served"]["failed"],
            )
            for entry in self._process.admin("GET", "deployments")["value"]
        ]

    def requests(self, method: str = ".*", path: str = "") -> list[Request]:
        """The requests that were made since the test began, oldest first.

        Args:
            method: regular expression for the whole method.
            path: regular expression, searched for in the path.
        """
        return [
            Request(entry["method"], entry["path"], entry["api_version"], entry["status"])
            for entry in self._process.request_log()[self._first_request :]
            if re.fullmatch(method, entry["method"])
            and re.search(path, entry["path"], re.IGNORECASE)
            and not entry["path"].startswith("/_emulator/")
        ]

    def _jobs(self, job: str) -> list[Job]:
        return [
            Job(
                name=entry["name"],
                type=entry["job_type"],
                status=entry["status"],
                error=(entry["error"] or {}).get("message"),
                metrics=entry["metrics"],
                properties=entry["properties"],
                parent=entry["parent"],
                run_properties=entry["run_properties"],
            )
            for entry in self._process.admin("GET", f"jobs?job={quote(job, safe='')}")["value"]
        ]
