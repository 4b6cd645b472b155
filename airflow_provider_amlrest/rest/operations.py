"""Every operation on a workspace, without I/O.

An operation is a generator: it yields requests, is sent their answers, and returns its result. The sync
and the async client drive the same generators, so that nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from math import isfinite
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, unquote

from azure.core.rest import HttpRequest

from airflow_provider_amlrest.rest import answers
from airflow_provider_amlrest.rest.answers import Answer, Send
from airflow_provider_amlrest.rest.assets.code import Code, PendingUpload
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES, Model
from airflow_provider_amlrest.rest.assets.uris import lies_at
from airflow_provider_amlrest.rest.codecs import codec_for
from airflow_provider_amlrest.rest.codecs.v2 import HASH_VERSION
from airflow_provider_amlrest.rest.http.cloud import Cloud, check_url, is_same_origin
from airflow_provider_amlrest.rest.http.errors import (
    AzureMLError,
    InvalidSpecError,
    NotFoundError,
    ResponseError,
)
from airflow_provider_amlrest.rest.http.paging import Page, Pages
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.ids import path_segment as _segment
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.job import Job, Output
from airflow_provider_amlrest.rest.jobs.status import Outcome
from airflow_provider_amlrest.rest.jobs.sweep import SweepJob
from airflow_provider_amlrest.rest.runs.log_tail import LogTail
from airflow_provider_amlrest.rest.runs.run import MetricPoint, Run, RunChange, SweepTrial
from airflow_provider_amlrest.rest.versions.features import UPLOADS_BY_SERVICE
from airflow_provider_amlrest.rest.workspace.resources import Compute, Datastore, DatastoreSecrets, Workspace

T = TypeVar("T")

Flow = Generator[Send, Answer, T]

BRIEF = {"retry_total": 0, "connection_timeout": 10.0, "read_timeout": 30.0, "timeout": 60.0}
"""Options of a read without retries, for what is asked again soon anyhow. ``timeout``: seconds for all that
it needs, such as a token; the other two are for each step of it."""

CHILDREN_PAGE = 100
"""Children that a page of them is asked to have."""
NEWEST_FIRST = {"$orderBy": quote("createdtime desc")}
"""Order of a list of versions. azure-core takes parameters as they are to stand in the URL."""
REGISTERED_PAGE = 50
"""Versions among which one that was registered lately is looked for."""
SEARCH_PAGE = 500
"""Runs that a search asks for at once."""
SEARCH_REFUSED = (400, 404, 405, 501)
"""How a service refuses to search: what the search would have found is then read run by run."""


def brief(patience: float | None) -> dict[str, Any]:
    """Options of a request without retries that has so many seconds with all that it needs; None: of any."""
    if patience is None:
        return {}
    bounds = dict.fromkeys(("timeout", "connection_timeout", "read_timeout"), patience)
    return {"retry_total": 0, **bounds}


class Polled(NamedTuple):
    """What a poller's read brought; ``next_link`` as in :class:`Page`."""

    jobs: tuple[Job, ...]
    next_link: str | None
    remaining_reads: int | None
    """What remains of the quota, if the answer says so."""


