"""The operator that registers components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.operators.base import AzureMLOperator, dag_folder, fail_without_retries

if TYPE_CHECKING:
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import Context


class AzureMLCreateComponentOperator(AzureMLOperator):
    """Register a version of a component, or find it: a second run does not register anything new.

    :param component: the path of a ``.yml`` or ``.yaml`` file (relative to the DAG's file), YAML text, or a
        mapping, in the format of the CLI's YAML; it has a ``name``. Code is uploaded, an environment that is
        defined in it registered, unless they are there already.
    :param version: the version; without it, that of the file, else one made of the content.

    XCom: ``{"id", "name", "version", "outcome"}``, where id is the ARM id, and outcome is ``registered`` or
    ``found``.
    """

    template_fields = (*AzureMLOperator.template_fields, "component", "version")
    text_fields = (*AzureMLOperator.text_fields, "version")
    template_fields_renderers = {"component": "yaml"}  # noqa: RUF012

    def __init__(
        self,
        *,
        component: str | PurePath | Mapping[str, Any],
        version: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.component = component
        self.version = version

    def execute(self, context: Context) -> dict[str, str]:
        """Register or find the version."""
        with fail_without_retries():
            from airflow_provider_amlrest.rest.jobs.component_files import read_component, register_component
            from airflow_provider_amlrest.rest.jobs.steps import component_steps
            from airflow_provider_amlrest.rest.reading.documents import read_document
            from airflow_provider_amlrest.rest.reading.fields import check_version, text
            from airflow_provider_amlrest.rest.reading.values import structured

            def render(source: str) -> str:
                return self.render_file("component", source, context)

            version = text("version", self.version)
            if version is not None:
                check_version("version", version)
            source = structured(self.component)
            document = read_document("component", source, dag_folder(context), render)
            component = read_component(document, component_steps)
            with self.hook.client() as client:
                found, new = register_component(client, component, version)
        outcome = "registered" if new else "found"
        self.log.info("Component %s, version %s: %s.", found.name, found.version, outcome)
        return {"id": found.id, "name": found.name, "version": found.version, "outcome": outcome}
