"""The family of Azure ML v2: 2022-02-01-preview and all api-versions after it.

They differ in what they can say, see :mod:`features`, and the first of them in its spelling of types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_amlrest.rest.assets.code import Code
from airflow_provider_amlrest.rest.assets.data import Data
from airflow_provider_amlrest.rest.assets.environment import BuildContext, Environment
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.command import CommandJob, Distribution
from airflow_provider_amlrest.rest.jobs.job import DataInput, Input, Job, LiteralInput, Output, Service
from airflow_provider_amlrest.rest.jobs.search_space import encode
from airflow_provider_amlrest.rest.jobs.sweep import SweepJob, Trial
from airflow_provider_amlrest.rest.versions import words
from airflow_provider_amlrest.rest.versions.api_versions import PREVIEW_2022_02
from airflow_provider_amlrest.rest.versions.features import UPLOADS_BY_SERVICE, refuse_unsupported
from airflow_provider_amlrest.rest.versions.words import without_nones
from airflow_provider_amlrest.rest.workspace.resources import Datastore

HASH_VERSION = "202208"
SERVICES = {
    "ssh": "SSH",
    "jupyter_lab": "JupyterLab",
    "tensor_board": "TensorBoard",
    "vs_code": "VSCode",
    "custom": "Custom",
}
SAMPLING = {"random": "Random", "grid": "Grid", "bayesian": "Bayesian"}


@dataclass(frozen=True)
class V2Codec:
    workspace: WorkspaceId
    api_version: str

    @property
    def uploads_by_service(self) -> bool:
        return self.api_version >= UPLOADS_BY_SERVICE

    def _type(self, neutral: str) -> str:
        return words.TYPES_2022_02[neutral] if self.api_version == PREVIEW_2022_02 else neutral

    # assets

    def environment_body(self, environment: Environment) -> dict[str, Any]:
        build = environment.build
        return without_nones(
            image=environment.image,
            condaFile=words.conda_text(environment.conda),
            build=build and {"contextUri": build.uri, "dockerfilePath": build.dockerfile_path},
            osType=environment.os_type,
            description=environment.description,
            tags=dict(environment.tags),
        )

    def read_environment(self, resource: Mapping[str, Any]) -> Environment:
        properties = words.properties_of(resource)
        build = properties.get("build")
        name, version = words.asset_version(resource)
        return Environment(
            name,
            version,
            image=properties.get("image"),
            conda=words.read_conda(properties.get("condaFile")),
            build=BuildContext(build.get("contextUri") or "", build.get("dockerfilePath") or "Dockerfile")
            if build
            else None,
            os_type=properties.get("osType") or "Linux",
            description=properties.get("description"),
            tags=words.text_map(properties.get("tags")),
            id=resource["id"],
            provisioning_state=properties.get("provisioningState"),
        )

    def code_body(self, code: Code) -> dict[str, Any]:
        hashes = {"hash_sha256": code.content_hash, "hash_version": HASH_VERSION} if code.content_hash else {}
        return without_nones(
            codeUri=code.uri, properties=hashes, description=code.description, tags=dict(code.tags)
        )

    def read_code(self, resource: Mapping[str, Any]) -> Code:
        properties = words.properties_of(resource)
        name, version = words.asset_version(resource)
        return Code(
            name,
            version,
            properties.get("codeUri") or "",
            content_hash=(properties.get("properties") or {}).get("hash_sha256"),
            description=properties.get("description"),
            tags=words.text_map(properties.get("tags")),
            id=resource["id"],
        )

    def data_body(self, data: Data) -> dict[str, Any]:
        return without_nones(
            dataType=self._type(data.type),
            dataUri=data.uri,
            referencedUris=list(data.referenced_uris) or None,
            description=data.description,
            tags=dict(data.tags),
        )

    def read_data(self, resource: Mapping[str, Any]) -> Data:
        properties = words.properties_of(resource)
        name, version = words.asset_version(resource)
        return Data(
            name,
            version,
            words.read_type(properties.get("dataType")),
            properties.get("dataUri") or "",
            description=properties.get("description"),
            tags=words.text_map(properties.get("tags")),
            id=resource["id"],
            referenced_uris=tuple(properties.get("referencedUris") or ()),
        )

    def read_model(self, resource: Mapping[str, Any]) -> Model:
        properties = words.properties_of(resource)
        name, version = words.asset_version(resource)
        type_ = words.read_type(properties.get("modelType") or "custom_model")
        return Model(name, version, type_, properties.get("modelUri") or "", resource["id"])

    def read_datastore(self, resource: Mapping[str, Any]) -> Datastore:
        return words.read_datastore(resource["name"], words.properties_of(resource), "datastoreType")

    # jobs

    def job_body(self, job: CommandJob | SweepJob) -> dict[str, Any]:
        refuse_unsupported(self.api_version, job)
        body = self._sweep(job) if isinstance(job, SweepJob) else self._command(job)
        return body | without_nones(
            computeId=job.compute,
            inputs={name: self._input(value) for name, value in job.inputs.items()},
            outputs={name: self._output(value) for name, value in job.outputs.items()},
            experimentName=job.experiment_name,
            displayName=job.display_name,
            description=job.description,
            tags=dict(job.tags),
            properties=dict(job.properties),
            identity=words.identity(job.identity),
            services={name: self._service(value) for name, value in job.services.items()},
            queueSettings={"jobTier": job.job_tier.capitalize()} if job.job_tier else None,
        )

    def _command(self, job: CommandJob) -> dict[str, Any]:
        limits = {"jobLimitsType": "Command", "timeout": words.iso_duration(job.timeout)}
        return {
            "jobType": "Command",
            **self._run(job),
            **without_nones(limits=limits if job.timeout else None),
        }

    def _sweep(self, job: SweepJob) -> dict[str, Any]:
        limits = without_nones(
            maxTotalTrials=job.limits.max_total_trials,
            maxConcurrentTrials=job.limits.max_concurrent_trials,
            timeout=words.iso_duration(job.limits.timeout),
            trialTimeout=words.iso_duration(job.limits.trial_timeout),
        )
        sampling = without_nones(
            samplingAlgorithmType=SAMPLING[job.sampling_algorithm.type],
            rule=job.sampling_algorithm.rule and job.sampling_algorithm.rule.capitalize(),
            seed=job.sampling_algorithm.seed,
        )
        return {
            "jobType": "Sweep",
            "trial": self._run(job.trial),
            "searchSpace": {name: encode(value) for name, value in job.search_space.items()},
            "objective": words.objective(job.objective),
            "samplingAlgorithm": sampling,
            **without_nones(
                limits={"jobLimitsType": "Sweep", **limits} if limits else None,
                earlyTermination=words.early_termination(job.early_termination),
            ),
        }

    def _run(self, job: CommandJob | Trial) -> dict[str, Any]:
        """What a command job and a sweep's trial have in words."""
        resources = job.resources
        return without_nones(
            command=job.command,
            environmentId=job.environment,
            codeId=job.code,
            environmentVariables=dict(job.environment_variables),
            distribution=self._distribution(job.distribution),
            resources=without_nones(
                instanceCount=resources.instance_count,
                instanceType=resources.instance_type,
                shmSize=resources.shm_size,
                dockerArgs=resources.docker_args,
                dockerArgsList=list(resources.docker_args_list) or None,
                properties=dict(resources.properties),
            ),
        )

    def _distribution(self, value: Distribution | None) -> dict[str, Any] | None:
        if value is None:
            return None
        return without_nones(
            distributionType=words.DISTRIBUTIONS[value.type],
            processCountPerInstance=value.process_count_per_instance,
            parameterServerCount=value.parameter_server_count,
            workerCount=value.worker_count,
        )

    def _input(self, value: Input) -> dict[str, Any]:
        if isinstance(value, LiteralInput):
            return {"jobInputType": self._type("literal"), "value": value.value}
        return {"jobInputType": self._type(value.type), "uri": value.uri, "mode": words.MODES[value.mode]}

    def _output(self, value: Output) -> dict[str, Any]:
        return without_nones(
            jobOutputType=self._type(value.type),
            mode=words.MODES[value.mode],
            uri=value.uri,
            assetName=value.name,
        )

    def _service(self, value: Service) -> dict[str, Any]:
        return without_nones(
            jobServiceType=SERVICES[value.type],
            port=value.port,
            properties=dict(value.properties),
            nodes={"nodesValueType": "All"} if value.all_nodes else None,
        )

    def read_job(self, resource: Mapping[str, Any]) -> Job:
        properties = words.properties_of(resource)
        studio = (properties.get("services") or {}).get("Studio") or {}
        inputs = (properties.get("inputs") or {}).items()
        outputs = (properties.get("outputs") or {}).items()
        return Job(
            **words.read_job_base(resource),
            studio_url=studio.get("endpoint"),
            compute=properties.get("computeId"),
            outputs={name: _read_output(value or {}) for name, value in outputs},
            inputs={name: _read_input(value or {}) for name, value in inputs},
        )


def _read_input(value: Mapping[str, Any]) -> Input:
    if words.read_type(value.get("jobInputType")) == "literal":
        return LiteralInput(str(value.get("value") or ""))
    mode = words.MODES_BACK.get(value.get("mode") or "", "ro_mount")
    return DataInput(words.read_type(value.get("jobInputType")), str(value.get("uri") or ""), mode)


def _read_output(value: Mapping[str, Any]) -> Output:
    return Output(
        words.read_type(value.get("jobOutputType")),
        words.MODES_BACK.get(value.get("mode") or "", "rw_mount"),
        value.get("uri"),
        value.get("assetName"),
    )
