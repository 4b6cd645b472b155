"""The pipeline that a request to a batch endpoint becomes: that of its deployment, or one of mini-batches.

Recorded are the request, and what is answered of its job; what the pipeline of the service looks like inside
is a guess.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import isodate  # type: ignore[import-untyped]

from airflow_provider_amlrest.emulator.arm import components
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.endpoints import refused
from airflow_provider_amlrest.emulator.arm.jobs.nodes.words import DATA_TYPES
from airflow_provider_amlrest.emulator.arm.jobs.pipeline import KIND as PIPELINE
from airflow_provider_amlrest.emulator.arm.references import referenced_asset
from airflow_provider_amlrest.emulator.store import AssetRecord
from airflow_provider_amlrest.emulator.tracked import Resource

DRIVER = Path(__file__).parents[2] / "runtime" / "in_job" / "batch_driver.py"
"""Started by path in the job's own environment, so that it is not imported here."""
STEP = "batchscoring"
"""The name of the child of such a job, documented for azure-ai-ml."""
OUTPUT = "score"
"""The output of a model's deployment, documented."""
OVER = ("errorThreshold", "miniBatchSize", "loggingLevel", "outputFileName")
"""What a request may say instead of its deployment."""
WIRE_TYPES = {name.replace("_", ""): name for name in DATA_TYPES}


def settings_of(deployment: Resource, request: dict[str, Any]) -> dict[str, Any]:
    """A deployment's properties, with what the request says over them."""
    properties = deployment.properties
    said = {name: request[name] for name in OVER if request[name] is not None}
    retries = {name: value for name, value in (request["retrySettings"] or {}).items() if value is not None}
    compute = request["compute"] or {}
    resources = {**properties["resources"]}
    if compute.get("instanceCount"):
        resources["instanceCount"] = compute["instanceCount"]
    return {
        **properties,
        **said,
        "retrySettings": {**properties["retrySettings"], **retries},
        "compute": compute.get("target") or properties["compute"],
        "resources": resources,
    }


def pipeline_of(call: Call, deployment: Resource, request: dict[str, Any]) -> dict[str, Any]:
    """The ``properties`` of the PUT of the pipeline that does what a request asks for.

    Raises:
        MlError: 400 for a request that the deployment cannot answer.
    """
    inputs = {name: _job_input(given) for name, given in request["inputData"].items()}
    if deployment.properties["deploymentConfiguration"] is not None:
        own = _component_pipeline(call, deployment, inputs, request)
    else:
        own = _scoring_pipeline(call, settings_of(deployment, request), inputs, request)
    endpoint = deployment.path.split("/")[1]
    return {
        "jobType": PIPELINE.job_type,
        # That the experiment has the endpoint's name is a guess.
        "experimentName": request["properties"].get("experimentName") or endpoint,
        "description": request["description"],
        "tags": request["tags"],
        "inputs": inputs,
        **own,
    }


def _job_input(given: dict[str, Any]) -> dict[str, Any]:
    kind = given["jobInputType"].lower()
    if kind == "literal":
        return {"jobInputType": "literal", "value": given["value"]}
    return {"jobInputType": WIRE_TYPES[kind], "uri": given["uri"]}


def _job_output(given: dict[str, Any]) -> dict[str, Any]:
    return {"jobOutputType": WIRE_TYPES[given["jobOutputType"].lower()], "uri": given["uri"]}


def _passed(kind: str, name: str) -> str:
    """What stands for an input or an output of the pipeline in its node."""
    return f"${{{{parent.{kind}.{name}}}}}"


def _inputs(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"job_input_type": "literal", "value": _passed("inputs", name)} for name in names}


def _outputs(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"type": "literal", "value": _passed("outputs", name)} for name in names}


def _component_pipeline(
    call: Call, deployment: Resource, inputs: dict[str, Any], request: dict[str, Any]
) -> dict[str, Any]:
    configuration = deployment.properties["deploymentConfiguration"]
    component = components.find(
        call.context.settings, call.store, call.workspace, configuration["componentId"]["assetId"]
    )
    spec = component.properties["componentSpec"]
    outputs = {
        name: {"jobOutputType": definition["type"], "uri": None}
        for name, definition in (spec.get("outputs") or {}).items()
    }
    outputs |= {name: _job_output(given) for name, given in request["outputData"].items()}
    node = {
        "type": "pipeline",
        "componentId": f"{call.workspace.arm_id}/components/{component.name}/versions/{component.version}",
        "inputs": _inputs(inputs),
        "outputs": _outputs(outputs),
    }
    return {
        "jobs": {re.sub(r"\W", "_", component.name): node},
        "outputs": outputs,
        "settings": configuration["settings"],
    }


