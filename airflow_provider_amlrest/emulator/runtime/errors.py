"""How a job ends badly, and how run history tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MESSAGE_LIMIT = 3000
"""Characters of a run's error message; the service keeps no more."""


class JobError(Exception):
    """The job cannot run, or its command failed: it ends Failed with this message."""

    code = "UserError"

    def __init__(self, message: str, inner_code: str = "BadArgument") -> None:
        super().__init__(message)
        self.inner_code = inner_code

    def run_error(self) -> dict[str, Any]:
        """The object under ``error`` in run history."""
        message = str(self)
        if len(message) > MESSAGE_LIMIT:
            message = message[: MESSAGE_LIMIT - 3] + "..."
        return {
            "code": self.code,
            "severity": None,
            "message": message,
            "messageFormat": message,
            "messageParameters": {},
            "referenceCode": None,
            "detailsUri": None,
            "target": None,
            "details": [],
            "innerError": {"code": self.inner_code, "innerError": None},
            "additionalInfo": None,
        }


class ServiceSideError(JobError):
    """The fault is not the user's: the service (here, the emulator) could not run the job."""

    code = "ServiceError"

    def __init__(self, message: str, inner_code: str = "InternalServerError") -> None:
        super().__init__(message, inner_code)


class StepsFailedError(JobError):
    """Nodes of a pipeline have failed. The words and the code are the service's, as users report them."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self._detail = (
            f"Failed nodes: {', '.join(f'/{name}' for name in nodes)}. For more details and logs, please "
            "go to the job detail page and check the child jobs."
        )
        super().__init__(f"Pipeline has failed child jobs. {self._detail}")

    def run_error(self) -> dict[str, Any]:
        return {
            **super().run_error(),
            "messageFormat": "Pipeline has failed child jobs. {0}",
            "messageParameters": {"0": self._detail},
            "referenceCode": "PipelineHasStepJobFailed",
            "innerError": None,
        }


class JobCanceledError(Exception):
    """The job ends Canceled, though nobody asked the emulator for that.

    :param error: what run history tells of it; the service is not known to tell anything.
    :param by: who is said to have done it; None: the service, which acts in the name of who created the job.
    """

    def __init__(self, error: JobError | None = None, by: Mapping[str, str] | None = None) -> None:
        super().__init__(str(error or ""))
        self.error = error
        self.by = None if by is None else dict(by)


class JobTimeoutError(JobCanceledError):
    """The job ran longer than ``limits.timeout``: the service cancels it."""

    def __init__(self, message: str) -> None:
        super().__init__(JobError(message, "JobTimeout"))
