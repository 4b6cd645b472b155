"""Jobs as the service has them, and what they are made of: inputs, outputs, an identity, services.

Words and values are those of Azure ML's YAML (``uri_file``, ``ro_mount``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.assets.uris import (
    DEFAULT_DATASTORE,
    resolve_expressions,
)
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.status import Outcome, classify

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
    jobs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """A pipeline's steps as the service has them, for :func:`plan.read_plan`; with all that is in them."""

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
