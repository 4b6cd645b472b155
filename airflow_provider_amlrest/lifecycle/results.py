"""Turns a job that has ended into a result or an exception, for every way of waiting."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.cancellation import JobCanceledError, canceled_error
from airflow_provider_amlrest.lifecycle.failure import failure_text
from airflow_provider_amlrest.lifecycle.masking import NOT_SHOWN, masked, without_texts
from airflow_provider_amlrest.lifecycle.steps import table_of_steps
from airflow_provider_amlrest.rest.assets.uris import DEFAULT_DATASTORE
from airflow_provider_amlrest.rest.http.errors import AzureMLError, NotFoundError
from airflow_provider_amlrest.rest.jobs import has_steps, has_trials
from airflow_provider_amlrest.rest.jobs.status import Outcome
from airflow_provider_amlrest.rest.runs.run import JsonNumber, json_metrics
from airflow_provider_amlrest.rest.times import seconds_between

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job, Output
    from airflow_provider_amlrest.rest.runs.run import Run

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_METRICS = 50
MAX_XCOM = 8192
"""Maximum bytes of a result as JSON: Airflow stores it in its database, for each run."""


class JobFailedError(AzureMLError):
    """The job ended as Failed."""


class MetricsMissingError(AzureMLError):
    """The job completed, but has not logged the metrics that the task requires."""


def summarize(job: Job, studio_url: str) -> dict[str, Any]:
    """The main facts about any job, as a small JSON object."""
    return {"name": job.name, "id": job.id, "status": job.status, "studio_url": studio_url}


def finish(
    client: AzureMLClient,
    job: Job,
    studio_url: str,
    require_metrics: Sequence[str] = (),
    *,
    resubmit_canceled: bool = False,
    shown: bool = True,
    why_failed: Callable[[AzureMLClient, Job], str] = failure_text,
) -> dict[str, Any]:
    """Return the result of a job that has ended, for XCom, or raise the matching exception.

    :param require_metrics: names of required metrics: of the job, or of a sweep's best trial.
    :param resubmit_canceled: whether a job that somebody has canceled may be submitted again.
    :param shown: whether this process can mask the job's secrets, and may show the service's messages.
    :param why_failed: says why a job has failed.
    :return: name, id, status, studio_url, metrics, outputs (URIs), and registered_outputs (references) if
        some have a name. For a pipeline also steps [{name, status, seconds}]. For a sweep, the outputs of its
        best trial, and also trials (their number) and best_trial {name, params, metric, metrics}. At most
        MAX_XCOM.
    :raises JobFailedError: with the service's error message and the Studio link.
    :raises JobCanceledError: with who canceled the job, and the Studio link.
    :raises MetricsMissingError: if a required metric did not arrive.
    """
    error = error_of_end(
        client, job, studio_url, resubmit_canceled=resubmit_canceled, shown=shown, why_failed=why_failed
    )
    if error is not None:
        raise error
    result = summarize(job, studio_url)
    if has_trials(job.type):
        result |= {"metrics": _some(_metrics(client, job.name), ())}
        result |= _sweep_result(client, job, require_metrics)
    else:
        metrics: dict[str, JsonNumber] = {}
        if require_metrics or not has_steps(job.type):
            # What a pipeline's steps log is theirs.
            metrics = _settled(lambda: _metrics(client, job.name), job, require_metrics)
        result |= {"metrics": _some(metrics, require_metrics), **_outputs(client, job, job.name)}
    if has_steps(job.type):
        result["steps"] = table_of_steps(client, job)
    best = result.get("best_trial")
    if best:
        best["params"] = masked(best["params"]) if shown else without_texts(best["params"])
    _log_summary(client, job, result, shown=shown)
    return _fitting(result, require_metrics)


def error_of_end(
    client: AzureMLClient,
    job: Job,
    studio_url: str,
    *,
    resubmit_canceled: bool = False,
    shown: bool = True,
    why_failed: Callable[[AzureMLClient, Job], str] = failure_text,
) -> AzureMLError | None:
    """The exception for a job that failed or was canceled; None for any other. :func:`finish` raises it."""
    if job.outcome is Outcome.CANCELED:
        try:
            return canceled_error(client, job, studio_url, resubmit_canceled=resubmit_canceled)
        except AzureMLError as unread:
            text = (
                f"Azure ML job {job.name} was canceled; who did it cannot be read now, a retry reads again."
            )
            return JobCanceledError(f"{text} {unread} {studio_url}")
    if job.outcome is Outcome.FAILED:
        reason = masked(why_failed(client, job)) if shown else f"the reason is {NOT_SHOWN}"
        return JobFailedError(f"Azure ML job {job.name} failed: {reason} {studio_url}")
    return None


def _settled(
    read: Callable[[], dict[str, JsonNumber]],
    job: Job,
    required: Sequence[str],
    expected: Sequence[str] = (),
) -> dict[str, JsonNumber]:
    """Metrics that were the same in two reads, and include the required and the expected ones.

    :raises MetricsMissingError: if a required one has not arrived in time, or is NaN or infinite.
    """
    awaited = (*expected, *required)
    end = time.monotonic() + (patience.REQUIRED if awaited else patience.SETTLE)
    metrics = read()
    late = [name for name in dict.fromkeys(awaited) if name not in metrics]
    if late:
        _log_wait(job, f"the metrics {', '.join(late)}")
    while time.monotonic() < end:
        time.sleep(patience.SETTLE_PAUSE)
        before, metrics = metrics, read()
        if before == metrics and metrics.keys() >= set(awaited):
            break
    missing = [name for name in required if isinstance(metrics.get(name, ""), str)]
    if missing:
        raise _missing(job, missing, metrics)
    return metrics


_RETRY = "A retry reads again, and does not submit a job."


def _log_wait(job: Job, awaited: str) -> None:
    """Log why the task waits after the job's end."""
    log.info(
        "Azure ML job %s is %s; %s may arrive later: waiting for %.0f s at most.",
        job.name,
        job.status,
        awaited,
        patience.REQUIRED,
    )


