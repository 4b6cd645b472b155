"""A workspace that has nothing but resources, in this process: for operators that bring them to a state."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.http.call import Call
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.resources.goal import Goal
from tests.unit.answers import Answered

WORKSPACE = WorkspaceId("s", "g", "w")
_EXTRA = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w"}
CONNECTION = json.dumps({"conn_type": "azureml", "extra": _EXTRA})


class Resources:
    """Takes requests as Resource Manager does. What is begun has ended after so many looks.

    :ivar sent: the requests that change something: ``PUT onlineEndpoints/shop``.
    :ivar told: is called after each of them.
    :ivar refusals: what the next of them are answered; None: as Resource Manager does.
    :ivar answers: answers a request to the scoring URI of ``onlineEndpoints/shop/score``.
    """

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}
        self.looks = 1
        self.sent: list[str] = []
        self.told: Callable[[], object] = lambda: None
        self.refusals: list[Answered | None] = []
        self.answers: Callable[[Call], Answered] = lambda call: Answered({"score": 1})
        self._left: dict[str, int] = {}

    def add(self, path: str, **properties: Any) -> dict[str, Any]:
        """A resource that is there."""
        serves = {"scoringUri": f"https://score/{path}", "authMode": "Key"}
        own = {"provisioningState": "Succeeded", **(serves if path.count("/") == 1 else {})}
        wire = {"id": f"/{path}", "name": path.rpartition("/")[2], "properties": {**own, **properties}}
        self.found[path] = wire
        return wire

    def begin(self, path: str, state: str = "Updating") -> None:
        """An operation is under way."""
        self.found[path]["properties"]["provisioningState"] = state
        self._left[path] = self.looks

    def client(self) -> AzureMLClient:
        return _Client(self)

    @contextmanager
    def opened(self) -> Iterator[AzureMLClient]:
        """In place of ``AzureMLHook.client``."""
        yield self.client()

    @asynccontextmanager
    async def async_client(self) -> AsyncIterator[Any]:
        """In place of a trigger's client."""
        client = self.client()

        class Client:
            async def bring(self, goal: Goal) -> None:
                client.bring(goal)

        yield Client()

    def answer(self, call: Call) -> Answered:
        url, method = urlsplit(call.request.url), call.request.method
        if url.netloc == "score":
            return self.answers(call)
        path = url.path.partition("/workspaces/w")[2].strip("/")
        if path.endswith("/listKeys"):
            return Answered({"primaryKey": "a-key"})
        if "/versions/" in path:
            return Answered(
                {
                    "id": f"/{path}",
                    "name": "1",
                    "properties": {"modelType": "custom_model", "modelUri": "azureml://m"},
                }
            )
        if not path:
            return Answered({"id": "/w", "name": "w", "location": "here", "properties": {}})
        if method == "GET":
            return self._get(path)
        self.sent.append(f"{method} {path}")
        if self.refusals and (refusal := self.refusals.pop(0)) is not None:
            return refusal
        above = path.partition("/deployments/")[0]
        if path in self._left or above in self._left:
            return Answered({"error": {"code": "Conflict", "message": "It is Updating."}}, 409)
        if method == "DELETE":
            self.found.pop(path, None)
            return Answered(None, 202)
        self._put(path, json.loads(call.request.content))
        self.told()
        return Answered(self.found[path], 201)

    def _put(self, path: str, body: dict[str, Any]) -> None:
        state = "Updating" if path in self.found else "Creating"
        wire = self.add(path)
        wire["properties"] |= deepcopy(body["properties"])
        wire |= {name: value for name, value in body.items() if name != "properties"}
        self.begin(path, state)

    def _get(self, path: str) -> Answered:
        if path.endswith("/deployments"):
            below = [wire for name, wire in self.found.items() if name.startswith(f"{path}/")]
            return Answered({"value": below})
        if path not in self.found:
            return Answered({"error": {"code": "NotFound", "message": "There is none."}}, 404)
        answer = Answered(deepcopy(self.found[path]))
        if path in self._left:
            self._left[path] -= 1
            if self._left[path] <= 0:
                del self._left[path]
                self.found[path]["properties"]["provisioningState"] = "Succeeded"
        return answer


class _Client(AzureMLClient):
    def __init__(self, resources: Resources) -> None:
        super().__init__(None, WORKSPACE)
        self._resources = resources

    def _send(self, call: Call) -> Any:
        return self._resources.answer(call)
