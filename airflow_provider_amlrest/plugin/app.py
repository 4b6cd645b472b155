"""The server of the pages. Every route asks Airflow whether the user may see or do what is requested.

All pages share one HTML file; their content comes from the ``data`` route below each. The job and the
connection never come from the request: they are what the task has stored in Airflow.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
import time
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, get_user, requires_access_dag
from airflow.api_fastapi.logging.decorators import action_logging
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse

from airflow_provider_amlrest.lifecycle.masking import NOT_SHOWN, may_show
from airflow_provider_amlrest.lifecycle.steps import MAX_DEPTH
from airflow_provider_amlrest.lifecycle.task_state import TaskKey
from airflow_provider_amlrest.plugin import records, view
from airflow_provider_amlrest.plugin.endpoints import LiveEndpoint, TaskEndpoint, endpoint_page
from airflow_provider_amlrest.plugin.live import JobCache, LiveJob, Status
from airflow_provider_amlrest.plugin.runs import LiveRun, LiveStep
from airflow_provider_amlrest.plugin.tasks import EndpointTask, JobTasks
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.jobs import has_trials

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
HEADERS = {
    # Charts set styles on elements; nothing is loaded from outside.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
LIST_LENGTH = 50
HISTORY_LENGTH = 200
LIST_PATIENCE = 3.0
"""Seconds that a list waits for the statuses of its jobs; later ones appear the next time."""
NO_JOB = (
    "This task has no Azure ML job or endpoint to show. It works on none, has not begun yet, or pushes no "
    "XComs; or its job or endpoint is gone."
)
NO_STEP = "The job of this task has no such step."
SENTENCES = {
    401: "You are not signed in to Airflow, or no longer; sign in and open this page again.",
    403: "You may not see this: you need the right to read this DAG's task instances.",
}


_MAP_INDEX = re.compile(r"(-1|[0-9]{1,9})|\{MAP_INDEX\}")


def create_app() -> FastAPI:
    """The application, for the API server's event loop."""
    app = FastAPI(
        title="Azure ML",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[_SIGNED_IN, Depends(_plain_query)],
    )
    app.state.board = JobCache()
    app.state.job_tasks = JobTasks()
    app.state.page, app.state.assets = _read_static()
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _odd)
    for path in ("/task", "/run", "/recent"):
        app.add_api_route(path, _page, dependencies=[_GUARDS[path]], response_class=HTMLResponse)
    app.add_api_route("/assets/{version}/{name:path}", _asset)
    for name in ("icon.svg", "icon-dark.svg"):
        app.add_api_route(f"/{name}", _icon)
    app.add_api_route("/task/data", task_data, dependencies=[_SEE_TASK])
    app.add_api_route("/task/log", task_log, dependencies=[_SEE_LOG])
    app.add_api_route("/task/trials", task_trials, dependencies=[_SEE_TASK])
    app.add_api_route("/task/steps", task_steps, dependencies=[_SEE_TASK])
    app.add_api_route(
        "/task/cancel",
        cancel_job,
        methods=["POST"],
        dependencies=[_EDIT_TASK, Depends(action_logging(event="azureml_cancel_job"))],
    )
    app.add_api_route("/run/data", run_data, dependencies=[_SEE_TASK])
    app.add_api_route("/recent/data", recent_data)
    app.add_api_route("/history/data", history_data, dependencies=[_SEE_TASK])
    return app


# permissions


_SIGNED_IN = Depends(get_user)
_SEE_TASK = Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE))
_SEE_LOG = Depends(requires_access_dag("GET", DagAccessEntity.TASK_LOGS))
_edit_task = requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE)
_EDIT_TASK = Depends(_edit_task)
_GUARDS = {"/task": _SEE_TASK, "/run": _SEE_TASK, "/recent": _SIGNED_IN}


def _may_edit(request: Request, user: GetUserDep) -> bool:
    try:
        _edit_task(request, user)
    except HTTPException:
        return False
    return True


# the requested task


def _plain_query(request: Request) -> None:
    """Refuse queries that Airflow's pages never send, and that a database could not handle."""
    names = [name for name, _ in request.query_params.multi_items()]
    if len(set(names)) < len(names) or "\0" in "".join(request.query_params.values()):
        raise HTTPException(400, "The address is not valid: a name twice, or a zero byte.")


