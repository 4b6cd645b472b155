"""Paths of pathlib in a DAG's file, as Airflow's scheduler and its pages get them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG
from airflow.serialization import serialized_objects

from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLUploadCodeOperator,
)


def test_a_dag_with_paths_of_pathlib_is_serialized() -> None:
    serialization: Any = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)
    with DAG("paths", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        AzureMLUploadCodeOperator(task_id="code", path=Path("src") / "{{ ds }}")
        AzureMLCreateEnvironmentOperator(task_id="conda", name="e", conda_file=Path("conda.yml"))
        AzureMLCreateEnvironmentOperator(task_id="build", name="e", build={"path": Path("docker")})
        AzureMLSubmitCommandJobOperator(task_id="job", command="x", environment="e:1", code=Path("src"))
        AzureMLUploadCodeOperator.partial(task_id="mapped").expand(path=[Path("a"), Path("b")])
        AzureMLRegisterDataOperator.partial(task_id="data", name="d", path=Path("c")).expand(version=["1"])
    stored = json.loads(json.dumps(serialization.to_dict(dag)))
    tasks = {task.task_id: task for task in serialization.from_dict(stored).tasks}
    assert len(tasks) == 6
    assert (tasks["code"].path, tasks["conda"].conda_file, tasks["job"].code) == (
        "src/{{ ds }}",
        "conda.yml",
        "src",
    )
    assert "docker" in str(tasks["build"].build)
