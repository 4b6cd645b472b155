"""What not every api-version can say. One table: it refuses, and the documentation is tested against it.

First versions are those of Microsoft's JSON Schemas, and of its bicep types for versions in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.assets.uris import EXPRESSION
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.job import DataInput, JobSpec
from airflow_provider_amlrest.rest.jobs.sweep import SweepJob, Trial
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2021_03, PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.words import DATASTORE_URI


@dataclass(frozen=True)
class Feature:
    """Something that the neutral model can say, and api-versions since one of them."""

    of: type | tuple[type, ...]
    """What has it: an asset, a job, a sweep's trial."""
    field: str
    """Its name in the operators, and so in errors."""
    what: str
    since: str
    used: Callable[[Any], bool]
    """Whether an asset or a job uses it; with ``each``, whether a member of the field does."""
    each: bool = False
    also: tuple[str, ...] = ()
    """Versions before ``since`` that have it nonetheless."""

    def is_in(self, api_version: str) -> bool:
        # Versions are dates: their order is that of text.
        return api_version >= self.since or api_version in self.also

    def fields(self, thing: Any) -> Iterator[str]:
        """The fields of an asset or a job that use it."""
        if not isinstance(thing, self.of):
            return
        if self.each:
            members = getattr(thing, self.field).items()
            yield from (f"{self.field}.{name}" for name, value in members if self.used(value))
        elif self.used(thing):
            yield self.field


RUN = (CommandJob, Trial)

NEVER = "none"
"""Since: only previews have it, of which this provider speaks none. It is greater than every date."""

FEATURES = (
    Feature(
        Environment,
        "build",
        "an environment from a build context",
        PREVIEW_2022_02,
        lambda environment: environment.build is not None,
    ),
    Feature(Data, "type", "mltable", PREVIEW_2022_02, lambda data: data.type == "mltable"),
    Feature(
        Data,
        "path",
        "a URI that is neither https nor azureml://datastores/<name>/paths/<path>",
        PREVIEW_2022_02,
        lambda data: not data.uri.startswith("https://") and not DATASTORE_URI.fullmatch(data.uri),
    ),
    Feature(
        JobSpec,
        "compute",
        "a job without one (serverless)",
        PREVIEW_2022_02,
        lambda job: job.compute is None,
    ),
    Feature(
        JobSpec,
        "inputs",
        "data that is not registered: a URI, an asset of a registry",
        PREVIEW_2022_02,
        lambda value: isinstance(value, DataInput) and not value.uri.lower().startswith("/subscriptions/"),
        each=True,
    ),
    Feature(
        JobSpec,
        "inputs",
        "a model, or an mltable",
        PREVIEW_2022_02,
        lambda value: isinstance(value, DataInput) and value.type not in ("uri_file", "uri_folder"),
        each=True,
    ),
    Feature(
        JobSpec,
        "outputs",
        "a type other than uri_folder",
        PREVIEW_2022_02,
        lambda output: output.type != "uri_folder",
        each=True,
    ),
    Feature(
        JobSpec,
        "outputs",
        "a path outside of the workspace's datastores",
        PREVIEW_2022_02,
        lambda output: output.uri is not None and not DATASTORE_URI.fullmatch(output.uri),
        each=True,
    ),
    Feature(
        JobSpec,
        "outputs",
        "an expression (${{...}}) in a path",
        PREVIEW_2022_02,
        lambda output: EXPRESSION.search(output.uri or "") is not None,
        each=True,
    ),
    Feature(
        JobSpec,
        "outputs",
        "the mode direct",
        "2024-04-01",
        lambda output: output.mode == "direct",
        each=True,
        also=(PREVIEW_2021_03,),
    ),
    Feature(
        JobSpec,
        "outputs",
        "a name to register an output under",
        "2025-12-01",
        lambda output: output.name is not None,
        each=True,
    ),
    Feature(
        JobSpec,
        "outputs",
        "the version to register an output under",
        NEVER,
        lambda output: output.version is not None,
        each=True,
    ),
    Feature(
        JobSpec,
        "display_name",
        "a display name",
        PREVIEW_2022_02,
        lambda job: job.display_name is not None,
    ),
    Feature(
        JobSpec,
        "identity",
        "the user's own identity (user_identity)",
        PREVIEW_2022_02,
        lambda job: job.identity is not None and job.identity.type == "user_identity",
    ),
    Feature(JobSpec, "services", "services", PREVIEW_2022_02, lambda job: bool(job.services)),
    Feature(
        JobSpec,
        "services",
        "a service on all nodes (all_nodes)",
        "2023-04-01",
        lambda service: service.all_nodes,
        each=True,
    ),
    Feature(JobSpec, "queue_settings", "queue settings", "2023-10-01", lambda job: job.job_tier is not None),
    Feature(
        RUN,
        "shm_size",
        "the size of shared memory",
        "2022-10-01",
        lambda run: run.resources.shm_size is not None,
    ),
    Feature(
        RUN,
        "docker_args",
        "arguments of docker run",
        "2022-10-01",
        lambda run: run.resources.docker_args is not None,
    ),
    Feature(
        RUN,
        "docker_args",
        "a list of arguments of docker run",
        "2025-12-01",
        lambda run: bool(run.resources.docker_args_list),
    ),
    Feature(
        RUN,
        "job_resources.properties",
        "properties of the resources",
        PREVIEW_2022_02,
        lambda run: bool(run.resources.properties),
    ),
    Feature(
        RUN,
        "job_resources.max_instance_count",
        "the most instances of a job",
        NEVER,
        lambda run: run.resources.max_instance_count is not None,
    ),
    Feature(
        RUN,
        "job_resources.locations",
        "the locations of a job",
        NEVER,
        lambda run: bool(run.resources.locations),
    ),
    Feature(
        SweepJob,
        "sampling_algorithm",
        "a rule or a seed",
        PREVIEW_2022_02,
        lambda job: job.sampling_algorithm.rule is not None or job.sampling_algorithm.seed is not None,
    ),
)

UPLOADS_BY_SERVICE = "2023-04-01"
"""The first version whose service finds code by its hash and hands out places to upload to."""

PROVISIONING_STATES = "2023-04-01"
"""The first version whose environments tell how far they are (``provisioningState``)."""


def refuse_unsupported(api_version: str, thing: Environment | Data | JobSpec) -> None:
    """Raises InvalidSpecError for what an asset or a job uses and the version cannot say."""
    things = (thing, thing.trial) if isinstance(thing, SweepJob) else (thing,)
    for feature in FEATURES:
        if not feature.is_in(api_version):
            for field in (field for thing in things for field in feature.fields(thing)):
                raise unsupported(api_version, field, feature.what, feature.since)


def unsupported(api_version: str, field: str, what: str, since: str) -> InvalidSpecError:
    """The error for a field that says what an api-version cannot; ``since``: the first later one that can."""
    if since == NEVER:
        return InvalidSpecError(
            field,
            f"api-version {api_version} cannot say {what}, nor can another one that this provider speaks. "
            "Leave it out.",
        )
    return InvalidSpecError(
        field,
        f"api-version {api_version} cannot say {what}; {since} is the first after it that can. "
        "Do without it, or set a newer api_version.",
    )
