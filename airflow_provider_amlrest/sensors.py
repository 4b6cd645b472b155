"""A sensor that waits for a job that somebody else submitted."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_amlrest.completion import TRANSIENT, Weather
from airflow_provider_amlrest.connection import DEFAULT_CONNECTION
from airflow_provider_amlrest.links import STUDIO_LINK_KEY, AzureMLStudioLink
from airflow_provider_amlrest.operators.base import UI_COLOR, explained, text
from airflow_provider_amlrest.rest.spec import check_name
from airflow_provider_amlrest.rest.status import Outcome
from airflow_provider_amlrest.results import JobCanceledError, JobFailedError, finish

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.hook import AzureMLHook


class AzureMLJobSensor(BaseSensorOperator):
    """Wait for a job by its name; fail, without retries, if it failed or was canceled.

    :param job_name: the job.
    :param azureml_conn_id: the connection.
    :param api_version: instead of the connection's.
    :param multiple_outputs: push each member of the result as an XCom of its own too.

    ``poke_interval``, ``timeout`` and ``mode`` are those of every sensor. The job is never canceled.
    XCom: as of the operator that submitted the job and waited for it.
    """

    template_fields = ("job_name", "azureml_conn_id", "api_version")
    ui_color = UI_COLOR
    operator_extra_links = (AzureMLStudioLink(),)

    def __init__(
        self,
        *,
        job_name: str,
        azureml_conn_id: str = DEFAULT_CONNECTION,
        api_version: str | None = None,
        multiple_outputs: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs, **kwargs)
        self.job_name = job_name
        self.azureml_conn_id = azureml_conn_id
        self.api_version = api_version
        self._weather = Weather()
        self._last_status: str | None = None

    @cached_property
    def hook(self) -> AzureMLHook:
        """The hook, made when a task needs it."""
        from airflow_provider_amlrest.hook import AzureMLHook

        return AzureMLHook(self.azureml_conn_id, text("api_version", self.api_version))

    def poke(self, context: Context) -> PokeReturnValue | bool:
        """Look once at the job."""
        with explained(), self.hook.new_client() as client:
            try:
                job = client.get_job(check_name("job_name", text("job_name", self.job_name)))
            except TRANSIENT as error:
                self._weather.failed(error)
                return False
            self._weather.succeeded()
            studio_url = self.hook.studio_url(job)
            if job.status != self._last_status:
                self.log.info("Azure ML job %s is %s. %s", job.name, job.status, studio_url)
                if self._last_status is None and self.do_xcom_push:
                    context["ti"].xcom_push(key=STUDIO_LINK_KEY, value=studio_url)
                self._last_status = job.status
            if job.outcome is Outcome.ACTIVE:
                return False
            try:
                result = finish(client, job, studio_url)
            except (JobFailedError, JobCanceledError) as error:
                # It has ended under this name: a retry would read the same.
                raise AirflowFailException(str(error)) from None
            finally:
                self.hook.close()
            return PokeReturnValue(is_done=True, xcom_value=result)
