"""Ask for the workspace as a connection says, by either client."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from airflow_provider_amlrest.connection import ConnectionSettings, read_connection
from airflow_provider_amlrest.rest import AsyncAzureMLClient, AzureMLClient
from airflow_provider_amlrest.rest.http.credentials import async_credential, sync_credential
from airflow_provider_amlrest.rest.workspace.resources import Workspace
from tests.support.emulated import Emulated

KINDS = ("sync", "async")


def settings(emulator: Emulated, **changes: str | None) -> ConnectionSettings:
    """What the emulator's connection says with other fields."""
    connection = json.loads(emulator.connection_uri(**changes))
    return read_connection("c", connection["login"], connection["password"], connection["extra"])


@asynccontextmanager
async def opened(kind: str, settings: ConnectionSettings) -> AsyncIterator[Any]:
    """A client, and its credential closed after it; the methods of the sync one are not to be awaited."""
    options = {"cloud": settings.cloud, "api_version": settings.api_version}
    if kind == "sync":
        with (
            sync_credential(settings.identity, settings.cloud) as credential,
            AzureMLClient(credential, settings.workspace, **options) as client,
        ):
            yield client
    else:
        async with (
            async_credential(settings.identity, settings.cloud) as credential,
            AsyncAzureMLClient(credential, settings.workspace, **options) as client,
        ):
            yield client


async def answer(result: Any) -> Any:
    """What a method of either client gives."""
    return await result if hasattr(result, "__await__") else result


async def read_workspace(kind: str, settings: ConnectionSettings) -> Workspace:
    async with opened(kind, settings) as client:
        workspace: Workspace = await answer(client.get_workspace())
        return workspace
