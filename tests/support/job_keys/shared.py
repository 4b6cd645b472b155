"""What several kinds of jobs have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from airflow_provider_amlrest.rest.jobs.spec import JobSpec

NAME = "<name>"
"""In the tables, a name of the user's own."""
DATA = {"type": "uri_file", "path": "azureml:data:1"}
TABLE = {"type": "mltable", "path": "azureml:table:1"}
RUN = {"command": "python main.py", "environment": "azureml:env:1"}
GUID = "00000000-0000-0000-0000-000000000000"

OF_ALL: dict[str, Any] = {
    "name": "mine",
    "display_name": "Mine",
    "description": "what for",
    "experiment_name": "mine",
    "tags": {"a": "b"},
    "properties": {"a": "b"},
    "compute": "azureml:cpu",
    "inputs": {NAME: DATA},
    "outputs": {NAME: {"type": "uri_folder"}},
    "identity": {"type": "managed"},
    "services": {NAME: {"type": "ssh"}},
    "queue_settings": {"job_tier": "standard"},
    "notification_setting": {"email_on": ["job_failed"], "emails": ["a@example.org"]},
    "environment_variables": {"A": "b"},
    "environment": "azureml:env:1",
    "code": "src",
}
OF_A_RUN = {
    "command": "python main.py",
    "distribution": {"type": "pytorch"},
    "resources": {"instance_count": 2},
    **{key: OF_ALL[key] for key in ("environment", "environment_variables", "code")},
}
RESOURCES = {
    "instance_count": 2,
    "instance_type": "Standard_D2",
    "shm_size": "2g",
    "docker_args": "--ipc=host",
    "properties": {"a": 1},
    "max_instance_count": 3,
    "locations": ["westeurope"],
}


class Members(NamedTuple):
    """Members of a key with a value each, and what must stand beside them."""

    key: str
    values: Mapping[str, Any]
    beside: Mapping[str, Any] = {}


_MANAGED = {"type": "managed"}
_NOTIFIED = {"email_on": ["job_failed"], "emails": ["a@example.org"]}
MEMBERS_OF_ALL = (
    Members(f"inputs.{NAME}", {**DATA, "mode": "download"}, DATA),
    Members(f"outputs.{NAME}", {"type": "uri_folder", "mode": "upload"}),
    Members(f"outputs.{NAME}", {"path": "azureml://datastores/a/paths/b", "name": "m", "version": "1"}),
    Members("identity", {"type": "managed", "client_id": GUID}, _MANAGED),
    Members("identity", {"object_id": GUID}, _MANAGED),
    Members("identity", dict.fromkeys(("resource_id", "msi_resource_id"), "x"), _MANAGED),
    Members(f"services.{NAME}", {"type": "ssh", "port": 22, "properties": {"a": "b"}}, {"type": "ssh"}),
    Members(f"services.{NAME}", {"nodes": "all", "all_nodes": True}, {"type": "custom"}),
    Members(f"services.{NAME}", {"ssh_public_keys": "ssh-rsa A"}, {"type": "ssh"}),
    Members(f"services.{NAME}", {"log_dir": "logs"}, {"type": "tensor_board"}),
    Members("queue_settings", {"job_tier": "spot"}),
    Members("notification_setting", _NOTIFIED, _NOTIFIED),
)
"""They are tried with a command job."""


class Tried(NamedTuple):
    """What uses a feature of an api-version, and nothing else that may be refused."""

    uses: list[tuple[str, JobSpec]]
    """With the field that the error names."""
    place: tuple[str, str | None, str | None]
    """Where Microsoft's schemas have it: a definition, its member, and a value of an enum."""
