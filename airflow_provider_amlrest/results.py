"""What a job's end means: a result, or the exception that it deserves. One place for all who waited."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.completion import TRANSIENT
from airflow_provider_amlrest.rest.errors import AzureMLError, NotFoundError
from airflow_provider_amlrest.rest.hints import advice
from airflow_provider_amlrest.rest.log_tail import user_log
from airflow_provider_amlrest.rest.status import Outcome

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.model import Job, Run

log = logging.getLogger(__name__)

MAX_METRICS = 50
MAX_TEXT = 1500


class JobFailedError(AzureMLError):
    """The job ended as Failed."""


class JobCanceledError(AzureMLError):
    """The job ended as Canceled, by somebody or something else than this task."""


def summarize(job: Job, studio_url: str) -> dict[str, Any]:
    """What is worth knowing of any job, as a small JSON object."""
    return {"name": job.name, "id": job.id, "status": job.status, "studio_url": studio_url}


def finish(client: AzureMLClient, job: Job, studio_url: str) -> dict[str, Any]:
    """The result of a job that has ended, as it goes to XCom; or the exception that it deserves.

    :return: name, id, status, studio_url, metrics, outputs (URIs); for a sweep the outputs of its best
        trial, and also trials (how many) and best_trial {name, params, metric, metrics}.
    :raises JobFailedError: with the service's error text and the Studio link.
    :raises JobCanceledError: with the Studio link.
    """
    if job.outcome is Outcome.CANCELED:
        raise JobCanceledError(f"Azure ML job {job.name} was canceled. {studio_url}")
    if job.outcome is Outcome.FAILED:
        raise JobFailedError(f"Azure ML job {job.name} failed: {failure_text(client, job)} {studio_url}")
    result = summarize(job, studio_url)
    result["metrics"] = _some(_metrics(client, job.name))
    if job.type == "Sweep":
        return result | _sweep_result(client, job)
    return result | {"outputs": job.output_uris()}


def failure_text(client: AzureMLClient, job: Job) -> str:
    """Why a job failed, in the service's words; the log's last lines where it has none."""
    try:
        run = client.get_run(job.name)
    except AzureMLError as error:
        return f"(the reason could not be read: {error})"
    if run.error is not None and run.error.message:
        # By the code alone: the message may be any script's.
        hint = advice(0, (run.error.code,), "")
        return f"{run.error.message.strip()[:MAX_TEXT]} [{run.error.code}] {hint}".rstrip()
    return _log_end(client, run) or "the service gives no reason."


def _log_end(client: AzureMLClient, run: Run) -> str:
    name = user_log(run.log_files)
    if name is None:
        return ""
    try:
        end = client.read_log_end(run, name, MAX_TEXT)
    except AzureMLError as error:
        return f"(its log could not be read: {error})"
    return f"the last lines of {name} are:\n{end}\n"


def _metrics(client: AzureMLClient, run: str) -> dict[str, float]:
    try:
        return client.get_metrics(run)
    except (NotFoundError, *TRANSIENT) as error:
        log.warning("The metrics of %s could not be read: %s", run, error)
        return {}


def _some(metrics: Mapping[str, float]) -> dict[str, float]:
    """At most MAX_METRICS of them: an XCom is no store for metrics."""
    if len(metrics) > MAX_METRICS:
        log.warning("The job has %d metrics; the XCom has the first %d.", len(metrics), MAX_METRICS)
    return dict(sorted(metrics.items())[:MAX_METRICS])


def _sweep_result(client: AzureMLClient, job: Job) -> dict[str, Any]:
    trials = sum(1 for _ in client.list_children(job.name))
    best = client.get_best_trial(job.name)
    if best is None:
        log.warning("No trial of %s has reported the metric %r.", job.name, job.primary_metric)
        return {"outputs": {}, "trials": trials, "best_trial": None}
    return {
        "outputs": job.output_uris(best.name),
        "trials": trials,
        "best_trial": {
            "name": best.name,
            "params": dict(best.params),
            "metric": best.metrics.get(job.primary_metric or ""),
            "metrics": _some(best.metrics),
        },
    }
