"""Operations on runs: run history, MLflow, logs, and the trials of sweeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest.http.call import BRIEF, Call, Flow, checked
from airflow_provider_amlrest.rest.http.cloud import check_url
from airflow_provider_amlrest.rest.http.errors import NotFoundError, ResponseError
from airflow_provider_amlrest.rest.http.paging import Page, Pages
from airflow_provider_amlrest.rest.ids import path_segment
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.jobs.operations import JobOperations
from airflow_provider_amlrest.rest.runs.log_parts import log_content, log_length, log_part
from airflow_provider_amlrest.rest.runs.log_tail import LogTail
from airflow_provider_amlrest.rest.runs.run import (
    Artifact,
    MetricPoint,
    Run,
    RunChange,
    SweepTrial,
    best_of,
    last_values,
    read_point,
    read_run,
    read_run_change,
    trial_number,
    trial_params,
)
from airflow_provider_amlrest.rest.versions.words import text_map
from airflow_provider_amlrest.rest.workspace.operations import WorkspaceOperations

CHILDREN_PAGE = 100
"""Children to request per page."""
SEARCH_PAGE = 500
"""Runs to request per page of a search."""
SEARCH_REFUSED = (400, 404, 405, 501)
"""Statuses of a service that refuses to search. The runs are then read one by one."""


class RunOperations(JobOperations, WorkspaceOperations):
    """Requests for a job's runs. The workspace says where run history and MLflow are."""

    endpoints: tuple[str, str] | None = None
    """(run history, MLflow) base URLs, once they are known."""

    def set_job_tag(
        self, name: str, key: str, value: str, *, options: Mapping[str, Any] | None = None
    ) -> Flow[None]:
        """Set one tag of a job with MLflow's ``runs/set-tag``; its other tags do not change.

        ARM has no such request: a PUT would have to repeat the whole job, and refuses values that the service
        has normalised since.
        """
        body = {"run_id": name, "run_uuid": name, "key": key, "value": value}
        yield from self._mlflow("POST", "runs/set-tag", body=body, options=options)

    def get_run(self, name: str) -> Flow[Run]:
        """A run's times, error, warnings and log files. Raises NotFoundError."""
        return (yield from self._details(name))

    def get_run_change(self, name: str) -> Flow[RunChange]:
        """Who changed a run last, and why it was canceled. Raises NotFoundError."""
        return read_run_change((yield from self._run(name)))

    def get_root(self, name: str) -> Flow[str]:
        """The name of the job that a run is a part of: a step, or a trial. A job's own run: its own name.

        :raises NotFoundError: if there is no such run.
        """
        return str((yield from self._run(name)).get("rootRunId") or name)

    def read_log(self, job_name: str, tail: LogTail, final: bool = False) -> Flow[list[str]]:
        """The lines of the user's log (of rank 0, for a distributed job) since the last read with this tail.

        At most :data:`log_tail.CALL_BYTES` of them, unless it is the final read; at most
        :data:`log_tail.TASK_BYTES` in total, and then a line that says where the rest is. Returns no lines if
        there is no log: the job waits in the queue, or is a sweep. A log arrives some seconds after it is
        written.

        :param tail: what was returned so far; this call updates it.
        :param final: the job has ended: return everything, including a last line without a line break.
        :raises AzureMLError: the log could not be read. The next call continues where this one began.
        """
        options = {} if final else BRIEF
        known = bool(tail.url)
        if tail.is_full or not (known or (yield from self._find_log(job_name, tail, options))):
            return []
        answer = yield log_part(tail.url, tail.file, tail.bytes_wanted(final=final), options)
        # The signature may have expired.
        if answer.status_code == 403 and known and (yield from self._find_log(job_name, tail, options)):
            answer = yield log_part(tail.url, tail.file, tail.bytes_wanted(final=final), options)
        if answer.status_code == 416 and tail.start_anew():
            answer = yield log_part(tail.url, tail.file, tail.bytes_wanted(final=final), options)
        if answer.status_code == 404:
            tail.url = ""
            return []
        content = log_content(answer, tail.file, tail.bytes_wanted(final=final))
        return tail.take(content, final=final)

    def read_log_end(self, run: Run, file: str, size: int) -> Flow[str]:
        """The last ``size`` bytes of one of a run's log files, from the start of a line."""
        answer = yield log_part(run.log_files[file], file, (0, size - 1))
        length = log_length(answer)
        start = max(0, length - size)
        if start and answer.status_code == 206:
            answer = yield log_part(run.log_files[file], file, (start, length - 1))
        text = log_content(answer, file, (start, length - 1)).decode("utf-8", "replace")
        return (text.partition("\n")[2] if start and "\n" in text else text).strip()

    def read_artifact(self, job: Job, path: str, size: int) -> Flow[Artifact | None]:
        """The first ``size`` bytes of a file that a job has written; None if there is no such file.

        :param path: below the job's working directory, such as ``outputs/report.txt``. The service keeps what
            is in ``outputs`` and ``logs``, also of a job that has failed.
        """
        history = yield from self._history()
        run = f"experiments/{path_segment(job.experiment_name or 'Default')}/runs/{path_segment(job.name)}"
        url, asked = f"{history}/{run}/artifacts/contentinfo", f"GET runs/{job.name}/artifacts/contentinfo"
        try:
            answer = yield Call(HttpRequest("GET", url, params={"path": quote(path, safe="")}), asked)
            place = str(checked(answer, asked).get("contentUri") or "")
            self._mask_signature(place.partition("?")[2])
            check_url(place)
            answer = yield log_part(place, path, (0, size - 1))
            content = log_content(answer, path, (0, size - 1))
        except NotFoundError:
            return None
        return Artifact(content, log_length(answer) if content else 0)

    def list_children(self, name: str, next_link: str | None = None) -> Flow[Page]:
        """A sweep's trials, or a pipeline's steps, as run history lists them: an iterator of :class:`Run`."""
        history = yield from self._history()
        asked = f"GET runs/{name}/children"
        base = f"{history}/runs/{path_segment(name)}/children"
        first = HttpRequest("GET", base, params={"$top": str(CHILDREN_PAGE)})
        link = self._next(next_link, base)
        answer = yield Call(HttpRequest("GET", link) if link else first, asked)
        page = checked(answer, asked)
        return Page(tuple(map(read_run, page.get("value") or ())), page.get("nextLink") or None)

    def get_metrics(self, run: str) -> Flow[dict[str, float]]:
        """The last value of each MLflow metric of a run, NaN and infinity among them."""
        return last_values((yield from self._mlflow_run(run)))

    def get_metric_history(self, run: str, metric: str) -> Flow[list[MetricPoint]]:
        """All values of an MLflow metric of a run, by step and time, NaN and infinity among them."""
        points: list[MetricPoint] = []
        query = {"run_id": quote(run), "metric_key": quote(metric, safe="")}
        way = Pages(f"the history of the metric {metric}")
        while True:
            page = yield from self._mlflow("GET", "metrics/get-history", query=query)
            points += filter(None, map(read_point, page.get("metrics") or ()))
            token = way.after(page.get("next_page_token"))
            if token is None:
                break
            query["page_token"] = quote(token, safe="")
        return sorted(points, key=lambda point: (point.step, point.time))

    def list_trials(self, sweep: str) -> Flow[list[SweepTrial]]:
        """All trials of a sweep with their parameters and metrics, in the order of their numbers.

        Statuses and times come from run history, metrics from MLflow's search: a few requests for thousands
        of trials.
        """
        tags = yield from self._sweep_tags(sweep)
        runs: list[Run] = []
        way, link = Pages(f"the trials of {sweep}"), None
        while True:
            page = yield from self.list_children(sweep, link)
            runs += page.items
            link = way.after(page.next_link)
            if link is None:
                break
        try:
            metrics = yield from self._metrics_of_children(sweep)
        except ResponseError as error:
            if error.status not in SEARCH_REFUSED:
                raise
            metrics = {}
            for run in runs:
                metrics[run.name] = yield from self.get_metrics(run.name)
        return [
            SweepTrial(
                run.name,
                run.status,
                trial_params(tags, run.name),
                metrics.get(run.name, {}),
                run.start_time,
                run.end_time,
            )
            for run in sorted(runs, key=lambda run: trial_number(run.name))
        ]

    def get_best_trial(self, sweep: str) -> Flow[SweepTrial | None]:
        """The best trial: the one that the service names, else the one with the metric's best last value.

        None if no trial has reported the metric, other than as NaN or infinity.
        """
        job = yield from self.get_job(sweep)
        name = job.best_trial_name
        if name:
            run = yield from self.get_run(name)
            metrics = yield from self.get_metrics(name)
            return SweepTrial(
                name, run.status, trial_params(job.tags, name), metrics, run.start_time, run.end_time
            )
        return best_of((yield from self.list_trials(sweep)), job.primary_metric or "", job.goal)

    def _discover(self, options: Mapping[str, Any] | None = None) -> Flow[tuple[str, str]]:
        """(run history, MLflow) base URLs, as the workspace names them; requested once."""
        if self.endpoints is None:
            workspace, api = yield from self._services(options)
            # 2021-03-01-preview does not name MLflow's URL; it is on the same host.
            tracking = workspace.mlflow_tracking_uri or f"{api}/mlflow/v1.0{self.workspace.path}"
            tracking = tracking.rstrip("?").replace("azureml://", "https://", 1)
            check_url(tracking)
            self.endpoints = f"{api}/history/v1.0{self.workspace.path}", tracking
        return self.endpoints

    def _run(self, name: str) -> Flow[dict[str, Any]]:
        history = yield from self._history()
        asked = f"GET runs/{name}"
        answer = yield Call(HttpRequest("GET", f"{history}/runs/{path_segment(name)}"), asked)
        return checked(answer, asked)

    def _sweep_tags(self, sweep: str) -> Flow[Mapping[str, str]]:
        job = yield from self.get_job(sweep)
        if job.type:
            return job.tags
        # Recorded: Resource Manager answers a step of a pipeline without any properties.
        return text_map((yield from self._run(sweep)).get("tags"))

    def _details(self, name: str, options: Mapping[str, Any] | None = None) -> Flow[Run]:
        history = yield from self._history(options)
        asked = f"GET runs/{name}/details"
        request = HttpRequest("GET", f"{history}/runs/{path_segment(name)}/details")
        answer = yield Call(request, asked, options or {})
        details = checked(answer, asked)
        log_files = details.get("logFiles") or {}
        for url in log_files.values():
            self._mask_signature(url.partition("?")[2])
        return read_run(details) if details else Run(name, "Unknown")

    def _metrics_of_children(self, parent: str) -> Flow[dict[str, dict[str, float]]]:
        """The last value of each MLflow metric of each child of a run."""
        experiment = ((yield from self._mlflow_run(parent)).get("info") or {}).get("experiment_id")
        body: dict[str, Any] = {
            "experiment_ids": [experiment] if experiment else [],
            "filter": f"tags.mlflow.parentRunId = '{parent}'",
            "max_results": SEARCH_PAGE,
        }
        metrics: dict[str, dict[str, float]] = {}
        way = Pages(f"the metrics of the children of {parent}")
        while True:
            page = yield from self._mlflow("POST", "runs/search", body=body)
            for run in page.get("runs") or ():
                metrics[str((run.get("info") or {}).get("run_id"))] = last_values(run)
            token = way.after(page.get("next_page_token"))
            if token is None:
                return metrics
            body["page_token"] = token

    def _mlflow_run(self, name: str) -> Flow[dict[str, Any]]:
        answer = yield from self._mlflow("GET", "runs/get", query={"run_id": quote(name)})
        return answer.get("run") or {}

    def _mlflow(
        self,
        method: str,
        operation: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> Flow[dict[str, Any]]:
        base = (yield from self._discover(options))[1]
        asked = f"{method} MLflow {operation}"
        request = HttpRequest(method, f"{base}/api/2.0/mlflow/{operation}", params=query, json=body)
        answer = yield Call(request, asked, options or {})
        return checked(answer, asked)

    def _find_log(self, job_name: str, tail: LogTail, options: Mapping[str, Any]) -> Flow[bool]:
        run = yield from self._details(job_name, options)
        return tail.find(run.log_files)

    def _history(self, options: Mapping[str, Any] | None = None) -> Flow[str]:
        return (yield from self._discover(options))[0]
