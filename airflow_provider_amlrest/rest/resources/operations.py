"""Operations on resources that are brought to a state."""

from __future__ import annotations

import json
from typing import Any

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.http.call import (
    BRIEF,
    Answer,
    Call,
    Flow,
    body_text,
    checked,
    remaining_reads,
)
from airflow_provider_amlrest.rest.http.call import resource as arm_resource
from airflow_provider_amlrest.rest.http.errors import UnreachableError, response_error
from airflow_provider_amlrest.rest.http.paging import Page
from airflow_provider_amlrest.rest.jobs.operations import Polled
from airflow_provider_amlrest.rest.resources.goal import Change, Goal
from airflow_provider_amlrest.rest.resources.registries import COLLECTION, PUBLISHING, RegistryOperations
from airflow_provider_amlrest.rest.resources.resource import (
    BROKEN,
    READY,
    Resource,
    gone,
    known_state,
    read_resource,
)
from airflow_provider_amlrest.rest.versions.words import object_in, properties_of


class ResourceOperations(RegistryOperations):
    """What one asks of computes, endpoints, deployments, and models of registries."""

    def get_resource(self, path: str) -> Flow[Resource]:
        """A resource as it is now; its status is ``NotFound`` if there is none.

        :param path: below the workspace: ``computes/gpu``; or ``registries/shared/models/iris/versions/3``.
        """
        answer = yield (yield from self._at("GET", path))
        return self._resource_of(path, answer)

    def list_resources(self, collection: str, next_link: str | None = None) -> Flow[Page]:
        """The resources of a collection, as an iterator of :class:`Resource`.

        :param collection: below the workspace: ``computes``, ``onlineEndpoints/shop/deployments``.
        """

        def read(wire: dict[str, Any]) -> Resource:
            return read_resource(f"{collection}/{wire.get('name')}", wire)

        return (yield from self._page(collection, next_link, read))

    def change_resource(self, change: Change) -> Flow[str | None]:
        """Send a change. The URL of the operation that it starts; None if the answer names none."""
        call = yield from self._at(change.method, change.path, query=change.query, body=change.body)
        answer = yield call
        # A body that is no JSON object, such as null, is what these answers often have.
        if not 200 <= answer.status_code < 300:
            checked(answer, call.asked)
        link = answer.headers.get("Azure-AsyncOperation") or (
            answer.headers.get("Location") if answer.status_code == 202 else None
        )
        return link if link and self._is_ours(link) else None

    def bring(self, goal: Goal) -> Flow[None]:
        """One look, and the request that brings a resource to its state, unless it is so already.

        What is read while an operation is under way may be what was before: then the request is sent in any
        case. What it starts is not followed. Raises what ``goal.change`` does.
        """
        now = yield from self.get_resource(goal.path)
        if now.is_active or not goal.is_reached(now):
            yield from self.change_resource(goal.change(now))

    def poll_resource(self, path: str, operation: str | None = None) -> Flow[Polled]:
        """:meth:`get_resource` for a poller: without retries, and with what remains of the quota.

        :param operation: the URL of the operation that is under way. As long as it says so, that counts; what
            it says beyond that, even that there is no such operation, is a reason to look at the resource.
        """
        failure = ""
        if operation is not None:
            asked = f"GET the operation on {path}"
            try:
                answer = yield Call(HttpRequest("GET", operation), asked, BRIEF)
                state, failure = _operation(answer)
            except UnreachableError:
                # It may be on a host that is out of reach, and the resource not.
                state = None
            if state is not None and state not in READY | BROKEN:
                return Polled((Resource(path, state),), None, remaining_reads(answer))
        answer = yield (yield from self._at("GET", path, options=BRIEF))
        now = self._resource_of(path, answer)
        if not (now.exists or failure) and path.startswith(f"{COLLECTION}/"):
            # Nobody waits for a version to be gone.
            now = Resource(path, PUBLISHING)
        if failure and not now.is_active:
            now = Resource(path, "Failed" if now.exists else now.status, failure, now.wire)
        return Polled((now,), None, remaining_reads(answer))

    def get_deployment_log(self, path: str, lines: int) -> Flow[str]:
        """The end of the log of an online deployment's container. The request counts as a write.

        :param path: the deployment, below the workspace.
        """
        body = {"containerType": "InferenceServer", "tail": lines}
        return str((yield from self._call("POST", f"{path}/getLogs", body)).get("content") or "")

    def explain_failure(self, now: Resource) -> Flow[str]:
        """Why a resource has failed, by the operation that it names; empty if that says nothing."""
        own = object_in(properties_of(now.wire), "properties")
        operation = str(own.get("AzureAsyncOperationUri") or "")
        if not operation or not self._is_ours(operation):
            return ""
        answer = yield Call(HttpRequest("GET", operation), f"GET the operation on {now.name}", BRIEF)
        return _operation(answer)[1]

    def _resource_of(self, path: str, answer: Answer) -> Resource:
        asked = f"GET {path}"
        if answer.status_code == 404:
            error = response_error(asked, 404, body_text(answer), answer.headers)
            if not _is_of_the_service(answer):
                raise UnreachableError(asked, "the answer is not JSON; is there a proxy in between?")
            if not getattr(error, "has_no_workspace", False):
                return gone(path)
            raise error
        return read_resource(path, arm_resource(answer, asked))


def _is_of_the_service(answer: Answer) -> bool:
    """Whether it has said that there is no such thing: in JSON, or in no word (recorded of computes)."""
    try:
        return not answer.content.strip() or isinstance(json.loads(answer.content), dict)
    except ValueError:
        return False


def _operation(answer: Answer) -> tuple[str | None, str]:
    """The state of an operation, None if it says nothing, and why it has failed."""
    if answer.status_code == 202:
        return "Updating", ""
    if answer.status_code != 200:
        return None, ""
    said: dict[str, Any] = checked(answer, "GET the operation")
    state = known_state(str(said.get("status") or "")) or None
    error = said.get("error")
    failed = state in BROKEN
    message = str((error.get("message") if isinstance(error, dict) else error) or "")
    return state, (message or f"the operation is {state}") if failed else ""
