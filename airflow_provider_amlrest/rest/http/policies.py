"""The policies of the client's pipelines, and the translation of azure-core's exceptions."""

from __future__ import annotations

import logging
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

log = logging.getLogger(__name__)

ANONYMOUS = "anonymous"
"""Option of a request whose URL has a signature. Storage refuses a token with it, and ours is not for it."""
USER_TOKEN = "user_token"  # noqa: S105
"""Option of a request that also carries a token for Azure ML's own API, in the header of that name."""
USER_TOKEN_HEADER = "x-azureml-token"  # noqa: S105
STUDIO_TOKEN = "studio_token"  # noqa: S105
"""Option of a request to an endpoint: it carries a token for Azure ML's own API instead of that for ARM."""

MAX_RETRY_AFTER = 120.0
"""Seconds. The caller waits for a longer Retry-After: it has a deadline, and can be stopped."""


class _Patience:
    """Retries as in azure-core, except that an answer cannot make a request sleep for an hour.

    A request does not sleep beyond its ``timeout`` either: it then returns the last answer. Requests that
    were refused together are not repeated at the same moment.
    """

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        """The settings of one request, and when it must be over."""
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
        """Count a failure. Returns whether there is another try, after a pause."""
        if not super().increment(settings, response=response, error=error):  # type: ignore[misc]
            return False
        retry_after = None if error else self.get_retry_after(response)
        settings["pause"] = retry_after or self.get_backoff_time(settings)
        return bool(time() + settings["pause"] < settings["ends"])

    def sleep(self, settings: dict[str, Any], transport: Any, response: Any = None) -> Any:
        """The pause; an event loop awaits it."""
        return transport.sleep(settings["pause"])

    def get_retry_after(self, response: Any) -> float | None:
        """Seconds that the answer asks for, plus up to a tenth; None: it does not say."""
        seconds: float | None = super().get_retry_after(response)  # type: ignore[misc]
        return seconds and seconds * uniform(1, 1.1)  # noqa: S311 (not used for security)

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """Seconds until the next try of a request whose answer has no Retry-After."""
        return float(super().get_backoff_time(settings)) * uniform(0.5, 1)  # type: ignore[misc]  # noqa: S311


def _is_refused_by_network(answer: Any) -> bool:
    """Whether the network refuses this machine: a 502 can mean that, and not an outage."""
    if answer.status_code != 502:
        return False
    return isinstance(response_error("", 502, _text(answer), answer.headers), NetworkRefusedError)


class _Retry(_Patience, RetryPolicy[Any, Any]):
    pass


class _AsyncRetry(_Patience, AsyncRetryPolicy[Any, Any]):
    pass


def refuse_unsafe_url(request: Any) -> None:
    """Refuse a request if others could read its token, key or signature.

    This also checks the endpoints, next pages and places for uploads that the service returns.
    """
    check_url(request.http_request.url)


class _Protected(SansIOHTTPPolicy[Any, Any]):
    def on_request(self, request: Any) -> None:
        refuse_unsafe_url(request)
        for option in (USER_TOKEN, STUDIO_TOKEN):
            if request.context.options.pop(option, False):
                request.context[option] = True
        if request.context.options.pop(ANONYMOUS, False):
            # The context is kept over retries.
            request.context[ANONYMOUS] = True
        else:
            # Otherwise the policies for tokens would also refuse http to this machine.
            request.context.options["enforce_https"] = False


@contextmanager
def signing_in() -> Iterator[None]:
    """Turn errors that some credentials raise unchanged into a ClientAuthenticationError.

    Entra ID does not answer, after the credential's own retries: the pipeline would attribute that to
    Resource Manager, and retry as well. Or the file with a federated token is missing or cannot be read.
    """
    try:
        yield
    except (ServiceRequestError, ServiceResponseError, OSError, UnicodeError) as error:
        raise ClientAuthenticationError(message=str(error)) from error


@contextmanager
def _optional(scope: str) -> Iterator[None]:
    """Go on without a token that the service may not insist on, as far as anybody has published."""
    try:
        yield
    except (AzureError, OSError) as error:
        log.info("The request goes without a token for %s, which is not to be had: %s", scope, error)


