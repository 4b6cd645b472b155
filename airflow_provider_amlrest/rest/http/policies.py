"""The policies that every request passes, and the exceptions that come back from below."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import uniform
from time import time
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
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.mgmt.core.policies import (
    ARMChallengeAuthenticationPolicy,
    ARMHttpLoggingPolicy,
    AsyncARMChallengeAuthenticationPolicy,
)

from airflow_provider_amlrest.rest.http.cloud import Cloud, check_url
from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    NetworkRefusedError,
    ServiceError,
    ThrottledError,
    UnreachableError,
    response_error,
)
from airflow_provider_amlrest.version import __version__

USER_AGENT = f"airflow-provider-amlrest/{__version__}"

CONNECTION_TIMEOUT = 10.0
READ_TIMEOUT = 60.0

ANONYMOUS = "anonymous"
"""Option of a request whose URL has a signature. Storage takes no token beside it, and ours is not for it."""

MAX_RETRY_AFTER = 120.0
"""Seconds. A longer Retry-After is the caller's to wait for, who has a deadline and can be told to stop."""


class _Patience:
    """Retries as azure-core does them, except that no answer makes a request sleep for an hour.

    Nor beyond the ``timeout`` of the request: what was answered last is the answer then. And those who were
    refused together do not all come back in the same moment.
    """

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        """The settings of one request, and when it has to be over."""
        settings: dict[str, Any] = super().configure_retries(options)  # type: ignore[misc]
        return settings | {"ends": time() + settings["timeout"]}

    def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
        """Whether to send the request again after this answer."""
        retry: Any = super()
        return bool(
            retry.is_retry(settings, response)
            and (retry.get_retry_after(response) or 0) <= MAX_RETRY_AFTER
            and not _is_refused_by_network(response.http_response)
        )

    def increment(self, settings: dict[str, Any], response: Any = None, error: Any = None) -> bool:
        """Count a failure; whether there is another try, after a pause."""
        if not super().increment(settings, response=response, error=error):  # type: ignore[misc]
            return False
        told = None if error else self.get_retry_after(response)
        settings["pause"] = told or self.get_backoff_time(settings)
        return bool(time() + settings["pause"] < settings["ends"])

    def sleep(self, settings: dict[str, Any], transport: Any, response: Any = None) -> Any:
        """The pause; in an event loop to be awaited."""
        return transport.sleep(settings["pause"])

    def get_retry_after(self, response: Any) -> float | None:
        """Seconds that the answer asks for, and up to a tenth more; None: it does not say."""
        seconds: float | None = super().get_retry_after(response)  # type: ignore[misc]
        return seconds and seconds * uniform(1, 1.1)  # noqa: S311 (it guards nothing)

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """Seconds until the next try of a request whose answer asks for none."""
        return float(super().get_backoff_time(settings)) * uniform(0.5, 1)  # type: ignore[misc]  # noqa: S311


def _is_refused_by_network(answer: Any) -> bool:
    """Whether that is no outage, though a 502 may say it."""
    if answer.status_code != 502:
        return False
    return isinstance(response_error("", 502, _text(answer), answer.headers), NetworkRefusedError)


class _Retry(_Patience, RetryPolicy[Any, Any]):
    pass


class _AsyncRetry(_Patience, AsyncRetryPolicy[Any, Any]):
    pass


def refuse_unsafe_url(request: Any) -> None:
    """Refuse a request of a pipeline whose token, key or signature others could read.

    The endpoints, next pages and places for uploads that the service names are checked here like the others.
    """
    check_url(request.http_request.url)


class _Protected(SansIOHTTPPolicy[Any, Any]):
    def on_request(self, request: Any) -> None:
        refuse_unsafe_url(request)
        if request.context.options.pop(ANONYMOUS, False):
            # In the context it outlasts retries.
            request.context[ANONYMOUS] = True
        else:
            # The policies for tokens would refuse this machine too.
            request.context.options["enforce_https"] = False


