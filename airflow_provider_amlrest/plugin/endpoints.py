"""What pages show of an online endpoint, read on request, and as plain JSON."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_amlrest.lifecycle.endpoint_record import studio_page
from airflow_provider_amlrest.lifecycle.rollout import author
from airflow_provider_amlrest.lifecycle.task_identity import DAG_TAG, TASK_ID_TAG
from airflow_provider_amlrest.plugin.reads import CachedRead
from airflow_provider_amlrest.plugin.runs import SETTLE_SECONDS
from airflow_provider_amlrest.plugin.view import ACTIVE_POLL, SETTLING_POLL, UNFINISHED, task_in_words
from airflow_provider_amlrest.rest.jobs.status import Outcome
from airflow_provider_amlrest.rest.resources.endpoints import ONLINE
from airflow_provider_amlrest.rest.resources.traffic import mirrored_of, rollout_of, shares_of
from airflow_provider_amlrest.rest.versions.words import properties_of

if TYPE_CHECKING:
    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.lifecycle.endpoint_record import EndpointRecord
    from airflow_provider_amlrest.lifecycle.task_state import TaskKey
    from airflow_provider_amlrest.plugin.live import EndpointRef
    from airflow_provider_amlrest.plugin.records import TaskJob
    from airflow_provider_amlrest.plugin.tasks import EndpointTask
    from airflow_provider_amlrest.rest.poll.shared import Watcher
    from airflow_provider_amlrest.rest.resources.resource import Resource

_AUTHOR = re.compile(r"(?P<dag>\S+) (?P<task>\S+) (?P<run>.+) (?P<index>-1|\d+)")
_MODEL = re.compile(r"/models/([^/]+)/versions/([^/]+)$")


class Serving(NamedTuple):
    """An endpoint and its deployments, as they are now."""

    endpoint: Resource
    deployments: tuple[Resource, ...]

    @property
    def moves(self) -> bool:
        """Whether something is under way: an operation, or a rollout."""
        active = any(one.is_active for one in (self.endpoint, *self.deployments))
        return active or rollout_of(self.endpoint) is not None

    def is_of(self, key: TaskKey) -> bool:
        """Whether tags say that a task has made the endpoint, or brought a deployment to its state."""
        tags = [one.wire.get("tags") or {} for one in (self.endpoint, *self.deployments)]
        return any((one.get(DAG_TAG), one.get(TASK_ID_TAG)) == (key.dag_id, key.task_id) for one in tags)


class LiveEndpoint:
    """An online endpoint for which at least one page was open recently."""

    def __init__(self, name: str, watcher: Watcher, hook: AzureMLHook) -> None:
        self.name = name
        self.asked_at = time.monotonic()
        self.serving: CachedRead[Serving] = CachedRead(self._read)
        self._watcher = watcher
        self._hook = hook

    @property
    def studio_url(self) -> str:
        """Its page in Azure ML Studio."""
        return studio_page(self._hook, self.name)

    async def close(self) -> None:
        """End a read that is running."""
        await self.serving.close()

    async def _read(self) -> Serving:
        client, path = self._watcher.client, f"{ONLINE}/{self.name}"
        endpoint = await client.get_resource(path)
        if not endpoint.exists:
            return Serving(endpoint, ())
        return Serving(endpoint, tuple([one async for one in client.list_resources(f"{path}/deployments")]))


@dataclass(frozen=True)
class TaskEndpoint:
    """A task instance, which endpoint its record says that it works on, and what Airflow knows of that."""

    task: TaskJob
    record: EndpointRecord
    known: EndpointTask

    @property
    def counts(self) -> bool:
        """Whether the record may be true: Airflow knows no other name."""
        return self.known.endpoint_name in (None, self.record.name)

    @property
    def endpoint(self) -> EndpointRef:
        """Its endpoint, and how to read it. Only for a task that :attr:`counts`."""
        return self.known.endpoint(self.record.name)

    def is_proven(self, serving: Serving) -> bool:
        """Whether there is such an endpoint, and Airflow or tags say that it is the task's."""
        named = self.known.endpoint_name is not None
        return serving.endpoint.exists and (named or serving.is_of(self.task.key))


def endpoint_page(asked: TaskEndpoint, live: LiveEndpoint, now: float) -> dict[str, Any]:
    """Everything on the page of a task's endpoint. It must have been read."""
    serving, task = live.serving.value, asked.task
    assert serving is not None, "it has been read"  # noqa: S101
    endpoint, properties = serving.endpoint, properties_of(serving.endpoint.wire)
    over = task.state not in UNFINISHED
    settled = over and task.ended is not None and now - task.ended.timestamp() > SETTLE_SECONDS
    active = not over or serving.moves
    return {
        "task": task_in_words(task),
        "notice": live.serving.error,
        "poll": ACTIVE_POLL if active else None if settled else SETTLING_POLL,
        "endpoint": {
            "name": live.name,
            "id": endpoint.id,
            **_state(endpoint),
            "studio_url": live.studio_url,
            "scoring_uri": str(properties.get("scoringUri") or "").partition("?")[0],
            "auth_mode": str(properties.get("authMode") or ""),
            "deployments": _deployments(serving),
            "rollout": _rollout(endpoint, task.key),
            "test": asked.record.test and asdict(asked.record.test),
        },
    }


def _state(one: Resource) -> dict[str, str]:
    ended = Outcome.FAILED if one.is_broken else Outcome.SUCCEEDED
    return {"state": one.status, "outcome": (Outcome.ACTIVE if one.is_active else ended).value}


def _deployments(serving: Serving) -> list[dict[str, Any]]:
    """The deployments by name, each with its shares. Without their settings, which may have secrets."""
    shares, mirrored = _by_name(shares_of(serving.endpoint)), _by_name(mirrored_of(serving.endpoint))
    rows = []
    for one in sorted(serving.deployments, key=lambda one: one.name):
        name, properties = one.name.rpartition("/")[2], properties_of(one.wire)
        model = _MODEL.search(str(properties.get("model") or ""))
        rows.append(
            {
                "name": name,
                **_state(one),
                "share": shares.get(name.lower(), 0),
                "mirrored": mirrored.get(name.lower(), 0),
                "model": ":".join(model.groups()) if model else "",
                "instance_type": str(properties.get("instanceType") or ""),
                "instances": (one.wire.get("sku") or {}).get("capacity"),
            }
        )
    return rows


def _by_name(shares: Mapping[str, int]) -> dict[str, int]:
    """The service does not tell upper from lower case in names."""
    return {name.lower(): share for name, share in shares.items()}


def _rollout(endpoint: Resource, key: TaskKey) -> dict[str, Any] | None:
    """The rollout that is not over: who does it, and the shares before it."""
    found = rollout_of(endpoint)
    if found is None:
        return None
    by = str(found.get("by") or "")
    before = {str(name): share for name, share in found["start"].items() if isinstance(share, int)}
    return {"by": "this task" if by == author(key) else _in_words(by), "before": before}


def _in_words(by: str) -> str:
    """The author of a rollout; what is none of ours as it is."""
    said = _AUTHOR.fullmatch(by)
    if said is None:
        return by
    index = "" if said["index"] == "-1" else f" [{said['index']}]"
    return f"task {said['dag']}.{said['task']}{index} in run {said['run']}"
