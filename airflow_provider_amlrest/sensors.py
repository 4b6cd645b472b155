"""A sensor that waits for a job that somebody else submitted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_amlrest.connection import DEFAULT_CONNECTION
from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.cancellation import JobCanceledError
from airflow_provider_amlrest.lifecycle.completion import (
    ERROR,
    TIMEOUT,
    Event,
    Wait,
    check_event,
    last_moments,
    look_patiently,
)
from airflow_provider_amlrest.lifecycle.masking import may_show
from airflow_provider_amlrest.lifecycle.record import JOB_LINKS, publish, publish_result
from airflow_provider_amlrest.lifecycle.results import JobFailedError, finish
from airflow_provider_amlrest.links import LinkingTask
from airflow_provider_amlrest.operators.base import UI_COLOR, fail_without_retries, started_at
from airflow_provider_amlrest.operators.rendering import AzureMLTemplates
from airflow_provider_amlrest.rest.http.errors import AzureMLError, NotFoundError
from airflow_provider_amlrest.rest.jobs.status import Outcome
from airflow_provider_amlrest.rest.reading.fields import check_name, text, text_list
from airflow_provider_amlrest.rest.reading.values import boolean

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest import AzureMLClient


NO_JOB = "JobNotFound"
"""Azure ML's code for a job that does not exist."""


class AzureMLJobSensor(AzureMLTemplates, LinkingTask, BaseSensorOperator):
    """Wait for a job by its name; fail, without retries, if it failed or was canceled.

    :param job_name: the job.
    :param azureml_conn_id: the connection.
    :param api_version: instead of the connection's.
    :param deferrable: wait in the triggerer, without a worker. Default: Airflow's ``[operators]
        default_deferrable``.
    :param require_metrics: names of metrics without which the task fails, though the job completed.
    :param multiple_outputs: push each member of the result as an XCom of its own too.

    ``poke_interval``, ``timeout`` and ``mode`` are those of every sensor. The job is never canceled.
    XCom: as of the operator that submitted the job and waited for it.
    """

    template_fields = ("job_name", "azureml_conn_id", "api_version", "deferrable", "require_metrics")
    text_fields = ("job_name", "azureml_conn_id", "api_version")
    ui_color = UI_COLOR
    operator_extra_links = JOB_LINKS

    def __init__(
        self,
        *,
        job_name: str,
        azureml_conn_id: str = DEFAULT_CONNECTION,
        api_version: str | None = None,
        deferrable: bool | str = conf.getboolean("operators", "default_deferrable", fallback=False),
        require_metrics: Sequence[str] | str = (),
        multiple_outputs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs, **kwargs)
        self.job_name = job_name
        self.azureml_conn_id = azureml_conn_id
        self.api_version = api_version
        self.deferrable = deferrable
        self.require_metrics = require_metrics
        self._waiting: Wait | None = None

    @cached_property
    def hook(self) -> AzureMLHook:
        """The hook, made when a task needs it."""
        from airflow_provider_amlrest.hook import AzureMLHook

        return AzureMLHook(self.azureml_conn_id, text("api_version", self.api_version))

    def poke(self, context: Context) -> PokeReturnValue | bool:
        """Look once at the job; if it is active and the sensor is deferrable, defer."""
        _, end = last_moments(started_at(context) + self.timeout, late=False)
        with fail_without_retries(), self.hook.new_client() as client, client.until(end):
            name = check_name("job_name", text("job_name", self.job_name))
            deferrable = boolean("deferrable", self.deferrable)
            text_list("require_metrics", self.require_metrics)
            event = self._look(client, name, context)
            if event is None and not deferrable:
                return False
            try:
                if event is None:
                    self._defer(name, context)
                result = self._conclude(client, event)
                publish_result(self, result, context)
                return PokeReturnValue(is_done=True, xcom_value=result)
            finally:
                self.hook.close()

    def execute_complete(self, context: Context, event: Event) -> dict[str, Any]:
        """Go on where the trigger has come to an end of the wait."""
        self.keep_links()
        with fail_without_retries(), self.hook.client() as client:
            result = self._conclude(client, check_event(event))
        publish_result(self, result, context)
        return result

    def _look(self, client: AzureMLClient, name: str, context: Context) -> Event | None:
        from airflow_provider_amlrest.rest.poll.look import Look

        try:
            job = client.get_job(name)
        except AzureMLError as error:
            if self._waiting is None and isinstance(error, NotFoundError) and error.inner_code == NO_JOB:
                raise self._no_such_job(client, error) from None
            # There being no such job, and no right to see it, is told at once.
            if self._waiting is None and not isinstance(error, patience.TRANSIENT):
                raise
            self._waiting = self._waiting or Wait(name, "unknown")
            return self._waiting.see(Look(None, error))
        if self._waiting is None:
            publish(self, job, context, shown=may_show(job))
            self._waiting = Wait(name, job.status)
        return self._waiting.see(Look(job, None))

    def _no_such_job(self, client: AzureMLClient, error: NotFoundError) -> AzureMLError:
        """The same with what to do.

        It is no hint of ``rest/http/hints.py``: to an operator that submits, a name without a job is a free
        one, and it made the name itself. Nor is the connection known there.
        """
        workspace = client.operations.workspace.name
        return AzureMLError(
            f"{error} The sensor waits for jobs that exist: let it follow the task that submits the job. Or "
            f"check job_name, and whether the job is in {workspace!r}, the workspace of the connection "
            f"{self.azureml_conn_id!r}."
        )

    def _defer(self, name: str, context: Context) -> NoReturn:
        from airflow_provider_amlrest.triggers import AzureMLJobTrigger

        self.defer(
            trigger=AzureMLJobTrigger(
                job_name=name,
                azureml_conn_id=self.azureml_conn_id,
                api_version=text("api_version", self.api_version),
                poll_interval=self.poke_interval,
                deadline=started_at(context) + self.timeout,
                job_status=self._waiting.status if self._waiting else "",
                cancel_on_kill=False,
            ),
            method_name="execute_complete",
        )
        raise AssertionError("defer() raises")

    def _conclude(self, client: AzureMLClient, event: Event) -> dict[str, Any]:
        """What the end of a wait means, wherever it was waited."""
        name = event["job_name"]
        if event["status"] == ERROR:
            raise AzureMLError(f"Azure ML job {name} can no longer be watched. {event['message']}")
        late = f"Azure ML job {name} did not end within {self.timeout:g} s"
        deadline, end = last_moments(event["deadline"], late=event["status"] == TIMEOUT)
        try:
            job = look_patiently(client, name, poll_interval=self.poke_interval, deadline=deadline)
        except AzureMLError as error:
            if event["status"] != TIMEOUT:
                raise
            raise AirflowSensorTimeout(f"{late}, and cannot be seen: {error}") from None
        studio_url = self.hook.studio_url(job)
        if job.outcome is Outcome.ACTIVE:
            if event["status"] == TIMEOUT:
                raise AirflowSensorTimeout(f"{late}, it is {job.status}. {studio_url}")
            raise AzureMLError(f"Azure ML job {name} is {job.status} for too long. {studio_url}")
        try:
            metrics = text_list("require_metrics", self.require_metrics)
            with client.until(end):
                return finish(client, job, studio_url, metrics, shown=may_show(job))
        except (JobFailedError, JobCanceledError) as error:
            # It has ended under this name: a retry would read the same.
            raise AirflowFailException(str(error)) from None
