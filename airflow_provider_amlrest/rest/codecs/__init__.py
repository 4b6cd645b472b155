"""One codec for each family of api-versions: the neutral model to the wire's JSON, and back."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Protocol

from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.jobs.sweep import SweepJob
from airflow_provider_amlrest.rest.versions.api_versions import (
    API_VERSIONS,
    LAST_KNOWN,
    PREVIEW_2021_03,
    version_problem,
)
from airflow_provider_amlrest.rest.workspace.resources import Datastore

log = logging.getLogger(__name__)

Wire = dict[str, Any]


class Codec(Protocol):
    """``*_body`` gives a PUT's ``properties``; ``read_*`` takes a whole ARM resource."""

    @property
    def api_version(self) -> str:
        """What requests carry."""

    @property
    def uploads_by_service(self) -> bool:
        """Whether the service finds code by its hash and hands out places to upload to."""

    def environment_body(self, environment: Environment) -> Wire: ...
    def read_environment(self, resource: Wire) -> Environment: ...
    def code_body(self, code: Code) -> Wire: ...
    def read_code(self, resource: Wire) -> Code: ...
    def data_body(self, data: Data) -> Wire: ...
    def read_data(self, resource: Wire) -> Data: ...
    def read_model(self, resource: Wire) -> Model: ...
    def read_datastore(self, resource: Wire) -> Datastore: ...
    def job_body(self, job: CommandJob | SweepJob) -> Wire: ...
    def read_job(self, resource: Wire) -> Job: ...


def codec_for(api_version: str, workspace: WorkspaceId) -> Codec:
    """The codec of an api-version; of the last known one for a version that is newer, which is logged once.

    Raises InvalidSpecError for any other version, naming those that there are.
    """
    # Not above: connection forms import this package for its versions alone.
    from airflow_provider_amlrest.rest.codecs.preview_2021_03 import Preview202103Codec
    from airflow_provider_amlrest.rest.codecs.v2 import V2Codec

    problem = version_problem(api_version)
    if problem:
        raise InvalidSpecError("api_version", f"{problem}.")
    if api_version not in API_VERSIONS:
        _log_newer(api_version)
        api_version = LAST_KNOWN
    if api_version == PREVIEW_2021_03:
        return Preview202103Codec(workspace)
    return V2Codec(workspace, api_version)


@cache
def _log_newer(api_version: str) -> None:
    log.warning(
        "api-version %s is newer than those this provider knows: %s is used instead.", api_version, LAST_KNOWN
    )
