"""Every key of a job's YAML with a value, and what the code says of it: for the documentation's tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from airflow_provider_amlrest.rest.assets.environment import environment_body
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.lookups import InlineEnvironment
from airflow_provider_amlrest.rest.jobs.wire import job_body, lookups
from airflow_provider_amlrest.rest.reading.documents import Document
from airflow_provider_amlrest.rest.versions.api_versions import API_VERSIONS, DEFAULT_API_VERSION
from airflow_provider_amlrest.rest.versions.spelling import spelling_of

WORKSPACE = WorkspaceId("sub", "group", "ws")
DATA = {"type": "uri_file", "path": "azureml:data:1"}
TABLE = {"type": "mltable", "path": "azureml:table:1"}
RUN = {"command": "python main.py", "environment": "azureml:env:1"}
NAME = "<name>"
"""In the tables, a name of the user's own."""

MINIMAL: dict[str, dict[str, Any]] = {
    "command": {**RUN, "compute": "azureml:cpu"},
    "sweep": {
        "trial": RUN,
        "compute": "azureml:cpu",
        "search_space": {"lr": {"type": "choice", "values": [1, 2]}},
        "objective": {"goal": "minimize", "primary_metric": "loss"},
    },
    "pipeline": {"jobs": {"step": RUN}, "compute": "azureml:cpu"},
    "spark": {"code": "src", "entry": {"file": "main.py"}, "compute": "azureml:pool"},
    "automl": {"task": "classification", "training_data": TABLE, "compute": "azureml:cpu"},
}
"""What a job of each kind must have."""
MINIMAL["sweep"]["trial"] = {**RUN, "command": "python main.py --lr ${{search_space.lr}}"}

