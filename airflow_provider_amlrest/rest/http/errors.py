"""The exceptions of the client: one small hierarchy, whose texts can be the last line of a task's log."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, ClassVar

from airflow_provider_amlrest.rest.http.hints import NETWORK, advice, advice_without_answer, fitting

_QUERY = re.compile(r"\?[^\s'\"<>)]+")
_SIGNATURE = re.compile(r"\b(sig|AccountKey|SharedAccessSignature|client_secret)=[^\s'\"<>)]+", re.IGNORECASE)
_PASSWORD = re.compile(r"(//|:/)[^\s/@:]*:[^\s/]+@")
_TOKEN_IN_URL = re.compile(
    # As a user name (GitHub, GitLab, Azure DevOps), in the query, or in the path (conda channels).
    r"(//|:/)(?:(?:gh[pousr]_|github_pat_|glpat-)[^\s/@]+|[A-Za-z0-9]{52,})(?=@)"
    r"|([?&](?:token|access_token|api_key|X-Amz-Signature|X-Goog-Signature)=)[^\s'\"<>)&]+"
    r"|(/t/)[a-z]{2}-[0-9a-f]{8}-[0-9a-f-]{27}",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\$\{\w+\}")
_BEARER = re.compile(r"\bBearer [\w\-.~+/]{8,}=*")


def without_secrets(text: str) -> str:
    """The text without the query strings of its URLs (they contain signatures), keys and tokens."""
    return without_keys(_QUERY.sub("?...", text))


def without_keys(text: str) -> str:
    """The text without signatures, keys, tokens, and passwords of URLs."""
    text = _PASSWORD.sub(r"\1...@", _SIGNATURE.sub(r"\1=...", text))
    return _BEARER.sub("Bearer ...", _TOKEN_IN_URL.sub(r"\1\2\3...", text))


def holds_credentials(text: str) -> bool:
    """Whether a text contains a URL and also a signature, key, password or token.

    The name of a variable (``${TOKEN}``, as in pip) does not count.
    """
    plain = _VARIABLE.sub("", text)
    return "://" in plain and without_keys(plain) != plain


class AzureMLError(Exception):
    """Base class of the errors that this client raises on purpose."""


class InvalidSpecError(AzureMLError, ValueError):
    """The specification is not valid. Raised before anything is uploaded or submitted.

    Its text quotes the given value, but without signatures, keys and passwords.
    """

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        self.problem = without_keys(problem)
        super().__init__(f"{field}: {self.problem}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.field, self.problem)


class MissingAssetError(InvalidSpecError):
    """The asset of a reference does not exist, or not yet: a job's outputs take some seconds."""


class ContentChangedError(AzureMLError):
    """A local file has changed since the content was listed. Another attempt may succeed."""

    def __init__(self, field: str, path: Path) -> None:
        super().__init__(
            f"{field}: {str(path)!r} changed while it was read; nothing was registered. Try again when "
            "nothing writes to it any more."
        )
        self.field = field
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.field, self.path)


class ProvisioningError(AzureMLError):
    """The service could not provision a version of an asset. Another attempt gives the same answer."""


class ProvisioningTimeoutError(AzureMLError, TimeoutError):
    """A version of an asset was not ready in time. The service continues to provision it."""


class UnreachableError(AzureMLError):
    """There was no answer: name resolution, connection or TLS failed, or time ran out.

    ``asked`` is the request.
    """

    def __init__(self, asked: str, reason: str) -> None:
        self.asked = asked
        self.reason = without_secrets(reason)
        super().__init__(f"No answer to {asked}: {self.reason} {advice_without_answer(self.reason)}".rstrip())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.asked, self.reason)


_ROLES = (
    "One role is enough: 'AzureML Data Scientist' on the workspace for startPendingUpload and the key, or "
    "'Storage Blob Data Contributor' on the storage account for the token."
)


