"""Api-version 2021-03-01-preview: that of Microsoft's article "Train models with REST (preview)".

What this version cannot say is refused, never left out silently.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.command import CommandJob, Distribution, Resources
from airflow_provider_amlrest.rest.jobs.job import DataInput, Input, Job, LiteralInput, Output
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution, encode
from airflow_provider_amlrest.rest.jobs.sweep import SweepJob, Trial
from airflow_provider_amlrest.rest.versions import words
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2021_03 as API_VERSION
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import refuse_unsupported, unsupported
from airflow_provider_amlrest.rest.versions.words import DATASTORE_URI, without_nones
from airflow_provider_amlrest.rest.workspace.resources import Datastore

_DATASTORE_ID = re.compile(r"/datastores/(?P<datastore>[^/]+)$", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\$\{\{\s*(?P<group>inputs|outputs)\.(?P<name>[\w.\-]+?)\s*\}\}")
_SHELL_OPERATOR = re.compile(r"[;&|<>\n]")


@dataclass(frozen=True)
class Preview202103Codec:
    workspace: WorkspaceId
    api_version = API_VERSION
    uploads_by_service = False

    # assets

    def environment_body(self, environment: Environment) -> dict[str, Any]:
        refuse_unsupported(API_VERSION, environment)
        docker = {
            "dockerSpecificationType": "Image",
            "dockerImageUri": environment.image,
            "platform": {"operatingSystemType": environment.os_type},
        }
        return without_nones(
            docker=docker if environment.image else None,
            condaFile=words.conda_text(environment.conda),
            description=environment.description,
            tags=dict(environment.tags),
        )

    def read_environment(self, resource: Mapping[str, Any]) -> Environment:
        properties = words.properties_of(resource)
        docker = properties.get("docker") or {}
        name, version = words.asset_version(resource)
        return Environment(
            name,
            version,
            image=docker.get("dockerImageUri"),
            conda=words.read_conda(properties.get("condaFile")),
            os_type=(docker.get("platform") or {}).get("operatingSystemType") or "Linux",
            description=properties.get("description"),
            tags=words.text_map(properties.get("tags")),
            id=resource["id"],
        )

    def code_body(self, code: Code) -> dict[str, Any]:
        place = (
            {"datastoreId": self._datastore_id(code.datastore), "path": code.path}
            if code.datastore
            else {"path": code.uri}
        )
        hashes = {"hash_sha256": code.content_hash} if code.content_hash else {}
        return without_nones(**place, properties=hashes, description=code.description, tags=dict(code.tags))

    def read_code(self, resource: Mapping[str, Any]) -> Code:
        properties = words.properties_of(resource)
        name, version = words.asset_version(resource)
        datastore = _DATASTORE_ID.search(properties.get("datastoreId") or "")
        path = properties.get("path") or ""
        return Code(
            name,
            version,
            "" if datastore else path,
            datastore=datastore["datastore"] if datastore else None,
            path=path if datastore else None,
            content_hash=(properties.get("properties") or {}).get("hash_sha256"),
            description=properties.get("description"),
            tags=words.text_map(properties.get("tags")),
            id=resource["id"],
        )

    def data_body(self, data: Data) -> dict[str, Any]:
        refuse_unsupported(API_VERSION, data)
        match = DATASTORE_URI.fullmatch(data.uri)
        place = (
            {"datastoreId": self._datastore_id(match["datastore"]), "path": match["path"]}
            if match
            else {"path": data.uri}
        )
        # The version knows no file or folder: a tag keeps which one it was.
        tags = {**data.tags, "data_type": data.type}
        return without_nones(datasetType="Simple", **place, description=data.description, tags=tags)

    def read_data(self, resource: Mapping[str, Any]) -> Data:
        properties = words.properties_of(resource)
        name, version = words.asset_version(resource)
        tags = words.text_map(properties.get("tags"))
        path = properties.get("path") or ""
        folder = path.endswith("/") or "." not in path.rsplit("/", 1)[-1]
        return Data(
            name,
            version,
            tags.pop("data_type", "uri_folder" if folder else "uri_file"),
            _uri(properties),
            description=properties.get("description"),
            tags=tags,
            id=resource["id"],
        )

    def read_model(self, resource: Mapping[str, Any]) -> Model:
        """What this version does not say is the type."""
        properties = words.properties_of(resource)
        name, version = words.asset_version(resource)
        return Model(name, version, "custom_model", _uri(properties), resource["id"])

    def read_datastore(self, resource: Mapping[str, Any]) -> Datastore:
        contents = words.properties_of(resource).get("contents") or {}
        return words.read_datastore(resource["name"], contents, "contentsType")

    def _datastore_id(self, name: str | None) -> str | None:
        return str(self.workspace.resource("datastores", name)) if name else None

    # jobs

    def job_body(self, job: CommandJob | SweepJob) -> dict[str, Any]:
        refuse_unsupported(API_VERSION, job)
        body = self._sweep(job) if isinstance(job, SweepJob) else self._command(job)
        resources = job.trial.resources if isinstance(job, SweepJob) else job.resources
        return body | without_nones(
            compute=without_nones(
                target=job.compute,
                instanceCount=resources.instance_count,
                instanceType=resources.instance_type,
            ),
            experimentName=job.experiment_name,
            description=job.description,
            tags=dict(job.tags),
            properties=dict(job.properties),
            identity=words.identity(job.identity),
        )

    def _command(self, job: CommandJob) -> dict[str, Any]:
        return {
            "jobType": "Command",
            **self._run(job, job.command, job.inputs, job.outputs),
            **without_nones(timeout=words.iso_duration(job.timeout)),
        }

    def _sweep(self, job: SweepJob) -> dict[str, Any]:
        command, flags = _arguments_to_keys(job.trial.command, job.search_space)
        trial = self._run(job.trial, command, job.inputs, job.outputs)
        limits = job.limits
        return {
            "jobType": "Sweep",
            "algorithm": job.sampling_algorithm.type.capitalize(),
            "objective": words.objective(job.objective),
            "searchSpace": {flags[name]: encode(value) for name, value in job.search_space.items()},
            "trial": trial | without_nones(timeout=_minutes(limits.trial_timeout)),
            **without_nones(
                maxTotalTrials=limits.max_total_trials,
                maxConcurrentTrials=limits.max_concurrent_trials,
                timeout=_minutes(limits.timeout),
                earlyTermination=words.early_termination(job.early_termination),
            ),
        }

    def _run(
        self,
        job: CommandJob | Trial,
        command: str,
        inputs: Mapping[str, Input],
        outputs: Mapping[str, Output],
    ) -> dict[str, Any]:
        data = {name: value for name, value in inputs.items() if isinstance(value, DataInput)}
        return without_nones(
            command=_bind(command, inputs),
            environmentId=job.environment,
            codeId=job.code,
            environmentVariables=dict(job.environment_variables),
            distribution=self._distribution(job.distribution, job.resources),
            inputDataBindings={
                name: {"dataId": value.uri, "mode": words.MODES[value.mode]} for name, value in data.items()
            },
            outputDataBindings={name: self._output(value) for name, value in outputs.items()},
        )

    def _output(self, value: Output) -> dict[str, Any]:
        match = DATASTORE_URI.fullmatch(value.uri or "")
        return without_nones(
            mode=words.MODES[value.mode],
            datastoreId=self._datastore_id(match["datastore"]) if match else None,
            pathOnDatastore=match["path"] if match else None,
        )

    def _distribution(self, value: Distribution | None, resources: Resources) -> dict[str, Any] | None:
        if value is None:
            return None
        # This version counts PyTorch's processes over all nodes, later ones per node.
        total = (value.process_count_per_instance or 1) * resources.instance_count
        return without_nones(
            distributionType=words.DISTRIBUTIONS[value.type],
            processCount=total if value.type == "pytorch" else None,
            processCountPerInstance=value.process_count_per_instance if value.type == "mpi" else None,
            parameterServerCount=value.parameter_server_count,
            workerCount=value.worker_count,
        )

    def read_job(self, resource: Mapping[str, Any]) -> Job:
        properties = words.properties_of(resource)
        studio = (properties.get("interactionEndpoints") or {}).get("Studio") or {}
        bindings = properties.get("outputDataBindings") or (properties.get("trial") or {}).get(
            "outputDataBindings"
        )
        return Job(
            **words.read_job_base(resource),
            studio_url=studio.get("endpoint"),
            compute=(properties.get("compute") or {}).get("target"),
            outputs={name: self._read_output(value or {}) for name, value in (bindings or {}).items()},
            inputs={name: _read_input(value or {}) for name, value in _input_bindings(properties)},
        )

    def _read_output(self, binding: Mapping[str, Any]) -> Output:
        datastore = _DATASTORE_ID.search(binding.get("datastoreId") or "")
        path = binding.get("pathOnDatastore")
        uri = f"azureml://datastores/{datastore['datastore']}/paths/{path}" if datastore and path else None
        return Output(mode=words.MODES_BACK.get(binding.get("mode") or "", "rw_mount"), uri=uri)


def _uri(properties: Mapping[str, Any]) -> str:
    """Where an asset lies that is a path in a datastore, or a URI."""
    path = properties.get("path") or ""
    datastore = _DATASTORE_ID.search(properties.get("datastoreId") or "")
    return f"azureml://datastores/{datastore['datastore']}/paths/{path}" if datastore else path


def _input_bindings(properties: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    run = properties.get("trial") or properties
    return (run.get("inputDataBindings") or {}).items()


def _read_input(binding: Mapping[str, Any]) -> Input:
    """What this version does not say is the type."""
    mode = words.MODES_BACK.get(binding.get("mode") or "", "ro_mount")
    return DataInput("uri_folder", str(binding.get("dataId") or ""), mode)


def _bind(command: str, inputs: Mapping[str, Input]) -> str:
    """Write a command's placeholders as this version has them: data as variables, literals in place."""

    def replacement(match: re.Match[str]) -> str:
        group, name = match["group"], match["name"]
        value = inputs.get(name)
        if group == "inputs" and isinstance(value, LiteralInput):
            return shlex.quote(value.value)
        if not name.isidentifier():
            what = "a name that cannot be part of an environment variable's"
            raise unsupported(API_VERSION, f"{group}.{name}", what, PREVIEW_2022_02)
        return f"$AZURE_ML_{group.removesuffix('s').upper()}_{name}"

    return _PLACEHOLDER.sub(replacement, command)


