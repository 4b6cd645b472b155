"""The policies that every request passes, and the exceptions that come back from below."""

from __future__ import annotations

from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
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
    ServiceError,
    ThrottledError,
    UnreachableError,
    response_error,
)
from airflow_provider_amlrest.version import __version__

USER_AGENT = f"airflow-provider-amlrest/{__version__}"

CONNECTION_TIMEOUT = 10.0
READ_TIMEOUT = 60.0

MAX_RETRY_AFTER = 120.0
"""Seconds. A longer Retry-After is the caller's to wait for, who has a deadline and can be told to stop."""


class _Patience:
    """Retries as azure-core does them, except that no answer makes a request sleep for an hour."""

    def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
        """Whether to send the request again after this answer."""
        retry: Any = super()
        return bool(
            retry.is_retry(settings, response) and (retry.get_retry_after(response) or 0) <= MAX_RETRY_AFTER
        )


class _Retry(_Patience, RetryPolicy[Any, Any]):
    pass


class _AsyncRetry(_Patience, AsyncRetryPolicy[Any, Any]):
    pass


def sync_policies(credential: Any, cloud: Cloud) -> list[Any]:
    """The sync pipeline's policies; ``credential`` is a TokenCredential."""
    return _policies(_Retry(), ARMChallengeAuthenticationPolicy(credential, cloud.scope))


def async_policies(credential: Any, cloud: Cloud) -> list[Any]:
    """The async pipeline's policies; ``credential`` is an AsyncTokenCredential."""
    return _policies(_AsyncRetry(), AsyncARMChallengeAuthenticationPolicy(credential, cloud.scope))


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
    """The exception of this client for one of its pipeline. Its text holds no secret."""
    if isinstance(error, ClientAuthenticationError):
        # The pipeline itself raises for no status: it is azure-identity that got no token.
        return _no_token(error, asked)
    return translate_blob(error, asked)


def translate_blob(error: AzureError, asked: str) -> AzureMLError:
    """The exception of this client for one of azure-storage-blob. Its text holds no secret."""
    if isinstance(error, HttpResponseError) and error.response is not None:
        response: Any = error.response
        return response_error(asked, response.status_code, _body(error), response.headers)
    return UnreachableError(asked, _first_paragraph(str(error)))


def _no_token(error: ClientAuthenticationError, asked: str) -> AzureMLError:
    """An identity that is refused is not the same as an identity service that is out of order."""
    asked = f"the sign-in for {asked}"
    message = _first_paragraph(str(error.message))
    if isinstance(error.__cause__, ServiceRequestError | ServiceResponseError):
        return UnreachableError(asked, message)
    status = getattr(error.response, "status_code", 401)
    if status == 429:
        return ThrottledError(asked, status, message=message)
    if status >= 500:
        return ServiceError(asked, status, message=message)
    return AuthenticationError(
        asked, 401, code="AADToken" if error.response else "CredentialUnavailable", message=message
    )


def _body(error: HttpResponseError) -> str:
    try:
        return str(error.response.text())  # type: ignore[union-attr]
    except Exception:
        return str(error.message)


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\nTo mitigate")[0].split())[:1000]