_OF_ALL: dict[str, Any] = {
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
_OF_A_RUN = {
    "command": "python main.py",
    "distribution": {"type": "pytorch"},
    "resources": {"instance_count": 2},
    **{key: _OF_ALL[key] for key in ("environment", "environment_variables", "code")},
}
_OWN: dict[str, dict[str, Any]] = {
    "command": {**_OF_A_RUN, "limits": {"timeout": 60}},
    "sweep": {
        **{f"trial.{key}": value for key, value in _OF_A_RUN.items()},
        "trial.command": MINIMAL["sweep"]["trial"]["command"],
        "search_space": MINIMAL["sweep"]["search_space"],
        "objective": MINIMAL["sweep"]["objective"],
        "sampling_algorithm": "random",
        "early_termination": {"type": "median_stopping"},
        "limits": {"max_total_trials": 4},
    },
    "pipeline": {
        "jobs": MINIMAL["pipeline"]["jobs"],
        "component": "pipeline.yml",
        "settings": {"force_rerun": True},
    },
    "spark": {
        "entry": {"file": "main.py"},
        "conf": {"spark.driver.cores": 1},
        "args": "--x 1",
        "resources": {"instance_type": "standard_e4s_v3", "runtime_version": "3.4"},
        **{key: ["a"] for key in ("py_files", "jars", "files", "archives")},
    },
    "automl": {
        "task": "classification",
        "primary_metric": "auc_weighted",
        "target_column_name": "y",
        "log_verbosity": "info",
        **dict.fromkeys(("training_data", "validation_data", "test_data"), TABLE),
        "limits": {"max_trials": 3},
        "featurization": {"mode": "auto"},
        "training": {"enable_vote_ensemble": True},
        "forecasting": {"forecast_horizon": 3},
        "n_cross_validations": 3,
        **dict.fromkeys(("validation_data_size", "test_data_size"), 0.2),
        "cv_split_column_names": ["a"],
        "weight_column_name": "w",
        "positive_label": "yes",
        "training_parameters": {"number_of_epochs": 3},
        "search_space": [{"model_name": "x"}],
        "sweep": {"sampling_algorithm": "random"},
        "environment_id": "azureml:env:1",
        "resources": {"instance_count": 2},
    },
}


def sample(kind: str, key: str) -> Any:
    """A value that a key of a job may have."""
    return _OWN[kind].get(key, _OF_ALL.get(key))


_RESOURCES = {
    "instance_count": 2,
    "instance_type": "Standard_D2",
    "shm_size": "2g",
    "docker_args": "--ipc=host",
    "properties": {"a": 1},
    "max_instance_count": 3,
    "locations": ["westeurope"],
}
_GUID = "00000000-0000-0000-0000-000000000000"
MEMBERS: dict[tuple[str, str], dict[str, tuple[dict[str, Any], Any]]] = {}
"""(Kind, key) -> member -> what stands beside it, and its value."""


def _members(kind: str, key: str, values: Mapping[str, Any], beside: Mapping[str, Any] | None = None) -> None:
    members = MEMBERS.setdefault((kind, key), {})
    members |= {name: (dict(beside or {}), value) for name, value in values.items()}


_members("command", f"inputs.{NAME}", {**DATA, "mode": "download"}, DATA)
_members("command", f"outputs.{NAME}", {"type": "uri_folder", "mode": "upload"})
_members(
    "command", f"outputs.{NAME}", {"path": "azureml://datastores/a/paths/b", "name": "m", "version": "1"}
)
_members("command", "identity", {"type": "managed", "client_id": _GUID}, {"type": "managed"})
_members("command", "identity", dict.fromkeys(("object_id",), _GUID), {"type": "managed"})
_members("command", "identity", dict.fromkeys(("resource_id", "msi_resource_id"), "x"), {"type": "managed"})
_members(
    "command", f"services.{NAME}", {"type": "ssh", "port": 22, "properties": {"a": "b"}}, {"type": "ssh"}
)
_members("command", f"services.{NAME}", {"nodes": "all", "all_nodes": True}, {"type": "custom"})
_members("command", f"services.{NAME}", {"ssh_public_keys": "ssh-rsa A"}, {"type": "ssh"})
_members("command", f"services.{NAME}", {"log_dir": "logs"}, {"type": "tensor_board"})
_members("command", "queue_settings", {"job_tier": "spot"})
_NOTIFIED = {"email_on": ["job_failed"], "emails": ["a@example.org"]}
_members("command", "notification_setting", _NOTIFIED, _NOTIFIED)
_members("command", "environment", {"image": "python:3.11"})
_members(
    "command",
    "environment",
    {"conda_file": {"dependencies": ["python=3.11"]}, "os_type": "Linux"},
    {"image": "i"},
)
_members(
    "command", "environment", {"name": "e", "version": "1", "description": "d", "tags": {}}, {"image": "i"}
)
_members("command", "environment", {"build": {"path": "https://example.org/c/"}})
_CONTEXT = {"path": "https://example.org/c/"}
_members("command", "environment.build", {**_CONTEXT, "dockerfile_path": "Dockerfile"}, _CONTEXT)
_members("command", "resources", _RESOURCES)
_members("command", "distribution", {"type": "mpi", "process_count_per_instance": 2}, {"type": "pytorch"})
_members(
    "command",
    "distribution",
    dict.fromkeys(("worker_count", "parameter_server_count"), 2),
    {"type": "tensorflow"},
)
_members("command", "limits", {"timeout": 60})
_members("sweep", "trial.resources", _RESOURCES)
_members("sweep", "limits", dict.fromkeys(("max_total_trials", "max_concurrent_trials"), 2))
_members("sweep", "limits", dict.fromkeys(("timeout", "trial_timeout"), 60))
_members("sweep", "objective", MINIMAL["sweep"]["objective"], MINIMAL["sweep"]["objective"])
_members("sweep", "sampling_algorithm", {"type": "random", "rule": "sobol", "seed": 1}, {"type": "random"})
_DELAYED = dict.fromkeys(("evaluation_interval", "delay_evaluation"), 1)
_members("sweep", "early_termination", {"type": "median_stopping", **_DELAYED}, {"type": "median_stopping"})
_members(
    "sweep", "early_termination", dict.fromkeys(("slack_factor", "slack_amount"), 0.1), {"type": "bandit"}
)
_members("sweep", "early_termination", {"truncation_percentage": 20}, {"type": "truncation_selection"})
_members("pipeline", "settings", {"default_compute": "azureml:cpu", "default_datastore": "azureml:blobs"})
_members("pipeline", "settings", dict.fromkeys(("continue_on_step_failure", "force_rerun"), True))
_members("pipeline", "settings", {"continue_run_on_failed_optional_input": True})
_members("pipeline", "settings", dict.fromkeys(("on_init", "on_finalize"), "step"))
_members("spark", "entry", {"file": "main.py", "class_name": "a.Main"})
_members("spark", "resources", {"instance_type": "standard_e4s_v3", "runtime_version": "3.4"})
_members("automl", "resources", _RESOURCES)
_members("automl", "limits", dict.fromkeys(("timeout_minutes", "trial_timeout_minutes"), 60))
_members("automl", "limits", dict.fromkeys(("max_trials", "max_concurrent_trials", "max_cores_per_trial"), 2))
_members("automl", "limits", {"enable_early_termination": True, "exit_score": 0.9, "max_nodes": 2})


def with_value(kind: str, key: str, value: Any) -> dict[str, Any]:
    """The smallest file of a kind that has this key."""
    values = deepcopy(MINIMAL[kind])
    if key == "component":
        del values["jobs"]  # It has one or the other.
    *way, last = key.split(".")
    target = values
    for step in way:
        if not isinstance(target.get(step), dict):
            target[step] = {}
        target = target[step]
    target[last] = value
    return {"type": kind, **values}


def first_version(values: Mapping[str, Any], folder: Path) -> str:
    """The first api-version that can say such a file, and those before it that can, too; ``none``."""
    can = []
    for version in API_VERSIONS:
        try:
            spelling = spelling_of(version, WORKSPACE)
            body = job_body(spelling, read_job_file(Document(dict(values), folder))[0])
            for lookup in lookups(body):
                if isinstance(lookup, InlineEnvironment):
                    environment_body(spelling, lookup.definition[0])
        except InvalidSpecError as error:
            if "cannot say" not in error.problem:
                raise
        else:
            can.append(version)
    if not can:
        return "none"
    # From where on every later one can.
    refused = [version for version in API_VERSIONS if version not in can]
    since = next(version for version in can if not refused or version > refused[-1])
    return ", and ".join([since, *(version for version in can if version < since)])


def known_members(values: Mapping[str, Any], folder: Path) -> set[str]:
    """The members that the error for an unknown one lists."""
    try:
        job, _ = read_job_file(Document(dict(values), folder))
        for lookup in lookups(job_body(spelling_of(DEFAULT_API_VERSION, WORKSPACE), job)):
            if isinstance(lookup, InlineEnvironment):
                lookup.check(None)
    except InvalidSpecError as error:
        listed = re.findall(r"[Tt]here are: (.*)\.$", error.problem)
        return {name for names in listed for name in names.split(", ")}
    raise AssertionError("an unknown key is taken")
