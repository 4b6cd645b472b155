"""What Entra ID answers when it gives no token."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from starlette.responses import JSONResponse, Response

NO_STORE = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


class EntraError(Exception):
    """An answer of Entra ID that gives no token."""

    def __init__(self, status: int, error: str, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.code = status, error, code

    def answer(self) -> Response:
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        timestamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        body = {
            "error": self.error,
            "error_description": f"AADSTS{self.code}: {self} Trace ID: {trace} Correlation ID: {correlation} "
            f"Timestamp: {timestamp}",
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
        }
        return JSONResponse(body, self.status, NO_STORE)


def invalid_client(code: int, message: str) -> EntraError:
    """The client did not prove who it is."""
    return EntraError(401, "invalid_client", code, message)


def missing_parameter(name: str) -> EntraError:
    return EntraError(
        400, "invalid_request", 900144, f"The request body must contain the following parameter: '{name}'."
    )
