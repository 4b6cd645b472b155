"""Keys of command jobs."""

from __future__ import annotations

from tests.support.job_keys.shared import OF_A_RUN, RESOURCES, RUN, Members

MINIMAL = {**RUN, "compute": "azureml:cpu"}
KEYS = {**OF_A_RUN, "limits": {"timeout": 60}}
_CONTEXT = {"path": "https://example.org/c/"}
_IMAGE = {"image": "python:3.11"}
MEMBERS = (
    Members("environment", _IMAGE),
    Members("environment", {"conda_file": {"dependencies": ["python=3.11"]}, "os_type": "Linux"}, _IMAGE),
    Members("environment", {"name": "e", "version": "1", "description": "d", "tags": {}}, _IMAGE),
    Members("environment", {"build": _CONTEXT}),
    Members("environment.build", {**_CONTEXT, "dockerfile_path": "Dockerfile"}, _CONTEXT),
    Members("resources", RESOURCES),
    Members("distribution", {"type": "mpi", "process_count_per_instance": 2}, {"type": "pytorch"}),
    Members(
        "distribution",
        dict.fromkeys(("worker_count", "parameter_server_count"), 2),
        {"type": "tensorflow"},
    ),
    Members("limits", {"timeout": 60}),
)
