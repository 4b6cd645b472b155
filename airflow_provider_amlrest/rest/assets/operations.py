"""Operations on environments, code, data, models and components."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

from airflow_provider_amlrest.rest.assets.code import HASH_VERSION, Code, PendingUpload, code_body, read_code
from airflow_provider_amlrest.rest.assets.component import (
    Component,
    check_components,
    component_body,
    read_component,
)
from airflow_provider_amlrest.rest.assets.data import Data, data_body, read_data
from airflow_provider_amlrest.rest.assets.environment import Environment, environment_body, read_environment
from airflow_provider_amlrest.rest.assets.model import Model, changed_body, model_body, read_model
from airflow_provider_amlrest.rest.calls import Calls
from airflow_provider_amlrest.rest.http.call import Flow
from airflow_provider_amlrest.rest.http.cloud import check_url
from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError, NotFoundError
from airflow_provider_amlrest.rest.http.paging import Page
from airflow_provider_amlrest.rest.ids import path_segment
from airflow_provider_amlrest.rest.versions.spelling import UPLOADS_BY_SERVICE

NEWEST_FIRST = {"$orderBy": quote("createdtime desc")}
"""Order of a list of versions. azure-core does not encode parameters, so they are encoded here."""


class AssetOperations(Calls):
    """Requests for assets: each asset is a name with versions that cannot be changed."""

    def get_environment(self, name: str, version: str) -> Flow[Environment]:
        """A version of an environment. Raises NotFoundError."""
        return read_environment(
            self.spelling, (yield from self._resource("GET", _version("environments", name, version)))
        )

    def get_latest_environment(self, name: str) -> Flow[Environment]:
        """The version that was created last. Raises NotFoundError if there is none."""
        return read_environment(self.spelling, (yield from self._latest("environments", name)))

    def create_environment(self, environment: Environment) -> Flow[Environment]:
        """Register a version. Raises ConflictError if it exists with other content."""
        path = _version("environments", environment.name, environment.version)
        return read_environment(
            self.spelling, (yield from self._put(path, environment_body(self.spelling, environment)))
        )

    def get_code(self, name: str, version: str) -> Flow[Code]:
        """A version of a code asset. Raises NotFoundError."""
        return read_code(self.spelling, (yield from self._resource("GET", _version("codes", name, version))))

    def get_latest_code(self, name: str) -> Flow[Code]:
        """The version that was created last. Raises NotFoundError if there is none."""
        return read_code(self.spelling, (yield from self._latest("codes", name)))

    def find_code(self, content_hash: str) -> Flow[Code | None]:
        """Code with this content hash and any name: the service searches the whole workspace.

        Raises InvalidSpecError for an api-version before 2023-04-01.
        """
        self._check_uploads_by_service()
        query = {"hash": content_hash, "hashVersion": HASH_VERSION}
        # The name in the path is not used for the search, but the route requires one.
        answer = yield from self._get(f"codes/{path_segment(content_hash[:32])}/versions", query)
        for resource in answer.get("value") or ():
            return read_code(self.spelling, resource)
        return None

    def start_pending_upload(
        self, name: str, version: str, upload_id: str | None = None
    ) -> Flow[PendingUpload]:
        """Request a place to upload code to.

        :param upload_id: a GUID for this upload; None: the service creates one, and each call returns a
            new container.
        :raises InvalidSpecError: for an api-version before 2023-04-01.
        """
        self._check_uploads_by_service()
        path = f"{_version('codes', name, version)}/startPendingUpload"
        body = {"pendingUploadType": "TemporaryBlobReference"}
        if upload_id is not None:
            body["pendingUploadId"] = upload_id
        answer = yield from self._call("POST", path, body)
        reference = answer.get("blobReferenceForConsumption") or {}
        sas_uri = (reference.get("credential") or {}).get("sasUri") or ""
        if not sas_uri:
            raise AzureMLError(f"POST {path}: the answer has no shared access signature.")
        self._mask_signature(sas_uri.partition("?")[2])
        check_url(sas_uri)
        return PendingUpload(reference.get("blobUri") or sas_uri.partition("?")[0], sas_uri)

    def create_code(self, code: Code) -> Flow[Code]:
        """Register a version. Raises ConflictError if it exists with another path."""
        path = _version("codes", code.name, code.version)
        return read_code(self.spelling, (yield from self._put(path, code_body(self.spelling, code))))

    def get_data(self, name: str, version: str) -> Flow[Data]:
        """A version of a data asset. Raises NotFoundError."""
        return read_data(self.spelling, (yield from self._resource("GET", _version("data", name, version))))

    def get_latest_data(self, name: str) -> Flow[Data]:
        """The version that was created last. Raises NotFoundError if there is none."""
        return read_data(self.spelling, (yield from self._latest("data", name)))

    def create_data(self, data: Data) -> Flow[Data]:
        """Register a version. Raises ConflictError if it exists with another path."""
        path = _version("data", data.name, data.version)
        return read_data(self.spelling, (yield from self._put(path, data_body(self.spelling, data))))

    def get_model(self, name: str, version: str) -> Flow[Model]:
        """A version of a model. Raises NotFoundError."""
        return read_model(
            self.spelling, (yield from self._resource("GET", _version("models", name, version)))
        )

    def get_latest_model(self, name: str) -> Flow[Model]:
        """The version that was created last. Raises NotFoundError if there is none."""
        return read_model(self.spelling, (yield from self._latest("models", name)))

    def list_models(self, name: str, next_link: str | None = None) -> Flow[Page]:
        """All versions of a model, archived ones too, newest first, as an iterator of :class:`Model`."""
        query = NEWEST_FIRST if self.spelling.is_of_2021 else {**NEWEST_FIRST, "listViewType": "All"}
        path = f"models/{path_segment(name)}/versions"
        return (yield from self._page(path, next_link, partial(read_model, self.spelling), query))

    def create_model(self, model: Model) -> Flow[Model]:
        """Register a version. The service refuses (400 or 409) one that exists with other files."""
        path = _version("models", model.name, model.version)
        return read_model(self.spelling, (yield from self._put(path, model_body(self.spelling, model))))

    def update_model(
        self, name: str, version: str, change: Callable[[Model], Model]
    ) -> Flow[tuple[Model, bool]]:
        """Change what may change of a version: description, tags, properties, stage, whether it is archived.

        ARM has no PATCH of a model: it is read, and what was read is sent back, changed. A change by somebody
        else between the two is lost. Raises NotFoundError, and InvalidSpecError as :func:`model_body`.

        :param change: what it should be, from what it is. If that is the same, nothing is sent.
        :return: the version as it is now, and whether anything was sent.
        """
        path = _version("models", name, version)
        resource = yield from self._resource("GET", path)
        found = read_model(self.spelling, resource)
        wanted = change(found)
        if wanted == found:
            return found, False
        changed = yield from self._put(path, changed_body(self.spelling, resource, wanted))
        return read_model(self.spelling, changed), True

    def get_component(self, name: str, version: str) -> Flow[Component]:
        """A version of a component. Raises NotFoundError, and InvalidSpecError for 2021-03-01-preview."""
        check_components(self.spelling)
        return read_component(
            self.spelling, (yield from self._resource("GET", _version("components", name, version)))
        )

    def get_latest_component(self, name: str) -> Flow[Component]:
        """The version that was created last. Raises NotFoundError if there is none."""
        check_components(self.spelling)
        return read_component(self.spelling, (yield from self._latest("components", name)))

    def create_component(self, component: Component) -> Flow[Component]:
        """Register a version. Raises ConflictError if it exists with another definition."""
        path = _version("components", component.name, component.version)
        return read_component(
            self.spelling, (yield from self._put(path, component_body(self.spelling, component)))
        )

    def _latest(self, kind: str, name: str) -> Flow[dict[str, Any]]:
        path = f"{kind}/{path_segment(name)}/versions"
        answer = yield from self._get(path, {**NEWEST_FIRST, "$top": "1"})
        for resource in answer.get("value") or ():
            return dict(resource)
        raise NotFoundError(f"GET {path}", 404, message=f"{name} has no version.")

    def _check_uploads_by_service(self) -> None:
        if not self.spelling.uploads_by_service:
            raise InvalidSpecError(
                "api_version",
                f"{self.api_version} can neither search code by its hash nor provide places to upload to; "
                f"{UPLOADS_BY_SERVICE} is the first that can.",
            )


def _version(kind: str, name: str, version: str) -> str:
    return f"{kind}/{path_segment(name)}/versions/{path_segment(version)}"
