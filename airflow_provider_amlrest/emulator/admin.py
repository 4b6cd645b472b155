"""The emulator's own routes: fault rules, settings, state. For programs on this machine that have the key."""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from airflow_provider_amlrest.emulator.answers import GatewayError
from airflow_provider_amlrest.emulator.context import Context, read_body
from airflow_provider_amlrest.emulator.faults import FaultRules

KEY_HEADER = "x-emulator-key"


class Admin:
    """ASGI application below ``/_emulator/``."""

    def __init__(self, context: Context, faults: FaultRules, key: str) -> None:
        self._context = context
        self._faults = faults
        self._key = key
        host = context.endpoint.removeprefix("https://")
        self._hosts = {host, host.replace("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            self._check_caller(request)
            answer = self._route(request, await read_body(request))
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

    def _route(self, request: Request, body: bytes) -> Response:
        _, _, what, *rest = request.url.path.rstrip("/").split("/")
        operation = (request.method, what, len(rest))
        if operation == ("GET", "state", 0):
            return JSONResponse(self._state())
        if operation == ("GET", "settings", 0):
            return JSONResponse(asdict(self._context.tuning))
        if operation == ("PATCH", "settings", 0):
            self._context.tuning.change(_object(body))
            return JSONResponse(asdict(self._context.tuning))
        if operation == ("GET", "faults", 0):
            return JSONResponse({"value": [asdict(rule) for rule in self._faults.all()]})
        if operation == ("POST", "faults", 0):
            return JSONResponse(asdict(self._faults.add(_object(body))), 201)
        if operation == ("DELETE", "faults", 0):
            return JSONResponse({"removed": self._faults.remove()})
        if operation == ("DELETE", "faults", 1):
            return JSONResponse({"removed": self._faults.remove(rest[0])})
        raise GatewayError(
            404,
            "NotFound",
            "There are GET state; GET, PATCH settings; GET, POST, DELETE faults; DELETE faults/<id>.",
        )

    def _state(self) -> dict[str, Any]:
        settings = self._context.settings
        return {
            "runtime": settings.runtime,
            "data_dir": str(settings.data_dir),
            "blob_storage": self._context.blobs is not None,
            "workspaces": [workspace.arm_id for workspace in settings.workspaces],
            "computes": [asdict(compute) for compute in settings.computes],
            "jobs": self._context.store.count_jobs(),
            "settings": asdict(self._context.tuning),
            "faults": [asdict(rule) for rule in self._faults.all()],
        }


def _object(body: bytes) -> dict[str, Any]:
    value = json.loads(body or b"{}")
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")
    return value
