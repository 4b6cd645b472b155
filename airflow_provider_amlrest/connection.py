"""The fields of a connection of type ``azureml``: one table, for all forms and for the provider itself."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ssl import create_default_context
from typing import Any

from airflow_provider_amlrest.identity import CREDENTIALS, file_problem, read_identity
from airflow_provider_amlrest.rest.http.cloud import (
    CLOUDS,
    CUSTOM,
    PUBLIC,
    Cloud,
    authority_problem,
    custom_cloud,
    endpoint_problem,
)
from airflow_provider_amlrest.rest.http.credentials import Chain, IdentitySource
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.versions.api_versions import (
    API_VERSIONS,
    DEFAULT_API_VERSION,
    version_problem,
)

log = logging.getLogger(__name__)

CONNECTION_TYPE = "azureml"
DEFAULT_CONNECTION = "azureml_default"
HOOK_NAME = "Azure Machine Learning"


@dataclass(frozen=True)
class Field:
    """A field of the connection's extra."""

    name: str
    label: str
    description: str
    placeholder: str = ""
    choices: tuple[str, ...] = ()
    default: str | None = None
    secret: bool = False


FIELDS = (
    Field("subscription_id", "Subscription ID", "Azure subscription of the workspace.", "GUID"),
    Field("resource_group", "Resource group", "Resource group of the workspace.", "my-group"),
    Field("workspace_name", "Workspace name", "Azure Machine Learning workspace.", "my-workspace"),
    Field(
        "credential",
        "Credential",
        "How to sign in. Empty: client_secret if there is a client ID or secret, else default.",
        choices=(*CREDENTIALS, Chain.name),
    ),
    Field("tenant_id", "Tenant ID", "Microsoft Entra tenant of the identity.", "GUID"),
    Field(
        "certificate_path",
        "Certificate path",
        "Path of a PEM or PKCS12 file with certificate and private key. Credential client_certificate.",
        "/run/secrets/airflow.pem",
    ),
    Field(
        "certificate_private_key",
        "Certificate and private key",
        "The same as PEM text, instead of a path.",
        secret=True,
    ),
    Field(
        "certificate_password",
        "Certificate password",
        "Password of the private key, if it is encrypted.",
        secret=True,
    ),
    Field(
        "managed_identity_client_id",
        "Managed identity client ID",
        "Which user-assigned identity to use. Credentials managed_identity and default.",
        "GUID",
    ),
    Field(
        "workload_identity_file",
        "Workload identity file",
        "Path of the file with the federated token. Credential workload_identity.",
        "$AZURE_FEDERATED_TOKEN_FILE",
    ),
    Field(
        "credential_chain",
        "Credential chain",
        "Credentials to try in this order, separated by commas. Credential chain.",
        "workload_identity, managed_identity, azure_cli",
    ),
    Field(
        "cloud",
        "Cloud",
        "public, china, us_government, or custom with the two endpoints below.",
        choices=(*CLOUDS, CUSTOM),
        default=PUBLIC.name,
    ),
    Field(
        "resource_manager",
        "Resource Manager endpoint",
        "https URL of Azure Resource Manager. Custom cloud only.",
        "https://management.example.com",
    ),
    Field(
        "authority",
        "Authority",
        "https URL of Microsoft Entra ID. Custom cloud only.",
        "https://login.example.com",
    ),
    Field(
        "studio",
        "Studio",
        "https URL of Azure ML Studio, for links. Custom cloud only.",
        "https://ml.azure.com",
    ),
    Field(
        "scope",
        "Scope",
        "Scope of the tokens, if it differs from the cloud's.",
        "https://management.azure.com/.default",
    ),
    Field(
        "ca_bundle",
        "CA bundle",
        "Path of a PEM file with the certificate authorities to trust instead of the usual ones.",
        "/etc/ssl/certs/company.pem",
    ),
    Field(
        "blob_endpoint",
        "Blob endpoint",
        "https URL of the workspace's blob service, if it is not https://<account>.blob.<suffix>.",
    ),
    Field(
        "api_version",
        "API version",
        f"Azure ML REST API version: {', '.join(API_VERSIONS)}, or a newer one.",
        default=DEFAULT_API_VERSION,
    ),
    Field(
        "deployment",
        "Deployment",
        "Name of this Airflow, if several submit to one workspace: it keeps their jobs apart.",
        "production",
    ),
)

HIDDEN_FIELDS = ("host", "port", "schema")
RELABELING = {"login": "Client ID", "password": "Client secret"}

_NO_NAME = re.compile(r"[/?#\\]|^\.\.?$")