class ResponseError(AzureMLError):
    """The service refused a request.

    :param asked: the request, such as ``PUT jobs/train-1``.
    :param status: HTTP status.
    :param code: outermost code; coarse (UserError, ServiceError).
    :param inner_code: innermost code; the machine-readable reason (JobNotFound).
    :param message: the service's own message.
    :param correlation_id: the id that Microsoft's support asks for.
    :param retry_after: seconds after which the service wants another request; None: it does not say.
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
        retry_after: float | None = None,
    ) -> None:
        self.asked = asked
        self.retry_after = retry_after
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
        hint = advice(self.status, (self.inner_code, self.code), self.message)
        return f"{self.asked[:1].upper()}{self.asked[1:]} was refused: {said} [{facts}]" + (
            f" {hint}" if hint else ""
        )

    def __reduce__(self) -> tuple[Any, ...]:
        names = ("code", "inner_code", "message", "correlation_id", "retry_after")
        state = {name: getattr(self, name) for name in names}
        return _rebuild, (type(self), self.asked, self.status, state)


class AuthenticationError(ResponseError):
    """401, or Microsoft Entra ID did not issue a token."""


class PermissionDeniedError(ResponseError):
    """403: the identity is known, but lacks a role."""


class NetworkRefusedError(ResponseError):
    """401, 403 or 502 whose message says that a private link or a firewall refuses this machine."""


class StorageRefusedError(AzureMLError):
    """Every way into the workspace's storage is closed. ``refusals``: the answer of each way, by its name."""

    verb: ClassVar[str]

    def __init__(self, what: str, refusals: Mapping[str, str]) -> None:
        self.what = what
        self.refusals = dict(refusals)
        answers = " ".join(
            f"({number}) By {way}: {answer}" for number, (way, answer) in enumerate(refusals.items(), 1)
        )
        super().__init__(f"{what!r} cannot be {self.verb}: every way is closed. {answers} {_ROLES}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.refusals)


class UploadRefusedError(StorageRefusedError):
    """``what``: the local file or folder."""

    verb = "uploaded"


class DownloadRefusedError(StorageRefusedError):
    """``what``: the URI."""

    verb = "downloaded"


_NO_WORKSPACE = frozenset(
    {"ResourceNotFound", "ParentResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"}
)


class NotFoundError(ResponseError):
    """404."""

    @property
    def has_no_workspace(self) -> bool:
        """Whether the workspace, its resource group or its subscription is missing.

        The requested resource may exist then: such an answer says nothing about it.
        """
        return self.inner_code in _NO_WORKSPACE


class ConflictError(ResponseError):
    """The resource exists and cannot be changed in this way: 409, or 400 for an immutable property."""


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

# Codes and texts that the service sends with 400 instead of 409.
_CONFLICT_CODES = frozenset({"JobPropertyImmutable", "Immutable"})
_CONFLICT_TEXTS = ("Asset paths cannot be updated", "is already registered and cannot be changed")


def response_error(asked: str, status: int, body: str, headers: Any) -> ResponseError:
    """The exception for an HTTP answer. The body may be JSON of ARM or Azure ML, empty, or a proxy's HTML."""
    error = _error_object(body)
    code = str(error.get("code") or "")
    inner = innermost_code(_info(error, "InnerError") or error.get("innerError") or error.get("innererror"))
    correlation = _info(error, "Correlation") or {}
    message = _message(error)
    cls = _BY_STATUS.get(status, ServiceError if status >= 500 else ResponseError)
    if status == 401 and "insufficient_claims" in str(headers.get("WWW-Authenticate")):
        inner = "insufficient_claims"
    if fitting(status, (inner, code), message) is NETWORK:
        cls = NetworkRefusedError
    if status == 400 and (inner in _CONFLICT_CODES or any(text in message for text in _CONFLICT_TEXTS)):
        cls = ConflictError
    return cls(
        asked,
        status,
        code=code or str(headers.get("x-ms-error-code") or ""),
        inner_code=inner,
        message=message,
        # Storage has no correlation id; its support asks for the request id.
        correlation_id=str(
            correlation.get("operation")
            or headers.get("x-ms-correlation-request-id")
            or headers.get("x-ms-request-id")
            or ""
        ),
        retry_after=_retry_after(headers),
    )


def _retry_after(headers: Any) -> float | None:
    """Seconds, from the headers that azure-core uses: in milliseconds, in seconds, or a date."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = str(headers.get(name) or "")
        if milliseconds.isdigit():
            return int(milliseconds) / 1000
    value = str(headers.get("Retry-After") or "").strip()
    if not value or value.isdigit():
        return float(value) if value else None
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


MAX_DETAILS = 5

_XML_CODE = re.compile(r"<Code>([^<\n]*)")
_XML_MESSAGE = re.compile(r"<Message>([^<\n]*)")


def _error_object(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        # Storage answers with XML. The first line of its message is for people, the others are for machines.
        code, message = _XML_CODE.search(body), _XML_MESSAGE.search(body)
        text = message[1] if message else re.sub(r"<[^>]*>", " ", body)
        return {"code": code[1] if code else "", "message": " ".join(text.split())[:300]}
    error = document.get("error", document) if isinstance(document, dict) else {}
    return error if isinstance(error, dict) else {"message": str(error or "")}


def _message(error: dict[str, Any]) -> str:
    """What is wrong, and in which fields: for an invalid request, only the details name them."""
    details = [str(detail["message"]) for detail in _objects(error, "details") if detail.get("message")]
    return " ".join(dict.fromkeys([str(error.get("message") or ""), *details[:MAX_DETAILS]])).strip()


def _objects(error: dict[str, Any], member: str) -> list[dict[str, Any]]:
    entries = error.get(member)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _info(error: dict[str, Any], kind: str) -> dict[str, Any] | None:
    for entry in _objects(error, "additionalInfo"):
        if entry.get("type") == kind and isinstance(entry.get("info"), dict):
            value = entry["info"].get("value")
            return value if isinstance(value, dict) else None
    return None


def innermost_code(error: Any) -> str:
    """The last code of a chain of ``innerError`` objects; empty if there is none."""
    code = ""
    while isinstance(error, dict):
        code = str(error.get("code") or code)
        error = error.get("innerError") or error.get("innererror")
    return code


def _rebuild(cls: type[ResponseError], asked: str, status: int, state: dict[str, Any]) -> ResponseError:
    return cls(asked, status, **state)
