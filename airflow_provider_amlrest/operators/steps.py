"""What the operators share whose jobs may have steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.operators.jobs import AzureMLJobOperator

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.jobs.spec import JobSpec


class AzureMLStepsOperator(AzureMLJobOperator):
    """See :class:`AzureMLSubmitPipelineJobOperator`."""

    template_fields = (*AzureMLJobOperator.template_fields, "metrics_of")

    def __init__(self, *, metrics_of: Sequence[str] | str = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.metrics_of = metrics_of

    def _checked(self, job: JobSpec) -> JobSpec:
        """The job, if it has the steps whose metrics are asked for. Raises InvalidSpecError otherwise."""
        from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
        from airflow_provider_amlrest.rest.reading.fields import text_list

        steps = getattr(job, "steps", {})
        for name in text_list("metrics_of", self.metrics_of):
            if name not in steps:
                has = f"it has: {', '.join(steps)}" if steps else "a job of this kind has none"
                raise InvalidSpecError("metrics_of", f"the job has no step {name!r}; {has}.")
        return job

    def _value(self, client: AzureMLClient, job: Job, result: dict[str, Any]) -> Any:
        from airflow_provider_amlrest.lifecycle.steps import metrics_of_steps
        from airflow_provider_amlrest.rest.reading.fields import text_list

        if names := text_list("metrics_of", self.metrics_of):
            result["step_metrics"] = metrics_of_steps(client, job, names)
        return super()._value(client, job, result)
