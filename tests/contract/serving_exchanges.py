"""The recorded exchanges of endpoints: what must be there before, and where the emulator differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.contract.replay import BATCH_ENDPOINT, Emulators, Exchange, exchanges
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


BATCH = f"batchEndpoints/{BATCH_ENDPOINT}"
CREATED = "a385e406-5884-4448-b324-f019a5f53358"
"""The operation that created the batch endpoint; its end was recorded 31 seconds later."""


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


def _batch_stuck(emulators: Emulators, exchange: Exchange) -> None:
    emulators.jobs.admin("PATCH", "settings", {"operation_seconds": 0})
    rule = {"resource": BATCH_ENDPOINT, "outcome": "stuck", "times": 1}
    emulators.jobs.admin("POST", "provisioning", rule)


def _batch_created(emulators: Emulators, exchange: Exchange) -> None:
    """The endpoint made anew, whose creation ends; the recorded operation is that one's."""
    operation(emulators.jobs, _asked(emulators, "DELETE", BATCH))
    [body] = [e.request_body for e in exchanges() if (e.topic, e.index) == ("batch_endpoint", 0)]
    answer = _asked(emulators, "PUT", BATCH, emulators.mapped(exchange, body))
    followed = answer.headers["azure-asyncoperation"]
    emulators.names[CREATED] = followed.rpartition(":")[2].partition("?")[0]


def _batch_deployment(emulators: Emulators, exchange: Exchange) -> None:
    """The deployment of the recorded list, and what it names."""
    [listed] = [e.response_body for e in exchanges() if (e.topic, e.index) == ("batch_endpoint", 5)]
    [recorded] = emulators.mapped(exchange, listed)["value"]
    properties = recorded["properties"]
    workspace = emulators.jobs.workspace
    code, model, environment = (
        reference.removeprefix(f"{workspace}/")
        for reference in (
            properties["codeConfiguration"]["codeId"],
            properties["model"]["assetId"],
            properties["environmentId"],
        )
    )
    _asked(emulators, "PUT", code, {"properties": {"codeUri": "https://a/c"}})
    _asked(emulators, "PUT", model, {"properties": {"modelUri": "https://a/m"}})
    _asked(emulators, "PUT", environment, {"properties": {"image": "docker.io/library/python:3.11"}})
    body = {"location": "eastus", "properties": properties}
    _asked(emulators, "PUT", f"{BATCH}/deployments/{recorded['name']}", body)


def preparations() -> dict[tuple[str, int], Prepare]:
    """As in ``exchanges.py``."""
    return {
        ("batch_endpoint", 0): _batch_stuck,
        ("batch_endpoint", 2): _batch_created,
        ("batch_endpoint", 4): _batch_deployment,
        ("online_deployment", 0): _deployment,
        ("online_deployment", 2): lambda emulators, exchange: _patched(emulators, exchange, stuck=True),
        ("online_deployment", 3): lambda emulators, exchange: _patched(emulators, exchange, stuck=False),
        ("online_deployment", 5): _logged,
    }


ON_PURPOSE: tuple[tuple[str, str, str], ...] = (
    ("batch_endpoint (0|3)", r"\.identity\.(type|userAssignedIdentities)\b.*", "its own identity"),
    ("batch_endpoint 4", r"\.properties\.(name|properties\.azureml\.pipelineid): .*", "names by chance"),
    ("online_deployment 5", r"\.content: .*", "its own container"),
    ("online_endpoint .*", r"\.properties\.(scoringUri|swaggerUri): .*", "its own names and URLs"),
)
"""As in ``exchanges.py``."""
