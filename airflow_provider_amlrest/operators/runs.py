"""What the operators share whose arguments describe one command: of a job, or of a sweep's trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_amlrest.operators.arguments import RUN, texts
from airflow_provider_amlrest.operators.base import dag_folder
from airflow_provider_amlrest.operators.jobs import AzureMLJobOperator

if TYPE_CHECKING:
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest.jobs.spec import JobSpec


class AzureMLRunOperator(AzureMLJobOperator):
    """See :class:`AzureMLSubmitCommandJobOperator`."""

    job_type: ClassVar[str]
    """The kind of its jobs, as the wire spells it."""
    text_fields = (*AzureMLJobOperator.text_fields, *texts(RUN))

    def __init__(
        self,
        *,
        command: str,
        environment: str | Mapping[str, str],
        compute: str | None = None,
        code: str | PurePath | Mapping[str, str] | None = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        experiment_name: str | None = None,
        display_name: str | None = None,
        description: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        instance_count: int | str = 1,
        instance_type: str | None = None,
        shm_size: str | None = None,
        docker_args: str | Sequence[str] | None = None,
        job_resources: Mapping[str, Any] | None = None,
        distribution: str | Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
        identity: str | Mapping[str, str] | None = None,
        services: Mapping[str, Any] | None = None,
        queue_settings: Mapping[str, str] | None = None,
        notification_setting: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
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
        self.job_resources = job_resources
        self.distribution = distribution
        self.limits = limits
        self.identity = identity
        self.services = services
        self.queue_settings = queue_settings
        self.notification_setting = notification_setting
        self.tags = tags
        self.properties = properties

    def _read(self, context: Context) -> JobSpec:
        from airflow_provider_amlrest.operators.reading import read_job

        return read_job(self, dag_folder(context))
