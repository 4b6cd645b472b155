"""The Azure Machine Learning REST client. It knows nothing of Airflow.

Importing this package loads no azure, requests or aiohttp module: names are resolved on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.aio import AsyncAzureMLClient as AsyncAzureMLClient
    from airflow_provider_amlrest.rest.client import AzureMLClient as AzureMLClient
    from airflow_provider_amlrest.rest.http.cloud import Cloud as Cloud
    from airflow_provider_amlrest.rest.http.errors import AzureMLError as AzureMLError
    from airflow_provider_amlrest.rest.ids import WorkspaceId as WorkspaceId

_HOME = {
    "AsyncAzureMLClient": "aio",
    "AzureMLClient": "client",
    "AzureMLError": "http.errors",
    "Cloud": "http.cloud",
    "WorkspaceId": "ids",
}

__all__ = ["AsyncAzureMLClient", "AzureMLClient", "AzureMLError", "Cloud", "WorkspaceId"]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
