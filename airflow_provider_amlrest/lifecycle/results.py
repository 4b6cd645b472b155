"""What a job's end means: a result, or the exception that it deserves. One place for all who waited."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.cancellation import JobCanceledError, canceled_error
from airflow_provider_amlrest.lifecycle.masking import NOT_SHOWN, masked, without_texts
from airflow_provider_amlrest.rest.assets.uris import DEFAULT_DATASTORE
from airflow_provider_amlrest.rest.http.errors import AzureMLError, NotFoundError
from airflow_provider_amlrest.rest.http.hints import advice
from airflow_provider_amlrest.rest.jobs import has_trials
from airflow_provider_amlrest.rest.jobs.status import Outcome
from airflow_provider_amlrest.rest.runs.log_tail import user_log
from airflow_provider_amlrest.rest.times import seconds_between

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job, Output
    from airflow_provider_amlrest.rest.runs.run import Run

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_METRICS = 50
MAX_XCOM = 8192
"""Bytes of a result as JSON: Airflow keeps it in its database, for each run."""
MAX_TEXT = 1500

BUILD_LOG = "azureml-logs/20_image_build_log.txt"


class JobFailedError(AzureMLError):
    """The job ended as Failed."""


class MetricsMissingError(AzureMLError):
    """The job completed, but has not logged what the task requires."""


def summarize(job: Job, studio_url: str) -> dict[str, Any]:
    """What is worth knowing of any job, as a small JSON object."""
    return {"name": job.name, "id": job.id, "status": job.status, "studio_url": studio_url}


def finish(
    client: AzureMLClient,
    job: Job,
    studio_url: str,
    require_metrics: Sequence[str] = (),
    *,
    resubmit_canceled: bool = False,
    shown: bool = True,
    why_failed: Callable[[AzureMLClient, Job], str] | None = None,
) -> dict[str, Any]:
    """The result of a job that has ended, as it goes to XCom; or the exception that it deserves.

    :param require_metrics: names of metrics that there must be: the job's, or those of a sweep's best trial.
    :param resubmit_canceled: whether a job that somebody has canceled may be submitted again.
    :param shown: whether this process can mask what the job carries, and may tell the service's words.
    :param why_failed: says why a job has failed; None: :func:`failure_text`.
    :return: name, id, status, studio_url, metrics, outputs (URIs), and registered_outputs (references) if
        some have a name; for a sweep the outputs of its best trial, and also trials (how many) and best_trial
        {name, params, metric, metrics}. MAX_XCOM at most.
    :raises JobFailedError: with the service's error text and the Studio link.
    :raises JobCanceledError: with who did it, and the Studio link.
    :raises MetricsMissingError: for one that is required and did not come.
    """
    if job.outcome is Outcome.CANCELED:
        try:
            error = canceled_error(client, job, studio_url, resubmit_canceled=resubmit_canceled)
        except AzureMLError as unread:
            text = f"Azure ML job {job.name} was canceled; by whom cannot be read now, a retry looks again."
            raise JobCanceledError(f"{text} {unread} {studio_url}") from None
        raise error
    if job.outcome is Outcome.FAILED:
        why = why_failed or failure_text
        reason = masked(why(client, job)) if shown else f"the reason is {NOT_SHOWN}"
        raise JobFailedError(f"Azure ML job {job.name} failed: {reason} {studio_url}")
    result = summarize(job, studio_url)
    if has_trials(job.type):
        result |= {"metrics": _some(_metrics(client, job.name), ())}
        result |= _sweep_result(client, job, require_metrics)
    else:
        metrics = _settled(lambda: _metrics(client, job.name), job, require_metrics)
        result |= {"metrics": _some(metrics, require_metrics), **_outputs(client, job, job.name)}
    best = result.get("best_trial")
    if best:
        best["params"] = masked(best["params"]) if shown else without_texts(best["params"])
    _tell_end(client, job, result, shown=shown)
    return _fitting(result, require_metrics)


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
    # If the image build failed, this is the only log.
    name = user_log(run.log_files) or (BUILD_LOG if BUILD_LOG in run.log_files else None)
    if name is None:
        return ""
    try:
        end = client.read_log_end(run, name, MAX_TEXT)
    except AzureMLError as error:
        return f"(its log could not be read: {error})"
    return f"the last lines of {name} are:\n{end}\n"


def _settled(
    read: Callable[[], dict[str, float]], job: Job, required: Sequence[str], expected: Sequence[str] = ()
) -> dict[str, float]:
    """Metrics that have been the same twice, and have the required and the expected ones.

    :raises MetricsMissingError: if a required one has not come in time.
    """
    awaited = (*expected, *required)
    end = time.monotonic() + (patience.REQUIRED if awaited else patience.SETTLE)
    metrics = read()
    late = [name for name in dict.fromkeys(awaited) if name not in metrics]
    if late:
        _tell_wait(job, f"the metrics {', '.join(late)}")
    while time.monotonic() < end:
        time.sleep(patience.SETTLE_PAUSE)
        before, metrics = metrics, read()
        if before == metrics and metrics.keys() >= set(awaited):
            break
    missing = [name for name in required if name not in metrics]
    if missing:
        raise _missing(job, missing, metrics)
    return metrics


_RETRY = "A retry looks again, and submits nothing."


def _tell_wait(job: Job, awaited: str) -> None:
    """Say why nothing is said for a while."""
    log.info(
        "Azure ML job %s is %s; %s may come later: waiting for %.0f s at most.",
        job.name,
        job.status,
        awaited,
        patience.REQUIRED,
    )


def _missing(job: Job, missing: Sequence[str], there: Iterable[str]) -> MetricsMissingError:
    return MetricsMissingError(
        f"require_metrics: job {job.name} completed without {', '.join(missing)}; it has "
        f"{_listed(there)}. {_RETRY}"
    )


def _listed(metrics: Iterable[str]) -> str:
    return ", ".join(sorted(metrics)) or "none"


def _metrics(client: AzureMLClient, run: str) -> dict[str, float]:
    try:
        return client.get_metrics(run)
    except (NotFoundError, *patience.TRANSIENT) as error:
        log.warning("The metrics of %s could not be read: %s", run, error)
        return {}


def _outputs(client: AzureMLClient, job: Job, run: str) -> dict[str, dict[str, str]]:
    """Where the outputs lie that a run has written, and as what those with a name are registered."""
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
    """The version as which an output was registered: that which run history tells, or which lies there."""

    def ask() -> str | None:
        *_, asset, _, version = ["", "", "", *client.get_run(run).outputs.get(name, "").split("/")]
        return version if asset == output.name else client.find_registered(output, uri)

    try:
        version = until_there(ask, patience.SETTLE)
    except (NotFoundError, *patience.TRANSIENT) as error:
        log.warning("Under which version output %s is registered could not be read: %s", name, error)
        return None
    if version is None:
        log.warning("Output %s of %s is not registered as %s (yet).", name, run, output.name)
    return version


def _uris(client: AzureMLClient, job: Job, run: str) -> dict[str, str]:
    """Where the outputs lie; which datastore is the default one is asked only if a path refers to it."""
    marked, found = job.output_uris(run, datastore=""), job.output_uris(run)
    if marked == found:
        return found
    try:
        return job.output_uris(run, client.get_default_datastore().name)
    except AzureMLError as error:
        log.warning("${{default_datastore}} is taken for %s: %s", DEFAULT_DATASTORE, error)
        return found


def _some(metrics: Mapping[str, float], first: Sequence[str]) -> dict[str, float]:
    """At most MAX_METRICS of them, these first: an XCom is no store for metrics."""
    if len(metrics) > MAX_METRICS:
        log.warning("The job has %d metrics; the XCom has the first %d.", len(metrics), MAX_METRICS)
    names = sorted(metrics, key=lambda name: (name not in first, name))
    return {name: metrics[name] for name in names[:MAX_METRICS]}


def _sweep_result(client: AzureMLClient, job: Job, required: Sequence[str]) -> dict[str, Any]:
    best = until_there(
        lambda: client.get_best_trial(job.name),
        patience.REQUIRED,
        lambda: _tell_wait(job, f"a trial's metric {job.primary_metric!r}"),
    )
    trials = sum(1 for _ in client.list_children(job.name))
    if best is None:
        there = _listed(_metrics_of_trials(client, job.name))
        text = f"No trial of {job.name} has reported the metric {job.primary_metric!r}; there are: {there}."
        if required:
            raise MetricsMissingError(f"require_metrics: {text} {_RETRY}")
        log.warning("%s", text)
        return {"outputs": {}, "trials": trials, "best_trial": None}
    name = best.name
    known = dict(best.metrics)
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
    ask: Callable[[], T | None], limit: float, tell: Callable[[], None] = lambda: None
) -> T | None:
    """What the service may tell some seconds after a job's end: it is asked until there is something.

    :param limit: seconds.
    :param tell: called once if it has to be waited for.
    """
    end, pause = time.monotonic() + limit, patience.SETTLE_PAUSE
    found = ask()
    if found is None:
        tell()
    while found is None and (left := end - time.monotonic()) > 0:
        # Each look at a large sweep is some requests.
        time.sleep(min(pause, left))
        pause *= 2
        found = ask()
    return found


def _tell_end(client: AzureMLClient, job: Job, result: Mapping[str, Any], *, shown: bool) -> None:
    """One line that says how it went, and what the service warns of."""
    best = result.get("best_trial") or {}
    metrics = best.get("metrics") or result["metrics"]
    told = ", ".join(f"{name} {value:.6g}" for name, value in list(metrics.items())[:5]) or "no metrics"
    try:
        run = client.get_run(job.name)
    except AzureMLError:
        took = ""
    else:
        took = _took(run)
        for warning in run.warnings if shown else ():
            log.warning("Azure ML warns of job %s: %s", job.name, masked(warning))
    log.info("Azure ML job %s is %s%s: %s. %s", job.name, job.status, took, told, result["studio_url"])


def _took(run: Run) -> str:
    seconds = seconds_between(run.start_time, run.end_time)
    return "" if seconds is None else f" after {seconds:.0f} s"


def _fitting(result: dict[str, Any], required: Sequence[str]) -> dict[str, Any]:
    """The result without what is too much for an XCom: the last members of its largest groups."""
    best = result.get("best_trial") or {}
    groups = [
        result["outputs"],
        result.get("registered_outputs", {}),
        result["metrics"],
        best.get("params", {}),
        best.get("metrics", {}),
    ]
    dropped = 0
    while len(json.dumps(result).encode()) > MAX_XCOM:
        group = max(groups, key=lambda group: len(json.dumps(group)))
        names = [name for name in group if name not in required]
        if not names:
            break
        del group[names[-1]]
        dropped += 1
    if dropped:
        log.warning("The result is larger than an XCom should be: it goes without %d members.", dropped)
    return result
