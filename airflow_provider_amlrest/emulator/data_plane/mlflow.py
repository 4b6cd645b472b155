"""The MLflow tracking server of a workspace: what a job's script logs, and what a client reads."""

from __future__ import annotations

import inspect
import math
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from airflow_provider_amlrest.emulator.answers import GatewayError, MlError, not_emulated
from airflow_provider_amlrest.emulator.context import Context
from airflow_provider_amlrest.emulator.data_plane import mlflow_models
from airflow_provider_amlrest.emulator.data_plane.call import DataCall, data_call, data_error
from airflow_provider_amlrest.emulator.data_plane.mlflow_parts import (
    MlflowError,
    as_pairs,
    bad_parameter,
    clauses,
    found_by,
    milliseconds,
    need,
    page,
    pairs,
)
from airflow_provider_amlrest.emulator.experiments import (
    experiment_id,
    experiment_name,
    experiments,
    remember_experiment,
)
from airflow_provider_amlrest.emulator.store import MLFLOW_RUN, JobRecord, Metric

API = re.compile(r"api/2\.0/mlflow/(?P<operation>[a-z/-]+)")
PARENT_TAG = "mlflow.parentRunId"
MAX_RESULTS = 1000
STATUS_TO_MLFLOW = {
    "Completed": "FINISHED",
    "Failed": "FAILED",
    "NotResponding": "FAILED",
    "Canceled": "KILLED",
    "Running": "RUNNING",
    "Finalizing": "RUNNING",
    "CancelRequested": "RUNNING",
}
STATUS_FROM_MLFLOW = {"RUNNING": "Running", "FINISHED": "Completed", "FAILED": "Failed", "KILLED": "Canceled"}


class Mlflow:
    """ASGI application below ``/mlflow/v1.0`` and ``/mlflow/v2.0``."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            answer = await self._answer(await data_call(self._context, request))
        except MlflowError as error:
            answer = error.answer()
        except (MlError, GatewayError) as error:
            answer = data_error(error, self._context.location)
        await answer(scope, receive, send)

    async def _answer(self, call: DataCall) -> Response:
        match = API.fullmatch(call.rest)
        handler = OPERATIONS.get((call.method, match["operation"])) if match else None
        if handler is None:
            raise not_emulated(f"{call.method} {call.rest} of MLflow")
        body = call.lists if call.method == "GET" else call.body
        if not isinstance(body, dict):
            raise bad_parameter("The body must be a JSON object.")
        result = handler(call, body)
        return JSONResponse(await result if inspect.isawaitable(result) else result)


def _job(call: DataCall, body: dict[str, Any]) -> JobRecord:
    name = body.get("run_id") or body.get("run_uuid")
    if not name:
        raise bad_parameter("Missing value for required parameter 'run_id'.")
    try:
        return call.run(str(name))
    except MlError as error:
        codes = {403: "PERMISSION_DENIED", 404: "RESOURCE_DOES_NOT_EXIST"}
        message = f"Run '{name}' not found" if error.status == 404 else str(error)
        raise MlflowError(error.status, codes[error.status], message) from None


# runs


def get_run(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    return {"run": _run(call, _job(call, body))}


def create_run(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    """A new run. With a job's token it is a child of the job's run: a job owns no other."""
    store = call.context.store
    tags = pairs(body.get("tags") or [])
    own = call.principal.run
    parent = tags.get(PARENT_TAG) or (own[1] if own else None)
    if parent is not None:
        _job(call, {"run_id": parent})
        tags[PARENT_TAG] = parent
    identifier = str(body.get("experiment_id") or experiment_id(call.workspace, "Default"))
    name = experiment_name(store, call.workspace, identifier)
    if name is None and identifier not in ("0", experiment_id(call.workspace, "Default")):
        raise MlflowError(404, "RESOURCE_DOES_NOT_EXIST", f"No Experiment with id={identifier} exists")
    run = str(uuid.uuid4())
    display = body.get("run_name") or tags.get("mlflow.runName") or run
    job = JobRecord(
        workspace=call.workspace.name,
        name=run,
        job_type=MLFLOW_RUN,
        properties={
            "displayName": display,
            "experimentName": name or "Default",
            "tags": tags,
            "properties": {},
        },
        status="Running",
        parent=parent,
        created_by=call.principal.application_id,
        started_at=_time(body.get("start_time")),
    )
    store.add_job(job)
    return {"run": _run(call, job)}


def update_run(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    """Name and, for runs that MLflow made, status and end. A job's own status is the runtime's."""
    job = _job(call, body)
    changes: dict[str, Any] = {}
    if body.get("run_name"):
        changes["properties"] = {**job.properties, "displayName": str(body["run_name"])}
    if job.job_type == MLFLOW_RUN:
        if body.get("status"):
            if body["status"] not in STATUS_FROM_MLFLOW:
                raise bad_parameter(f"Invalid value {body['status']!r} for parameter 'status'.")
            changes["status"] = STATUS_FROM_MLFLOW[body["status"]]
        if body.get("end_time"):
            changes["ended_at"] = _time(body["end_time"])
    job = call.context.store.update_job(job.workspace, job.name, **changes)
    return {"run_info": _run(call, job)["info"]}


def search_runs(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    wanted = {str(identifier) for identifier in body.get("experiment_ids") or []}
    parent = next((str(c.value) for c in clauses(body) if (c.key, c.operator) == (PARENT_TAG, "=")), None)
    runs = [_run(call, job) for job in _candidates(call, parent) if call.may_use(job)]
    found = found_by(
        body,
        ((run, _views(run)) for run in runs if not wanted or run["info"]["experiment_id"] in wanted),
    )
    return page(body, "runs", found, MAX_RESULTS, lambda run: run)


def _candidates(call: DataCall, parent: str | None) -> Iterable[JobRecord]:
    """Runs newest first: those of a parent, or all with their descendants."""
    store, home = call.context.store, call.workspace.name
    if parent is not None:
        return reversed(store.children(home, parent))
    return reversed(store.all_jobs(home))


def _views(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a filter's clauses look at."""
    info, data = run["info"], run["data"]
    return {
        "attributes": {**info, "run_name": info["run_name"], "created": info["start_time"]},
        "tags": pairs(data["tags"]),
        "params": pairs(data["params"]),
        "metrics": {metric["key"]: float(metric["value"]) for metric in data["metrics"]},
    }


