"""Digests are properties of jobs that run: a release that changed one would submit those again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.lifecycle.work_digest import work_digest
from airflow_provider_amlrest.operators import (
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
)
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.wire import job_body
from airflow_provider_amlrest.rest.versions.spelling import spelling_of
from tests.support.tasks import read_job

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
WORKSPACE = WorkspaceId(SUBSCRIPTION, "rg", "ws")


def id_of(kind: str, name: str, version: str | None = None) -> str:
    return str(WORKSPACE.resource(kind, name, version) if version else WORKSPACE.resource(kind, name))


FULL: dict[str, Any] = {
    "command": "python train.py --x ${{inputs.x}} --d ${{inputs.d}} --r ${{inputs.r}} --m ${{inputs.m}} "
    "> ${{outputs.o}}/a",
    "environment": "azureml:e@latest",
    "compute": "cpu-cluster",
    "code": "code",
    "inputs": {
        "x": 3,
        "d": "azureml:d:1",
        "r": {"type": "uri_file", "path": "azureml://datastores/a/paths/b"},
        "m": {"type": "mlflow_model", "path": "azureml:m@latest", "mode": "download"},
    },
    "outputs": {"o": "uri_folder"},
    "experiment_name": "exp",
    "display_name": "dn",
    "description": "d",
    "environment_variables": {"A": "b"},
    "instance_count": 2,
    "instance_type": "Standard_DS3_v2",
    "shm_size": "2g",
    "docker_args": "--x",
    "job_resources": {"properties": {"a": 1}},
    "distribution": {"type": "pytorch", "process_count_per_instance": 2},
    "limits": {"timeout": 60},
    "identity": "managed",
    "services": {"s": {"type": "ssh"}},
    "queue_settings": {"job_tier": "spot"},
    "tags": {"t": "1"},
    "properties": {"p": "2"},
}
IDS: dict[str, Any] = {
    "command": "true",
    "environment": id_of("environments", "e", "1"),
    "code": id_of("codes", "c", "1"),
    "compute": id_of("computes", "cpu"),
    "inputs": {
        "d": {"type": "uri_folder", "path": id_of("data", "d", "2")},
        "only": id_of("data", "d", "2"),
    },
}
REGISTRY = {
    "command": "true",
    "environment": "azureml://registries/azureml/environments/e/versions/1",
    "code": "azureml:c:1",
    "compute": "azureml:cpu",
}
ONLY_REFERENCES = {
    "command": "echo ${{inputs.d}}",
    "environment": "AzureML-x@latest",
    "inputs": {"d": "azureml:d@latest"},
    "compute": "cpu",
}
PREVIEW = {
    "command": "python train.py --x ${{inputs.x}} --d ${{inputs.d}}",
    "environment": "e:1",
    "compute": "cpu",
    "code": "code",
    "inputs": {"x": 3, "d": "azureml:d:1"},
    "outputs": {"o": "uri_folder"},
    "experiment_name": "exp",
    "limits": {"timeout": 60},
    "distribution": {"type": "pytorch", "process_count_per_instance": 2},
    "instance_count": 2,
    "tags": {"t": "1"},
}
SWEEP: dict[str, Any] = {
    "search_space": {"lr": {"type": "uniform", "min_value": 0.1, "max_value": 0.3}},
    "objective": {"goal": "minimize", "primary_metric": "loss"},
    "sampling_algorithm": {"type": "random", "seed": 7, "rule": "sobol"},
    "limits": {"max_total_trials": 4, "timeout": 3600, "trial_timeout": 600},
    "early_termination": {"type": "bandit", "slack_factor": 0.1},
}


def sweep(job: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {**job, **SWEEP, "command": f"{job['command']} --lr ${{{{search_space.lr}}}}", **others}


@pytest.mark.parametrize(
    ("arguments", "api_version", "digest"),
    [
        (FULL, "2025-12-01", "bdf5c74dbcf25dcc"),
        (IDS, "2025-12-01", "8ddf8723a10a2da9"),
        (REGISTRY, "2025-12-01", "ad744cbc9ecf8943"),
        (ONLY_REFERENCES, "2025-12-01", "d222d35af789afec"),
        (PREVIEW, "2021-03-01-preview", "2e8fb907c7a5b312"),
        (sweep(PREVIEW, sampling_algorithm="random"), "2021-03-01-preview", "0d5edc7ad2305a26"),
        (sweep(IDS, command="true ${{search_space.lr}}"), "2025-12-01", "08fb41850a7ed420"),
        (sweep(REGISTRY, command="true ${{search_space.lr}}"), "2025-12-01", "7b60f1665301896a"),
    ],
)
def test_digests_of_the_first_version(
    tmp_path: Path, arguments: dict[str, Any], api_version: str, digest: str
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "train.py").write_text("print(1)\n")
    is_sweep = "search_space" in arguments
    operator = AzureMLSubmitSweepJobOperator if is_sweep else AzureMLSubmitCommandJobOperator
    job = read_job(operator(task_id="t", **arguments), tmp_path)
    assert work_digest(job_body(spelling_of(api_version, WORKSPACE), job)) == digest


def test_what_a_job_is_called_is_not_its_work(tmp_path: Path) -> None:
    def digest(**arguments: Any) -> str:
        task = AzureMLSubmitCommandJobOperator(task_id="t", **{**REGISTRY, **arguments})
        return work_digest(job_body(spelling_of("2025-12-01", WORKSPACE), read_job(task, tmp_path)))

    assert digest(display_name="a", experiment_name="b", tags={"c": "d"}, description="e") == digest()
    assert len({digest(), digest(command="false"), digest(code="c:2"), digest(environment="e:1")}) == 4
