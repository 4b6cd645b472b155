"""Online endpoints and their deployments, as ARM takes and answers them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from airflow_provider_amlrest.emulator.arm.online import credentials, deployments, endpoints

ENDPOINT = r"onlineEndpoints/(?P<name>[^/]+)"
DEPLOYMENTS = r"onlineEndpoints/(?P<endpoint>[^/]+)/deployments"
DEPLOYMENT = DEPLOYMENTS + r"/(?P<name>[^/]+)"

OPERATIONS: tuple[tuple[str, str, Callable[..., Response | Awaitable[Response]]], ...] = (
    ("GET", r"onlineEndpoints", endpoints.list_endpoints),
    ("GET", ENDPOINT, endpoints.get_endpoint),
    ("PUT", ENDPOINT, endpoints.put_endpoint),
    ("PATCH", ENDPOINT, endpoints.patch_endpoint),
    ("DELETE", ENDPOINT, endpoints.delete_endpoint),
    ("POST", ENDPOINT + r"/listKeys", credentials.list_keys),
    ("POST", ENDPOINT + r"/regenerateKeys", credentials.regenerate_keys),
    ("POST", ENDPOINT + r"/token", credentials.get_token),
    ("GET", DEPLOYMENTS, deployments.list_deployments),
    ("GET", DEPLOYMENT, deployments.get_deployment),
    ("PUT", DEPLOYMENT, deployments.put_deployment),
    ("PATCH", DEPLOYMENT, deployments.patch_deployment),
    ("DELETE", DEPLOYMENT, deployments.delete_deployment),
    ("POST", DEPLOYMENT + r"/getLogs", deployments.get_logs),
    ("GET", DEPLOYMENT + r"/skus", deployments.list_skus),
)
"""Method, path below the workspace, handler."""
