"""One codec for each family of api-versions: the neutral model to the wire's JSON, and back."""

from __future__ import annotations

from typing import Any, Protocol

from airflow_provider_amlrest.rest.codecs.versions import API_VERSIONS, DEFAULT_API_VERSION, PREVIEW_2021_03
from airflow_provider_amlrest.rest.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.model import (
    Code,
    CommandJob,
    Data,
    Datastore,
    Environment,
    Job,
    SweepJob,
)

Wire = dict[str, Any]


class Codec(Protocol):
    """``*_body`` gives a PUT's ``properties``; ``read_*`` takes a whole ARM resource."""

    uploads_by_service: bool
    """Whether the service finds code by its hash and hands out places to upload to."""

    def environment_body(self, environment: Environment) -> Wire: ...
    def read_environment(self, resource: Wire) -> Environment: ...
    def code_body(self, code: Code) -> Wire: ...
    def read_code(self, resource: Wire) -> Code: ...
    def data_body(self, data: Data) -> Wire: ...
    def read_data(self, resource: Wire) -> Data: ...
    def read_datastore(self, resource: Wire) -> Datastore: ...
    def job_body(self, job: CommandJob | SweepJob) -> Wire: ...
    def read_job(self, resource: Wire) -> Job: ...


def codec_for(api_version: str, workspace: WorkspaceId) -> Codec:
    """The codec of an api-version. Raises InvalidSpecError for one that has none, naming those that have."""
    # Not above: connection forms import this package for its versions alone.
    from airflow_provider_amlrest.rest.codecs.current import CurrentCodec
    from airflow_provider_amlrest.rest.codecs.preview_2021_03 import Preview202103Codec

    if api_version == DEFAULT_API_VERSION:
        return CurrentCodec(workspace)
    if api_version == PREVIEW_2021_03:
        return Preview202103Codec(workspace)
    raise InvalidSpecError("api_version", f"{api_version!r} is not one of: {', '.join(API_VERSIONS)}.")
