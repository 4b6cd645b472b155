"""What tasks bring to a state while somebody is killed, and what must be so in the end.

A request that the emulator holds before it reads it is lost with the process that sent it: the service has
not received it. One whose answer it holds has been taken.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.resources.goal import Present
from airflow_provider_amlrest.rest.resources.traffic import rollout_of, shares_of
from tests.kill.harness import Stage
from tests.support.endpoints import bring, make_batch_endpoint, make_endpoint, make_model
from tests.support.upload_code import client_of

_numbers = itertools.count(1)


@dataclass
class Brought:
    """How one run went. ``sent``, ``taken``: requests that change something; ``problems``: what is wrong."""

    point: str
    kind: str
    mode: str
    database: str
    tries: int
    state: str
    sent: int
    taken: int
    found: str
    seconds: float
    airflows_own: int = 0
    problems: list[str] = field(default_factory=list)


class Work:
    """A task that brings something of the name ``name`` to a state, in a run of its own."""

    kind: ClassVar[str]
    method = "PUT"
    wanted: ClassVar[int]
    """How many requests change something if nobody is killed."""
    good: ClassVar[str]
    """What is to be there in the end, as :meth:`found` says it."""
    gives_up: ClassVar[str] = ""
    """What the task says if it fails and means it."""

    def __init__(self, stage: Stage, mode: str) -> None:
        self.stage = stage
        self.mode = mode
        self.name = f"{self.kind}-{next(_numbers)}-x"
        self.run_id = ""
        self.problems: list[str] = []
        self.began = time.time()
        self.mark = 0

    @property
    def dag(self) -> str:
        """As :class:`Stage` calls a DAG."""
        return f"{self.kind}_{self.mode}"

    @property
    def path(self) -> str:
        """Of the requests that change something: a regular expression."""
        raise NotImplementedError

    def prepare(self, client: AzureMLClient) -> None:
        """What is there before."""
        raise NotImplementedError

    def found(self, client: AzureMLClient) -> str:
        """What is there, in words."""
        raise NotImplementedError

    def has_said(self, text: str) -> bool:
        """Whether the last try has logged it."""
        log = self.stage.airflow.api.task_log(f"killed_{self.dag}", self.run_id, self.task)
        return any(text in line for line in log)

    def look(self) -> None:
        """Note a problem if it is in no documented state now. Most things can be in any of their own."""

    def check_result(self, result: dict[str, Any]) -> None:
        """Note a problem if the task does not say what has happened, whichever try says it."""

    def prepare_all(self) -> None:
        """Make what is there before."""
        with self.client() as client, self.stage.at_once():
            self.prepare(client)
        self.mark = self.stage.emulated.mark()

    def begin(self) -> None:
        """Start the run."""
        self.run_id = self.stage.begin(self.dag, name=self.name)

    @contextmanager
    def client(self) -> Iterator[AzureMLClient]:
        with client_of(self.stage.emulated.facts) as client:
            yield client

    @property
    def task(self) -> Any:
        return self.stage.task(self.dag, self.run_id)

    def end(self, point: str, state: str = "success", taken: int | None = None) -> Brought:
        """Wait for the run's end; how it went.

        :param state: in which state it is to end.
        :param taken: how many requests are to be taken; None: as many as if nobody is killed.
        """
        self.stage.await_end(self.dag, self.run_id)
        task, wanted = self.task, self.wanted if taken is None else taken
        asked = self.stage.requests(self.method, self.path, self.mark)
        took = sum(200 <= (entry["status"] or 0) < 300 for entry in asked)
        with self.client() as client:
            found = self.found(client)
        if task.state != state:
            self.problems.append(f"the task is {task.state}")
        if took != wanted:
            self.problems.append(f"{took} requests were taken, not {wanted}")
        if found != (self.good if wanted else "no job"):
            self.problems.append(f"there is {found}, not {self.good}")
        if state == "failed" and not self.has_said(self.gives_up):
            self.problems.append(f"the task does not say {self.gives_up!r}")
        if state == "success":
            self.check_result(self.stage.airflow.api.xcom(f"killed_{self.dag}", self.run_id, "work"))
        return Brought(
            *(point, self.kind, self.mode, self.stage.database, task.try_number, str(task.state)),
            *(len(asked), took, found, round(time.time() - self.began, 1)),
            airflows_own=self.stage.faults_of_airflow(self.run_id),
            problems=self.problems,
        )


class Deploying(Work):
    """An online endpoint and its deployment."""

    kind, wanted, good = "endpoint", 2, "1 deployment"

    @property
    def path(self) -> str:
        return f"/onlineEndpoints/{self.name}(/deployments/[^/]+)?$"

    @property
    def deployment(self) -> str:
        return f"/onlineEndpoints/{self.name}/deployments/blue$"

    def is_being_made(self) -> bool:
        return any(
            (d.endpoint, d.state) == (self.name, "Creating") for d in self.stage.workspace.deployments()
        )

    def prepare(self, client: AzureMLClient) -> None:
        make_model(client)

    def found(self, client: AzureMLClient) -> str:
        there = list(client.list_resources(f"onlineEndpoints/{self.name}/deployments"))
        states = {one.status for one in there}
        return f"{len(there)} deployment" if states == {"Succeeded"} else f"{len(there)}, {states}"


class Stopping(Work):
    """A compute instance."""

    kind, method, wanted, good = "compute", "POST", 1, "Stopped"

    @property
    def path(self) -> str:
        return f"/computes/{self.name}/stop$"

    def prepare(self, client: AzureMLClient) -> None:
        properties = {"computeType": "ComputeInstance", "properties": {"vmSize": "Standard_DS3_v2"}}
        body = {"location": client.get_workspace().location, "properties": properties}
        bring(client, Present(f"computes/{self.name}", self.name, body))

    def found(self, client: AzureMLClient) -> str:
        return client.get_resource(f"computes/{self.name}").status

    def is_stopping(self) -> bool:
        with self.client() as client:
            return self.found(client) == "Stopping"


class RollingOut(Work):
    """Shares of an endpoint, from blue to green in two steps."""

    kind, wanted, good = "rollout", 3, "green 100"

    @property
    def path(self) -> str:
        return f"/onlineEndpoints/{self.name}$"

    def prepare(self, client: AzureMLClient) -> None:
        make_endpoint(client, self.name, "blue", "green", traffic={"blue": 100})

    def found(self, client: AzureMLClient) -> str:
        endpoint = client.get_resource(f"onlineEndpoints/{self.name}")
        shares = ", ".join(f"{name} {share}" for name, share in sorted(shares_of(endpoint).items()))
        return f"{shares}, unfinished" if rollout_of(endpoint) else shares

    def look(self) -> None:
        with self.client() as client:
            found = self.found(client)
        if found not in ("blue 100", "blue 50, green 50, unfinished", "green 100, unfinished", "green 100"):
            self.problems.append(f"the shares are {found}")

    def shares(self) -> dict[str, int]:
        there = [d for d in self.stage.workspace.deployments() if d.endpoint == self.name]
        return {d.name: d.traffic for d in there if d.traffic}

    def is_being_changed(self) -> bool:
        with self.client() as client:
            return client.get_resource(f"onlineEndpoints/{self.name}").is_active

    def check_result(self, result: dict[str, Any]) -> None:
        known = result["before"], result["shares"], result["unused"]
        if known != ({"blue": 100}, {"green": 100}, ["blue"]):
            self.problems.append(f"the task says {known}")


class GoingBack(RollingOut):
    """The same, when green answers wrongly after the first step."""

    wanted, good, gives_up = 2, "blue 100", "The shares are again those of before"


class Scoring(Work):
    """A request to a batch endpoint."""

    kind, method, wanted, good = "batch", "POST", 1, "1 job"
    gives_up = "An earlier try ended before the answer came"

    @property
    def path(self) -> str:
        return f"/batch/{self.name}/jobs$"

    @property
    def note(self) -> str:
        return "/data/airflow_batch_requests/versions/"

    def prepare(self, client: AzureMLClient) -> None:
        make_batch_endpoint(client, self.name)

    def jobs(self) -> list[Any]:
        return self.stage.workspace.jobs(self.name)

    def found(self, client: AzureMLClient) -> str:
        jobs = len(self.jobs())
        return f"{jobs or 'no'} job{'s' * (jobs > 1)}"
