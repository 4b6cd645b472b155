"""What is asked and answered, and what an answer says: JSON, a resource, a run, metrics, a part of a log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite, nan
from typing import Any, NamedTuple, Protocol

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.http.errors import UnreachableError, innermost_code, response_error
from airflow_provider_amlrest.rest.http.policies import ANONYMOUS
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.runs.run import MetricPoint, Run, RunChange, RunError
from airflow_provider_amlrest.rest.workspace.resources import Compute


class Send(NamedTuple):
    """A request on its way, what it asks for in words, and options for the pipeline."""

    request: HttpRequest
    asked: str
    options: Mapping[str, Any] = {}


class Answer(Protocol):
    """What both of azure-core's responses have once their body is read."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Any: ...
    @property
    def content(self) -> bytes: ...
    def text(self) -> str: ...


def checked(answer: Answer, asked: str) -> dict[str, Any]:
    """An answer's JSON object. Raises the fitting ResponseError for a status that is no success."""
    if not 200 <= answer.status_code < 300:
        raise response_error(asked, answer.status_code, body_text(answer), answer.headers)
    text = body_text(answer)
    try:
        document = json.loads(text) if text.strip() else {}
    except ValueError:
        raise UnreachableError(asked, "what came is not JSON; is there a proxy in between?") from None
    return document if isinstance(document, dict) else {}


def body_text(answer: Answer) -> str:
    """An answer's body; a remark instead of one that cannot be decoded."""
    try:
        return answer.text()
    except UnicodeDecodeError:
        return "(a body in another encoding than its header says)"


def resource(answer: Answer, asked: str) -> dict[str, Any]:
    """An answer's ARM resource."""
    document = checked(answer, asked)
    if not document.get("id") or not document.get("name"):
        raise UnreachableError(asked, "what came is no ARM resource; is there a proxy in between?")
    return document


def remaining_reads(answer: Answer) -> int | None:
    """What remains of the principal's quota of reads; None if the answer does not say."""
    text = str(answer.headers.get("x-ms-ratelimit-remaining-subscription-reads") or "")
    return int(text) if text.isdigit() else None


def log_part(url: str, file: str, wanted: tuple[int, int], options: Mapping[str, Any] | None = None) -> Send:
    """A request for bytes of a log."""
    request = HttpRequest("GET", url, headers={"Range": f"bytes={wanted[0]}-{wanted[1]}"})
    return Send(request, f"GET log {file}", {**(options or {}), ANONYMOUS: True})


def log_content(answer: Answer, file: str, wanted: tuple[int, int]) -> bytes:
    """Those of the wanted bytes that there are. Raises the fitting ResponseError."""
    if answer.status_code == 416:
        return b""
    if answer.status_code == 206:
        return answer.content
    if answer.status_code == 200:
        return answer.content[wanted[0] : wanted[1] + 1]
    raise response_error(f"GET log {file}", answer.status_code, body_text(answer), answer.headers)


def log_length(answer: Answer) -> int:
    """How long the log is of which a part was asked for."""
    total = str(answer.headers.get("Content-Range") or "").rpartition("/")[2]
    return int(total) if total.isdigit() else len(answer.content)


def read_compute(resource: Mapping[str, Any]) -> Compute:
    """A compute's ARM resource."""
    properties = resource.get("properties") or {}
    return Compute(
        resource["name"],
        properties.get("computeType") or "",
        properties.get("provisioningState") or "",
        resource.get("location") or "",
    )


def read_run(details: Mapping[str, Any]) -> Run:
    """A run as run history tells of it."""
    error = (details.get("error") or {}).get("error") or {}
    return Run(
        details.get("runId") or "",
        details.get("status") or "Unknown",
        details.get("startTimeUtc"),
        details.get("endTimeUtc"),
        RunError(innermost_code(error), error.get("message") or "") if error else None,
        tuple(str(warning.get("message") or "") for warning in details.get("warnings") or ()),
        details.get("logFiles") or {},
        {
            name: str(output["assetId"])
            for name, output in (details.get("outputs") or {}).items()
            if (output or {}).get("assetId")
        },
    )


def read_run_change(run: Mapping[str, Any]) -> RunChange:
    """Who changed a run last, and why it was canceled, as run history tells of it (v1.0)."""
    creator, last = run.get("createdBy") or {}, run.get("lastModifiedBy") or {}
    # The service's own changes bear the submitter's name (recordings of 2023).
    other = last.get("userObjectId") not in (None, creator.get("userObjectId"))
    name = str(last.get("userName") or last.get("userObjectId") or "") if other else ""
    return RunChange(name, str(run.get("cancelationReason") or ""))


def last_values(run: Mapping[str, Any]) -> dict[str, float]:
    """The metrics of an MLflow run, but those that JSON cannot carry."""
    metrics = (run.get("data") or {}).get("metrics") or ()
    values = {str(metric["key"]): number(metric.get("value")) for metric in metrics}
    return {key: value for key, value in values.items() if isfinite(value)}


def read_point(metric: Mapping[str, Any]) -> MetricPoint:
    """A value of a metric's history in MLflow."""
    step, milliseconds = number(metric.get("step")), number(metric.get("timestamp"))
    return MetricPoint(
        int(step) if isfinite(step) else 0,
        number(metric.get("value")),
        milliseconds / 1000 if isfinite(milliseconds) else 0.0,
    )


def number(value: Any) -> float:
    """A metric's value, which JSON has as a number, as text ("NaN", "Infinity"), or not at all."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return nan


def trial_number(name: str) -> int:
    """The number at the end of a trial's name."""
    suffix = name.rpartition("_")[2]
    return int(suffix) if suffix.isdigit() else 0


def trial_params(sweep: Job, trial: str) -> dict[str, Any]:
    """A trial's point in the search space, which the service keeps as a tag of the sweep."""
    try:
        params = json.loads(sweep.tags.get(f"_aml_system_{trial}", "{}"))
    except ValueError:
        return {}
    return params if isinstance(params, dict) else {}