def task_key(dag_id: str, task_id: str, run_id: str, map_index: str = "-1") -> TaskKey:
    """The task instance of a request. Airflow does not replace {MAP_INDEX} if there is no map index."""
    index = _MAP_INDEX.fullmatch(map_index)
    if index is None:
        raise HTTPException(400, f"map_index is not a number of a task: {map_index[:50]!r}.")
    return TaskKey(dag_id, task_id, run_id, int(index[1] or -1))


def found_task(key: Annotated[TaskKey, Depends(task_key)], session: SessionDep) -> records.TaskJob:
    """The task instance, whether it has a job or not."""
    task = records.find_task(session, key)
    if task is None and " " in key.run_id:
        # Airflow 3.1 does not encode what it puts into the URL, so a plus becomes a space.
        key = TaskKey(key.dag_id, key.task_id, key.run_id.replace(" ", "+"), key.map_index)
        task = records.find_task(session, key)
    if task is None:
        raise HTTPException(404, {"error": "Airflow has no such task instance.", "poll": None})
    return task


FoundTask = Annotated[records.TaskJob, Depends(found_task)]


def asked_task(request: Request, task: FoundTask, session: SessionDep) -> records.TaskJob:
    """The task instance with its job; if it has none, an error in one sentence."""
    found = _that_count(request, session, [task])
    if not found:
        raise _no_job(task)
    return found[0]


def _that_count(request: Request, session: SessionDep, tasks: list[records.TaskJob]) -> list[records.TaskJob]:
    """The tasks whose records may be true, with what Airflow knows about them."""
    job_tasks: JobTasks = request.app.state.job_tasks
    known = job_tasks.find(session, {task.key: task.dag_version for task in tasks if task.record})
    found = [replace(task, known=known.get(task.key)) for task in tasks]
    return [task for task in found if task.counts]


def _no_job(task: records.TaskJob) -> HTTPException:
    """The same for all reasons: who can write XComs must not learn about jobs and connections of others."""
    return HTTPException(404, {"error": NO_JOB, "poll": view.poll_of_task(task.state)})


AskedTask = Annotated[records.TaskJob, Depends(asked_task)]


Page = records.TaskJob | TaskEndpoint | dict[str, Any]


def asked_page(request: Request, task: FoundTask, session: SessionDep) -> Page:
    """What the page of a task is about: its job, its endpoint, or the models that it has compared."""
    if task.record is None:
        job_tasks: JobTasks = request.app.state.job_tasks
        known = job_tasks.find_endpoint(session, task.key, task.dag_version)
        if known is not None:
            return _asked_endpoint(session, task, known)
        compared = records.find_comparison(session, task.key)
        if compared is not None:
            return view.comparison_page(task, compared)
    return asked_task(request, task, session)


def _asked_endpoint(session: SessionDep, task: records.TaskJob, known: EndpointTask) -> TaskEndpoint:
    record = records.find_endpoint(session, task.key)
    asked = None if record is None else TaskEndpoint(task, record, known)
    if asked is None or not asked.counts:
        raise _no_job(task)
    return asked


AskedPage = Annotated[Page, Depends(asked_page)]


async def _live(request: Request, task: records.TaskJob) -> LiveJob:
    board: JobCache = request.app.state.board
    try:
        live = await board.job(task.job)
    except AzureMLError as error:
        raise HTTPException(502, str(error)) from None
    if live.job is None and not live.missing:
        raise HTTPException(502, live.error or "Azure ML has not answered yet; this page tries again.")
    if live.job is None or not task.is_proven(live.made_for):
        raise _no_job(task)
    return live


async def _live_endpoint(request: Request, asked: TaskEndpoint) -> LiveEndpoint:
    board: JobCache = request.app.state.board
    try:
        live = await board.endpoint(asked.endpoint)
    except AzureMLError as error:
        raise HTTPException(502, str(error)) from None
    if live.serving.value is None or not asked.is_proven(live.serving.value):
        raise _no_job(asked.task)
    return live


async def _steps(live: LiveJob, step: str) -> list[LiveStep]:
    """The way from a task's job to a step of it.

    Each is looked for only among those that the one before has, so that the only runs to be seen are parts of
    the task's own job.

    :param step: the names of their runs, with ``/`` between them; empty: none.
    """
    names = step.split("/") if step else []
    steps: list[LiveStep] = []
    for name in names[: MAX_DEPTH + 1]:
        try:
            found = await (steps[-1] if steps else live).step(name)
        except AzureMLError as error:
            raise HTTPException(502, str(error)) from None
        if found is None:
            break
        steps.append(found)
    if len(steps) < len(names):
        raise HTTPException(404, {"error": NO_STEP, "poll": None})
    return steps


