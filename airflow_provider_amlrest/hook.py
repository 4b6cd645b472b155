"""Turns an Airflow connection into a client of Azure ML."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_amlrest.connection import (
    CONNECTION_TYPE,
    DEFAULT_CONNECTION,
    FIELDS,
    HIDDEN_FIELDS,
    HOOK_NAME,
    RELABELING,
    ConnectionSettings,
    InvalidConnectionError,
    read_connection,
)
from airflow_provider_amlrest.identity import advice
from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    NetworkRefusedError,
    NotFoundError,
    PermissionDeniedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_amlrest.rest import AsyncAzureMLClient, AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job


class AzureMLHook(BaseHook):
    """Hook for a connection of type ``azureml``; it creates clients of the connection's workspace.

    :param azureml_conn_id: the connection; docs/connection.md describes its fields.
    :param api_version: overrides the api-version of the connection.
    """

    conn_name_attr = "azureml_conn_id"
    default_conn_name = DEFAULT_CONNECTION
    conn_type = CONNECTION_TYPE
    hook_name = HOOK_NAME

    def __init__(
        self, azureml_conn_id: str = DEFAULT_CONNECTION, api_version: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.azureml_conn_id = azureml_conn_id
        self.api_version = api_version

    @cached_property
    def settings(self) -> ConnectionSettings:
        """The settings that the connection contains. Raises InvalidConnectionError if they are not valid."""
        connection = self._find()
        return self._read(connection, connection.extra_dejson)

    async def load(self) -> ConnectionSettings:
        """:attr:`settings`, read without blocking the event loop."""
        from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson
        from airflow.providers.common.compat.sdk import AirflowNotFoundException
        from asgiref.sync import sync_to_async

        if "settings" not in self.__dict__:
            try:
                connection = await get_async_connection(self.azureml_conn_id)
            except AirflowNotFoundException:
                # Under dag.test(), Airflow 3.3's asynchronous function does not see the database.
                connection = await sync_to_async(self._find)()
            extra = await get_async_extra_dejson(connection)
            self.settings = await sync_to_async(self._read)(connection, extra)
        return self.settings

    def _find(self) -> Connection:
        """The connection. If one in the environment cannot be read, Airflow says that it does not exist."""
        from airflow.providers.common.compat.sdk import AirflowNotFoundException

        try:
            return self.get_connection(self.azureml_conn_id)
        except AirflowNotFoundException:
            variable = f"AIRFLOW_CONN_{self.azureml_conn_id.upper()}"
            if not os.environ.get(variable):
                raise
            problem = (
                f"{variable} is set, but is neither JSON nor a URI that Airflow can read; in a URI, every "
                "value is percent-encoded"
            )
            raise InvalidConnectionError(self.azureml_conn_id, (problem,)) from None

    def _read(self, connection: Connection, extra: Mapping[str, Any]) -> ConnectionSettings:
        from airflow.providers.common.compat.sdk import mask_secret

        settings = read_connection(self.azureml_conn_id, connection.login, connection.password, extra)
        for secret in settings.identity.secrets:
            mask_secret(secret)
        return settings

    @cached_property
    def credential(self) -> Any:
        """The connection's identity as a ``TokenCredential`` of azure-identity, which caches tokens."""
        from airflow_provider_amlrest.rest.http.credentials import sync_credential

        return sync_credential(self.settings.identity, self.settings.cloud)

    def get_conn(self) -> AzureMLClient:
        """A client of the connection's workspace, the same one for each call. Close it with :meth:`close`."""
        return self._client

    @cached_property
    def _client(self) -> AzureMLClient:
        return self.new_client()

    def new_client(self) -> AzureMLClient:
        """A new client, which the caller closes. It shares the tokens and endpoints of this hook."""
        from airflow.providers.common.compat.sdk import mask_secret

        from airflow_provider_amlrest.rest import AzureMLClient

        _quieten_azure()
        client = AzureMLClient(
            self.credential,
            self.settings.workspace,
            cloud=self.settings.cloud,
            api_version=self.api_version or self.settings.api_version,
            on_secret=mask_secret,
        )
        if "_client" in self.__dict__:
            client.operations.endpoints = self._client.operations.endpoints
        return client

    def close(self) -> None:
        """Close the client and the credential, if they were opened."""
        for name in ("_client", "credential"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()

    @contextmanager
    def client(self) -> Iterator[AzureMLClient]:
        """A client for a ``with`` block, which closes the hook at its end."""
        try:
            yield self.get_conn()
        finally:
            self.close()

    @asynccontextmanager
    async def async_client(self) -> AsyncIterator[AsyncAzureMLClient]:
        """An asynchronous client for an ``async with`` block, with its own credential."""
        await self.load()
        # Imports and certificates would block the event loop for too long.
        credential, client = await asyncio.to_thread(self._new_async_client)
        async with credential, client:
            yield client

    def _new_async_client(self) -> tuple[Any, AsyncAzureMLClient]:
        from airflow_provider_amlrest.rest import AsyncAzureMLClient
        from airflow_provider_amlrest.rest.http.credentials import async_credential

        _quieten_azure()
        settings = self.settings
        credential = async_credential(settings.identity, settings.cloud)
        # This client has no keys and logs no URLs, so there is nothing to mask; a masker's list only grows.
        client = AsyncAzureMLClient(
            credential,
            settings.workspace,
            cloud=settings.cloud,
            api_version=self.api_version or settings.api_version,
        )
        return credential, client

    def studio_url(self, job: Job) -> str:
        """The job's page in Azure ML Studio, for the connection's tenant."""
        return self._for_tenant(job.studio_url) if job.studio_url else self.studio_page(f"runs/{job.name}")

    def studio_page(self, path: str) -> str:
        """A page of Azure ML Studio about something in the connection's workspace."""
        workspace = self.settings.workspace
        return self._for_tenant(
            f"{self.settings.cloud.studio}/{quote(path)}?wsid=/subscriptions/{workspace.subscription_id}"
            f"/resourcegroups/{workspace.resource_group}/workspaces/{workspace.name}"
        )

    def _for_tenant(self, url: str) -> str:
        tenant = self.settings.tenant_id
        return f"{url}&tid={tenant}" if tenant and "&tid=" not in url else url

    def test_connection(self) -> tuple[bool, str]:
        """Read the workspace once. Returns (whether it succeeded, the message for the user)."""
        try:
            with self.client() as client:
                workspace = client.get_workspace()
        except AzureMLError as error:
            return False, _explain(error, self)
        version = client.operations.api_version
        return True, (
            f"Connected to the workspace {workspace.name} in {workspace.location}, signed in by the "
            f"credential {self.settings.identity.name}; api-version {version}."
        )

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The fields of the form for Airflow before 3.2; later versions read the provider's metadata."""
        from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
        from flask_babel import lazy_gettext
        from wtforms import PasswordField, StringField
        from wtforms.validators import Optional, any_of

        # Airflow 2.11 supports only text, password, number and check box fields, not a choice from a list.
        # 3.0 and 3.1 create one from any_of, which they recognise only by this name.
        return {
            field.name: (PasswordField if field.secret else StringField)(
                lazy_gettext(field.label),
                widget=BS3PasswordFieldWidget() if field.secret else BS3TextFieldWidget(),
                description=field.description,
                default=field.default,
                validators=[Optional(), *([any_of(list(field.choices))] if field.choices else [])],
            )
            for field in FIELDS
        }

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """How the form shows its fields, for Airflow before 3.2."""
        return {
            "hidden_fields": list(HIDDEN_FIELDS),
            "relabeling": dict(RELABELING),
            "placeholders": {field.name: field.placeholder for field in FIELDS if field.placeholder},
        }


def _explain(error: AzureMLError, hook: AzureMLHook) -> str:
    """Why the test failed, and what to check."""
    if isinstance(error, AuthenticationError):
        identity = hook.settings.identity
        start = f"Not signed in by the credential {identity.name}. {advice(identity)}"
    elif isinstance(error, NetworkRefusedError):
        start = "Azure answers, but not to this machine's network."
    elif isinstance(error, PermissionDeniedError):
        start = "Signed in, but the identity may not read the workspace."
    elif isinstance(error, NotFoundError):
        workspace = hook.settings.workspace
        start = (
            f"Signed in, but there is no workspace {workspace.name!r} in resource group "
            f"{workspace.resource_group!r} of subscription {workspace.subscription_id!r}."
        )
    elif isinstance(error, UnreachableError):
        start = "Azure could not be reached; check the network, the proxy, and the cloud's endpoints."
    else:
        start = ""
    return f"{start} {error}".strip()


def _quieten_azure() -> None:
    """Azure's libraries log each request at INFO, too much for a task's log unless somebody enabled it."""
    for name in ("azure.core", "azure.identity", "azure.storage"):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
