"""The operator that submits a pipeline of steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.operators.arguments import COMMON, Argument, names, renderers, texts
from airflow_provider_amlrest.operators.steps import AzureMLStepsOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest.jobs.spec import JobSpec

PIPELINE = (
    Argument("jobs", renderer="json"),
    Argument("settings", renderer="json"),
    *COMMON,
)


class AzureMLSubmitPipelineJobOperator(AzureMLStepsOperator):
    """Submit a pipeline job, once, and wait for its end.

    All arguments are those of the CLI's YAML; :class:`AzureMLSubmitJobOperator` takes the file itself.

    :param jobs: the steps by name: ``{"train": {"type": "command", "component": "azureml:train:1", "inputs":
        {"data": "${{parent.inputs.data}}"}, "outputs": {"model": "${{parent.outputs.model}}"}}}``. A
        ``component`` is a reference, the path of a file (relative to the DAG's file), or a definition; a step
        without one has its own ``command``, ``environment`` and ``code``.
    :param inputs: of the pipeline, as of :class:`AzureMLSubmitCommandJobOperator`.
    :param outputs: of the pipeline, likewise.
    :param settings: ``{"default_compute": "cpu-cluster", "default_datastore": ...,
        "continue_on_step_failure": True, "force_rerun": True}``.
    :param compute: of steps that name none.
    :param experiment_name: groups jobs in the Studio.
    :param display_name: the job's name in the Studio.
    :param description: free text.
    :param identity: as of :class:`AzureMLSubmitCommandJobOperator`.
    :param notification_setting: likewise.
    :param tags: the job's tags.
    :param properties: the job's properties; they cannot be changed later.

    :param metrics_of: names of steps whose metrics are part of the result.

    The parameters of all operators that submit jobs follow, see :class:`AzureMLSubmitCommandJobOperator`.
    XCom: as of a command job, and ``steps``: ``[{"name", "status", "seconds"}]``, failed ones first; with
    ``metrics_of`` also ``step_metrics``: the last values by step.
    """

    job_type = "Pipeline"
    template_fields = (*AzureMLStepsOperator.template_fields, *names(PIPELINE))
    template_fields_renderers = {**renderers(PIPELINE), "request_body": "json"}  # noqa: RUF012
    text_fields = (*AzureMLStepsOperator.text_fields, *texts(PIPELINE))

    def __init__(
        self,
        *,
        jobs: Mapping[str, Any],
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        compute: str | None = None,
        experiment_name: str | None = None,
        display_name: str | None = None,
        description: str | None = None,
        identity: str | Mapping[str, str] | None = None,
        notification_setting: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.jobs = jobs
        self.inputs = inputs
        self.outputs = outputs
        self.settings = settings
        self.compute = compute
        self.experiment_name = experiment_name
        self.display_name = display_name
        self.description = description
        self.identity = identity
        self.notification_setting = notification_setting
        self.tags = tags
        self.properties = properties

    def _read(self, context: Context) -> JobSpec:
        return self._checked(super()._read(context))
