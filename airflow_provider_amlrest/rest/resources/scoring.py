"""Requests to endpoints: with a key or a token, to all deployments by their shares, or to one."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.calls import Calls
from airflow_provider_amlrest.rest.http.call import Answer, Call, Flow, body_text, checked
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.http.policies import ANONYMOUS, STUDIO_TOKEN
from airflow_provider_amlrest.rest.resources.resource import Resource
from airflow_provider_amlrest.rest.versions.words import properties_of

DEPLOYMENT_HEADER = "azureml-model-deployment"
"""Names the deployment that is to answer; in an answer, the one that has."""


class Access(NamedTuple):
    """How one gets into an endpoint."""

    uri: str
    secret: str | None
    """A key, or a token of Azure ML's; None: a token of Microsoft Entra ID."""

    def __repr__(self) -> str:
        return f"Access({self.uri!r})"


class Scored(NamedTuple):
    """What an endpoint has answered. ``deployment``: the one that it says has answered."""

    status: int
    text: str
    deployment: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def value(self) -> Any:
        """The answer, as JSON has it; its text if it is no JSON. NaN, which JSON has not, is a text."""
        try:
            return json.loads(self.text, parse_constant=str)
        except (ValueError, RecursionError):
            return self.text


class ScoringOperations(Calls):
    """What one asks of endpoints that serve."""

    def get_access(self, endpoint: Resource) -> Flow[Access]:
        """How one gets into an endpoint; its key is masked the moment it comes.

        :raises AzureMLError: if the endpoint has no scoring URI: it was never provisioned; or gives no key.
        """
        properties = properties_of(endpoint.wire)
        uri, mode = str(properties.get("scoringUri") or ""), str(properties.get("authMode") or "").lower()
        if not uri:
            raise AzureMLError(f"{endpoint.name} has no scoring URI; it is {endpoint.status}.")
        if mode == "aadtoken":
            return Access(uri, None)
        name, member = ("listKeys", "primaryKey") if mode == "key" else ("token", "accessToken")
        secret = str((yield from self._call("POST", f"{endpoint.name}/{name}")).get(member) or "")
        if not secret:
            raise AzureMLError(f"{endpoint.name} has answered {name} without its {member}.")
        self._on_secret(secret)
        return Access(uri, secret)

    def score(
        self, access: Access, body: Any, deployment: str | None = None, seconds: float | None = None
    ) -> Flow[Scored]:
        """Call a request to an endpoint. Any answer is a result, an error's too.

        :param body: what JSON can carry; text and bytes are sent as they are.
        :param deployment: the one that is to answer, also if it gets no share of the requests.
        :param seconds: for the answer, without retries; None: as every request.
        """
        asked = f"POST {access.uri.partition('?')[0]}"
        answer: Answer = yield Call(_request(access, body, deployment), asked, _options(access, seconds))
        said = str(answer.headers.get(DEPLOYMENT_HEADER) or deployment or "")
        return Scored(answer.status_code, body_text(answer), said)

    def invoke_batch(
        self, access: Access, body: Any, deployment: str | None, request_id: str
    ) -> Flow[dict[str, Any]]:
        """Start a batch job; the resource that the service answers. Its ``name`` is the job's.

        It is sent once: nobody has published whether the service tells a request from its repetition.

        :param request_id: names the request, as OASIS has it (``repeatability-request-id``).
        """
        asked = f"POST {access.uri.partition('?')[0]}"
        request = _request(access, body, deployment)
        request.headers["repeatability-request-id"] = request_id
        answer = yield Call(request, asked, {**_options(access, None), "retry_total": 0})
        return checked(answer, asked)


def _request(access: Access, body: Any, deployment: str | None) -> HttpRequest:
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    headers = {"Content-Type": "application/json"}
    if access.secret is not None:
        headers["Authorization"] = f"Bearer {access.secret}"
    if deployment is not None:
        headers[DEPLOYMENT_HEADER] = deployment
    return HttpRequest("POST", access.uri, headers=headers, content=content)


def _options(access: Access, seconds: float | None) -> dict[str, Any]:
    token = {ANONYMOUS: True, **({STUDIO_TOKEN: True} if access.secret is None else {})}
    if seconds is None:
        return token
    return {**token, "retry_total": 0, "timeout": seconds, "read_timeout": seconds}
