"""What can go wrong, as one small hierarchy whose texts are fit to be a task's last log line."""

from __future__ import annotations

import json
import re
from typing import Any

_QUERY = re.compile(r"\?[^\s'\"<>)]+")
_SIGNATURE = re.compile(r"\b(sig|AccountKey|SharedAccessSignature|client_secret)=[^\s'\"<>)]+")
_BEARER = re.compile(r"\bBearer [\w\-.~+/]{8,}=*")


def without_secrets(text: str) -> str:
    """A text without the query strings of its URLs, where signatures are, and without keys and tokens."""
    text = _SIGNATURE.sub(r"\1=...", _QUERY.sub("?...", text))
    return _BEARER.sub("Bearer ...", text)


class AzureMLError(Exception):
    """Base of everything this client raises on purpose."""


class InvalidSpecError(AzureMLError, ValueError):
    """What was asked for cannot be right; found before any request was sent."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.field, self.problem)


class UnreachableError(AzureMLError):
    """No answer came: name resolution, connection, TLS, or time ran out. ``asked`` is the request."""

    def __init__(self, asked: str, reason: str) -> None:
        self.asked = asked
        self.reason = without_secrets(reason)
        super().__init__(f"No answer to {asked}: {self.reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.asked, self.reason)


class ResponseError(AzureMLError):
    """The service said no.

    :param asked: what was asked, such as ``PUT jobs/train-1``.
    :param status: HTTP status.
    :param code: outermost code; coarse (UserError, ServiceError).
    :param inner_code: innermost code; the machine-readable reason (JobNotFound).
    :param message: the service's own words.
    :param correlation_id: what Microsoft's support asks for.
    """

    def __init__(
        self,
        asked: str,
        status: int,
        *,
        code: str = "",
        inner_code: str = "",
        message: str = "",
        correlation_id: str = "",
    ) -> None:
        self.asked = asked
        self.status = status
        self.code = code
        self.inner_code = inner_code or code
        self.message = without_secrets(message.strip())
        self.correlation_id = correlation_id
        super().__init__(self._text())

    def _text(self) -> str:
        codes = " > ".join(dict.fromkeys(filter(None, (self.code, self.inner_code))))
        facts = ", ".join(
            filter(
                None,
                (f"HTTP {self.status}", codes, self.correlation_id and f"correlation {self.correlation_id}"),
            )
        )
        said = self.message or "the answer had no message."
        hint = _hint(self.status, self.code, self.inner_code)
        return f"{self.asked[:1].upper()}{self.asked[1:]} was refused: {said} [{facts}]" + (
            f" {hint}" if hint else ""
        )

    def __reduce__(self) -> tuple[Any, ...]:
        state = {name: getattr(self, name) for name in ("code", "inner_code", "message", "correlation_id")}
        return _rebuild, (type(self), self.asked, self.status, state)


class AuthenticationError(ResponseError):
    """401, or Microsoft Entra ID gave no token."""


class PermissionDeniedError(ResponseError):
    """403: the identity is known, but lacks a role."""


class NotFoundError(ResponseError):
    """404."""


class ConflictError(ResponseError):
    """It exists and cannot be changed so: 409, or 400 for an immutable property."""


class ThrottledError(ResponseError):
    """429, after the pipeline's own retries."""


class ServiceError(ResponseError):
    """408 or 5xx, after the pipeline's own retries."""


_BY_STATUS: dict[int, type[ResponseError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ServiceError,
    409: ConflictError,
    429: ThrottledError,
}

# Codes and texts that the service sends with 400 where others would send 409.
_CONFLICT_CODES = frozenset({"JobPropertyImmutable", "Immutable"})
_CONFLICT_TEXTS = ("Asset paths cannot be updated", "is already registered and cannot be changed")

_HINTS = {
    "AuthorizationFailed": "Give the identity the role 'AzureML Data Scientist' on the workspace.",
    "InvalidAuthenticationTokenTenant": "The workspace's subscription belongs to another tenant: "
    "check tenant_id in the connection.",
    "SubscriptionNotFound": "Check subscription_id in the connection, and that the identity may see it.",
    "ResourceGroupNotFound": "Check resource_group in the connection.",
    "ResourceNotFound": "Check workspace_name and resource_group in the connection.",
    "ParentResourceNotFound": "Check workspace_name and resource_group in the connection.",
    "KeyBasedAuthenticationNotPermitted": "The storage account allows no keys: "
    "let it allow them, or upload by another way and register the URI.",
    "insufficient_claims": "A policy of the tenant (Conditional Access) demands more than this identity can "
    "show: have its administrator except the identity, or use one that satisfies the policy.",
    "AuthorizationFailure": "The storage account's firewall does not let this machine in.",
}


def _hint(status: int, code: str, inner_code: str) -> str:
    for key in (inner_code, code):
        if key in _HINTS:
            return _HINTS[key]
    if status == 401:
        return "Check the credential and tenant_id in the connection."
    if status == 403 and code == "AuthenticationFailed":
        return "The storage account refused the key or signature; was the key renewed, is this clock right?"
    if status == 403:
        return _HINTS["AuthorizationFailed"]
    return ""


def response_error(asked: str, status: int, body: str, headers: Any) -> ResponseError:
    """The exception for an HTTP answer. The body may be JSON of ARM or Azure ML, empty, or a proxy's HTML."""
    error = _error_object(body)
    code = str(error.get("code") or "")
    inner = _innermost(_info(error, "InnerError") or error.get("innerError") or error.get("innererror"))
    correlation = _info(error, "Correlation") or {}
    message = str(error.get("message") or "")
    cls = _BY_STATUS.get(status, ServiceError if status >= 500 else ResponseError)
    if status == 401 and "insufficient_claims" in str(headers.get("WWW-Authenticate")):
        inner = "insufficient_claims"
    if status == 400 and (inner in _CONFLICT_CODES or any(text in message for text in _CONFLICT_TEXTS)):
        cls = ConflictError
    return cls(
        asked,
        status,
        code=code or str(headers.get("x-ms-error-code") or ""),
        inner_code=inner,
        message=message,
        correlation_id=str(correlation.get("operation") or headers.get("x-ms-correlation-request-id") or ""),
    )


_XML_MESSAGE = re.compile(r"<Message>([^<\n]*)")


def _error_object(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        # Storage answers XML, whose message is a first line for people and further ones for machines.
        message = _XML_MESSAGE.search(body)
        text = message[1] if message else re.sub(r"<[^>]*>", " ", body)
        return {"message": " ".join(text.split())[:300]}
    error = document.get("error", document) if isinstance(document, dict) else {}
    return error if isinstance(error, dict) else {"message": str(error or "")}


def _info(error: dict[str, Any], kind: str) -> dict[str, Any] | None:
    for entry in error.get("additionalInfo") or ():
        if isinstance(entry, dict) and entry.get("type") == kind and isinstance(entry.get("info"), dict):
            value = entry["info"].get("value")
            return value if isinstance(value, dict) else None
    return None


def _innermost(error: Any) -> str:
    code = ""
    while isinstance(error, dict):
        code = str(error.get("code") or code)
        error = error.get("innerError") or error.get("innererror")
    return code


def _rebuild(cls: type[ResponseError], asked: str, status: int, state: dict[str, str]) -> ResponseError:
    return cls(asked, status, **state)
