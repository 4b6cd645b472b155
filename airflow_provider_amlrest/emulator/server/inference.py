"""The front of online endpoints: who may call, which deployment answers, how long it took.

On the service each endpoint has a host name of its own; here the path has its name:
``/inference/<endpoint>/score``.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from airflow_provider_amlrest.emulator.answers import GatewayError
from airflow_provider_amlrest.emulator.backends import Backend, Place
from airflow_provider_amlrest.emulator.context import INFERENCE_PATH, Context, read_body
from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.sign_in.tokens import TokenError
from airflow_provider_amlrest.emulator.tracked import Resource, Tracked

DEPLOYMENT_HEADER = "azureml-model-deployment"
MODEL_STATUS, MODEL_REASON = "ms-azureml-model-error-statuscode", "ms-azureml-model-error-reason"
"""Documented: what a model answered, beside the 424 that the caller gets."""
PASSED_ON = ("content-type", "accept", "x-ms-client-request-id", "x-request-id")
OPERATIONS = {("POST", "score"), ("GET", "swagger.json")}
FOR_MLFLOW = {"score": "invocations", "swagger.json": "swagger.json"}


class InferenceError(Exception):
    """An answer other than the model's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Shares:
    """Which of some deployments is next, so that each has its share, exactly and evenly spread."""

    weights: Mapping[str, int]
    _credit: dict[str, int] = field(default_factory=dict)

    def next(self) -> str:
        for name, weight in self.weights.items():
            self._credit[name] = self._credit.get(name, 0) + weight
        chosen = max(self._credit, key=lambda name: self._credit[name])
        self._credit[chosen] -= sum(self.weights.values())
        return chosen