class InvalidConnectionError(AzureMLError, ValueError):
    """The connection cannot be used. The text lists everything that is wrong with it."""

    def __init__(self, connection_id: str, problems: tuple[str, ...]) -> None:
        numbered = (f"({number}) {problem}" for number, problem in enumerate(problems, 1))
        lines = "; ".join(numbered) if len(problems) > 1 else "".join(problems)
        super().__init__(f"The Airflow connection {connection_id!r} cannot be used: {lines}.")
        self.connection_id = connection_id
        self.problems = problems

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.connection_id, self.problems)


@dataclass(frozen=True)
class ConnectionSettings:
    """A valid connection."""

    workspace: WorkspaceId
    cloud: Cloud
    api_version: str
    identity: IdentitySource
    tenant_id: str | None
    deployment: str


def read_connection(
    connection_id: str, login: str | None, password: str | None, extra: Mapping[str, Any]
) -> ConnectionSettings:
    """Read and check a connection.

    Raises InvalidConnectionError, which lists everything that is missing or contradictory. Ignores an extra
    with any other name and logs a warning, because the name may be a typing error.
    """
    _warn_of_unknown(connection_id, extra)
    values = {field.name: str(extra.get(field.name) or "").strip() for field in FIELDS}
    values |= {"login": (login or "").strip(), "password": password or ""}
    identity, identity_problems = read_identity(values)
    problems = (
        *_workspace_problems(values),
        *identity_problems,
        *_cloud_problems(values),
        *_version_problems(values),
    )
    if problems or identity is None:
        raise InvalidConnectionError(connection_id, problems)
    return ConnectionSettings(
        WorkspaceId(values["subscription_id"], values["resource_group"], values["workspace_name"]),
        _cloud(values),
        values["api_version"] or DEFAULT_API_VERSION,
        identity,
        values["tenant_id"] or None,
        values["deployment"],
    )


def _warn_of_unknown(connection_id: str, extra: Mapping[str, Any]) -> None:
    """Log only names: a value may be a secret, whatever its name is."""
    known = [field.name for field in FIELDS]
    for name in sorted(set(extra).difference(known)):
        near = difflib.get_close_matches(name, known, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        log.warning(
            "The Airflow connection %r has an extra %r, which is not used.%s", connection_id, name, meant
        )


def _workspace_problems(values: Mapping[str, str]) -> list[str]:
    problems = []
    for name in ("subscription_id", "resource_group", "workspace_name"):
        if not values[name]:
            problems.append(f"{name} is missing")
        elif _NO_NAME.search(values[name]):
            problems.append(
                f"{name} {values[name]!r} is not a valid name in Azure; give only the name, not a path or URL"
            )
    return problems


def _cloud_problems(values: Mapping[str, str]) -> list[str]:
    problems = [
        f"{field.name} {values[field.name]!r} is not one of {', '.join(field.choices)}"
        for field in FIELDS
        if field.choices and values[field.name] not in ("", *field.choices)
    ]
    for name in ("resource_manager", "authority", "studio"):
        if values["cloud"] == CUSTOM and not values[name] and name != "studio":
            problems.append(f"{name} is missing; the cloud 'custom' needs it")
        if values["cloud"] != CUSTOM and values[name]:
            problems.append(f"{name} is given, but cloud is not 'custom'")
    for name in ("resource_manager", "authority", "studio", "blob_endpoint"):
        check = authority_problem if name == "authority" else endpoint_problem
        problem = check(values[name]) if values[name] else None
        if problem:
            problems.append(f"{name} {problem}")
    if values["scope"] and not values["scope"].endswith("/.default"):
        problems.append(
            f"scope {values['scope']!r} does not end with /.default, as the scopes of services do"
        )
    if problem := _bundle_problem(values["ca_bundle"]):
        problems.append(f"ca_bundle {problem}")
    return problems


def _bundle_problem(path: str) -> str | None:
    problem = file_problem(path)
    if problem or not path:
        return problem
    try:
        create_default_context(cafile=path)
    except OSError as error:
        return f"{path!r} has no readable certificates: {error.strerror}"
    return None


def _version_problems(values: Mapping[str, str]) -> list[str]:
    problem = version_problem(values["api_version"] or DEFAULT_API_VERSION)
    return [f"api_version {problem}"] if problem else []


def _cloud(values: Mapping[str, str]) -> Cloud:
    if values["cloud"] == CUSTOM:
        cloud = custom_cloud(values["resource_manager"], values["authority"], values["studio"])
    else:
        cloud = CLOUDS[values["cloud"] or PUBLIC.name]
    return cloud.trusting(values["ca_bundle"] or None, values["blob_endpoint"] or None).asking_for(
        values["scope"]
    )
