"""What every kind of job has when it is asked for: its members, how they are read, and their body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_amlrest.rest.assets.uris import EXPRESSION
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.input_wire import input_body
from airflow_provider_amlrest.rest.jobs.inputs import read_inputs
from airflow_provider_amlrest.rest.jobs.job import DataInput, Identity, Input, Notifications, Output, Service
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import read_compute
from airflow_provider_amlrest.rest.jobs.reading import (
    parse_identity,
    parse_job_tier,
    parse_notifications,
    parse_outputs,
    parse_services,
)
from airflow_provider_amlrest.rest.jobs.words import IDENTITIES, NOTIFICATIONS, SERVICES
from airflow_provider_amlrest.rest.reading.fields import string_map, text
from airflow_provider_amlrest.rest.reading.text_limits import check_experiment, check_pairs, check_text
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2021_03, PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import NEVER, Feature
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import DATASTORE_URI, MODES, without_nones

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.reading.documents import Located


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """What all kinds of job share. Ids are ARM ids, or still to be looked up; times are seconds."""

    compute: str | Lookup | None = None
    """ARM id of the compute; None: serverless."""
    inputs: Mapping[str, Input | Lookup] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    experiment_name: str | None = None
    display_name: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    identity: Identity | None = None
    services: Mapping[str, Service] = field(default_factory=dict)
    job_tier: str | None = None
    """Queue setting: spot, basic, standard or premium."""
    notifications: Notifications | None = None
    """Whom Azure ML mails."""
    located: Located = field(default=nullcontext, compare=False, repr=False)
    """For errors about it that come later than its reading."""

    job_type: ClassVar[str]
    """The kind, as the wire spells it."""

    def placeholders(self) -> dict[str, Iterable[str]]:
        """The names that its command may refer to, by group, beside those of inputs."""
        return {"outputs": self.outputs}


COMMON_KEYS = {
    name: name
    for name in (
        *("display_name", "description", "experiment_name", "tags", "properties", "compute"),
        *("inputs", "outputs", "identity", "services", "queue_settings", "notification_setting"),
    )
} | {"name": "job_name"}
"""Members of the YAML of nearly every kind of job, and the argument that each is."""


def without(*names: str) -> dict[str, str]:
    """The members of a kind of job that does not have all."""
    return {name: argument for name, argument in COMMON_KEYS.items() if name not in names}


def read_common(given: Given) -> dict[str, Any]:
    """The members of a :class:`JobSpec`. Raises InvalidSpecError for one that is not what it must be."""
    return {
        "compute": read_compute("compute", text("compute", given["compute"])),
        "inputs": read_inputs("inputs", given["inputs"], given.base, given.input_mode),
        "outputs": parse_outputs("outputs", given["outputs"], given.output_mode),
        "experiment_name": check_experiment(
            "experiment_name", text("experiment_name", given["experiment_name"])
        ),
        "display_name": check_text("display_name", text("display_name", given["display_name"])),
        "description": check_text("description", text("description", given["description"])),
        "tags": check_pairs("tags", string_map("tags", given["tags"]), given.ours.tags),
        "properties": check_pairs(
            "properties", string_map("properties", given["properties"]), given.ours.properties
        ),
        "identity": parse_identity("identity", given["identity"]),
        "services": parse_services("services", given["services"]),
        "job_tier": parse_job_tier("queue_settings", given["queue_settings"]),
        "notifications": parse_notifications("notification_setting", given["notification_setting"]),
    }


def common_body(spelling: Spelling, job: JobSpec) -> Wire:
    """The members of a PUT's properties that every kind has."""
    return without_nones(
        computeId=job.compute,
        inputs={name: input_body(spelling, value) for name, value in job.inputs.items()},
        outputs={name: _output(spelling, value) for name, value in job.outputs.items()},
        experimentName=job.experiment_name,
        displayName=job.display_name,
        description=job.description,
        tags=dict(job.tags),
        properties=dict(job.properties),
        identity=_identity(job.identity),
        services={name: _service(value) for name, value in job.services.items()},
        queueSettings={"jobTier": job.job_tier.capitalize()} if job.job_tier else None,
        notificationSetting=_notifications(job.notifications),
    )


def common_body_2021(job: JobSpec) -> Wire:
    """The same for 2021-03-01-preview."""
    return without_nones(
        experimentName=job.experiment_name,
        description=job.description,
        tags=dict(job.tags),
        properties=dict(job.properties),
        identity=_identity(job.identity),
    )


def _output(spelling: Spelling, value: Output) -> dict[str, Any]:
    return without_nones(
        jobOutputType=spelling.type(value.type),
        mode=value.mode and MODES[value.mode],
        uri=value.uri,
        assetName=value.name,
    )


def _service(value: Service) -> dict[str, Any]:
    return without_nones(
        jobServiceType=SERVICES[value.type],
        port=value.port,
        properties=dict(value.properties),
        nodes={"nodesValueType": "All"} if value.all_nodes else None,
    )


def _notifications(value: Notifications | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {"emailOn": [NOTIFICATIONS[event] for event in value.email_on], "emails": list(value.emails)}


def _identity(value: Identity | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return without_nones(
        identityType=IDENTITIES[value.type],
        clientId=value.client_id,
        objectId=value.object_id,
        resourceId=value.resource_id,
    )


FEATURES = (
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
        JobSpec,
        "notification_setting",
        "notifications",
        "2024-04-01",
        lambda job: job.notifications is not None,
    ),
)
