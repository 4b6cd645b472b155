"""Further steps of a session of azure-ai-ml, with endpoints and deployments; run like ``session.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from azure.ai.ml import Input, MLClient, Output, load_component
from azure.ai.ml._artifacts._artifact_utilities import download_artifact_from_aml_uri
from azure.ai.ml.entities import (
    BatchEndpoint,
    CodeConfiguration,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
    PipelineComponentBatchDeployment,
)
from azure.core.exceptions import HttpResponseError
from session import main


def endpoint(ml: MLClient, name: str, tags: dict[str, str] | None = None) -> Any:
    """Create one, and read it back."""
    wanted = ManagedOnlineEndpoint(name=name, auth_mode="key", description="made by the SDK", tags=tags)
    made = ml.online_endpoints.begin_create_or_update(wanted).result()
    return {
        "state": made.provisioning_state,
        "scoring_uri": made.scoring_uri,
        "listed": [found.name for found in ml.online_endpoints.list()],
        "tags": ml.online_endpoints.get(name).tags,
    }


def deployment(ml: MLClient, endpoint: str, name: str, code: str, model: str, environment: str) -> Any:
    """Create one of local code and a local model."""
    wanted = ManagedOnlineDeployment(
        name=name,
        endpoint_name=endpoint,
        model=Model(path=model),
        code_configuration=CodeConfiguration(code=code, scoring_script="score.py"),
        environment=environment,
        environment_variables={"WHO": name},
        instance_type="Standard_DS3_v2",
        instance_count=1,
    )
    try:
        ml.online_deployments.begin_create_or_update(wanted).result()
    except HttpResponseError as error:
        return {"error": str(error), "state": ml.online_deployments.get(name, endpoint).provisioning_state}
    made = ml.online_deployments.get(name, endpoint)
    return {
        "state": made.provisioning_state,
        "instances": made.instance_count,
        "listed": sorted(found.name for found in ml.online_deployments.list(endpoint)),
    }


def scale(ml: MLClient, endpoint: str, name: str) -> Any:
    found = ml.online_deployments.get(name, endpoint)
    found.instance_count = 2
    ml.online_deployments.begin_create_or_update(found).result()
    return ml.online_deployments.get(name, endpoint).instance_count


def traffic(ml: MLClient, endpoint: str, shares: dict[str, int], mirror: dict[str, int]) -> Any:
    found = ml.online_endpoints.get(endpoint)
    found.traffic, found.mirror_traffic = shares, mirror
    ml.online_endpoints.begin_create_or_update(found).result()
    now = ml.online_endpoints.get(endpoint)
    return {"traffic": now.traffic, "mirror": now.mirror_traffic}


def invoke(ml: MLClient, endpoint: str, request: str, deployment: str | None = None) -> Any:
    answer = ml.online_endpoints.invoke(endpoint, request_file=request, deployment_name=deployment)
    return json.loads(answer)


def container_logs(ml: MLClient, endpoint: str, name: str) -> Any:
    return ml.online_deployments.get_logs(name, endpoint, lines=50)


def keys(ml: MLClient, endpoint: str) -> Any:
    """Whether there are two, and whether a new primary one is another: its operation is not found."""
    before = ml.online_endpoints.get_keys(endpoint)
    try:
        ml.online_endpoints.begin_regenerate_keys(endpoint, key_type="primary").result()
        status = None
    except HttpResponseError as error:
        status = error.status_code
    after = ml.online_endpoints.get_keys(endpoint)
    return {
        "status": status,
        "primary": after.primary_key != before.primary_key,
        "secondary": after.secondary_key != before.secondary_key,
    }


def delete_deployment(ml: MLClient, endpoint: str, name: str) -> Any:
    try:
        ml.online_deployments.begin_delete(name, endpoint).result()
    except HttpResponseError as error:
        return {"refused": error.status_code}
    return {"left": [found.name for found in ml.online_deployments.list(endpoint)]}


def delete_endpoint(ml: MLClient, name: str) -> Any:
    ml.online_endpoints.begin_delete(name).result()
    return [found.name for found in ml.online_endpoints.list()]


def batch_endpoint(ml: MLClient, name: str, default: str | None = None) -> Any:
    """Create or change one, and read it back."""
    wanted = BatchEndpoint(name=name, description="made by the SDK", defaults={"deployment_name": default})
    ml.batch_endpoints.begin_create_or_update(wanted).result()
    made = ml.batch_endpoints.get(name)
    return {
        "scoring_uri": made.scoring_uri,
        "default": made.defaults.deployment_name,
        "listed": [found.name for found in ml.batch_endpoints.list()],
    }


def batch_deployment(ml: MLClient, endpoint: str, name: str, code: str, model: str, environment: str) -> Any:
    """Create one of local code and a local model."""
    wanted = ModelBatchDeployment(
        name=name,
        endpoint_name=endpoint,
        model=Model(path=model),
        code_configuration=CodeConfiguration(code=code, scoring_script="score.py"),
        environment=environment,
        compute="cpu-cluster",
        settings=ModelBatchDeploymentSettings(mini_batch_size=2, max_concurrency_per_instance=2),
    )
    ml.batch_deployments.begin_create_or_update(wanted).result()
    made = ml.batch_deployments.get(name, endpoint)
    return {
        "mini_batch_size": made.mini_batch_size,
        "listed": [found.name for found in ml.batch_deployments.list(endpoint)],
    }


def batch_pipeline(ml: MLClient, endpoint: str, name: str, component: str) -> Any:
    """Create a deployment of a pipeline component of a YAML file."""
    wanted = PipelineComponentBatchDeployment(
        name=name,
        endpoint_name=endpoint,
        component=load_component(component),
        settings={"default_compute": "cpu-cluster"},
    )
    ml.batch_deployments.begin_create_or_update(wanted).result()
    return sorted(found.name for found in ml.batch_deployments.list(endpoint))


def batch_invoke(
    ml: MLClient,
    endpoint: str,
    output: str,
    data: str | None = None,
    values: dict[str, str] | None = None,
    deployment: str | None = None,
    overrides: list[dict[str, Any]] | None = None,
) -> Any:
    """Score a local folder, or hand values over, and wait for the job like for any other."""
    inputs = {name: Input(type="string", default=value) for name, value in (values or {}).items()}
    if data:
        inputs["data"] = Input(type="uri_folder", path=data)
    outputs = {"score": Output(type="uri_folder" if output.endswith("/") else "uri_file", path=output)}
    asked = ml.batch_endpoints.invoke(
        endpoint, deployment_name=deployment, inputs=inputs, outputs=outputs, params_override=overrides
    )
    ml.jobs.stream(asked.name)
    job = ml.jobs.get(asked.name)
    return {
        "name": asked.name,
        "status": job.status,
        "type": job.type,
        "tag": job.tags["azureml.deploymentname"],
        "listed": [found.name for found in ml.batch_endpoints.list_jobs(endpoint)],
        "children": [child.display_name for child in ml.jobs.list(parent_job_name=asked.name)],
        "among_jobs": asked.name in [found.name for found in ml.jobs.list()],
    }


def written(ml: MLClient, uri: str, folder: str) -> Any:
    """The content of the files below a URI."""
    download_artifact_from_aml_uri(uri=uri, destination=folder, datastore_operation=ml.datastores)
    return [path.read_text() for path in sorted(Path(folder).rglob("*")) if path.is_file()]


def delete_batch(ml: MLClient, endpoint: str, name: str) -> Any:
    """Delete a deployment, then the endpoint with what is left in it."""
    ml.batch_deployments.begin_delete(name, endpoint).result()
    left = [found.name for found in ml.batch_deployments.list(endpoint)]
    ml.batch_endpoints.begin_delete(endpoint).result()
    return {"left": left, "endpoints": [found.name for found in ml.batch_endpoints.list()]}


if __name__ == "__main__":
    main(globals())
