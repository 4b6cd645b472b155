"""Batch endpoints and their deployments, as ARM takes and answers them; and the jobs that they make."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from airflow_provider_amlrest.emulator.arm.batch import deployments, endpoints

ENDPOINT = r"batchEndpoints/(?P<name>[^/]+)"
DEPLOYMENTS = r"batchEndpoints/(?P<endpoint>[^/]+)/deployments"
DEPLOYMENT = DEPLOYMENTS + r"/(?P<name>[^/]+)"

OPERATIONS: tuple[tuple[str, str, Callable[..., Response | Awaitable[Response]]], ...] = (
    ("GET", r"batchEndpoints", endpoints.list_endpoints),
    ("GET", ENDPOINT, endpoints.get_endpoint),
    ("PUT", ENDPOINT, endpoints.put_endpoint),
    ("PATCH", ENDPOINT, endpoints.patch_endpoint),
    ("DELETE", ENDPOINT, endpoints.delete_endpoint),
    ("POST", ENDPOINT + r"/listKeys", endpoints.list_keys),
    ("GET", DEPLOYMENTS, deployments.list_deployments),
    ("GET", DEPLOYMENT, deployments.get_deployment),
    ("PUT", DEPLOYMENT, deployments.put_deployment),
    ("PATCH", DEPLOYMENT, deployments.patch_deployment),
    ("DELETE", DEPLOYMENT, deployments.delete_deployment),
)
"""Method, path below the workspace, handler."""
