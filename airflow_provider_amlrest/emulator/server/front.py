"""What every request passes on its way in and every answer on its way out."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_amlrest.emulator.answers import JSON_TYPE, MlError
from airflow_provider_amlrest.emulator.behaviour.faults import FaultRule, FaultRules
from airflow_provider_amlrest.emulator.store import utc_now

log = logging.getLogger(__name__)

ADMIN_PREFIX = "/_emulator/"


class DroppableProtocol(H11Protocol):
    """HTTP/1.1 whose requests know their transport, so that a fault rule can reset the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class RequestLog:
    """``requests.jsonl``: never a query string (it may hold a SAS), a header or a body."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)

    def write(self, scope: Scope, status: int | None, started: float) -> None:
        version = parse_qs(scope["query_string"].decode("latin-1")).get("api-version", [None])[0]
        entry = {
            "time": utc_now(),
            "method": scope["method"],
            "path": scope["path"],
            "api_version": version,
            "status": status,
            "milliseconds": round((time.perf_counter() - started) * 1000, 1),
        }
        self._file.write(json.dumps(entry) + "\n")

    def close(self) -> None:
        self._file.close()


class Front:
    """ASGI middleware: request log, fault rules, correlation headers, and 500 for what went wrong."""

    def __init__(self, app: ASGIApp, *, request_log: RequestLog, faults: FaultRules, location: str) -> None:
        self._app = app
        self._log = request_log
        self._faults = faults
        self._location = location

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = _Exchange(scope, send, self._location)
        try:
            await self._serve(exchange, receive)
        finally:
            self._log.write(scope, exchange.status, exchange.started)

    async def _serve(self, exchange: _Exchange, receive: Receive) -> None:
        scope = exchange.scope
        rule = None
        if not scope["path"].startswith(ADMIN_PREFIX):
            rule = self._faults.hit(scope["method"], scope["path"])
        if rule is None:
            await self._handle(scope, receive, exchange.send)
        elif rule.when == "before":
            await self._break(rule, exchange, receive, lambda: self._handle(scope, receive, exchange.send))
        else:
            held: list[Message] = []
            await self._handle(scope, receive, _collector(held))
            await self._break(rule, exchange, receive, lambda: exchange.send_all(held), _headers_of(held))

    async def _break(
        self,
        rule: FaultRule,
        exchange: _Exchange,
        receive: Receive,
        otherwise: Callable[[], Awaitable[None]],
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """:param headers: those of the answer that is replaced; another success keeps them."""
        await asyncio.sleep(rule.delay_seconds)
        if rule.drop:
            await exchange.drop(receive)
        elif rule.status is not None:
            text = (
                rule.body
                if isinstance(rule.body, str)
                else ""
                if rule.body is None
                else json.dumps(rule.body)
            )
            kept = headers if rule.status < 300 else {}
            answer = Response(text, rule.status, {**kept, "Content-Type": JSON_TYPE, **rule.headers})
            await answer(exchange.scope, receive, exchange.send)
        else:
            await otherwise()

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            error = MlError(
                500, "An internal server error occurred in the emulator.", code="InternalServerError"
            )
            await error.answer(self._location)(scope, receive, send)


def _headers_of(messages: list[Message]) -> dict[str, str]:
    """Those that do not say what the body is."""
    headers = Headers(raw=messages[0]["headers"])
    return {name: value for name, value in headers.items() if not name.startswith("content-")}


def _collector(messages: list[Message]) -> Send:
    async def collect(message: Message) -> None:
        messages.append(message)

    return collect


class _Exchange:
    """One request and what is sent back for it."""

    def __init__(self, scope: Scope, send: Send, location: str) -> None:
        self.scope = scope
        self.started = time.perf_counter()
        self.status: int | None = None
        """None: the connection was dropped before an answer."""
        self._send = send
        self._location = location

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._add_headers(MutableHeaders(scope=message))
        await self._send(message)

    async def send_all(self, messages: list[Message]) -> None:
        for message in messages:
            await self.send(message)

    async def drop(self, receive: Receive) -> None:
        transport: Any = self.scope["state"]["transport"]
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass

    def _add_headers(self, headers: MutableHeaders) -> None:
        correlation = str(uuid.uuid4())
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        headers.setdefault("x-ms-request-id", correlation)
        if self.scope["path"].startswith("/subscriptions/"):
            # Recorded: of Resource Manager's alone, run history and MLflow have none.
            headers.setdefault("x-ms-correlation-request-id", correlation)
            headers.setdefault("x-ms-routing-request-id", f"{self._location.upper()}:{now}:{correlation}")
        headers.setdefault("Cache-Control", "no-cache")
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        headers.setdefault("x-request-time", f"{time.perf_counter() - self.started:.3f}")
        asked = dict(self.scope["headers"])
        client_id = asked.get(b"x-ms-client-request-id")
        if client_id and asked.get(b"x-ms-return-client-request-id") == b"true":
            headers.setdefault("x-ms-client-request-id", client_id.decode("latin-1"))
