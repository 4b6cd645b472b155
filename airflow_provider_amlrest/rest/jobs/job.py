"""Jobs of every kind: what all have in common when they are asked for, and as the service has them.

Words and values are those of Azure ML's YAML (``uri_file``, ``ro_mount``).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from airflow_provider_amlrest.rest.assets.data import DATA_TYPES
from airflow_provider_amlrest.rest.assets.model import MODEL_TYPES
from airflow_provider_amlrest.rest.assets.uris import (
    DEFAULT_DATASTORE,
    EXPRESSION,
    check_expressions,
    resolve_expressions,
)
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.status import Outcome, classify
from airflow_provider_amlrest.rest.reading.fields import (
    SOMETHING,
    URI_SCHEMES,
    check_name,
    check_unsigned,
    check_version,
    is_uri,
    no_other_keys,
    read_typed,
    string_map,
    word,
)
from airflow_provider_amlrest.rest.reading.values import (
    mapping,
    structured,
)
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2021_03, PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import NEVER, Feature
from airflow_provider_amlrest.rest.versions.words import DATASTORE_URI


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


@dataclass(frozen=True, kw_only=True)
class JobSpec(ABC):
    """What all kinds of job share. Ids are ARM ids; times are seconds."""

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

    job_type: ClassVar[str]
    """The kind, as the wire spells it."""

    def parts(self) -> tuple[object, ...]:
        """What may have what not every api-version can say: the job, and what it is made of."""
        return (self,)

    def placeholders(self) -> dict[str, Iterable[str]]:
        """The names that its command may refer to, by group, beside those of inputs."""
        return {"outputs": self.outputs}

    @abstractmethod
    def with_run(self, environment: str, code: str | None) -> Self:
        """The same with these ids in what it runs."""


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
)


INPUT_MODES = ("ro_mount", "rw_mount", "download", "direct", "eval_mount", "eval_download")
OUTPUT_MODES = ("rw_mount", "upload", "direct")
JOB_TIERS = ("spot", "basic", "standard", "premium")
SERVICE_TYPES = ("ssh", "jupyter_lab", "tensor_board", "vs_code", "custom")
_SERVICE_PROPERTIES = {"log_dir": ("tensor_board", "logDir"), "ssh_public_keys": ("ssh", "sshPublicKeys")}
"""Members of a service in the CLI: of which type, and the property that each is."""
_GUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def parse_literal(field: str, value: Any) -> LiteralInput:
    """A literal input. The wire takes text only, so numbers and booleans become text.

    Raises InvalidSpecError for what is none, and as :func:`check_unsigned`.
    """
    if not isinstance(value, str | int | float | bool):
        raise InvalidSpecError(
            field,
            f"{value!r} is no input. Use text, a number or a boolean for a literal; for data a reference, "
            'or {"type": "uri_file", "path": "azureml:name:version"}.',
        )
    if not SOMETHING.search(str(value)):
        raise InvalidSpecError(
            field,
            f"{value!r} is no input, as it has no letter or digit; leave the input out, or write it into "
            "the command.",
        )
    return LiteralInput(check_unsigned(field, str(value)))


def parse_outputs(field: str, value: Any) -> dict[str, Output]:
    """Read ``{name: {"type": "uri_folder", "mode": ..., "path": ..., "name": ...}}``, or ``{name: type}``."""
    outputs = {}
    for name, spec in mapping(field, value).items():
        where, spec = f"{field}.{name}", structured(spec)
        spec = {} if spec is None else {"type": spec} if isinstance(spec, str) else mapping(where, spec)
        no_other_keys(where, spec, {"type", "mode", "path", "name", "version"})
        path, asset, version = spec.get("path"), spec.get("name"), spec.get("version")
        if path is not None and not is_uri(f"{where}.path", path):
            raise InvalidSpecError(f"{where}.path", f"{path!r} must begin with {' or '.join(URI_SCHEMES)}.")
        check_expressions(f"{where}.path", path or "")
        outputs[str(name)] = Output(
            word(f"{where}.type", spec.get("type") or "uri_folder", DATA_TYPES + MODEL_TYPES),
            word(f"{where}.mode", spec.get("mode") or "rw_mount", OUTPUT_MODES, {"mount": "rw_mount"}),
            path,
            check_name(f"{where}.name", asset) if asset is not None else None,
            check_version(f"{where}.version", str(version)) if version is not None else None,
        )
    return outputs


def parse_identity(field: str, value: Any) -> Identity | None:
    """Read ``{"type": "managed", "client_id": ...}``, or the type alone."""
    given = structured(value)
    if isinstance(given, Mapping) and "msi_resource_id" in given:
        given = {**given}
        given.setdefault("resource_id", given.pop("msi_resource_id"))
    types, aliases = ("aml_token", "managed", "user_identity"), {"managed_identity": "managed"}
    identity = read_typed(field, given, Identity, types, aliases)
    for name in ("client_id", "object_id"):
        guid = getattr(identity, name, None)
        if guid is not None and not _GUID.fullmatch(guid):
            raise InvalidSpecError(f"{field}.{name}", f"{guid!r} is no GUID.")
    return identity


def parse_services(field: str, value: Any) -> dict[str, Service]:
    """Read ``{name: {"type": "ssh", ...}}``."""
    services = {}
    for name, spec in mapping(field, value).items():
        where = f"{field}.{name}"
        service = read_typed(where, _service(where, spec), Service, SERVICE_TYPES)
        if service is not None:
            properties = string_map(f"{field}.{name}.properties", service.properties)
            services[str(name)] = replace(service, properties=properties)
    return services


def _service(field: str, value: Any) -> Any:
    """A service in the words of the wire, which has those of the CLI among its properties."""
    if not isinstance(value, Mapping):
        return value
    service = dict(value)
    nodes = service.pop("nodes", None)
    if nodes is not None:
        word(f"{field}.nodes", nodes, ("all",))
        service["all_nodes"] = True
    for member, (kind, key) in _SERVICE_PROPERTIES.items():
        if (text := service.pop(member, None)) is not None:
            word(f"{field}.type, which has {member},", service.get("type"), (kind,))
            service["properties"] = {**mapping(f"{field}.properties", service.get("properties")), key: text}
    return service


def parse_job_tier(field: str, value: Any) -> str | None:
    """Read ``{"job_tier": "spot"}``."""
    settings = mapping(field, value)
    no_other_keys(field, settings, {"job_tier"})
    if settings.get("job_tier") is None:
        return None
    return word(f"{field}.job_tier", settings["job_tier"], JOB_TIERS)
