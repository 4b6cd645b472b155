"""Jobs of every kind: what all have in common when they are asked for, and as the service has them.

Words and values are those of Azure ML's YAML (``uri_file``, ``ro_mount``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from airflow_provider_amlrest.rest.assets.uris import (
    DEFAULT_DATASTORE,
    EXPRESSION,
    resolve_expressions,
)
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.status import Outcome, classify
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2021_03, PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import NEVER, Feature
from airflow_provider_amlrest.rest.versions.words import DATASTORE_URI

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient


@dataclass(frozen=True)
class LiteralInput:
    value: str


@dataclass(frozen=True)
class DataInput:
    """``uri``: a data version's ARM id, an azureml:// path, or a URL. ``mode``: ro_mount, download..."""

    type: str
    uri: str
    mode: str | None = "ro_mount"


class InputLookup(Lookup):
    """An input whose data is still to be looked up, or uploaded. None: the service's type, or mode."""

    type: str | None
    mode: str | None

    @abstractmethod
    def find(self, client: AzureMLClient) -> DataInput:
        """As :class:`Lookup`."""


Input = LiteralInput | DataInput


@dataclass(frozen=True)
class Output:
    """``uri`` None: the service chooses the place. ``name``: also register it as this data or model,
    in this ``version``.

    In a URI the service resolves ``${{name}}``, ``${{output_name}}`` and ``${{default_datastore}}``.
    """

    type: str = "uri_folder"
    mode: str | None = "rw_mount"
    uri: str | None = None
    name: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Identity:
    """Whose rights the job has. ``type``: aml_token, managed or user_identity."""

    type: str
    client_id: str | None = None
    object_id: str | None = None
    resource_id: str | None = None


@dataclass(frozen=True)
class Service:
    """Something interactive beside the job. ``type``: ssh, jupyter_lab, tensor_board, vs_code or custom."""

    type: str
    port: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    all_nodes: bool = False


@dataclass(frozen=True)
class Notifications:
    """``email_on``: job_completed, job_failed, job_cancelled. ``emails``: addresses."""

    email_on: tuple[str, ...]
    emails: tuple[str, ...]


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

    job_type: ClassVar[str]
    """The kind, as the wire spells it."""

    def placeholders(self) -> dict[str, Iterable[str]]:
        """The names that its command may refer to, by group, beside those of inputs."""
        return {"outputs": self.outputs}


@dataclass(frozen=True)
class Job:
    id: str
    name: str
    type: str
    """Command, Sweep, Pipeline..."""
    status: str
    """As the service says it; see :mod:`status` for what it means."""
    display_name: str | None = None
    experiment_name: str | None = None
    studio_url: str | None = None
    compute: str | None = None
    created_at: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    inputs: Mapping[str, Input] = field(default_factory=dict)
    command: str | None = None
    """As the service has it; a sweep's is its trials', and so are environment and code."""
    environment: str | None = None
    """ARM id."""
    code: str | None = None
    """ARM id."""
    goal: str | None = None
    """A sweep's goal: minimize or maximize."""
    primary_metric: str | None = None
    limit: float | None = None
    """Seconds after which the service ends it (``limits.timeout``)."""

    @property
    def outcome(self) -> Outcome:
        return classify(self.status)

    @property
    def is_active(self) -> bool:
        """Whether it may still change its status."""
        return self.outcome is Outcome.ACTIVE

    def output_uris(self, run: str | None = None, datastore: str = DEFAULT_DATASTORE) -> dict[str, str]:
        """Where each named output lies, as ``azureml://`` or the URI that was asked for.

        An output without a URI of its own lies in the workspace's blob store, below the name of the run that
        wrote it (so Microsoft's SDK looks for it): the job's own, or that of a sweep's trial.

        :param datastore: what ``${{default_datastore}}`` in a URI means.
        """
        run = run or self.name
        folder = f"azureml://datastores/{DEFAULT_DATASTORE}/paths/azureml/{run}"
        return {
            name: resolve_expressions(
                output.uri or f"{folder}/{name}/", name=run, output=name, datastore=datastore
            )
            for name, output in self.outputs.items()
            if name != "default"
        }

    @property
    def best_trial_name(self) -> str | None:
        """A sweep's best trial as the service sees it, once one has reported the metric."""
        return self.properties.get("best_child_run_id")


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