# metrics, parameters, tags


def log_metric(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    job = _job(call, body)
    call.context.store.log_metrics(job.workspace, job.name, [_metric(body)])
    return {}


def log_batch(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    job = _job(call, body)
    metrics = [_metric(metric) for metric in body.get("metrics") or []]
    with call.context.store.transaction():
        call.context.store.log_metrics(job.workspace, job.name, metrics)
        _add_params(call, job, pairs(body.get("params") or []))
        _add_tags(call, job, pairs(body.get("tags") or []))
    return {}


def log_parameter(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    _add_params(call, _job(call, body), {str(need(body, "key")): str(body.get("value", ""))})
    return {}


def set_tag(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    _add_tags(call, _job(call, body), {str(need(body, "key")): str(body.get("value", ""))})
    return {}


def delete_tag(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    job = _job(call, body)
    key = str(need(body, "key"))
    with call.context.store.transaction():
        job = call.run(job.name)
        if key not in job.tags:
            raise MlflowError(
                404, "RESOURCE_DOES_NOT_EXIST", f"No tag with name: {key} in run with id {job.name}"
            )
        call.context.store.tag_job(job.workspace, job.name, {}, gone=(key,))
    return {}


def _add_params(call: DataCall, job: JobRecord, added: dict[str, str]) -> None:
    if not added:
        return
    with call.context.store.transaction():
        known = call.run(job.name).params
        for key, value in added.items():
            if known.get(key, value) != value:
                raise bad_parameter(
                    "Changing param values is not allowed. Param with key="
                    f"'{key}' was already logged with value='{known[key]}' for run ID='{job.name}'. "
                    f"Attempted logging new value '{value}'."
                )
        call.context.store.update_job(job.workspace, job.name, params={**known, **added})


def _add_tags(call: DataCall, job: JobRecord, added: dict[str, str]) -> None:
    if added:
        call.context.store.tag_job(job.workspace, job.name, added)


def get_metric_history(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    job = _job(call, body)
    history = call.context.store.metric_history(job.workspace, job.name, str(need(body, "metric_key")))
    return {"metrics": [_metric_json(metric) for metric in history]}


def _metric(values: dict[str, Any]) -> Metric:
    try:
        # Protobuf's JSON writes NaN and infinities as strings, which float() reads.
        value = float(need(values, "value"))
        timestamp, step = int(values.get("timestamp") or 0), int(values.get("step") or 0)
    except (TypeError, ValueError):
        raise bad_parameter(
            f"Metric {values.get('key')!r} is not a number with a timestamp and a step."
        ) from None
    return Metric(str(need(values, "key")), value, timestamp, step)


def _metric_json(metric: Metric) -> dict[str, Any]:
    value: float | str = metric.value
    if math.isnan(metric.value):
        value = "NaN"
    elif math.isinf(metric.value):
        value = "Infinity" if metric.value > 0 else "-Infinity"
    return {"key": metric.key, "value": value, "timestamp": metric.timestamp, "step": metric.step}


# experiments


def get_experiment(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    identifier = str(need(body, "experiment_id"))
    name = experiment_name(call.context.store, call.workspace, identifier)
    if identifier in ("0", experiment_id(call.workspace, "Default")):
        name = "Default"
    if name is None:
        raise MlflowError(404, "RESOURCE_DOES_NOT_EXIST", f"No Experiment with id={identifier} exists")
    return {"experiment": _experiment(call, name)}


def get_experiment_by_name(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    name = str(need(body, "experiment_name"))
    known = experiments(call.context.store, call.workspace)
    if name not in known.values():
        raise MlflowError(404, "RESOURCE_DOES_NOT_EXIST", f"Could not find experiment with name '{name}'")
    return {"experiment": _experiment(call, name)}


def create_experiment(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    name = str(need(body, "name"))
    if name in experiments(call.context.store, call.workspace).values():
        raise MlflowError(400, "RESOURCE_ALREADY_EXISTS", f"Experiment '{name}' already exists.")
    return {"experiment_id": remember_experiment(call.context.store, call.workspace, name)}


def search_experiments(call: DataCall, body: dict[str, Any]) -> dict[str, Any]:
    names = sorted(experiments(call.context.store, call.workspace).values())
    found = found_by(body, ((name, {"attributes": {"name": name}}) for name in names))
    return {"experiments": [_experiment(call, name) for name in found]}


def _experiment(call: DataCall, name: str) -> dict[str, Any]:
    return {
        "experiment_id": experiment_id(call.workspace, name),
        "name": name,
        "artifact_location": "",
        "lifecycle_stage": "active",
        "tags": [],
    }


# shapes


def _run(call: DataCall, job: JobRecord) -> dict[str, Any]:
    name = job.properties.get("experimentName") or "Default"
    display = job.properties.get("displayName") or job.name
    tags = {
        **job.tags,
        "mlflow.runName": display,
        "mlflow.user": job.created_by,
    }
    if job.parent:
        tags |= {PARENT_TAG: job.parent, "mlflow.rootRunId": call.context.store.root(job).name}
    info = {
        "run_id": job.name,
        "run_uuid": job.name,
        "run_name": display,
        "experiment_id": experiment_id(call.workspace, name),
        "user_id": job.created_by,
        "status": STATUS_TO_MLFLOW.get(job.status, "SCHEDULED"),
        "start_time": milliseconds(job.started_at or job.created_at),
        "artifact_uri": _artifact_uri(call, job, name),
        "lifecycle_stage": "active",
    }
    if job.ended_at:
        info["end_time"] = milliseconds(job.ended_at)
    metrics = call.context.store.latest_metrics(job.workspace, job.name).values()
    data = {
        "metrics": [_metric_json(metric) for metric in metrics],
        "params": as_pairs(job.params),
        "tags": as_pairs(tags),
    }
    return {"info": info, "data": data}


def _artifact_uri(call: DataCall, job: JobRecord, experiment: str) -> str:
    """As Microsoft's plugin takes it apart."""
    host = call.context.endpoint.removeprefix("https://")
    wrote = job.run_properties.get("azureml.reusedrunid", job.name)
    run = f"experiments/{quote(experiment, safe='')}/runs/{wrote}/artifacts"
    return f"azureml://{host}/mlflow/v2.0{call.workspace.arm_id}/{run}"


def _time(milliseconds: Any) -> str:
    moment = datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else datetime.now(UTC)
    return moment.isoformat(timespec="microseconds")


Handler = Callable[[DataCall, dict[str, Any]], dict[str, Any] | Awaitable[dict[str, Any]]]
OPERATIONS: dict[tuple[str, str], Handler] = {
    **mlflow_models.OPERATIONS,
    ("GET", "runs/get"): get_run,
    ("POST", "runs/create"): create_run,
    ("POST", "runs/update"): update_run,
    ("POST", "runs/search"): search_runs,
    ("POST", "runs/log-metric"): log_metric,
    ("POST", "runs/log-batch"): log_batch,
    ("POST", "runs/log-parameter"): log_parameter,
    ("POST", "runs/set-tag"): set_tag,
    ("POST", "runs/delete-tag"): delete_tag,
    ("GET", "metrics/get-history"): get_metric_history,
    ("GET", "experiments/get"): get_experiment,
    ("GET", "experiments/get-by-name"): get_experiment_by_name,
    ("POST", "experiments/create"): create_experiment,
    ("POST", "experiments/search"): search_experiments,
}