def _missing(job: Job, missing: Sequence[str], there: Mapping[str, JsonNumber]) -> MetricsMissingError:
    diverged = [f"{name} {there[name]}" for name in missing if name in there]
    what = f"with {', '.join(diverged)}" if diverged else f"without {', '.join(missing)}"
    return MetricsMissingError(
        f"require_metrics: job {job.name} completed {what}; it has {_listed(there)}. {_RETRY}"
    )


def _listed(metrics: Iterable[str]) -> str:
    return ", ".join(sorted(metrics)) or "none"


def _metrics(client: AzureMLClient, run: str) -> dict[str, JsonNumber]:
    try:
        return json_metrics(client.get_metrics(run))
    except (NotFoundError, *patience.TRANSIENT) as error:
        log.warning("The metrics of %s could not be read: %s", run, error)
        return {}


def _outputs(client: AzureMLClient, job: Job, run: str) -> dict[str, dict[str, str]]:
    """The URIs of a run's outputs, and the references of those that are registered under a name."""
    uris = _uris(client, job, run)
    if not any(output.name for output in job.outputs.values()):
        return {"outputs": uris}
    registered = {
        name: f"azureml:{output.name}:{version}"
        for name, output in job.outputs.items()
        if output.name and (version := _registered_version(client, run, name, output, uris[name]))
    }
    return {"outputs": uris, "registered_outputs": registered}


def _registered_version(client: AzureMLClient, run: str, name: str, output: Output, uri: str) -> str | None:
    """The version of a registered output: from run history, or else the one with the output's URI."""

    def ask() -> str | None:
        *_, asset, _, version = ["", "", "", *client.get_run(run).outputs.get(name, "").split("/")]
        return version if asset == output.name else client.find_registered(output, uri)

    try:
        version = until_there(ask, patience.SETTLE)
    except (NotFoundError, *patience.TRANSIENT) as error:
        log.warning("The version of the registered output %s could not be read: %s", name, error)
        return None
    if version is None:
        log.warning("Output %s of %s is not registered as %s (yet).", name, run, output.name)
    return version


def _uris(client: AzureMLClient, job: Job, run: str) -> dict[str, str]:
    """The URIs of the outputs. The default datastore is read only if a path refers to it."""
    marked, found = job.output_uris(run, datastore=""), job.output_uris(run)
    if marked == found:
        return found
    try:
        return job.output_uris(run, client.get_default_datastore().name)
    except AzureMLError as error:
        log.warning("${{default_datastore}} is taken for %s: %s", DEFAULT_DATASTORE, error)
        return found