def _arguments_to_keys(command: str, names: Mapping[str, SearchDistribution]) -> tuple[str, dict[str, str]]:
    """Take ``--lr ${{search_space.lr}}`` out of a command: this version appends ``--lr <value>`` itself.

    :return: the command without them, and the key of each parameter (``--lr``).
    """
    keys = {}
    for name in names:
        pattern = re.compile(
            rf"\s*(?P<flag>--?[\w\-]+)(?:\s+|=)[\"']?\$\{{\{{\s*search_space\.{re.escape(name)}\s*\}}\}}[\"']?"
        )
        found = list(pattern.finditer(command))
        used = len(re.findall(rf"\$\{{\{{\s*search_space\.{re.escape(name)}\s*\}}\}}", command))
        # The service appends to the whole command's end: what follows must be the same program's.
        if len(found) != used or used > 1 or (found and _SHELL_OPERATOR.search(command, found[0].end())):
            raise InvalidSpecError(
                f"search_space.{name}",
                f"api-version {API_VERSION} passes parameters only as arguments at the command's end: write "
                f"it once, as --{name} ${{{{search_space.{name}}}}}, in the command's last program.",
            )
        keys[name] = found[0]["flag"] if found else f"--{name}"
        command = pattern.sub("", command)
    return command, keys


def _minutes(seconds: float | None) -> str | None:
    """This version's sweep times have a precision of minutes."""
    return None if seconds is None else f"PT{max(1, -int(-seconds // 60))}M"