def _scoring_pipeline(
    call: Call, settings: dict[str, Any], inputs: dict[str, Any], request: dict[str, Any]
) -> dict[str, Any]:
    data = [name for name, given in inputs.items() if given["jobInputType"] in ("uri_folder", "uri_file")]
    if len(data) != 1 or len(inputs) != 1:
        # Documented: a deployment of a model has one input, a file or a folder.
        raise refused(
            f"A model's deployment scores one input, a UriFolder or UriFile; the request has {list(inputs)}."
        )
    outputs = {name: _job_output(given) for name, given in request["outputData"].items()}
    outputs = outputs or {OUTPUT: {"jobOutputType": "uri_folder", "uri": None}}
    if len(outputs) != 1:
        raise refused(f"A model's deployment has one output; the request has {list(outputs)}.")
    [(output, written)] = outputs.items()
    spec = _step(call, settings, inputs[data[0]]["jobInputType"], output, written["jobOutputType"])
    node = {
        "type": "command",
        "display_name": STEP,
        "componentId": _registered(call, spec),
        "inputs": {
            "data": {"job_input_type": "literal", "value": _passed("inputs", data[0])},
            "model": {"job_input_type": "custom_model", "uri": settings["model"]["assetId"]},
        },
        "outputs": _outputs(outputs),
        "environment_variables": settings["environmentVariables"],
    }
    return {"jobs": {STEP: node}, "outputs": outputs, "computeId": settings["compute"]}


def _step(
    call: Call, settings: dict[str, Any], input_type: str, output: str, output_type: str
) -> dict[str, Any]:
    """The component that scores: a driver, started with what the deployment says."""
    code = settings["codeConfiguration"] or {}
    model = settings["model"]["assetId"]
    driven = {
        "input_data": "${{inputs.data}}",
        "model": "${{inputs.model}}",
        "model_name": _model_name(call, model),
        "output": f"${{{{outputs.{output}}}}}",
        "output_file": settings["outputFileName"] if output_type == "uri_folder" else None,
        "append_row": settings["outputAction"] == "AppendRow",
        "entry_script": code.get("scoringScript"),
        "mini_batch_size": settings["miniBatchSize"],
        "workers": settings["resources"]["instanceCount"] * settings["maxConcurrencyPerInstance"],
        "max_retries": settings["retrySettings"]["maxRetries"],
        "timeout": _seconds(settings["retrySettings"]["timeout"]),
        "error_threshold": settings["errorThreshold"],
        "logging_level": settings["loggingLevel"],
    }
    spec = {
        "type": "command",
        "name": components.ANONYMOUS,
        "display_name": STEP,
        # Whoever asks again wants it scored again.
        "is_deterministic": "False",
        "inputs": {"data": {"type": input_type}, "model": {"type": "custom_model"}},
        "outputs": {output: {"type": output_type}},
        "command": f"python -I {shlex.quote(str(DRIVER))} {shlex.quote(json.dumps(driven))}",
        "environment": settings["environmentId"] or model,
    }
    return {**spec, "code": code["codeId"]} if code.get("codeId") else spec


def _model_name(call: Call, reference: str) -> str:
    """What the model's file or folder is called: the last part of where it lies."""
    asset = referenced_asset(call, reference, "models")
    uri = asset.properties["modelUri"] if asset else reference
    return PurePosixPath(uri.partition("?")[0]).name or "model"


def _seconds(duration: str) -> float:
    parsed = isodate.parse_duration(duration)
    if not isinstance(parsed, timedelta):
        raise refused(f"retrySettings.timeout is {duration!r}: months and years have no length of their own.")
    return parsed.total_seconds()


def _registered(call: Call, spec: dict[str, Any]) -> str:
    """The id of a component for this request alone; those of equal ones are one."""
    version = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:32]
    properties = {
        "componentSpec": {**spec, "version": version},
        "description": None,
        "tags": {},
        "properties": {},
        "isAnonymous": True,
        "isArchived": False,
    }
    asset = AssetRecord(
        *(call.home, components.KIND, components.ANONYMOUS, version, properties),
        created_by=call.principal.application_id,
    )
    call.store.put_asset(asset)
    return f"{call.workspace.arm_id}/components/{components.ANONYMOUS}/versions/{version}"
