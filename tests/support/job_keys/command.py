"""Keys of command jobs."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_amlrest.rest.jobs.command import Resources
from tests.support.job_keys.shared import OF_A_RUN, RESOURCES, RUN, Members, Tried
from tests.unit.jobs import PLAIN, SWEEP

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


def _tried(field: str, member: str, resources: Resources) -> Tried:
    uses = [
        (field, replace(PLAIN, resources=resources)),
        (field, replace(SWEEP, trial=replace(SWEEP.trial, resources=resources))),
    ]
    return Tried(uses, ("(Job)?ResourceConfiguration", member, None))


FEATURES = {
    "the size of shared memory": _tried("shm_size", "shmSize", Resources(shm_size="2g")),
    "arguments of docker run": _tried("docker_args", "dockerArgs", Resources(docker_args="--ipc=host")),
    "a list of arguments of docker run": _tried(
        "docker_args", "dockerArgsList", Resources(docker_args_list=("--ipc=host",))
    ),
    "properties of the resources": _tried(
        "job_resources.properties", "properties", Resources(properties={"a": 1})
    ),
    "the most instances of a job": _tried(
        "job_resources.max_instance_count", "maxInstanceCount", Resources(max_instance_count=4)
    ),
    "the locations of a job": _tried(
        "job_resources.locations", "locations", Resources(locations=("westeurope",))
    ),
}