async def _shown(request: Request, task: records.TaskJob, step: str) -> LiveRun:
    """The run that a page shows: the task's job, or a step of it."""
    live = await _live(request, task)
    return ([live, *await _steps(live, step)])[-1]


# the content of pages


async def task_data(
    request: Request, task: AskedPage, may_edit: Annotated[bool, Depends(_may_edit)], step: str = ""
) -> Response:
    """Everything about a task's job, or a step of it, except its parts; of an endpoint; or of a gate."""
    if isinstance(task, dict):
        return _json(request, task)
    if isinstance(task, TaskEndpoint):
        return _json(request, endpoint_page(task, await _live_endpoint(request, task), time.time()))
    live = await _live(request, task)
    steps = await _steps(live, step)
    shown = [live, *steps][-1]
    parts = (shown.run, shown.metrics, *([shown.delay] if shown.waits else ()))
    await asyncio.gather(*(part.get(settled=shown.settled) for part in parts))
    may_cancel = may_edit and task.makes_job
    return _json(request, view.task_page(task, live, steps, may_cancel=may_cancel, now=time.time()))


async def task_steps(request: Request, task: AskedTask, step: str = "") -> Response:
    """The steps of a pipeline."""
    live = await _shown(request, task, step)
    assert live.job is not None  # noqa: S101
    if "steps" not in view.parts(live.job):
        return _json(request, view.steps_page(live.job, {}, []))
    runs, plan = await asyncio.gather(live.steps.get(settled=live.settled), live.plan.get(settled=True))
    page = view.steps_page(live.job, plan or {}, runs or [])
    return _json(request, page | {"notice": live.steps.error or page["notice"]})


async def task_log(
    request: Request, task: AskedTask, after: Annotated[int, Query(ge=0)] = 0, step: str = ""
) -> Response:
    """The lines of the log of a job, or of a step of it, starting with the number ``after``."""
    live = await _shown(request, task, step)
    assert live.job is not None  # noqa: S101
    if not may_show(live.job):
        return _json(request, {"lines": [], "next": 0, "notice": f"The log is {NOT_SHOWN}"})
    lines = await live.log.get(settled=live.settled) or []
    failure = await live.failure.get(settled=live.settled) if live.failed else None
    return _json(request, view.log_page(lines, after, live.log.error, failure))


async def task_trials(request: Request, task: AskedTask, step: str = "") -> Response:
    """The trials of a sweep."""
    live = await _shown(request, task, step)
    assert live.job is not None  # noqa: S101
    trials = await live.trials.get(settled=live.settled) if has_trials(live.job.type) else []
    return _json(request, view.sweep_page(live.job, trials or [], live.trials.error))


async def cancel_job(
    request: Request, task: AskedTask, user: GetUserDep, x_azureml: Annotated[str, Header()] = ""
) -> Response:
    """Request the cancellation of the job."""
    if x_azureml != "cancel":
        # Other sites cannot make a browser send this header.
        raise HTTPException(400, "The header X-AzureML: cancel is missing.")
    live = await _live(request, task)
    if not task.makes_job:
        raise HTTPException(
            403, "This task awaits the job of another task. Only that task's page can cancel it."
        )
    try:
        await live.cancel(f"{user.get_name()}, on a page of Airflow")
    except (AzureMLError, TimeoutError) as error:
        raise HTTPException(502, str(error) or "Azure ML has not answered in time.") from None
    log.info("%s has canceled Azure ML job %s from its page.", user.get_name(), live.name)
    return _json(request, {"asked": True})


def _tasks_of_run(request: Request, dag_id: str, run_id: str, session: SessionDep) -> list[records.TaskJob]:
    found = records.tasks_of_run(session, dag_id, run_id)
    found = found or records.tasks_of_run(session, dag_id, run_id.replace(" ", "+"))
    return _that_count(request, session, found)


async def run_data(
    request: Request, tasks: Annotated[list[records.TaskJob], Depends(_tasks_of_run)]
) -> Response:
    """The jobs of a DAG run."""
    return _json(request, view.run_page(tasks, *await _statuses(request, tasks)))