class _Authentication(ARMChallengeAuthenticationPolicy):
    """A token for each request; after a 401 a new one, with the requested claims, and one retry.

    azure-core itself does not retry a 401 without a claims challenge, even if a token expired on its way.
    """

    user_scope = ""

    def on_request(self, request: Any) -> None:
        if ANONYMOUS not in request.context:
            with signing_in():
                super().on_request(request)
        if USER_TOKEN in request.context:
            with _optional(self.user_scope):
                credential: Any = self._credential
                token = credential.get_token(self.user_scope)
                request.http_request.headers[USER_TOKEN_HEADER] = token.token
        if STUDIO_TOKEN in request.context:
            with signing_in():
                token = self._credential.get_token(self.user_scope)  # type: ignore[union-attr]
                request.http_request.headers["Authorization"] = f"Bearer {token.token}"

    def on_challenge(self, request: Any, response: Any) -> bool:
        if ANONYMOUS in request.context:
            return False
        refused = request.http_request.headers["Authorization"]
        with signing_in():
            if not super().on_challenge(request, response):
                self.authorize_request(request, *self._scopes)
        return bool(request.http_request.headers["Authorization"] != refused)


class _AsyncAuthentication(AsyncARMChallengeAuthenticationPolicy):
    user_scope = ""

    async def on_request(self, request: Any) -> None:
        if ANONYMOUS not in request.context:
            with signing_in():
                await super().on_request(request)
        if USER_TOKEN in request.context:
            with _optional(self.user_scope):
                credential: Any = self._credential
                token = await credential.get_token(self.user_scope)
                request.http_request.headers[USER_TOKEN_HEADER] = token.token
        if STUDIO_TOKEN in request.context:
            with signing_in():
                token = await self._credential.get_token(self.user_scope)  # type: ignore[union-attr]
                request.http_request.headers["Authorization"] = f"Bearer {token.token}"

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
    authentication = _Authentication(credential, cloud.scope, enable_cae=True)
    authentication.user_scope = f"{cloud.studio}/.default"
    return _policies(_Retry(), authentication)


def async_policies(credential: Any, cloud: Cloud) -> list[Any]:
    """The async pipeline's policies; ``credential`` is an AsyncTokenCredential."""
    authentication = _AsyncAuthentication(credential, cloud.scope, enable_cae=True)
    authentication.user_scope = f"{cloud.studio}/.default"
    return _policies(_AsyncRetry(), authentication)


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
    """Options for both transports, and for the clients of azure-storage-blob, which need the hook.

    These libraries themselves take proxies from ``HTTPS_PROXY`` and ``NO_PROXY``.
    """
    return {
        "connection_verify": cloud.verify,
        "connection_timeout": CONNECTION_TIMEOUT,
        "read_timeout": READ_TIMEOUT,
        "raw_request_hook": refuse_unsafe_url,
    }


def translate(error: AzureError, asked: str) -> AzureMLError:
    """The exception of this client for one of its pipeline. Its text does not contain secrets."""
    if isinstance(error, ClientAuthenticationError):
        # The pipeline itself does not raise for a status: azure-identity did not get a token.
        return _no_token(error, asked)
    return translate_blob(error, asked)


def translate_blob(error: AzureError, asked: str) -> AzureMLError:
    """The exception of this client for one of azure-storage-blob. Its text does not contain secrets."""
    if isinstance(error, HttpResponseError) and error.response is not None:
        response: Any = error.response
        return response_error(asked, response.status_code, _body(error), response.headers)
    return UnreachableError(asked, _first_paragraph(str(error)))


def _no_token(error: ClientAuthenticationError, asked: str) -> AzureMLError:
    """Distinguish an identity that is refused from an identity service that does not work."""
    asked = f"the sign-in for {asked}"
    message = _first_paragraph(str(error.message))
    # After a 401, azure-core sets that as the cause.
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
    # For a secret or a certificate, msal passes on only Entra ID's message.
    refused = error.response is not None or "AADSTS" in message
    return AuthenticationError(
        asked, 401, code="AADToken" if refused else "CredentialUnavailable", message=message
    )


def _body(error: HttpResponseError) -> str:
    return _text(error.response) or str(error.message)


def _text(response: Any) -> str:
    """A response's body; empty if it cannot be read."""
    try:
        return str(response.text())
    except Exception:
        return ""


def _first_paragraph(text: str) -> str:
    return " ".join(text.split("\nTo mitigate")[0].split())[:1000]
