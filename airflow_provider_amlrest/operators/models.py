"""Operators for models: register, update, download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.links import AzureMLModelLink
from airflow_provider_amlrest.operators.base import AzureMLOperator, dag_folder, fail_without_retries

if TYPE_CHECKING:
    from pathlib import Path, PurePath

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest.assets.model import Model
    from airflow_provider_amlrest.rest.reading.documents import Document

_MEMBERS = ("name", "version", "path", "type", "description", "tags", "properties", "stage", "flavors")
"""Of the CLI's YAML, and arguments of ours."""


class AzureMLModelOperator(AzureMLOperator):
    """What the operators for a version of a model share."""

    operator_extra_links = (AzureMLModelLink(),)

    def publish_model(self, model: Model, context: Context) -> str:
        """Give the task a link to the version's page, and return its URL."""
        return self.publish(AzureMLModelLink, f"model/{model.name}:{model.version}/details", context)


class AzureMLRegisterModelOperator(AzureMLModelOperator):
    """Register a version of a model, or find it: from a job's output, local files or a URI.

    The same type, job and content are the same version again. A version that is found stays as it is, with
    the tags and the stage that it has now.

    :param name: the model's name.
    :param path: a local file or folder (relative to the DAG's file), which is uploaded, or a URI: ``azureml://``,
        ``https://``, ``runs:/<run>/<path>``. With ``job_name``: a path below the output.
    :param job_name: the job that wrote it, by its name or its result. It has completed; of a sweep, the best
        trial counts.
    :param job_output: the job's output; not needed if it has only one. ``artifacts``: what the run has logged
        to MLflow, at ``path``.
    :param step: the step of a pipeline that has the output.
    :param model: the same in the CLI's YAML: the path of a ``.yml`` or ``.yaml`` file, YAML text, or a
        mapping. Arguments that are given count more.
    :param type: ``custom_model``, ``mlflow_model`` or ``triton_model``; without it that of the output, else
        ``custom_model``.
    :param version: the version; without it, the number after the highest one.
    :param stage: such as ``Staging`` (since api-version 2023-04-01).
    :param tags: the version's tags.
    :param properties: its properties.
    :param description: free text.
    :param flavors: what can load it: ``{"sklearn": {"sklearn_version": "1.5"}}``.

    XCom: ``{"id", "name", "version", "type", "uri", "outcome"}``, where id is the ARM id, and outcome is
    ``registered`` or ``found``.
    """

    template_fields = (*AzureMLOperator.template_fields, *_MEMBERS, "job_name", "job_output", "step", "model")
    text_fields = (
        *AzureMLOperator.text_fields,
        *("name", "version", "path", "type", "description", "stage", "job_output", "step"),
    )
    template_fields_renderers = {  # noqa: RUF012
        "tags": "json",
        "properties": "json",
        "flavors": "json",
        "model": "yaml",
    }

    def __init__(
        self,
        *,
        name: str | None = None,
        path: str | PurePath | None = None,
        job_name: str | Mapping[str, Any] | None = None,
        job_output: str | None = None,
        step: str | None = None,
        model: str | PurePath | Mapping[str, Any] | None = None,
        type: str | None = None,  # noqa: A002
        version: str | None = None,
        stage: str | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        flavors: Mapping[str, Mapping[str, str]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.path = path
        self.job_name = job_name
        self.job_output = job_output
        self.step = step
        self.model = model
        self.type = type
        self.version = version
        self.stage = stage
        self.tags = tags
        self.properties = properties
        self.description = description
        self.flavors = flavors

    def execute(self, context: Context) -> dict[str, str]:
        """Register or find the version."""
        with fail_without_retries():
            from airflow_provider_amlrest.rest.assets.model_files import read_files, read_model_file
            from airflow_provider_amlrest.rest.assets.model_versions import ensure_model
            from airflow_provider_amlrest.rest.jobs.outputs import find_output
            from airflow_provider_amlrest.rest.reading.fields import path_text, text
            from airflow_provider_amlrest.rest.reading.references import job_reference
            from airflow_provider_amlrest.rest.reading.values import blank

            document = self._document(context)
            job = None if blank(self.job_name) else job_reference("job_name", self.job_name)
            if job is not None:
                place = (
                    text("job_output", self.job_output),
                    path_text("path", self.path),
                    text("step", self.step),
                )
                document = _of_a_job(document, job, *place[:2])
            model = read_model_file(document)
            content = read_files(model, document.folder)
            with self.hook.client() as client:
                if job is not None:
                    found_output = find_output(client, job, *place)
                    type_ = document.values.get("type") or found_output.type or model.type
                    model = replace(model, uri=found_output.uri, job_name=found_output.run, type=type_)
                found, new = ensure_model(client, model, content)
        outcome = "registered" if new else "found"
        archived = ", archived" if found.is_archived else ""
        url = self.publish_model(found, context)
        self.log.info("Model %s, version %s: %s%s. %s", found.name, found.version, outcome, archived, url)
        return {
            "id": found.id,
            "name": found.name,
            "version": found.version,
            "type": found.type,
            "uri": found.uri,
            "outcome": outcome,
        }

    def _document(self, context: Context) -> Document:
        """What was asked for in the words of the CLI; paths are relative to where they are written."""
        from airflow_provider_amlrest.rest.reading.documents import Document, read_document
        from airflow_provider_amlrest.rest.reading.values import blank, structured

        folder = dag_folder(context)
        document = Document({}, folder)
        if not blank(self.model):

            def render(source: str) -> str:
                return self.render_file("model", source, context)

            document = read_document("model", structured(self.model), folder, render)
        own = {name: getattr(self, name) for name in _MEMBERS if not blank(getattr(self, name))}
        return replace(
            document,
            values={**document.values, **own},
            folder=folder if "path" in own else document.folder,
        )


def _of_a_job(document: Document, job: str, output: str | None, path: str) -> Document:
    """The document with the place of a job's output, as far as it is known before the job is read."""
    from airflow_provider_amlrest.rest.assets.uris import ARTIFACTS, job_output
    from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

    if "://" in path or path.startswith(("/", "runs:/")):
        raise InvalidSpecError("path", f"{path!r} must be a path below the output, as there is a job_name.")
    if output == ARTIFACTS and not path:
        raise InvalidSpecError("path", "it is missing: where the run has logged the model, such as 'model'.")
    return replace(document, values={**document.values, "path": job_output(job, output or "output", path)})


class AzureMLUpdateModelOperator(AzureMLModelOperator):
    """Give a version of a model a stage, tags or a description, archive it, or restore it.

    If it is so already, nothing is sent. What is not given stays as it is.

    :param model: the version: ``iris:3``, ``iris@latest``, its ARM id, or an operator's result.
    :param stage: such as ``Production`` (since api-version 2023-04-01). Several versions can have the same.
    :param tags: tags that it gets; other tags stay. One whose value is None is removed.
    :param description: free text.
    :param archived: True archives it, False restores it.

    XCom: ``{"id", "name", "version", "stage", "archived", "outcome"}``, where id is the ARM id, and outcome
    is ``updated`` or ``unchanged``.
    """

    template_fields = (
        *AzureMLOperator.template_fields,
        *("model", "stage", "tags", "description", "archived"),
    )
    text_fields = (*AzureMLOperator.text_fields, "stage", "description")
    template_fields_renderers = {"tags": "json"}  # noqa: RUF012

    def __init__(
        self,
        *,
        model: str | Mapping[str, Any],
        stage: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        description: str | None = None,
        archived: bool | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.stage = stage
        self.tags = tags
        self.description = description
        self.archived = archived

    def execute(self, context: Context) -> dict[str, Any]:
        """Change the version, unless it is so already."""
        with fail_without_retries():
            from airflow_provider_amlrest.rest.assets.model_versions import find_model
            from airflow_provider_amlrest.rest.reading.fields import string_map, text
            from airflow_provider_amlrest.rest.reading.values import blank, boolean, mapping

            given = mapping("tags", self.tags)
            removed = [name for name, value in given.items() if value is None]
            tags = string_map("tags", {name: given[name] for name in given if name not in removed})
            own: dict[str, Any] = {
                "stage": text("stage", self.stage) or None,
                "description": text("description", self.description),
                "is_archived": None if blank(self.archived) else boolean("archived", self.archived),
            }
            own = {name: value for name, value in own.items() if value is not None}

            def change(model: Model) -> Model:
                kept = {name: value for name, value in model.tags.items() if name not in removed}
                return replace(model, tags={**kept, **tags}, **own)

            with self.hook.client() as client:
                found = find_model(client, "model", self.model)
                model, new = client.update_model(found.name, found.version, change)
        outcome = "updated" if new else "unchanged"
        url = self.publish_model(model, context)
        self.log.info("Model %s, version %s: %s. %s", model.name, model.version, outcome, url)
        return {
            "id": model.id,
            "name": model.name,
            "version": model.version,
            "stage": model.stage,
            "archived": model.is_archived,
            "outcome": outcome,
        }


class AzureMLDownloadModelOperator(AzureMLModelOperator):
    """Download a version of a model to a local folder, which is there when all of its files are.

    If the folder has exactly these files already, nothing is fetched. After a failure, the next try on the
    same machine continues.

    :param model: the version: ``iris:3``, ``iris@latest``, its ARM id, or an operator's result.
    :param path: the folder, relative to the DAG's file.
    :param overwrite: replace a folder that holds something else.

    XCom: ``{"id", "name", "version", "type", "path", "outcome"}``, where path is absolute, and outcome is
    ``downloaded`` or ``found``.
    """

    template_fields = (*AzureMLOperator.template_fields, "model", "path", "overwrite")
    text_fields = (*AzureMLOperator.text_fields, "path")

    def __init__(
        self,
        *,
        model: str | Mapping[str, Any],
        path: str | PurePath,
        overwrite: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.path = path
        self.overwrite = overwrite

    def execute(self, context: Context) -> dict[str, str]:
        """Download the files, or find them."""
        with fail_without_retries():
            from airflow_provider_amlrest.rest.assets.download import download_model
            from airflow_provider_amlrest.rest.assets.model_versions import find_model
            from airflow_provider_amlrest.rest.reading.values import boolean

            overwrite = boolean("overwrite", self.overwrite)
            target = self._target(dag_folder(context))
            with self.hook.client() as client:
                model = find_model(client, "model", self.model)
                url = self.publish_model(model, context)
                fetched = download_model(client, model, target, overwrite=overwrite)
        outcome = "downloaded" if fetched else "found"
        self.log.info("Model %s, version %s: %s in %s. %s", model.name, model.version, outcome, target, url)
        return {
            "id": model.id,
            "name": model.name,
            "version": model.version,
            "type": model.type,
            "path": str(target),
            "outcome": outcome,
        }

    def _target(self, base: Path) -> Path:
        from airflow_provider_amlrest.rest.assets.upload.content import local_path
        from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

        target = local_path("path", base, self.path).absolute()
        if base.resolve().is_relative_to(target.resolve()):
            raise InvalidSpecError(
                "path",
                f"{str(target)!r} holds the DAG's file. Give the model a folder of its own.",
            )
        return target