class Inference:
    """ASGI application below ``/inference``."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tracked = Tracked(context.store)
        self._shares: dict[tuple[str, str], Shares] = {}
        self._mirrors: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except GatewayError as error:
            answer = error.answer(self._context.location)
        except InferenceError as error:
            answer = JSONResponse({"error": {"code": str(error.status), "message": str(error)}}, error.status)
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        name, _, operation = request.url.path.removeprefix(f"{INFERENCE_PATH}/").partition("/")
        endpoint = self._endpoint(name)
        self._check_caller(request, endpoint)
        if (request.method, operation) not in OPERATIONS:
            raise InferenceError(404, f"There is no {request.method} {operation!r}.")
        body = await read_body(request)
        headers = {key: value for key, value in request.headers.items() if key in PASSED_ON}
        asked = request.headers.get(DEPLOYMENT_HEADER)
        deployment = self._named(endpoint, asked) if asked else self._by_traffic(endpoint)
        if not asked and (mirror := self._mirrored(endpoint)):
            task = asyncio.create_task(self._copy(mirror, operation, body, headers))
            self._mirrors.add(task)
            task.add_done_callback(self._mirrors.discard)
        return await self._call(deployment, operation, body, headers)

    async def _copy(self, mirror: Resource, *request: Any) -> None:
        """Send a copy of a request, whose answer nobody gets."""
        with suppress(InferenceError):
            await self._call(mirror, *request, mirrored=True)

    def _endpoint(self, name: str) -> Resource:
        for workspace in self._context.settings.workspaces:
            found = self._tracked.get(workspace.name, f"onlineEndpoints/{name}")
            if found is not None:
                return found
        raise InferenceError(404, f"There is no online endpoint {name!r}.")

    # who may call

    def _check_caller(self, request: Request, endpoint: Resource) -> None:
        scheme, _, proof = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._is_good(proof.strip(), endpoint):
            raise InferenceError(
                401, "Unauthorized: the key or token is missing, or not that of this endpoint."
            )

    def _is_good(self, proof: str, endpoint: Resource) -> bool:
        mode = endpoint.properties["authMode"]
        if mode == "Key":
            keys = self._context.endpoint_keys(endpoint).values()
            return any(hmac.compare_digest(proof.encode(), key.encode()) for key in keys)
        tokens = self._context.tokens
        if mode == "AMLToken":
            return tokens.check_endpoint_token(proof, endpoint.workspace, endpoint.name)
        try:
            tokens.check(proof, studio=True)
        except TokenError:
            return False
        return True

    # which deployment answers

    def _deployment(self, endpoint: Resource, name: str) -> Resource | None:
        return self._tracked.get(endpoint.workspace, f"{endpoint.path}/deployments/{name}")

    def _named(self, endpoint: Resource, name: str) -> Resource:
        found = self._deployment(endpoint, name)
        if found is None:
            raise InferenceError(404, f"The endpoint has no deployment {name!r}.")
        return found

    def _by_traffic(self, endpoint: Resource) -> Resource:
        weights = {name: share for name, share in endpoint.properties["traffic"].items() if share}
        if not weights:
            raise InferenceError(404, "The endpoint has no deployment with a positive share of traffic.")
        return self._named(endpoint, self._next(endpoint, "traffic", weights))

    def _mirrored(self, endpoint: Resource) -> Resource | None:
        for name, share in endpoint.properties["mirrorTraffic"].items():
            if share and self._next(endpoint, "mirror", {name: share, "": 100 - share}) == name:
                return self._deployment(endpoint, name)
        return None

    def _next(self, endpoint: Resource, what: str, weights: Mapping[str, int]) -> str:
        key = (f"{endpoint.workspace}/{endpoint.path}".lower(), what)
        shares = self._shares.get(key)
        if shares is None or shares.weights != weights:
            shares = self._shares[key] = Shares(weights)
        return shares.next()

    # its answer

    async def _call(
        self,
        deployment: Resource,
        operation: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        mirrored: bool = False,
    ) -> Response:
        place = Place.of(deployment.workspace, deployment.path)
        started = time.perf_counter()
        failed = True
        try:
            with self._context.backends.taken(place) as backend:
                answer = await self._ask(backend, deployment, operation, body, headers)
            failed = answer.status_code >= 300
        finally:
            seconds = time.perf_counter() - started
            self._context.backends.measure(place, seconds, failed=failed, mirrored=mirrored)
        answer.headers[DEPLOYMENT_HEADER] = deployment.name
        return answer

    async def _ask(
        self,
        backend: Backend | None,
        deployment: Resource,
        operation: str,
        body: bytes,
        headers: Mapping[str, str],
    ) -> Response:
        if backend is None or not backend.healthy:
            raise InferenceError(503, f"no healthy upstream: the deployment {deployment.name} is down.")
        try:
            limit = deployment.properties["requestSettings"]["requestTimeout"]
            async with asyncio.timeout(timeout_seconds(limit, "requestTimeout")):
                status, content, content_type = await _content(backend, operation, body, headers)
        except TimeoutError:
            raise InferenceError(408, "Request timeout: see requestSettings.requestTimeout.") from None
        except JobError as error:
            raise InferenceError(400, str(error)) from None
        except aiohttp.ClientError as error:
            raise InferenceError(503, f"The deployment {deployment.name}: {type(error).__name__}.") from None
        answer = Response(content, 200 if status < 300 else 424, media_type=content_type)
        if status >= 300:
            answer.headers[MODEL_STATUS] = str(status)
            answer.headers[MODEL_REASON] = "model_error"
        return answer


async def _content(
    backend: Backend, operation: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, bytes, str]:
    """Status, content and its type, as the deployment answers them."""
    if backend.speaks == "nothing":
        await asyncio.sleep(backend.seconds)
        return backend.status, backend.answer.encode(), "application/json"
    method, path = ("POST", operation) if operation == "score" else ("GET", operation)
    if backend.speaks == "mlflow":
        path, body = FOR_MLFLOW[operation], _for_mlflow(body)
    # A connection of its own for each request: one that is kept may be closed by the server at any moment.
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
        session.request(
            method, f"http://127.0.0.1:{backend.port}/{path}", data=body, headers=headers
        ) as answer,
    ):
        return answer.status, await answer.read(), answer.headers.get("Content-Type", "application/json")


def _for_mlflow(body: bytes) -> bytes:
    """What the service's server takes of an MLflow model, as MLflow's own takes it."""
    try:
        sent: Any = json.loads(body)
    except ValueError:
        return body
    if not isinstance(sent, dict) or "input_data" not in sent:
        return body
    data = sent.pop("input_data")
    is_frame = isinstance(data, dict) and "data" in data and "columns" in data
    return json.dumps({**sent, "dataframe_split" if is_frame else "inputs": data}).encode()