def _recent_tasks(
    request: Request,
    user: GetUserDep,
    session: SessionDep,
    dag_id: str = "",
    state: str = "",
    experiment: str = "",
) -> list[records.TaskJob]:
    dag_ids = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    found = records.recent_tasks(
        session, dag_ids, dag_id=dag_id, state=state, experiment_name=experiment, limit=LIST_LENGTH
    )
    return _that_count(request, session, found)


async def recent_data(
    request: Request, tasks: Annotated[list[records.TaskJob], Depends(_recent_tasks)]
) -> Response:
    """The newest jobs of the DAGs that the user may read."""
    return _json(request, view.run_page(tasks, *await _statuses(request, tasks)))


def _history(request: Request, dag_id: str, task_id: str, session: SessionDep) -> list[records.TaskJob]:
    job_tasks: JobTasks = request.app.state.job_tasks
    if task_id not in job_tasks.of_dag(session, dag_id).jobs:
        return []
    return records.task_history(session, dag_id, task_id, limit=HISTORY_LENGTH)


def history_data(request: Request, tasks: Annotated[list[records.TaskJob], Depends(_history)]) -> Response:
    """A task's metrics over its last runs."""
    return _json(request, view.history_page(tasks))


async def _statuses(
    request: Request, tasks: list[records.TaskJob]
) -> tuple[dict[TaskKey, Status], str | None]:
    board: JobCache = request.app.state.board
    unknown = [task for task in tasks if not view.is_final(task)]
    found, notice = await board.statuses({task.job for task in unknown}, LIST_PATIENCE)
    known = [(task, found[task.job]) for task in unknown if task.job in found]
    return {task.key: status for task, status in known if task.is_proven(status.made_for)}, notice


# responses


def _json(request: Request, content: dict[str, Any]) -> Response:
    """JSON, or an empty response if the page already has it."""
    body = json.dumps(content, separators=(",", ":"), default=str).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**HEADERS, "ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _page(request: Request) -> Response:
    return HTMLResponse(request.app.state.page, headers={**HEADERS, "Cache-Control": "no-store"})


def _asset(request: Request, version: str, name: str) -> Response:
    """``version`` changes with the files, so that a browser may keep them."""
    content = request.app.state.assets.get(name)
    if content is None:
        raise HTTPException(404, "This file does not exist.")
    return Response(
        content,
        media_type=MEDIA_TYPES[Path(name).suffix],
        headers={**HEADERS, "Cache-Control": "private, max-age=31536000, immutable"},
    )


def _icon(request: Request) -> Response:
    return _asset(request, "", request.url.path.rpartition("/")[2])


def _read_static() -> tuple[str, dict[str, bytes]]:
    """The page, and its scripts, styles and icons."""
    assets = {
        path.relative_to(STATIC).as_posix(): path.read_bytes()
        for path in sorted(STATIC.rglob("*"))
        if path.suffix in MEDIA_TYPES
    }
    digest = hashlib.sha256(b"".join(assets.values())).hexdigest()[:16]
    page = (STATIC / "page.html").read_text().replace("{assets}", f"assets/{digest}")
    return page, assets


async def _odd(request: Request, error: Exception) -> Response:
    """A query that is not valid."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems = "; ".join(f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors())
    return await _refused(request, HTTPException(400, f"The address is not valid. {problems}"))


async def _refused(request: Request, error: Exception) -> Response:
    """An error in one sentence, as a page if a page was requested."""
    assert isinstance(error, HTTPException)  # noqa: S101
    detail: Any = error.detail if isinstance(error.detail, dict) else {"error": str(error.detail)}
    sentence = SENTENCES.get(error.status_code, detail["error"])
    if error.status_code == 403 and request.method == "POST":
        sentence = "You may not do this: you need the right to edit this DAG's task instances."
    headers = {**HEADERS, **(error.headers or {}), "Cache-Control": "no-store"}
    if "/data" in request.url.path or request.method == "POST":
        body = json.dumps({**detail, "error": sentence})
        return Response(body, error.status_code, headers=headers, media_type="application/json")
    if "/assets/" in request.url.path:
        return PlainTextResponse(sentence, error.status_code, headers=headers)
    page = f'<!doctype html><html lang="en"><title>Azure ML</title><p>{escape(sentence)}</p></html>'
    return HTMLResponse(page, error.status_code, headers=headers)
