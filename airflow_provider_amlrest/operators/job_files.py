"""The operator that submits any job by its YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.operators.base import dag_folder
from airflow_provider_amlrest.operators.steps import AzureMLStepsOperator

if TYPE_CHECKING:
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest.jobs.spec import JobSpec
    from airflow_provider_amlrest.rest.reading.documents import Document


class AzureMLSubmitJobOperator(AzureMLStepsOperator):
    """Submit any job by its YAML, as ``az ml job create --file`` does, once, and wait for its end.

    Jinja in the file is rendered when the task runs; ``${{...}}`` and ``$[[...]]`` stay Azure ML's.

    :param job: the path of a ``.yml`` or ``.yaml`` file (relative to the DAG's file), YAML text, or a
        mapping. Paths in a file are relative to it, other paths to the DAG's file.
    :param overrides: other values, as ``--set`` has them: ``{"inputs.epochs": 5, "compute": "gpu"}``.

    :param metrics_of: names of a pipeline's steps whose metrics are part of the result.

    The parameters of all operators that submit jobs follow, see :class:`AzureMLSubmitCommandJobOperator`.
    A ``name`` in the file is the ``job_name``.

    XCom: as of a command job; a sweep's as of :class:`AzureMLSubmitSweepJobOperator`, a pipeline's as of
    :class:`AzureMLSubmitPipelineJobOperator`.
    """

    template_fields = (*AzureMLStepsOperator.template_fields, "job", "overrides")
    template_fields_renderers = {"job": "yaml", "overrides": "json", "request_body": "json"}  # noqa: RUF012

    def __init__(
        self,
        *,
        job: str | PurePath | Mapping[str, Any],
        overrides: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.overrides = overrides
        self._name: str | None = None
        self._values: Mapping[str, Any] | None = None

    def _read(self, context: Context) -> JobSpec:
        from airflow_provider_amlrest.operators.reading import OURS
        from airflow_provider_amlrest.rest.jobs.job_files import read_job_file

        document = self._document(context)
        self._values = document.values
        job, self._name = read_job_file(document, OURS)
        return self._checked(job)

    @property
    def _chosen_name(self) -> Any:
        return self.job_name if self.job_name is not None else self._name

    def _document(self, context: Context) -> Document:
        from airflow_provider_amlrest.rest.reading.documents import overridden, read_document
        from airflow_provider_amlrest.rest.reading.values import mapping, structured

        def render(text: str) -> str:
            return self.render_file("job", text, context)

        document = read_document("job", structured(self.job), dag_folder(context), render)
        return overridden(document, mapping("overrides", self.overrides))

    def _what_is_rendered(self, context: Context) -> list[Any]:
        values = self._values
        if values is None:
            # Who resumes needs the file only for the secrets in it, and does without it if it has to.
            try:
                values = self._document(context).values
            except Exception as error:
                self.log.debug("The job's file cannot be read any more, and is not needed: %s", error)
        return [*super()._what_is_rendered(context), values]
