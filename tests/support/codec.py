"""The functions that write and read assets and jobs, by name, for tests that go through all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from airflow_provider_amlrest.rest.assets.code import code_body, read_code
from airflow_provider_amlrest.rest.assets.data import data_body, read_data
from airflow_provider_amlrest.rest.assets.environment import environment_body, read_environment
from airflow_provider_amlrest.rest.assets.model import model_body, read_model
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.wire import job_body, read_job
from airflow_provider_amlrest.rest.versions.spelling import Spelling, spelling_of
from airflow_provider_amlrest.rest.workspace.resources import read_datastore

FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        code_body,
        data_body,
        environment_body,
        job_body,
        model_body,
        read_code,
        read_data,
        read_datastore,
        read_environment,
        read_job,
        read_model,
    )
}


class Codec:
    """Each function as a method, in one spelling."""

    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling

    def __getattr__(self, name: str) -> Any:
        return partial(FUNCTIONS[name], self.spelling)


def codec_for(api_version: str, workspace: WorkspaceId) -> Codec:
    """The codec of an api-version."""
    return Codec(spelling_of(api_version, workspace))
