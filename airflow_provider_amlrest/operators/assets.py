"""Operators that register environments, code and data: same content, same asset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.links import AzureMLDataLink, AzureMLEnvironmentLink
from airflow_provider_amlrest.operators.base import (
    AzureMLOperator,
    dag_folder,
    fail_without_retries,
)
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import DATA_VERSION_LENGTH
from airflow_provider_amlrest.rest.reading.fields import (
    URI_SCHEMES,
    check_name,
    check_version,
    is_uri,
    one_of,
    path_text,
    string_map,
    text,
)
from airflow_provider_amlrest.rest.reading.values import (
    boolean,
    optional_seconds,
    required_seconds,
)

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path, PurePath

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest.assets.environment import Environment
    from airflow_provider_amlrest.rest.assets.upload.content import LocalContent


class AzureMLCreateEnvironmentOperator(AzureMLOperator):
    """Register a version of an environment, or find it: a second run does not register anything new.

    Give ``image``, ``conda_file`` or both; or ``build``.

    :param name: the environment's name.
    :param image: the Docker image that jobs run in; with a ``conda_file`` alone it is Azure ML's base image
        for CPUs.
    :param conda_file: conda packages on top of the image: the path of a file (relative to the DAG's),
        YAML text, or a mapping.
    :param build: ``{"path": folder, "dockerfile_path": "Dockerfile"}``: an image built from a local
        folder, which is uploaded, or from a URI.
    :param version: the version; if not given, it is derived from the content.
    :param os_type: ``Linux`` or ``Windows``.
    :param description: free text.
    :param tags: the version's tags.
    :param wait_for_build: wait until the service has provisioned the version (since api-version 2023-04-01).
        Azure ML builds the image itself when the first job needs it, see docs/operators.md.
    :param poll_interval: seconds between two reads of the version.
    :param timeout: seconds to wait; None: no limit. The next try continues to wait.

    XCom: ``{"id", "name", "version", "outcome"}``, where id is the ARM id, and outcome is ``registered`` or
    ``found``.
    """

    template_fields = (
        *AzureMLOperator.template_fields,
        "name",
        "image",
        "conda_file",
        "build",
        "version",
        "os_type",
        "description",
        "tags",
        "wait_for_build",
        "poll_interval",
        "timeout",
    )
    text_fields = (*AzureMLOperator.text_fields, "name", "image", "version", "os_type", "description")
    template_fields_renderers = {"conda_file": "yaml", "build": "json", "tags": "json"}  # noqa: RUF012
    operator_extra_links = (AzureMLEnvironmentLink(),)

    def __init__(
        self,
        *,
        name: str,
        image: str | None = None,
        conda_file: str | PurePath | Mapping[str, Any] | None = None,
        build: Mapping[str, str | PurePath] | None = None,
        version: str | None = None,
        os_type: str = "Linux",
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        wait_for_build: bool | str = False,
        poll_interval: float | str = 15.0,
        timeout: float | timedelta | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.image = image
        self.conda_file = conda_file
        self.build = build
        self.version = version
        self.os_type = os_type
        self.description = description
        self.tags = tags
        self.wait_for_build = wait_for_build
        self.poll_interval = poll_interval
        self.timeout = timeout

    def execute(self, context: Context) -> dict[str, str]:
        """Register or find the version."""
        with fail_without_retries():
            from airflow_provider_amlrest.rest.assets import ensure

            wait_for_build = boolean("wait_for_build", self.wait_for_build)
            poll_interval = required_seconds("poll_interval", self.poll_interval)
            timeout = optional_seconds("timeout", self.timeout)
            environment, build_context = self._read(dag_folder(context))
            with self.hook.client() as client:
                if wait_for_build:
                    ensure.check_reports_states(client)
                found, new = ensure.ensure_environment(client, environment, build_context)
                page = f"environments/{found.name}/version/{found.version}"
                url = self.publish(AzureMLEnvironmentLink, page, context)
                outcome = _outcome(new)
                self.log.info("Environment %s, version %s: %s. %s", found.name, found.version, outcome, url)
                if wait_for_build:
                    ensure.wait_until_provisioned(client, found, poll_interval=poll_interval, timeout=timeout)
        return {"id": found.id, "name": found.name, "version": found.version, "outcome": outcome}

    def _read(self, base: Path) -> tuple[Environment, LocalContent | None]:
        """What was asked for, with its version, and the files of a local build context."""
        from airflow_provider_amlrest.rest.assets.reading import read_environment

        check_name("name", text("name", self.name))
        return read_environment({name: getattr(self, name) for name in self.template_fields}, base)


class AzureMLUploadCodeOperator(AzureMLOperator):
    """Upload a local folder or file as a code asset, or find it: the same content is uploaded once.

    By-products such as ``__pycache__`` are left out, and the files that the folder's ``.amlignore``, or else
    the ``.gitignore`` files, list.

    :param path: the folder or file, relative to the DAG file.
    :param name: the asset's name; if not given, it is derived from the content.
    :param version: the version; if not given, it is derived from the content. Without name and version, any
        code of the workspace with the same content is used.

    XCom: ``{"id", "name", "version", "outcome"}``, where id is the ARM id, and outcome is ``registered`` or
    ``found``.
    """

    template_fields = (*AzureMLOperator.template_fields, "path", "name", "version")
    text_fields = (*AzureMLOperator.text_fields, "path", "name", "version")

    def __init__(
        self, *, path: str | PurePath, name: str | None = None, version: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.name = name
        self.version = version

    def execute(self, context: Context) -> dict[str, str]:
        """Upload and register the code, or find it."""
        with fail_without_retries():
            from airflow_provider_amlrest.rest.assets.ensure import ensure_code

            name, version = text("name", self.name), _version(self.version)
            if name is not None:
                check_name("name", name)
            from airflow_provider_amlrest.rest.assets.upload.content import read_local

            content = read_local("path", dag_folder(context), path_text("path", self.path))
            with self.hook.client() as client:
                code, new = ensure_code(client, content, name=name, version=version)
        self.log.info("Code %s, version %s: %s.", code.name, code.version, _outcome(new))
        return {"id": code.id, "name": code.name, "version": code.version, "outcome": _outcome(new)}


class AzureMLRegisterDataOperator(AzureMLOperator):
    """Register a version of a data asset, or find it. A local path is uploaded first.

    :param name: the asset's name.
    :param path: a URI (https, azureml, wasbs, abfss), or a local file or folder, relative to the DAG file.
    :param type: ``uri_file``, ``uri_folder`` or ``mltable``.
    :param version: the version; if not given, it is derived from the content, or from the URI.
    :param description: free text.
    :param tags: the version's tags.

    XCom: ``{"id", "name", "version", "type", "uri", "outcome"}``, where id is the ARM id, and outcome is
    ``registered`` or ``found``.
    """

    template_fields = (
        *AzureMLOperator.template_fields,
        "name",
        "path",
        "type",
        "version",
        "description",
        "tags",
    )
    text_fields = (*AzureMLOperator.text_fields, "name", "path", "type", "version", "description")
    template_fields_renderers = {"tags": "json"}  # noqa: RUF012
    operator_extra_links = (AzureMLDataLink(),)

    def __init__(
        self,
        *,
        name: str,
        path: str | PurePath,
        type: str = "uri_folder",  # noqa: A002
        version: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.path = path
        self.type = type
        self.version = version
        self.description = description
        self.tags = tags

    def execute(self, context: Context) -> dict[str, str]:
        """Register or find the data."""
        with fail_without_retries():
            from airflow_provider_amlrest.rest.assets.data import DATA_TYPES, Data
            from airflow_provider_amlrest.rest.assets.ensure import content_version, ensure_data

            name = check_name("name", text("name", self.name))
            one_of("type", self.type, DATA_TYPES)
            own_version = _version(self.version, DATA_VERSION_LENGTH)
            path = path_text("path", self.path)
            content, referenced = self._read_content(path, dag_folder(context))
            source = content.hash if content is not None else path.rstrip("/")
            version = own_version or content_version(self.type, source)
            description, tags = text("description", self.description), string_map("tags", self.tags)
            data = Data(name, version, self.type, path, description, tags, referenced_uris=referenced)
            with self.hook.client() as client:
                found, new = ensure_data(client, data, content)
        url = self.publish(AzureMLDataLink, f"data/{found.name}/{found.version}/details", context)
        self.log.info("Data %s, version %s: %s. %s", found.name, found.version, _outcome(new), url)
        return {
            "id": found.id,
            "name": found.name,
            "version": found.version,
            "type": found.type,
            "uri": found.uri,
            "outcome": _outcome(new),
        }

    def _read_content(self, path: str, base: Path) -> tuple[LocalContent | None, tuple[str, ...]]:
        """The files of local data, and what an mltable among them refers to."""
        if is_uri("path", path):
            return None, ()
        if "://" in path:
            raise InvalidSpecError("path", f"{path!r} must be local or one of {', '.join(URI_SCHEMES)}.")
        from airflow_provider_amlrest.rest.assets.upload.content import read_local

        content = read_local("path", base, path, is_data=True)
        if content.is_folder != (self.type != "uri_file"):
            is_one = "folder" if content.is_folder else "file"
            raise InvalidSpecError("type", f"{self.type!r} does not fit {path!r}, which is a {is_one}.")
        if self.type != "mltable":
            return content, ()
        from airflow_provider_amlrest.rest.assets.upload.mltable import referenced_uris

        return content, referenced_uris(content)


def _version(value: Any, longest: int | None = None) -> str | None:
    """The given version; None, also for an empty text, if it is derived from the content."""
    version = text("version", value)
    return check_version("version", version, longest) if version else None


def _outcome(new: bool) -> str:
    return "registered" if new else "found"
