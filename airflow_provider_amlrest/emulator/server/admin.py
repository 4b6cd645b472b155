"""The emulator's own routes: scripts, fault rules, settings, state. For programs here that have the key."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from airflow_provider_amlrest.emulator import computes
from airflow_provider_amlrest.emulator.answers import GatewayError
from airflow_provider_amlrest.emulator.backends import Measures, Place
from airflow_provider_amlrest.emulator.behaviour.faults import FaultRules
from airflow_provider_amlrest.emulator.behaviour.provisioning import ProvisioningRules
from airflow_provider_amlrest.emulator.behaviour.scripts import Scripts, is_called
from airflow_provider_amlrest.emulator.config import KEY_HEADER
from airflow_provider_amlrest.emulator.context import Context, read_body
from airflow_provider_amlrest.emulator.tracked import Tracked

KINDS = ("environments", "codes", "data", "models")
ROUTES = (
    "GET, DELETE state; GET jobs; GET assets/<kind>; GET computes and deployments; GET, PATCH settings; "
    "GET, POST, DELETE scripts, provisioning and faults, and DELETE of one: scripts/<id>..."
)

Rules = FaultRules | Scripts | ProvisioningRules


class Admin:
    """ASGI application below ``/_emulator/``."""

    def __init__(self, context: Context, faults: FaultRules, key: str) -> None:
        self._context = context
        self._faults = faults
        self._rules: dict[str, Rules] = {
            "faults": faults,
            "scripts": context.scripts,
            "provisioning": context.provisioning,
        }
        self._key = key
        host = context.endpoint.removeprefix("https://")
        self._hosts = {host, host.replace("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            self._check_caller(request)
            answer = await self._route(request, await read_body(request))
        except GatewayError as error:
            answer = error.answer(self._context.location)
        except ValueError as error:
            answer = GatewayError(400, "BadRequest", str(error)).answer(self._context.location)
        await answer(scope, receive, send)

    def _check_caller(self, request: Request) -> None:
        """No browser, no other machine, no other host name (DNS rebinding), and nobody without the key."""
        headers = request.headers
        if (
            request.client is None
            or request.client.host != "127.0.0.1"
            or headers.get("host") not in self._hosts
        ):
            raise GatewayError(403, "Forbidden", "The admin routes answer to this machine only.")
        if "origin" in headers or "referer" in headers:
            raise GatewayError(403, "Forbidden", "The admin routes do not answer to browsers.")
        if not hmac.compare_digest(headers.get(KEY_HEADER, "").encode(), self._key.encode()):
            raise GatewayError(
                401, "Unauthorized", f"Send admin_key of the ready file in the header {KEY_HEADER}."
            )

    async def _route(self, request: Request, body: bytes) -> Response:
        what, *rest = request.url.path.rstrip("/").split("/")[2:] or [""]
        operation = (request.method, what, len(rest))
        if operation == ("GET", "state", 0):
            return JSONResponse(self._state())
        if operation == ("DELETE", "state", 0):
            await self._clear()
            return JSONResponse(self._state())
        if operation == ("GET", "jobs", 0):
            return JSONResponse({"value": self._jobs(request.query_params.get("job", ".*"))})
        if operation == ("GET", "assets", 1):
            return JSONResponse({"value": self._assets(rest[0])})
        if operation == ("GET", "computes", 0):
            return JSONResponse({"value": self._computes()})
        if operation == ("GET", "deployments", 0):
            return JSONResponse({"value": self._deployments()})
        if operation == ("GET", "settings", 0):
            return JSONResponse(asdict(self._context.tuning))
        if operation == ("PATCH", "settings", 0):
            self._context.tuning.change(_object(body))
            return JSONResponse(asdict(self._context.tuning))
        if what in self._rules and len(rest) <= 1:
            return self._change_rules(self._rules[what], request.method, rest, body)
        raise GatewayError(404, "NotFound", f"There are {ROUTES}.")

    def _change_rules(self, rules: Rules, method: str, rest: list[str], body: bytes) -> Response:
        if method == "DELETE":
            return JSONResponse({"removed": rules.remove(*rest)})
        if method == "GET" and not rest:
            return JSONResponse({"value": [asdict(rule) for rule in rules.all()]})
        if method == "POST" and not rest:
            if rules is self._context.scripts and self._context.settings.runtime != "simulated":
                raise ValueError(
                    "scripts are for the runtime simulated: the jobs of this emulator really run"
                )
            return JSONResponse(asdict(rules.add(_object(body))), 201)
        raise GatewayError(404, "NotFound", f"There are {ROUTES}.")

    async def _clear(self) -> None:
        """Empty all workspaces, and everything as at a start."""
        await asyncio.to_thread(self._context.runtime.clear)
        self._context.scripts.clear()
        self._context.provisioning.remove()
        self._faults.remove()
        self._context.tuning.reset()

    def _jobs(self, pattern: str) -> list[dict[str, Any]]:
        """The jobs, trials and runs of all workspaces that the pattern matches, or whose sweep it does."""
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"'job' is not a regular expression: {error}") from None
        store, found = self._context.store, []
        for workspace in self._context.settings.workspaces:
            called: set[str] = set()
            for job in store.all_jobs(workspace.name):
                if is_called(job, pattern) or job.parent in called:
                    called.add(job.name)
                    metrics = store.latest_metrics(workspace.name, job.name)
                    found.append({**asdict(job), "metrics": {key: m.value for key, m in metrics.items()}})
        return found

    def _assets(self, kind: str) -> list[dict[str, Any]]:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of assets; there are {', '.join(KINDS)}")
        return [
            asdict(asset)
            for workspace in self._context.settings.workspaces
            for asset in reversed(self._context.store.assets(workspace.name, kind))
        ]

    def _computes(self) -> list[dict[str, Any]]:
        store, settings = self._context.store, self._context.settings
        found = [
            c for workspace in settings.workspaces for c in computes.computes(store, settings, workspace)
        ]
        return [
            {
                "name": compute.name,
                "type": compute.kind,
                "state": compute.state,
                "tags": compute.resource["tags"] or {},
                "properties": compute.settings,
            }
            for compute in found
        ]

    def _deployments(self) -> list[dict[str, Any]]:
        """The deployments of online endpoints, oldest first, with their traffic and how they served."""
        tracked, measures = Tracked(self._context.store), self._context.backends.measures()
        return [
            {
                "endpoint": endpoint.name,
                "name": deployment.name,
                "state": deployment.state,
                "traffic": endpoint.properties["traffic"].get(deployment.name, 0),
                "mirror_traffic": endpoint.properties["mirrorTraffic"].get(deployment.name, 0),
                "tags": deployment.tags,
                "properties": deployment.properties,
                "served": measures.get(Place.of(workspace.name, deployment.path), Measures().as_json()),
            }
            for workspace in self._context.settings.workspaces
            for endpoint in tracked.below(workspace.name, "onlineEndpoints")
            for deployment in tracked.below(workspace.name, f"{endpoint.path}/deployments")
        ]

    def _state(self) -> dict[str, Any]:
        settings = self._context.settings
        return {
            "runtime": settings.runtime,
            "data_dir": str(settings.data_dir),
            "blob_storage": self._context.blobs.running,
            "workspaces": [workspace.arm_id for workspace in settings.workspaces],
            "computes": [asdict(compute) for compute in settings.computes],
            "jobs": self._context.store.count_jobs(),
            "settings": asdict(self._context.tuning),
            "scripts": [asdict(script) for script in self._context.scripts.all()],
            "provisioning": [asdict(rule) for rule in self._context.provisioning.all()],
            "faults": [asdict(rule) for rule in self._faults.all()],
        }


def _object(body: bytes) -> dict[str, Any]:
    value = json.loads(body or b"{}")
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")
    return value
