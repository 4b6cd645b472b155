"""Why a run failed: the cause and what to do, what the service says, and the end of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_amlrest.rest.http.call import Flow
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.http.hints import advice
from airflow_provider_amlrest.rest.runs.causes import Diagnosis, diagnose
from airflow_provider_amlrest.rest.runs.log_tail import user_log

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.runs.operations import RunOperations
    from airflow_provider_amlrest.rest.runs.run import Run

MAX_TEXT = 1500
"""Characters of the service's message."""
LOG_END = 4096
"""Bytes of the log's end, in which the cause is looked for."""
LAST_LINES = 20
"""Lines of the log's end that are shown."""
BUILD_LOG = "azureml-logs/20_image_build_log.txt"


@dataclass(frozen=True)
class Failure:
    """Why a run failed, in the order in which a person wants to know."""

    cause: Diagnosis | None
    """None: not recognised."""
    said: str
    """The service's message with its code and a hint; empty if it gives none."""
    log_file: str = ""
    """Path of the log whose end is shown; empty: there is none, or the message has it."""
    last_lines: str = ""
    """The log's end, or why it could not be read."""

    @property
    def text(self) -> str:
        """All of it, for an exception."""
        said = self.said
        if self.cause is not None:
            named = f"{self.cause.problem} {self.cause.advice}".rstrip()
            said = f"{named} Azure ML says: {said}" if said else named
        if self.log_file:
            introduced = f"{said} The" if said else "the"
            return f"{introduced} last lines of {self.log_file} are:\n{self.last_lines}\n"
        return said or self.last_lines or "the service gives no reason."


def examine(operations: RunOperations, run: Run) -> Flow[Failure]:
    """Read why a run failed. Its log is read for that, unless the message has the script's exception."""
    code, message = (run.error.code, run.error.message.strip()) if run.error else ("", "")
    file, end = ("", "") if "Traceback" in message else (yield from _log_end(operations, run))
    # Only by the code: the message may come from any script.
    said = f"{message[:MAX_TEXT]} [{code}] {advice(0, (code,), '')}".rstrip() if message else ""
    last_lines = "\n".join(end.splitlines()[-LAST_LINES:])
    return Failure(diagnose(f"{code}: {message}", end), said, file, last_lines)


def _log_end(operations: RunOperations, run: Run) -> Flow[tuple[str, str]]:
    """The log's file and its last lines; without a file: why they could not be read, or nothing."""
    # If the image build failed, this is the only log.
    name = user_log(run.log_files) or (BUILD_LOG if BUILD_LOG in run.log_files else None)
    if name is None:
        return "", ""
    try:
        end = yield from operations.read_log_end(run, name, LOG_END)
    except AzureMLError as error:
        return "", f"(its log could not be read: {error})"
    return (name, end) if end.strip() else ("", "")
