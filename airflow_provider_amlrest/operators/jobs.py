"""Operators that submit jobs: once, whatever crashes; green only when the job completed."""

from __future__ import annotations

import re
import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import conf

from airflow_provider_amlrest.completion import (
    CANCEL_PATIENCE,
    ERROR,
    STALLED,
    TIMEOUT,
    TRANSIENT,
    Event,
    JobTimeoutError,
    Wait,
    check_event,
    last_moments,
    look_patiently,
    open_tail,
    show_rest,
    wait,
)
from airflow_provider_amlrest.job_record import JOB_LINKS, publish
from airflow_provider_amlrest.naming import MAX_CHOSEN_LENGTH, job_names
from airflow_provider_amlrest.operators import references, request_body
from airflow_provider_amlrest.operators.base import AzureMLOperator, dag_folder, explained, started_at, text
from airflow_provider_amlrest.operators.job_request import JobRequest
from airflow_provider_amlrest.rest import model, spec
from airflow_provider_amlrest.rest.errors import AuthenticationError, AzureMLError, InvalidSpecError
from airflow_provider_amlrest.rest.search_space import parse_search_space
from airflow_provider_amlrest.rest.status import CANCEL_REQUESTED, CANCELED, PATIENCE, Outcome
from airflow_provider_amlrest.results import finish, summarize
from airflow_provider_amlrest.submission import (
    IDENTITY_PROPERTY,
    SPEC_PROPERTY,
    end_earlier_generations,
    patiently,
    submit_once,
)
from airflow_provider_amlrest.task_identity import check_tags, made_by, task_identity

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest import AzureMLClient

_NOT_DONE = (Outcome.ACTIVE, Outcome.CANCELED)
_AZURE_ML_EXPRESSION = re.compile(r"\$\{\{[^{}]*\}\}")

COMMON_FIELDS = (
    "job_name",
    "command",
    "environment",
    "code",
    "compute",
    "inputs",
    "outputs",
    "experiment_name",
    "display_name",
    "description",
    "environment_variables",
    "instance_type",
    "shm_size",
    "docker_args",
    "distribution",
    "limits",
    "identity",
    "services",
    "queue_settings",
    "tags",
    "properties",
    "on_timeout",
    "require_metrics",
    "request_body",
)
COMMON_RENDERERS = {
    "command": "bash",
    "environment": "json",
    "code": "json",
    "inputs": "json",
    "outputs": "json",
    "environment_variables": "json",
    "distribution": "json",
    "limits": "json",
    "identity": "json",
    "services": "json",
    "queue_settings": "json",
    "tags": "json",
    "properties": "json",
    "request_body": "json",
}


