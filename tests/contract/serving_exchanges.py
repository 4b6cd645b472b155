"""The recorded exchanges of online endpoints: what must be there before, and where the emulator differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.contract.replay import Emulators, Exchange, exchanges
from tests.emulator.online import operation

Prepare = Callable[[Emulators, Exchange], None]

BLUE = "onlineEndpoints/online-pwsh01/deployments/pwshblue01"
LOGGED = "onlineEndpoints/online-pwsh01/deployments/online-pwsh01-blue01"
CODE = "codes/787fc793-1ac7-414e-a035-7248767b7b23/versions/1"
MODEL = "models/a99089c5-23a6-4431-9ecd-37c70f01c9bc/versions/1"
ENVIRONMENT = "environments/CliV2AnonymousEnvironment/versions/8a424b013f5b0177929a1697d772da41"
PATCHED = "74daeb52-cf88-437a-8890-7706cb9d7aa0"
"""The operation of a PATCH that was not recorded itself."""
STUCK = {"resource": "pwshblue01", "outcome": "stuck", "times": 1}


def _asked(emulators: Emulators, method: str, path: str, body: Any = None) -> Any:
    answer = emulators.jobs.ml(method, path, body, version="2022-05-01")
    assert answer.status_code in (200, 201, 202), answer.text
    return answer


def _endpoint(emulators: Emulators, exchange: Exchange) -> None:
    emulators.jobs.admin("PATCH", "settings", {"operation_seconds": 0})
    body = {"location": "eastus", "properties": {"authMode": "Key"}}
    _asked(emulators, "PUT", "onlineEndpoints/online-pwsh01", body)


def _deployment_body(emulators: Emulators, exchange: Exchange) -> Any:
    [body] = [e.request_body for e in exchanges() if (e.topic, e.index) == ("online_deployment", 0)]
    return emulators.mapped(exchange, body)


def _deployment(emulators: Emulators, exchange: Exchange) -> None:
    """The deployment that the exchange updates, what it names, and an update that does not end."""
    _endpoint(emulators, exchange)
    _asked(emulators, "PUT", CODE, {"properties": {"codeUri": "https://a/c"}})
    _asked(emulators, "PUT", MODEL, {"properties": {"modelUri": "https://a/m"}})
    _asked(emulators, "PUT", ENVIRONMENT, {"properties": {"image": "docker.io/library/python:3.11"}})
    _asked(emulators, "PUT", BLUE, _deployment_body(emulators, exchange))
    emulators.jobs.admin("POST", "provisioning", STUCK)


def _patched(emulators: Emulators, exchange: Exchange, *, stuck: bool) -> None:
    """The deployment made anew, with other tags; the recorded operation is that of the tags."""
    operation(emulators.jobs, _asked(emulators, "DELETE", BLUE))
    _asked(emulators, "PUT", BLUE, _deployment_body(emulators, exchange))
    if stuck:
        emulators.jobs.admin("POST", "provisioning", STUCK)
    answer = _asked(emulators, "PATCH", BLUE, {"tags": {"key": "value"}})
    emulators.names[PATCHED] = answer.headers["location"].rpartition(":")[2].partition("?")[0]


def _logged(emulators: Emulators, exchange: Exchange) -> None:
    _asked(emulators, "PUT", LOGGED, _deployment_body(emulators, exchange))


def preparations() -> dict[tuple[str, int], Prepare]:
    """As in ``exchanges.py``."""
    return {
        ("online_deployment", 0): _deployment,
        ("online_deployment", 2): lambda emulators, exchange: _patched(emulators, exchange, stuck=True),
        ("online_deployment", 3): lambda emulators, exchange: _patched(emulators, exchange, stuck=False),
        ("online_deployment", 5): _logged,
    }


ON_PURPOSE: tuple[tuple[str, str, str], ...] = (
    ("online_deployment 5", r"\.content: .*", "its own container"),
    ("online_endpoint .*", r"\.properties\.(scoringUri|swaggerUri): .*", "its own names and URLs"),
)
"""As in ``exchanges.py``."""
