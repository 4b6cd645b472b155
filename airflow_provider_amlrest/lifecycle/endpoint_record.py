"""What a task records about the online endpoint that it works on, for the pages of the Airflow UI."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self, TypeGuard

from airflow_provider_amlrest.lifecycle.masking import masked
from airflow_provider_amlrest.links import AzureMLStudioLink, push
from airflow_provider_amlrest.rest.resources.endpoints import ENDPOINT_NAME

if TYPE_CHECKING:
    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.lifecycle.record import LinkedTask

ENDPOINT_KEY = "azureml_endpoint"
"""Key of the XCom with the record."""
MAX_TESTED = 100
"""Deployments of a smoke test that are read from a record."""


@dataclass(frozen=True)
class DeploymentTest:
    """A deployment that has answered as it should. ``seconds``: the longest that an answer took."""

    deployment: str
    requests: int
    seconds: float

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """It in an XCom's value, whoever wrote it; None if not valid."""
        given = value if isinstance(value, dict) else {}
        deployment, requests, seconds = (given.get(name) for name in ("deployment", "requests", "seconds"))
        if not (isinstance(deployment, str) and isinstance(requests, int) and _is_number(seconds)):
            return None
        return cls(deployment, requests, seconds)


@dataclass(frozen=True)
class RecordedTest:
    """The last smoke test of a rollout.

    ``at``: when it ended, in seconds since the epoch. ``error``: why it failed, as Airflow masks it; empty if
    it did not. ``passed``: the deployments that have answered as they should.
    """

    at: float
    error: str
    passed: tuple[DeploymentTest, ...]

    @classmethod
    def of(cls, results: Sequence[dict[str, Any]], error: str = "") -> Self:
        """The test that has just ended, in a process that knows the task's secrets."""
        return cls(time.time(), str(masked(error)), tuple(DeploymentTest(**masked(one)) for one in results))

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """The test in an XCom's value, whoever wrote it; None if not valid."""
        given = value if isinstance(value, dict) else {}
        at, error, passed = (given.get(name) for name in ("at", "error", "passed"))
        if not (_is_number(at) and isinstance(error, str) and isinstance(passed, list)):
            return None
        read = map(DeploymentTest.read, passed[:MAX_TESTED])
        return cls(at, error, tuple(one for one in read if one is not None))


@dataclass(frozen=True)
class EndpointRecord:
    """Which online endpoint a task works on. It has no connection, because Airflow knows that better."""

    name: str
    test: RecordedTest | None = None

    @classmethod
    def read(cls, value: Any) -> Self | None:
        """The record in an XCom's value, whoever wrote it; None if not valid."""
        given = value if isinstance(value, dict) else {}
        name = given.get("name")
        if not isinstance(name, str) or not ENDPOINT_NAME.fullmatch(name):
            return None
        return cls(name, RecordedTest.read(given.get("test")))


def publish_endpoint(task: LinkedTask, ti: Any, name: str, test: RecordedTest | None = None) -> None:
    """Push which endpoint a task works on, and the last smoke test, if there was one; and its link."""
    if task.do_xcom_push:
        # As JSON has it: Airflow would store tuples as objects of its own.
        push(ti, ENDPOINT_KEY, json.loads(json.dumps(asdict(EndpointRecord(name, test)))))
        task.push_links(ti, {AzureMLStudioLink.key: studio_page(task.hook, name)})


def studio_page(hook: AzureMLHook, name: str) -> str:
    """The endpoint's page in Azure ML Studio."""
    return hook.studio_page(f"endpoints/realtime/{name}/detail")


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12
