"""What a function's job has left behind: its return value, or why it failed. Imported when a task runs."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.decorators.in_job import FAILURE, VALUE
from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.failure import failure_text
from airflow_provider_amlrest.lifecycle.results import MAX_XCOM, until_there
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.runs.failure import MAX_TEXT

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job

log = logging.getLogger(__name__)

ARTIFACTS = "azureml://datastores/workspaceartifactstore/paths/ExperimentRun/dcid."
"""Where the service keeps what jobs write to ``outputs``; the run's name follows."""


class ReturnValueMissingError(AzureMLError):
    """The job completed, but what its function returned cannot be read."""


def return_value(client: AzureMLClient, job: Job) -> Any:
    """What the function returned; the URI of the file that has it, if it is larger than MAX_XCOM.

    :raises ReturnValueMissingError: if there is none, or it is not JSON.
    """
    found = until_there(lambda: client.read_artifact(job, VALUE, MAX_XCOM), patience.SETTLE)
    if found is None:
        raise ReturnValueMissingError(
            f"Azure ML job {job.name} completed without {VALUE}, where its function's return value would be. "
            "Did the function end the process? A retry looks again, and submits nothing."
        )
    if found.size > MAX_XCOM:
        uri = f"{ARTIFACTS}{job.name}/{VALUE}"
        log.warning(
            "The return value has %d bytes as JSON, more than the %d that an XCom may have: the task returns "
            "the URI of the file that has it, %s",
            *(found.size, MAX_XCOM, uri),
        )
        return uri
    try:
        return json.loads(found.content)
    except ValueError as error:
        raise ReturnValueMissingError(
            f"{VALUE} of Azure ML job {job.name} is not the JSON that its function has written: {error}"
        ) from None


def why_failed(client: AzureMLClient, job: Job) -> str:
    """The text of the function's exception; where it has left none, why the job failed."""
    try:
        found = client.read_artifact(job, FAILURE, MAX_TEXT)
    except AzureMLError as error:
        log.debug("%s of job %s could not be read: %s", FAILURE, job.name, error)
        found = None
    if found is None or not found.content:
        return failure_text(client, job)
    return found.content.decode("utf-8", "replace").strip()