def _some(metrics: Mapping[str, JsonNumber], first: Sequence[str]) -> dict[str, JsonNumber]:
    """At most MAX_METRICS metrics, with ``first`` at the front: an XCom is not a store for metrics."""
    if len(metrics) > MAX_METRICS:
        log.warning("The job has %d metrics; the XCom has the first %d.", len(metrics), MAX_METRICS)
    names = sorted(metrics, key=lambda name: (name not in first, name))
    return {name: metrics[name] for name in names[:MAX_METRICS]}


def _sweep_result(client: AzureMLClient, job: Job, required: Sequence[str]) -> dict[str, Any]:
    best = until_there(
        lambda: client.get_best_trial(job.name),
        patience.REQUIRED,
        lambda: _log_wait(job, f"a trial's metric {job.primary_metric!r}"),
    )
    trials = sum(1 for _ in client.list_children(job.name))
    if best is None:
        there = _metrics_of_trials(client, job.name)
        diverged = ", other than as NaN or infinity" if job.primary_metric in there else ""
        text = (
            f"No trial of {job.name} has reported the metric {job.primary_metric!r}{diverged}; "
            f"there are: {_listed(there)}."
        )
        if required:
            raise MetricsMissingError(f"require_metrics: {text} {_RETRY}")
        log.warning("%s", text)
        return {"outputs": {}, "trials": trials, "best_trial": None}
    name = best.name
    known = json_metrics(best.metrics)
    primary = job.primary_metric or ""
    metrics = _settled(lambda: _metrics(client, name) or known, job, required, (primary,))
    return {
        **_outputs(client, job, name),
        "trials": trials,
        "best_trial": {
            "name": name,
            "params": dict(best.params),
            "metric": metrics.get(primary),
            "metrics": _some(metrics, (primary, *required)),
        },
    }


def _metrics_of_trials(client: AzureMLClient, sweep: str) -> set[str]:
    """The names of all metrics that trials have reported."""
    try:
        return {name for trial in client.list_trials(sweep) for name in trial.metrics}
    except (NotFoundError, *patience.TRANSIENT) as error:
        log.warning("The metrics of the trials of %s could not be read: %s", sweep, error)
        return set()


def until_there(
    ask: Callable[[], T | None], limit: float, log_wait: Callable[[], None] = lambda: None
) -> T | None:
    """Something that the service may report only some seconds after a job's end; None if it does not.

    :param limit: seconds to wait.
    :param log_wait: called once if a wait is necessary.
    """
    end, pause = time.monotonic() + limit, patience.SETTLE_PAUSE
    found = ask()
    if found is None:
        log_wait()
    while found is None and (left := end - time.monotonic()) > 0:
        # Each read of a large sweep takes several requests.
        time.sleep(min(pause, left))
        pause *= 2
        found = ask()
    return found


def _log_summary(client: AzureMLClient, job: Job, result: Mapping[str, Any], *, shown: bool) -> None:
    """Log one line about the job's end, and the service's warnings."""
    best = result.get("best_trial") or {}
    metrics = best.get("metrics") or result["metrics"]
    shown_metrics = (
        ", ".join(f"{name} {float(value):.6g}" for name, value in list(metrics.items())[:5]) or "no metrics"
    )
    try:
        run = client.get_run(job.name)
    except AzureMLError:
        took = ""
    else:
        took = _took(run)
        for warning in run.warnings if shown else ():
            log.warning("Azure ML warns about job %s: %s", job.name, masked(warning))
    log.info(
        "Azure ML job %s is %s%s: %s. %s", job.name, job.status, took, shown_metrics, result["studio_url"]
    )


def _took(run: Run) -> str:
    seconds = seconds_between(run.start_time, run.end_time)
    return "" if seconds is None else f" after {seconds:.0f} s"


def _fitting(result: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """The result, cut to the size of an XCom: without the last members of its largest groups."""
    best = result.get("best_trial") or {}
    groups: list[Any] = [
        result["outputs"],
        result.get("registered_outputs", {}),
        result["metrics"],
        best.get("params", {}),
        best.get("metrics", {}),
        result.get("steps", []),
    ]
    dropped = 0
    while len(json.dumps(result).encode()) > MAX_XCOM:
        group = max(groups, key=lambda group: len(json.dumps(group)))
        if isinstance(group, list):
            names: list[Any] = list(range(len(group)))
        else:
            names = [name for name in group if name not in required]
        if not names:
            break
        del group[names[-1]]
        dropped += 1
    if dropped:
        log.warning("The result is larger than an XCom should be: %d members are left out.", dropped)
    return result