class AzureMLJobOperator(AzureMLOperator):
    """What the two submit operators share; see :class:`AzureMLSubmitCommandJobOperator`."""

    operator_extra_links = JOB_LINKS

    def __init__(
        self,
        *,
        command: str,
        environment: str | Mapping[str, str],
        compute: str | None = None,
        code: str | Mapping[str, str] | None = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        experiment_name: str | None = None,
        display_name: str | None = None,
        description: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        instance_count: int = 1,
        instance_type: str | None = None,
        shm_size: str | None = None,
        docker_args: str | None = None,
        distribution: str | Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
        identity: str | Mapping[str, str] | None = None,
        services: Mapping[str, Any] | None = None,
        queue_settings: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        job_name: str | None = None,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 30.0,
        timeout: float | None = None,
        on_timeout: str = "cancel",
        cancel_on_kill: bool = True,
        get_logs: bool = True,
        require_metrics: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.command = command
        self.environment = environment
        self.compute = compute
        self.code = code
        self.inputs = inputs
        self.outputs = outputs
        self.experiment_name = experiment_name
        self.display_name = display_name
        self.description = description
        self.environment_variables = environment_variables
        self.instance_count = instance_count
        self.instance_type = instance_type
        self.shm_size = shm_size
        self.docker_args = docker_args
        self.distribution = distribution
        self.limits = limits
        self.identity = identity
        self.services = services
        self.queue_settings = queue_settings
        self.tags = tags
        self.properties = properties
        self.job_name = job_name
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.on_timeout = on_timeout
        self.cancel_on_kill = cancel_on_kill
        self.get_logs = get_logs
        self.require_metrics = require_metrics
        self.request_body: str | None = None
        self._submitted_name: str | None = None
        self._killed = False

    def render_template(self, content: Any, *args: Any, **kwargs: Any) -> Any:
        """Render with Jinja, but leave ``${{...}}`` alone: that is Azure ML's, not Jinja's."""
        if isinstance(content, str):
            content = _AZURE_ML_EXPRESSION.sub(r"{% raw %}\g<0>{% endraw %}", content)
        return super().render_template(content, *args, **kwargs)

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit the job, or find that of an earlier try; wait for its end unless told not to."""
        with explained():
            request = self._read(dag_folder(context))
            deadline = self._deadline(context)
            with self.hook.client() as client:
                job = self._submit_in_time(client, request, context, deadline)
                if self._killed:
                    self.on_kill()  # The first cancel may have come before the job.
                studio_url = publish(self.hook, job, context, push=self.do_xcom_push)
                if not self.wait_for_completion:
                    return summarize(job, studio_url)
                return self._await(client, job, deadline, {} if self.get_logs else None)

    def execute_complete(self, context: Context, event: Event) -> dict[str, Any]:
        """Go on where the trigger has come to an end of the wait."""
        with explained():
            self._submitted_name = check_event(event)["job_name"]
            request_body.show_again(self, context)
            with self.hook.client() as client:
                return self._conclude(client, event)

    def on_kill(self) -> None:
        """Ask for the job's end, once and shortly: Airflow is ending this process.

        Airflow 3 calls this from a signal handler, after which :meth:`execute` goes on for some seconds.
        """
        self._killed = True
        name = self._submitted_name
        if name is None or not self.cancel_on_kill:
            return
        try:
            # The client in use may be in the middle of an answer.
            with self.hook.new_client() as client:
                client.cancel_job(name, patience=CANCEL_PATIENCE)
        except Exception as error:
            self.log.error("Azure ML job %s could not be canceled and may go on: %s", name, error)
        else:
            self.log.info("Azure ML job %s was asked to end, because the task was ended.", name)

    @abstractmethod
    def _read(self, base: Path) -> JobRequest:
        """Read what was given, without asking the service. Raises InvalidSpecError."""

    def _submit_in_time(
        self, client: AzureMLClient, request: JobRequest, context: Context, deadline: float | None
    ) -> model.Job:
        """Submit the job, and try again until the deadline. What may exist by then is not left running."""
        try:
            with client.until(deadline):
                return patiently(
                    lambda: self._submit(client, request, context), deadline, lambda: self._killed
                )
        except (*TRANSIENT, AuthenticationError) as error:
            if self._submitted_name is None or deadline is None or time.time() < deadline:
                raise
            _, end = last_moments(deadline, late=True)
            unseen = f"It may have been submitted: {error}"
            raise self._too_late(client, self._submitted_name, end, unseen=unseen) from None

    def _submit(self, client: AzureMLClient, request: JobRequest, context: Context) -> model.Job:
        compute = text("compute", self.compute)
        chosen = text("job_name", self.job_name)
        deployment = self.hook.settings.deployment
        identity = task_identity(context, deployment)
        marks = {IDENTITY_PROPERTY: identity.digest, SPEC_PROPERTY: request.digest(client, compute)}
        outlives_task = not (self.wait_for_completion and self.cancel_on_kill)

        def make() -> model.CommandJob | model.SweepJob:
            if self.cancel_on_kill:
                end_earlier_generations(client, identity, chosen, end)
            job = request.resolve(client, compute)
            tags = made_by(context, deployment, outlives_task=outlives_task)
            job = replace(job, tags=tags | dict(job.tags), properties={**job.properties, **marks})
            request_body.show(self, client.operations.codec.job_body(job), context)
            return job

        def end(job: model.Job) -> None:
            self._end_other(client, job)

        return submit_once(client, job_names(identity, chosen), marks, make, self._remember, end)

    def _end_other(self, client: AzureMLClient, job: model.Job) -> None:
        """End a job of this task that nobody wants any more."""
        if not self.cancel_on_kill:
            self.log.warning("Job %s goes on, as cancel_on_kill says.", job.name)
            return
        try:
            client.cancel_job(job.name)
        except AzureMLError as error:
            self.log.error(
                "Job %s of an earlier try could not be canceled and may go on: %s", job.name, error
            )
        else:
            self.log.info("Job %s of an earlier try was asked to end.", job.name)

    def _remember(self, name: str) -> None:
        if self._killed:
            raise AzureMLError(f"The task was ended before its job {name} was submitted.")
        self._submitted_name = name

    @property
    def _limit(self) -> float | None:
        """Seconds from the start of the try after which nobody waits any more."""
        limits = [self.timeout]
        if self.deferrable and self.execution_timeout is not None:
            # Airflow 3 does not count it while a task is deferred.
            limits.append(self.execution_timeout.total_seconds())
        return min((limit for limit in limits if limit is not None), default=None)

    def _deadline(self, context: Context) -> float | None:
        return None if self._limit is None else started_at(context) + self._limit

    def _await(
        self, client: AzureMLClient, job: model.Job, deadline: float | None, log: Mapping[str, int] | None
    ) -> dict[str, Any]:
        """Wait for the job here or in a trigger; neither is needed if it has ended."""
        from airflow_provider_amlrest.rest.watching import Look

        waiting = Wait(job.name, job.status, deadline, open_tail(log))
        event = waiting.see(Look(job, None))
        if event is None and self.deferrable:
            self._defer(waiting)
        return self._conclude(client, event or wait(client, waiting, self.poll_interval))

    def _defer(self, waiting: Wait) -> NoReturn:
        from airflow_provider_amlrest.triggers import AzureMLJobTrigger

        self.defer(
            trigger=AzureMLJobTrigger(
                job_name=waiting.job_name,
                azureml_conn_id=self.azureml_conn_id,
                api_version=text("api_version", self.api_version),
                poll_interval=self.poll_interval,
                deadline=waiting.deadline,
                job_status=waiting.status,
                log=None if waiting.tail is None else waiting.tail.offsets,
                on_timeout=self.on_timeout,
                cancel_on_kill=self.cancel_on_kill,
            ),
            method_name="execute_complete",
        )
        raise AssertionError("defer() raises")

    def _conclude(self, client: AzureMLClient, event: Event) -> dict[str, Any]:
        """What the end of a wait means, wherever it was waited."""
        if event["status"] == ERROR:
            raise AzureMLError(
                f"Azure ML job {event['job_name']} can no longer be watched, and may go on; a retry goes on "
                f"waiting for it. {event['message']}"
            )
        # Whether one that was stalled responds again is worth waiting for, until the deadline.
        deadline, end = last_moments(event["deadline"], late=event["status"] == TIMEOUT)
        try:
            job = look_patiently(
                client, event["job_name"], poll_interval=self.poll_interval, deadline=deadline
            )
        except AzureMLError as error:
            if deadline is None or time.time() < deadline:
                raise
            unseen = f"It cannot be seen: {error}"
            raise self._too_late(client, event["job_name"], end, event, unseen) from None
        # One that was stalled may respond again by now.
        recovered = event["status"] == STALLED and job.status not in (
            event["job_status"],
            CANCEL_REQUESTED,
            CANCELED,
        )
        late = event["status"] in (TIMEOUT, STALLED) and not recovered
        if late and job.outcome in _NOT_DONE:
            raise self._too_late(client, job.name, end, event)
        if job.outcome is Outcome.ACTIVE:
            # Or a list had it ended that is not.
            return self._await(client, job, event["deadline"], event["log"])
        with client.until(end):
            show_rest(client, job.name, event["log"])
            return finish(client, job, self.hook.studio_url(job), self.require_metrics)

    def _too_late(
        self,
        client: AzureMLClient,
        name: str,
        end: float | None,
        event: Event | None = None,
        unseen: str = "",
    ) -> JobTimeoutError:
        """End the job, or leave it, as ``on_timeout`` says, whether or not it can be seen; what to raise."""
        late = f"Azure ML job {name} did not end " + (
            "in time" if self._limit is None else f"within {self._limit:g} s"
        )
        if event is not None and event["status"] == STALLED:
            minutes = PATIENCE[event["job_status"]] / 60
            late = f"Azure ML job {name} was {event['job_status']} for {minutes:g} minutes"
        url = " ".join(filter(None, (unseen, self.hook.studio_page(f"runs/{name}"))))
        if self.on_timeout == "leave":
            return JobTimeoutError(f"{late}; it goes on, as on_timeout says. {url}")
        try:
            with client.until(end):
                patiently(lambda: client.cancel_job(name), end, lambda: self._killed)
        except AzureMLError as error:
            return JobTimeoutError(f"{late}, and may go on: {error} {url}")
        return JobTimeoutError(f"{late} and was asked to end. {url}")

    def _read_common(self) -> dict[str, Any]:
        """The members that both kinds of job have, as far as they need no asking."""
        if self.job_name is not None:
            spec.check_name("job_name", text("job_name", self.job_name), MAX_CHOSEN_LENGTH)
        spec.interval("poll_interval", self.poll_interval)
        spec.seconds("timeout", self.timeout)
        spec.names("require_metrics", self.require_metrics)
        if self.on_timeout not in ("cancel", "leave"):
            raise InvalidSpecError("on_timeout", f"{self.on_timeout!r} must be 'cancel' or 'leave'.")
        tags = spec.string_map("tags", self.tags)
        check_tags(tags)
        return {
            "outputs": spec.parse_outputs("outputs", self.outputs),
            "experiment_name": text("experiment_name", self.experiment_name),
            "display_name": text("display_name", self.display_name),
            "description": text("description", self.description),
            "tags": tags,
            "properties": spec.string_map("properties", self.properties),
            "identity": spec.parse_typed("identity", self.identity, model.Identity),
            "services": spec.parse_services("services", self.services),
            "job_tier": spec.parse_job_tier("queue_settings", self.queue_settings),
        }

    def _read_run(self) -> dict[str, Any]:
        """The members that a command job and a sweep's trial have; the environment is looked up later."""
        return {
            "command": self.command,
            "environment": "",
            "environment_variables": spec.string_map("environment_variables", self.environment_variables),
            "distribution": spec.parse_typed("distribution", self.distribution, model.Distribution),
            "resources": spec.parse_resources(
                self.instance_count, self.instance_type, self.shm_size, self.docker_args
            ),
        }

    def _request(self, job: model.CommandJob | model.SweepJob, base: Path) -> JobRequest:
        """Read the references, and check the command against the names that there are."""
        inputs = references.read_inputs(self.inputs)
        groups: dict[str, Iterable[str]] = {"inputs": inputs, "outputs": job.outputs}
        if isinstance(job, model.SweepJob):
            groups["search_space"] = job.search_space
        for name in spec.check_command("command", self.command, groups):
            self.log.warning("The command never uses the sweep's parameter ${{search_space.%s}}.", name)
        environment = references.read_environment(self.environment)
        return JobRequest(job, environment, references.read_code(self.code, base), inputs)


class AzureMLSubmitCommandJobOperator(AzureMLJobOperator):
    """Submit a command job, once, and wait for its end. Green means that the job is Completed.

    The job's name comes from the task's identity: a retry after a crash finds the running job, a retry
    after a failed job submits a new one, and so does a clear.

    :param command: the shell command, with ``${{inputs.x}}`` and ``${{outputs.x}}``.
    :param environment: ``name:version``, ``name@latest``, an ARM id, or what
        :class:`AzureMLCreateEnvironmentOperator` returned.
    :param compute: a compute's name or ARM id; None: serverless.
    :param code: a local path (relative to the DAG's file), which is uploaded, or a reference as above.
    :param inputs: name to a literal (text, number, boolean), a reference to data (``azureml:name:version``,
        what :class:`AzureMLRegisterDataOperator` returned), or
        ``{"type": "uri_file", "path": <reference or URI>, "mode": "ro_mount"}``.
    :param outputs: name to ``{"type": "uri_folder", "mode": "rw_mount", "path": <URI>, "name": <asset>}``;
        all members have defaults.
    :param experiment_name: groups jobs in the Studio.
    :param display_name: the job's name in the Studio.
    :param description: free text.
    :param environment_variables: of the job's process.
    :param instance_count: nodes.
    :param instance_type: VM size, for serverless jobs.
    :param shm_size: shared memory, such as ``"2g"``.
    :param docker_args: further arguments of ``docker run``.
    :param distribution: ``{"type": "pytorch", "process_count_per_instance": 4}``, ``mpi`` or ``tensorflow``.
    :param limits: ``{"timeout": seconds}``: Azure ML ends the job then.
    :param identity: ``{"type": "managed", "client_id": ...}``, ``user_identity`` or ``aml_token``.
    :param services: ``{"ssh": {"type": "ssh"}}`` and the like.
    :param queue_settings: ``{"job_tier": "spot"}``.
    :param tags: the job's tags; Airflow's own (``airflow_dag_id``...) come with them.
    :param properties: the job's properties; they cannot be changed later.
    :param job_name: a name of one's own instead of the derived one; it has to be new for each DAG run.
    :param wait_for_completion: False: return as soon as the job exists.
    :param deferrable: wait in the triggerer, without a worker. Default: Airflow's ``[operators]
        default_deferrable``.
    :param poll_interval: seconds between two looks at the job, at most; it is looked at more often while it
        is young, and when it is about to end.
    :param timeout: seconds from the start of the try after which the task fails.
    :param on_timeout: ``cancel`` or ``leave`` the job then.
    :param cancel_on_kill: cancel the job when Airflow ends the task.
    :param get_logs: show the job's log in the task's.
    :param require_metrics: names of metrics without which the task fails, though the job completed.

    XCom: ``{"name", "id", "status", "studio_url"}``; after waiting also ``metrics`` (last values) and
    ``outputs`` (URIs). 8 KB at most.
    """

    template_fields = (*AzureMLOperator.template_fields, *COMMON_FIELDS)
    template_fields_renderers = COMMON_RENDERERS

    def _read(self, base: Path) -> JobRequest:
        job = model.CommandJob(
            **self._read_common(),
            **self._read_run(),
            timeout=spec.parse_command_limits("limits", self.limits),
        )
        return self._request(job, base)


class AzureMLSubmitSweepJobOperator(AzureMLJobOperator):
    """Submit a hyper-parameter sweep, once, and wait for its end.

    The parameters of :class:`AzureMLSubmitCommandJobOperator` describe the trial; the command also has
    ``${{search_space.x}}``. Beside them:

    :param search_space: parameter to ``{"type": "uniform", "min_value": 0.01, "max_value": 0.3}``; types:
        choice (values), randint (upper), uniform, loguniform (exponents of e), normal, lognormal (mu, sigma),
        and their q-forms (q).
    :param objective: ``{"goal": "minimize" or "maximize", "primary_metric": <MLflow metric>}``.
    :param sampling_algorithm: ``random``, ``grid``, ``bayesian``, or
        ``{"type": "random", "rule": "sobol", "seed": 7}``.
    :param limits: ``{"max_total_trials", "max_concurrent_trials", "timeout", "trial_timeout"}``; seconds.
    :param early_termination: ``{"type": "bandit", "slack_factor": 0.1, "evaluation_interval": 1}``,
        ``median_stopping`` or ``truncation_selection`` (truncation_percentage).

    XCom: as a command job's; after waiting also ``trials`` (how many) and ``best_trial``
    ``{"name", "params", "metric", "metrics"}``.
    """

    template_fields = (
        *AzureMLOperator.template_fields,
        *COMMON_FIELDS,
        "search_space",
        "objective",
        "sampling_algorithm",
        "early_termination",
    )
    template_fields_renderers = {  # noqa: RUF012
        **COMMON_RENDERERS,
        "search_space": "json",
        "objective": "json",
        "sampling_algorithm": "json",
        "early_termination": "json",
    }

    def __init__(
        self,
        *,
        search_space: Mapping[str, Any],
        objective: Mapping[str, str],
        sampling_algorithm: str | Mapping[str, Any] = "random",
        early_termination: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.search_space = search_space
        self.objective = objective
        self.sampling_algorithm = sampling_algorithm
        self.early_termination = early_termination

    def _read(self, base: Path) -> JobRequest:
        sampling = spec.parse_typed("sampling_algorithm", self.sampling_algorithm, model.SamplingAlgorithm)
        job = model.SweepJob(
            **self._read_common(),
            trial=model.Trial(**self._read_run()),
            search_space=parse_search_space(self.search_space),
            objective=spec.parse_objective("objective", self.objective),
            sampling_algorithm=sampling or model.SamplingAlgorithm("random"),
            limits=spec.parse_sweep_limits("limits", self.limits),
            early_termination=spec.parse_typed(
                "early_termination", self.early_termination, model.EarlyTermination
            ),
        )
        spec.check_sweep(job)
        return self._request(job, base)