@contextmanager
def signing_in() -> Iterator[None]:
    """What some credentials let through as it is becomes a ClientAuthenticationError.

    That Entra ID does not answer, having tried again themselves: the pipeline would take that for Resource
    Manager, and try again, too. That the file with a federated token is gone or cannot be read.
    """
    try:
        yield
    except (ServiceRequestError, ServiceResponseError, OSError, UnicodeError) as error:
        raise ClientAuthenticationError(message=str(error)) from error


class _Authentication(ARMChallengeAuthenticationPolicy):
    """A token for each request; after a 401 a fresh one, with the claims that were demanded, and one retry.

    azure-core itself lets a 401 be final that demands no claims: a token that expires on its way, too.
    """

    def on_request(self, request: Any) -> None:
        if ANONYMOUS not in request.context:
            with signing_in():
                super().on_request(request)

    def on_challenge(self, request: Any, response: Any) -> bool:
        if ANONYMOUS in request.context:
            return False
        refused = request.http_request.headers["Authorization"]
        with signing_in():
            if not super().on_challenge(request, response):
                self.authorize_request(request, *self._scopes)
        return bool(request.http_request.headers["Authorization"] != refused)


class _AsyncAuthentication(AsyncARMChallengeAuthenticationPolicy):
    async def on_request(self, request: Any) -> None:
        if ANONYMOUS not in request.context:
            with signing_in():
                await super().on_request(request)

    async def on_challenge(self, request: Any, response: Any) -> bool:
        if ANONYMOUS in request.context:
            return False
        refused = request.http_request.headers["Authorization"]
        with signing_in():
            if not await super().on_challenge(request, response):
                await self.authorize_request(request, *self._scopes)
        return bool(request.http_request.headers["Authorization"] != refused)


def sync_policies(credential: Any, cloud: Cloud) -> list[Any]:
    """The sync pipeline's policies; ``credential`` is a TokenCredential."""
    return _policies(_Retry(), _Authentication(credential, cloud.scope, enable_cae=True))


def async_policies(credential: Any, cloud: Cloud) -> list[Any]:
    """The async pipeline's policies; ``credential`` is an AsyncTokenCredential."""
    return _policies(_AsyncRetry(), _AsyncAuthentication(credential, cloud.scope, enable_cae=True))


def _policies(retry: Any, authentication: Any) -> list[Any]:
    return [
        _Protected(),
        RequestIdPolicy(),
        HeadersPolicy({"Accept": "application/json"}),
        UserAgentPolicy(USER_AGENT),
        retry,
        authentication,
        ARMHttpLoggingPolicy(),
    ]


def transport_options(cloud: Cloud) -> dict[str, Any]:
    """For either transport's constructor, and for the clients of azure-storage-blob, which need the hook.

    Proxies are taken from ``HTTPS_PROXY`` and ``NO_PROXY`` by these libraries themselves.
    """
    return {
        "connection_verify": cloud.verify,
        "connection_timeout": CONNECTION_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "raw_request_hook": refuse_unsafe_url,
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
    # After a 401, azure-core makes that the cause.
    if any(
        isinstance(origin, ServiceRequestError | ServiceResponseError)
        for origin in (error.__cause__, error.__context__)
    ):
        return UnreachableError(asked, message)
    status = getattr(error.response, "status_code", 401)
    if status == 429:
        return ThrottledError(asked, status, message=message)
    if status >= 500:
        return ServiceError(asked, status, message=message)
    # Of a secret or a certificate msal tells no more than Entra ID's words.
    refused = error.response is not None or "AADSTS" in message
    return AuthenticationError(
        asked, 401, code="AADToken" if refused else "CredentialUnavailable", message=message
    )


def _body(error: HttpResponseError) -> str:
    return _text(error.response) or str(error.message)


def _text(response: Any) -> str:
    """A response's body; empty if there is none to be read."""
    try:
        return str(response.text())
    except Exception:
        return ""


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\nTo mitigate")[0].split())[:1000]