class Operations:
    """The operations on one workspace in one api-version.

    :param on_secret: called with every key and signature the moment it is received, to have it masked.
    """

    def __init__(
        self,
        workspace: WorkspaceId,
        cloud: Cloud,
        api_version: str,
        on_secret: Callable[[str], None] = lambda secret: None,
    ) -> None:
        self.workspace = workspace
        self.cloud = cloud
        self.codec = codec_for(api_version, workspace)
        self.api_version = self.codec.api_version
        self._on_secret = on_secret
        self.endpoints: tuple[str, str] | None = None
        """(run history, MLflow) base URLs, once they are known."""

    # workspace

    def get_workspace(self, options: Mapping[str, Any] | None = None) -> Flow[Workspace]:
        """The workspace itself."""
        resource = yield from self._resource("GET", "", options=options)
        properties = resource.get("properties") or {}
        return Workspace(
            resource["id"],
            resource["name"],
            resource.get("location") or "",
            properties.get("discoveryUrl") or "",
            properties.get("mlFlowTrackingUri") or "",
        )

    def list_computes(self, next_link: str | None = None) -> Flow[Page]:
        """The workspace's computes, as an iterator of :class:`Compute`."""
        return (yield from self._page("computes", next_link, answers.read_compute))

    def get_compute(self, name: str) -> Flow[Compute]:
        """One compute. Raises NotFoundError if the workspace has none of that name."""
        return answers.read_compute((yield from self._resource("GET", f"computes/{_segment(name)}")))

    def get_default_datastore(self) -> Flow[Datastore]:
        """The default datastore. Raises NotFoundError if the workspace has none."""
        answer = yield from self._get("datastores", {"isDefault": "true"})
        for resource in answer.get("value") or ():
            return self.codec.read_datastore(resource)
        raise NotFoundError("GET datastores", 404, message="The workspace has no default datastore.")

    def list_datastore_secrets(self, name: str) -> Flow[DatastoreSecrets]:
        """A datastore's key or shared access signature. It spends the quota of writes."""
        secrets = yield from self._call("POST", f"datastores/{_segment(name)}/listSecrets")
        found = DatastoreSecrets(secrets.get("key"), secrets.get("sasToken"))
        if found.account_key:
            self._on_secret(found.account_key)
        self._mask_signature(found.sas_token or "")
        return found

    # environments

    def get_environment(self, name: str, version: str) -> Flow[Environment]:
        """A version of an environment. Raises NotFoundError."""
        return self.codec.read_environment(
            (yield from self._resource("GET", _version("environments", name, version)))
        )

    def get_latest_environment(self, name: str) -> Flow[Environment]:
        """The version that was created last. Raises NotFoundError if there is none."""
        return self.codec.read_environment((yield from self._latest("environments", name)))

    def create_environment(self, environment: Environment) -> Flow[Environment]:
        """Register a version. Raises ConflictError if it exists with other content."""
        path = _version("environments", environment.name, environment.version)
        return self.codec.read_environment(
            (yield from self._put(path, self.codec.environment_body(environment)))
        )

    # code

    def get_code(self, name: str, version: str) -> Flow[Code]:
        """A version of a code asset. Raises NotFoundError."""
        return self.codec.read_code((yield from self._resource("GET", _version("codes", name, version))))

    def get_latest_code(self, name: str) -> Flow[Code]:
        """The version that was created last. Raises NotFoundError if there is none."""
        return self.codec.read_code((yield from self._latest("codes", name)))

    def find_code(self, content_hash: str) -> Flow[Code | None]:
        """Code with this content hash, whatever its name: the service searches the whole workspace.

        Raises InvalidSpecError for an api-version before 2023-04-01.
        """
        self._check_uploads_by_service()
        query = {"hash": content_hash, "hashVersion": HASH_VERSION}
        # The name in the path is not used for the search, but the route wants one.
        answer = yield from self._get(f"codes/{_segment(content_hash[:32])}/versions", query)
        for resource in answer.get("value") or ():
            return self.codec.read_code(resource)
        return None

    def start_pending_upload(
        self, name: str, version: str, upload_id: str | None = None
    ) -> Flow[PendingUpload]:
        """Ask for a place to upload code to.

        :param upload_id: a GUID for this upload; None: the service makes one, and each call hands out a
            fresh container.
        :raises InvalidSpecError: for an api-version before 2023-04-01.
        """
        self._check_uploads_by_service()
        path = f"{_version('codes', name, version)}/startPendingUpload"
        body = {"pendingUploadType": "TemporaryBlobReference"}
        if upload_id is not None:
            body["pendingUploadId"] = upload_id
        answer = yield from self._call("POST", path, body)
        reference = answer.get("blobReferenceForConsumption") or {}
        sas_uri = (reference.get("credential") or {}).get("sasUri") or ""
        if not sas_uri:
            raise AzureMLError(f"POST {path}: the answer has no shared access signature.")
        self._mask_signature(sas_uri.partition("?")[2])
        check_url(sas_uri)
        return PendingUpload(reference.get("blobUri") or sas_uri.partition("?")[0], sas_uri)

    def create_code(self, code: Code) -> Flow[Code]:
        """Register a version. Raises ConflictError if it exists with another path."""
        path = _version("codes", code.name, code.version)
        return self.codec.read_code((yield from self._put(path, self.codec.code_body(code))))

    # data

    def get_data(self, name: str, version: str) -> Flow[Data]:
        """A version of a data asset. Raises NotFoundError."""
        return self.codec.read_data((yield from self._resource("GET", _version("data", name, version))))

    def get_latest_data(self, name: str) -> Flow[Data]:
        """The version that was created last. Raises NotFoundError if there is none."""
        return self.codec.read_data((yield from self._latest("data", name)))

    def create_data(self, data: Data) -> Flow[Data]:
        """Register a version. Raises ConflictError if it exists with another path."""
        path = _version("data", data.name, data.version)
        return self.codec.read_data((yield from self._put(path, self.codec.data_body(data))))

    # models

    def get_model(self, name: str, version: str) -> Flow[Model]:
        """A version of a model. Raises NotFoundError."""
        return self.codec.read_model((yield from self._resource("GET", _version("models", name, version))))

    def get_latest_model(self, name: str) -> Flow[Model]:
        """The version that was created last. Raises NotFoundError if there is none."""
        return self.codec.read_model((yield from self._latest("models", name)))

    def find_registered(self, output: Output, uri: str) -> Flow[str | None]:
        """The version of data, or of a model, as which a job has registered an output: the one at this place.

        None if it is none of the last ones, or nothing has this name.
        """
        is_model = output.type in MODEL_TYPES
        path = f"{'models' if is_model else 'data'}/{_segment(output.name or '')}/versions"
        read = self.codec.read_model if is_model else self.codec.read_data
        try:
            answer = yield from self._get(path, {**NEWEST_FIRST, "$top": str(REGISTERED_PAGE)})
        except NotFoundError:
            return None
        for resource in answer.get("value") or ():
            found = read(resource)
            if lies_at(found.uri, uri, self.workspace):
                return found.version
        return None

    # jobs

    def create_job(self, name: str, job: CommandJob | SweepJob) -> Flow[Job]:
        """Submit a job under a name of one's own.

        The same body again changes nothing; another one raises ConflictError.
        """
        return self.codec.read_job((yield from self._put(f"jobs/{_segment(name)}", self.codec.job_body(job))))

    def get_job(self, name: str) -> Flow[Job]:
        """A job as it is now. Raises NotFoundError."""
        return self.codec.read_job((yield from self._resource("GET", f"jobs/{_segment(name)}")))

    def list_jobs(self, tag: str | None = None, next_link: str | None = None) -> Flow[Page]:
        """The workspace's jobs that are not archived, newest first, as an iterator of :class:`Job`.

        :param tag: only jobs that have a tag of this name.
        """
        query = {"tag": quote(tag)} if tag else {}
        return (yield from self._page("jobs", next_link, self.codec.read_job, query))

    def poll_job(self, name: str, options: Mapping[str, Any] = BRIEF) -> Flow[Polled]:
        """:meth:`get_job` for a poller: without retries, and with what remains of the quota."""
        path = f"jobs/{_segment(name)}"
        answer = yield self._request("GET", path, options=options)
        job = self.codec.read_job(answers.resource(answer, f"GET {path}"))
        return Polled((job,), None, answers.remaining_reads(answer))

    def poll_jobs(self, next_link: str | None = None) -> Flow[Polled]:
        """A page of :meth:`list_jobs` for a poller: without retries, and with what remains of the quota."""
        asked = "GET jobs"
        link = self._next(next_link, self.cloud.resource_manager)
        send = Send(HttpRequest("GET", link), asked) if link else self._request("GET", "jobs")
        answer = yield send._replace(options=BRIEF)
        page = answers.checked(answer, asked)
        jobs = tuple(map(self.codec.read_job, page.get("value") or ()))
        return Polled(jobs, page.get("nextLink") or None, answers.remaining_reads(answer))

    def cancel_job(self, name: str, *, patience: float | None = None) -> Flow[None]:
        """Ask for a job's end. It ends some time later; a job that has ended is no error.

        :param patience: seconds for each answer, with all that it needs, and without retries; None: as every
            request.
        :raises NotFoundError: if there is no such job.
        """
        options = brief(patience)
        path = f"jobs/{_segment(name)}"
        answer = yield self._request("POST", f"{path}/cancel", options=options)
        # What the service says to the cancel of an ended job is documented for pipelines only: 400.
        if answer.status_code in (400, 409):
            look = yield self._request("GET", path, options=options)
            if self.codec.read_job(answers.resource(look, f"GET {path}")).outcome is not Outcome.ACTIVE:
                return
        answers.checked(answer, f"POST {path}/cancel")

    def set_job_tag(
        self, name: str, key: str, value: str, *, options: Mapping[str, Any] | None = None
    ) -> Flow[None]:
        """Set one tag of a job, by MLflow's ``runs/set-tag``; its other tags stay as they are.

        ARM has no such request: a PUT would have to repeat the whole job, and refuses what the service has
        normalised since.
        """
        body = {"run_id": name, "run_uuid": name, "key": key, "value": value}
        yield from self._mlflow("POST", "runs/set-tag", body=body, options=options)

    # run history and metrics

    def get_run(self, name: str) -> Flow[Run]:
        """A run's times, error, warnings and log files. Raises NotFoundError."""
        return (yield from self._details(name))

    def get_run_change(self, name: str) -> Flow[RunChange]:
        """Who changed a run last, and why it was canceled. Raises NotFoundError."""
        history = yield from self._history()
        asked = f"GET runs/{name}"
        answer = yield Send(HttpRequest("GET", f"{history}/runs/{_segment(name)}"), asked)
        return answers.read_run_change(answers.checked(answer, asked))

    def read_log(self, job_name: str, tail: LogTail, final: bool = False) -> Flow[list[str]]:
        """The lines of the user's log (of a distributed job: of rank 0) since the last read with this tail.

        At most :data:`log_tail.CALL_BYTES` of them, unless it is the final read; at most
        :data:`log_tail.TASK_BYTES` in all, and then one that says where the rest is. None while there is no
        log: the job waits in the queue, or is a sweep. A log comes some seconds after it was written.

        :param tail: what was handed on so far; it is changed.
        :param final: the job has ended: all that there is, the last line even if it does not end.
        :raises AzureMLError: it could not be read. The next call goes on where this one should have begun.
        """
        options = {} if final else BRIEF
        known = bool(tail.url)
        if tail.is_full or not (known or (yield from self._find_log(job_name, tail, options))):
            return []
        answer = yield answers.log_part(tail.url, tail.file, tail.bytes_wanted(final=final), options)
        # The signature may have ended.
        if answer.status_code == 403 and known and (yield from self._find_log(job_name, tail, options)):
            answer = yield answers.log_part(tail.url, tail.file, tail.bytes_wanted(final=final), options)
        if answer.status_code == 416 and tail.start_anew():
            answer = yield answers.log_part(tail.url, tail.file, tail.bytes_wanted(final=final), options)
        if answer.status_code == 404:
            tail.url = ""
            return []
        content = answers.log_content(answer, tail.file, tail.bytes_wanted(final=final))
        return tail.take(content, final=final)

    def read_log_end(self, run: Run, file: str, size: int) -> Flow[str]:
        """The last ``size`` bytes of one of a run's log files, from the start of a line on."""
        answer = yield answers.log_part(run.log_files[file], file, (0, size - 1))
        length = answers.log_length(answer)
        start = max(0, length - size)
        if start and answer.status_code == 206:
            answer = yield answers.log_part(run.log_files[file], file, (start, length - 1))
        text = answers.log_content(answer, file, (start, length - 1)).decode("utf-8", "replace")
        return (text.partition("\n")[2] if start and "\n" in text else text).strip()

    def list_children(self, name: str, next_link: str | None = None) -> Flow[Page]:
        """A sweep's trials as run history lists them, as an iterator of :class:`Run`."""
        history = yield from self._history()
        asked = f"GET runs/{name}/children"
        base = f"{history}/runs/{_segment(name)}/children"
        first = HttpRequest("GET", base, params={"$top": str(CHILDREN_PAGE)})
        link = self._next(next_link, base)
        answer = yield Send(HttpRequest("GET", link) if link else first, asked)
        page = answers.checked(answer, asked)
        return Page(tuple(map(answers.read_run, page.get("value") or ())), page.get("nextLink") or None)

    def get_metrics(self, run: str) -> Flow[dict[str, float]]:
        """The last value of each MLflow metric of a run. Values that JSON cannot carry are left out."""
        return answers.last_values((yield from self._mlflow_run(run)))

    def get_metric_history(self, run: str, metric: str) -> Flow[list[MetricPoint]]:
        """All values of an MLflow metric of a run, by step and time; but those that JSON cannot carry."""
        points: list[MetricPoint] = []
        query = {"run_id": quote(run), "metric_key": quote(metric, safe="")}
        way = Pages(f"the history of the metric {metric}")
        while True:
            page = yield from self._mlflow("GET", "metrics/get-history", query=query)
            points += map(answers.read_point, page.get("metrics") or ())
            token = way.after(page.get("next_page_token"))
            if token is None:
                break
            query["page_token"] = quote(token, safe="")
        finite = [point for point in points if isfinite(point.value)]
        return sorted(finite, key=lambda point: (point.step, point.time))

    def list_trials(self, sweep: str) -> Flow[list[SweepTrial]]:
        """All trials of a sweep with their parameters and metrics, in the order of their numbers.

        Statuses and times are run history's, metrics those that MLflow's search finds: a few requests for
        thousands of trials.
        """
        job = yield from self.get_job(sweep)
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
                answers.trial_params(job, run.name),
                metrics.get(run.name, {}),
                run.start_time,
                run.end_time,
            )
            for run in sorted(runs, key=lambda run: answers.trial_number(run.name))
        ]

    def get_best_trial(self, sweep: str) -> Flow[SweepTrial | None]:
        """The best trial: the one that the service names, else the best last value of the metric.

        None if no trial has reported the metric.
        """
        job = yield from self.get_job(sweep)
        name = job.best_trial_name
        if name:
            run = yield from self.get_run(name)
            metrics = yield from self.get_metrics(name)
            return SweepTrial(
                name, run.status, answers.trial_params(job, name), metrics, run.start_time, run.end_time
            )
        trials = yield from self.list_trials(sweep)
        metric = job.primary_metric or ""
        reported = [trial for trial in trials if metric in trial.metrics]
        if not reported:
            return None
        choose = max if job.goal == "maximize" else min
        return choose(reported, key=lambda trial: trial.metrics[metric])

    # plumbing

    def _check_uploads_by_service(self) -> None:
        if not self.codec.uploads_by_service:
            raise InvalidSpecError(
                "api_version",
                f"{self.api_version} can neither search code by its hash nor hand out places to upload to; "
                f"{UPLOADS_BY_SERVICE} is the first that can.",
            )

    def _discover(self, options: Mapping[str, Any] | None = None) -> Flow[tuple[str, str]]:
        """(run history, MLflow) base URLs, as the workspace names them; asked for once."""
        if self.endpoints is None:
            workspace = yield from self.get_workspace(options)
            asked = "GET discovery"
            check_url(workspace.discovery_url)
            answer = yield Send(HttpRequest("GET", workspace.discovery_url), asked, options or {})
            services = answers.checked(answer, asked)
            api = str(services.get("api") or "").rstrip("/")
            if not api:
                raise AzureMLError("The workspace does not say where its run history and MLflow are.")
            # 2021-03-01-preview does not name MLflow's URL; it is on the same host.
            tracking = workspace.mlflow_tracking_uri or f"{api}/mlflow/v1.0{self.workspace.path}"
            tracking = tracking.rstrip("?").replace("azureml://", "https://", 1)
            check_url(api)
            check_url(tracking)
            self.endpoints = f"{api}/history/v1.0{self.workspace.path}", tracking
        return self.endpoints

    def _details(self, name: str, options: Mapping[str, Any] | None = None) -> Flow[Run]:
        history = yield from self._history(options)
        asked = f"GET runs/{name}/details"
        request = HttpRequest("GET", f"{history}/runs/{_segment(name)}/details")
        answer = yield Send(request, asked, options or {})
        details = answers.checked(answer, asked)
        log_files = details.get("logFiles") or {}
        for url in log_files.values():
            self._mask_signature(url.partition("?")[2])
        return answers.read_run(details) if details else Run(name, "Unknown")

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
                metrics[str((run.get("info") or {}).get("run_id"))] = answers.last_values(run)
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
        answer = yield Send(request, asked, options or {})
        return answers.checked(answer, asked)

    def _find_log(self, job_name: str, tail: LogTail, options: Mapping[str, Any]) -> Flow[bool]:
        run = yield from self._details(job_name, options)
        return tail.find(run.log_files)

    def _history(self, options: Mapping[str, Any] | None = None) -> Flow[str]:
        return (yield from self._discover(options))[0]

    def _latest(self, kind: str, name: str) -> Flow[dict[str, Any]]:
        path = f"{kind}/{_segment(name)}/versions"
        answer = yield from self._get(path, {**NEWEST_FIRST, "$top": "1"})
        for resource in answer.get("value") or ():
            return dict(resource)
        raise NotFoundError(f"GET {path}", 404, message=f"{name} has no version.")

    def _page(
        self,
        path: str,
        next_link: str | None,
        read: Callable[[dict[str, Any]], Any],
        query: Mapping[str, str] | None = None,
    ) -> Flow[Page]:
        asked = f"GET {path}"
        link = self._next(next_link, self.cloud.resource_manager)
        answer = yield (
            Send(HttpRequest("GET", link), asked) if link else self._request("GET", path, query=query)
        )
        page = answers.checked(answer, asked)
        return Page(tuple(map(read, page.get("value") or ())), page.get("nextLink") or None)

    def _next(self, link: str | None, base: str) -> str | None:
        # The token goes where the link points.
        if link is not None and not is_same_origin(link, base):
            raise AzureMLError(f"The service's next page is at another host: {link.partition('?')[0]}")
        return link

    def _mask_signature(self, query: str) -> None:
        # Libraries write a URL anew: the signature alone stays what it is, in one encoding or the other.
        for member in query.lstrip("?").split("&"):
            name, _, value = member.partition("=")
            if name == "sig" and value:
                for secret in {value, unquote(value), quote(unquote(value), safe="")}:
                    self._on_secret(secret)

    def _get(self, path: str, query: Mapping[str, str] | None = None) -> Flow[dict[str, Any]]:
        """A list, or another answer that is no resource."""
        answer = yield self._request("GET", path, query=query)
        return answers.checked(answer, f"GET {path}")

    def _put(self, path: str, properties: dict[str, Any]) -> Flow[dict[str, Any]]:
        return (yield from self._resource("PUT", path, {"properties": properties}))

    def _resource(
        self, method: str, path: str, body: Any = None, options: Mapping[str, Any] | None = None
    ) -> Flow[dict[str, Any]]:
        send = self._request(method, path, body=body, options=options)
        answer = yield send
        return answers.resource(answer, send.asked)

    def _call(self, method: str, path: str, body: Any = None) -> Flow[dict[str, Any]]:
        answer = yield self._request(method, path, body=body)
        return answers.checked(answer, f"{method} {path}")

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> Send:
        url = f"{self.cloud.resource_manager}{self.workspace.path}" + (f"/{path}" if path else "")
        params = {"api-version": self.api_version, **(query or {})}
        request = HttpRequest(method, url, params=params, json=body)
        return Send(request, f"{method} {path or 'workspace'}", options or {})


def _version(kind: str, name: str, version: str) -> str:
    return f"{kind}/{_segment(name)}/versions/{_segment(version)}"
