"""The neutral vocabulary: what the client takes and gives, whatever the api-version.

Words and values are those of Azure ML's YAML (``uri_file``, ``ro_mount``, ``min_value``); a codec turns
them into the wire's. Nothing here imports anything of azure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_amlrest.rest.assets.uris import resolve_expressions
from airflow_provider_amlrest.rest.jobs.status import Outcome, classify

DEFAULT_DATASTORE = "workspaceblobstore"
DATA_TYPES = ("uri_file", "uri_folder", "mltable")
MODEL_TYPES = ("custom_model", "mlflow_model", "triton_model")


# What a workspace holds


@dataclass(frozen=True)
class Workspace:
    id: str
    name: str
    location: str
    discovery_url: str
    mlflow_tracking_uri: str


@dataclass(frozen=True)
class Compute:
    name: str
    type: str
    """AmlCompute, ComputeInstance, Kubernetes..."""
    state: str
    """Provisioning state: Succeeded, Creating, Failed..."""
    location: str = ""


@dataclass(frozen=True)
class Datastore:
    name: str
    type: str
    """AzureBlob, AzureFile..."""
    account_name: str
    container_name: str
    protocol: str = "https"
    endpoint: str = "core.windows.net"


@dataclass(frozen=True)
class DatastoreSecrets:
    """At most one of the two is set. Never printed."""

    account_key: str | None = field(default=None, repr=False)
    sas_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PendingUpload:
    """A place to upload to: a container's URL with its shared access signature. Never printed."""

    blob_uri: str
    sas_uri: str = field(repr=False)


# Assets


@dataclass(frozen=True)
class BuildContext:
    """A folder with a Dockerfile: its URI, and the file's path in it."""

    uri: str
    dockerfile_path: str = "Dockerfile"


@dataclass(frozen=True)
class Environment:
    """A version of an environment: an image or a build context, and the conda file on top of it."""

    name: str
    version: str
    image: str | None = None
    conda: Mapping[str, Any] | None = None
    build: BuildContext | None = None
    os_type: str = "Linux"
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    provisioning_state: str | None = None
    """Creating, Updating, Succeeded, Failed, Canceled...; None before api-version 2023-04-01. Read only."""


@dataclass(frozen=True)
class Code:
    """A version of a code asset. ``uri`` is the https URL of the folder's blobs.

    ``datastore`` and ``path`` say the same within a datastore, where it lies in one; api-version
    2021-03-01-preview wants it so.
    """

    name: str
    version: str
    uri: str
    datastore: str | None = None
    path: str | None = None
    content_hash: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True)
class Data:
    """A version of a data asset. ``type``: uri_file, uri_folder or mltable.

    ``referenced_uris``: what an mltable's definition refers to.
    """

    name: str
    version: str
    type: str
    uri: str
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    referenced_uris: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """A version of a model. ``type``: custom_model, mlflow_model or triton_model."""

    name: str
    version: str
    type: str
    uri: str
    id: str = ""


# Jobs, as they are asked for


@dataclass(frozen=True)
class LiteralInput:
    value: str


@dataclass(frozen=True)
class DataInput:
    """``uri``: a data version's ARM id, an azureml:// path, or a URL. ``mode``: ro_mount, download..."""

    type: str
    uri: str
    mode: str = "ro_mount"


Input = LiteralInput | DataInput


@dataclass(frozen=True)
class Output:
    """``uri`` None: the service chooses the place. ``name``: also register it as this data or model,
    in this ``version``.

    In a URI the service resolves ``${{name}}``, ``${{output_name}}`` and ``${{default_datastore}}``.
    """

    type: str = "uri_folder"
    mode: str = "rw_mount"
    uri: str | None = None
    name: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Resources:
    """``docker_args`` is one text; a list is another member on the wire."""

    instance_count: int = 1
    instance_type: str | None = None
    shm_size: str | None = None
    docker_args: str | None = None
    docker_args_list: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    max_instance_count: int | None = None
    locations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Distribution:
    """``type``: pytorch, mpi or tensorflow; the rest is that type's own."""

    type: str
    process_count_per_instance: int | None = None
    parameter_server_count: int | None = None
    worker_count: int | None = None


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
class Trial:
    """What a sweep runs over and over."""

    command: str
    environment: str
    code: str | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    distribution: Distribution | None = None
    resources: Resources = Resources()


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """What command and sweep jobs share. Ids are ARM ids; times are seconds."""

    compute: str | None = None
    """ARM id of the compute; None: serverless."""
    inputs: Mapping[str, Input] = field(default_factory=dict)
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


@dataclass(frozen=True, kw_only=True)
class CommandJob(JobSpec):
    command: str
    environment: str
    code: str | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    distribution: Distribution | None = None
    resources: Resources = Resources()
    timeout: float | None = None


@dataclass(frozen=True)
class SearchDistribution:
    """A parameter's distribution: its name in Azure ML and its arguments in the wire's order."""

    type: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Objective:
    """``goal``: minimize or maximize."""

    goal: str
    primary_metric: str


@dataclass(frozen=True)
class SamplingAlgorithm:
    """``type``: random, grid or bayesian; ``rule`` (random or sobol) and ``seed`` are random's."""

    type: str
    rule: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class EarlyTermination:
    """``type``: bandit, median_stopping or truncation_selection."""

    type: str
    evaluation_interval: int | None = None
    delay_evaluation: int | None = None
    slack_factor: float | None = None
    slack_amount: float | None = None
    truncation_percentage: int | None = None


@dataclass(frozen=True)
class SweepLimits:
    max_total_trials: int | None = None
    max_concurrent_trials: int | None = None
    timeout: float | None = None
    trial_timeout: float | None = None


@dataclass(frozen=True, kw_only=True)
class SweepJob(JobSpec):
    trial: Trial
    search_space: Mapping[str, SearchDistribution]
    objective: Objective
    sampling_algorithm: SamplingAlgorithm = SamplingAlgorithm("random")
    limits: SweepLimits = SweepLimits()
    early_termination: EarlyTermination | None = None


# Jobs, as the service tells of them


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


@dataclass(frozen=True)
class RunError:
    code: str
    """The innermost one."""
    message: str


@dataclass(frozen=True)
class Run:
    """A run as run history knows it: a job, or a sweep's trial."""

    name: str
    status: str
    start_time: str | None = None
    end_time: str | None = None
    error: RunError | None = None
    warnings: tuple[str, ...] = ()
    log_files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Path -> URL with a shared access signature, good for hours. Never printed."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Name -> id of the asset that it became, which ends in ``/data/<name>/versions/<version>``."""


@dataclass(frozen=True)
class RunChange:
    """Who changed a run last, as run history knows it."""

    by: str
    """A name; empty for the identity that submitted the run: the service's own changes bear its name, too."""
    cancel_reason: str


@dataclass(frozen=True)
class SweepTrial:
    """A trial of a sweep with its point in the search space and its last metrics."""

    name: str
    status: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    start_time: str | None = None
    end_time: str | None = None


@dataclass(frozen=True)
class MetricPoint:
    """A value that a run has logged of a metric. ``time``: seconds since the epoch."""

    step: int
    value: float
    time: float


@dataclass(frozen=True)
class Page:
    """One page of a list; ``next_link`` None: the last."""

    items: tuple[Any, ...]
    next_link: str | None = None
