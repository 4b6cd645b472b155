"""Components and pipelines for tests."""

from __future__ import annotations

import uuid
from typing import Any

from tests.emulator.running import Running


def component(
    emulator: Running,
    name: str,
    command: str = "true",
    inputs: dict[str, Any] | None = None,
    outputs: dict[str, Any] | None = None,
    **spec: Any,
) -> str:
    """Register one in a new version; its ARM id. Types of inputs and outputs may be given as text alone."""
    emulator.environment()
    given = {
        "type": "command",
        "command": command,
        "environment": f"azureml:{emulator.workspace}/environments/env/versions/1",
        "inputs": {key: _typed(value) for key, value in (inputs or {}).items()},
        "outputs": {key: _typed(value) for key, value in (outputs or {}).items()},
        **spec,
    }
    path = f"components/{name}/versions/{uuid.uuid4().hex[:8]}"
    emulator.put(path, {"componentSpec": {key: value for key, value in given.items() if value is not None}})
    return f"{emulator.workspace}/{path}"


def _typed(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


def literal(value: Any) -> dict[str, Any]:
    """A value or an expression, as nodes are given them."""
    return {"job_input_type": "literal", "value": str(value)}


def node(component_id: str, inputs: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """A command node; inputs that are not mappings are values or expressions."""
    wired = {k: v if isinstance(v, dict) else literal(v) for k, v in (inputs or {}).items()}
    return {"type": "command", "componentId": component_id, "inputs": wired, **members}


def bound(output: str) -> dict[str, Any]:
    """A node's output that becomes one of the pipeline."""
    return {"type": "literal", "value": f"${{{{parent.outputs.{output}}}}}"}


def of(node_name: str, output: str) -> str:
    return f"${{{{parent.jobs.{node_name}.outputs.{output}}}}}"


def given(name: str) -> str:
    return f"${{{{parent.inputs.{name}}}}}"


def pipeline_job(emulator: Running, jobs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    named = {name: {"name": name, **content} for name, content in jobs.items()}
    return {
        "jobType": "Pipeline",
        "jobs": named,
        "computeId": f"{emulator.workspace}/computes/cpu-cluster",
        "experimentName": "pipes",
        **changes,
    }


def children(emulator: Running, name: str) -> dict[str, dict[str, Any]]:
    """The steps of a pipeline in run history, by their nodes."""
    found = emulator.history("GET", f"runs/{name}/children", _top="100").json()["value"]
    return {run["displayName"]: run for run in found}


def statuses(emulator: Running, name: str) -> dict[str, str]:
    return {node_name: run["status"] for node_name, run in children(emulator, name).items()}
