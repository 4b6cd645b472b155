"""The policies that every request passes, and the exceptions that come back from below."""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.policies import (
    AsyncRetryPolicy,
    HeadersPolicy,
    RequestIdPolicy,
    RetryPolicy,
    UserAgentPolicy,
)
from azure.mgmt.core.policies import (
    ARMChallengeAuthenticationPolicy,
    ARMHttpLoggingPolicy,
    AsyncARMChallengeAuthenticationPolicy,
)

from airflow_provider_amlrest.rest.cloud import Cloud
from airflow_provider_amlrest.rest.errors import (
    AuthenticationError,
    AzureMLError,
    UnreachableError,
    response_error,
)
from airflow_provider_amlrest.version import __version__

USER_AGENT = f"airflow-provider-amlrest/{__version__}"

CONNECTION_TIMEOUT = 10.0
READ_TIMEOUT = 60.0


def sync_policies(credential: Any, cloud: Cloud) -> list[Any]:
    """The sync pipeline's policies; ``credential`` is a TokenCredential."""
    return _policies(RetryPolicy(), ARMChallengeAuthenticationPolicy(credential, cloud.scope))


def async_policies(credential: Any, cloud: Cloud) -> list[Any]:
    """The async pipeline's policies; ``credential`` is an AsyncTokenCredential."""
    return _policies(AsyncRetryPolicy(), AsyncARMChallengeAuthenticationPolicy(credential, cloud.scope))


def _policies(retry: Any, authentication: Any) -> list[Any]:
    return [
        RequestIdPolicy(),
        HeadersPolicy({"Accept": "application/json"}),
        UserAgentPolicy(USER_AGENT),
        retry,
        authentication,
        ARMHttpLoggingPolicy(),
    ]


def transport_options(cloud: Cloud) -> dict[str, Any]:
    """For either transport's constructor."""
    return {
        "connection_verify": cloud.verify,
        "connection_timeout": CONNECTION_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
    }


def translate(error: AzureError, asked: str) -> AzureMLError:
    """The exception of this client for one of azure-core or azure-identity. Its text holds no signature."""
    if isinstance(error, ClientAuthenticationError) and error.response is None:
        return AuthenticationError(
            asked, 401, code="CredentialUnavailable", message=_first_paragraph(str(error.message))
        )
    if isinstance(error, HttpResponseError) and error.response is not None:
        response: Any = error.response
        headers = response.headers
        if isinstance(error, ClientAuthenticationError) and "www-authenticate" not in headers:
            return AuthenticationError(asked, 401, code="AADToken", message=_first_paragraph(error.message))
        return response_error(asked, response.status_code, _body(error), headers)
    return UnreachableError(asked, _first_paragraph(str(error)))


def _body(error: HttpResponseError) -> str:
    try:
        return str(error.response.text())  # type: ignore[union-attr]
    except Exception:
        return str(error.message)


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\nTo mitigate")[0].split())[:1000]
