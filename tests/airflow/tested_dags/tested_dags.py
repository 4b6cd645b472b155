"""DAGs as a user has them: nothing in them knows of the emulator, and they poll as seldom as by default."""

from __future__ import annotations

import importlib
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
)
from airflow_provider_amlrest.sensors import AzureMLJobSensor

START = datetime(2026, 1, 1)  # noqa: DTZ001 (Airflow's own idiom)

with DAG("tested_training", schedule=None, start_date=START) as training:
    environment = AzureMLCreateEnvironmentOperator(task_id="environment", name="tested", image="python:3.11")
    train = AzureMLSubmitCommandJobOperator(
        task_id="train",
        command="python train.py",
        code="src",
        environment="{{ ti.xcom_pull(task_ids='environment')['id'] }}",
        compute="cpu-cluster",
    )
    environment >> train

with DAG("tested_retries", schedule=None, start_date=START) as retries:
    AzureMLSubmitCommandJobOperator(
        task_id="train",
        command="python train.py",
        environment="AzureML-sklearn-1.5:1",
        compute="cpu-cluster",
        retries=2,
        retry_delay=timedelta(seconds=0),
    )

with DAG("tested_tuning", schedule=None, start_date=START) as tuning:
    tune = AzureMLSubmitSweepJobOperator(
        task_id="tune",
        azureml_conn_id="azureml_tuning",
        command="echo ${{search_space.lr}}",
        environment="AzureML-sklearn-1.5:1",
        compute="cpu-cluster",
        search_space={"lr": {"type": "choice", "values": [1, 2, 3]}},
        objective={"goal": "minimize", "primary_metric": "loss"},
        sampling_algorithm="grid",
        limits={"max_total_trials": 3},
    )

COMMON = {"environment": "AzureML-sklearn-1.5:1", "compute": "cpu-cluster", "command": "echo"}
MODELS = {"model": "uri_folder", "scores": {"name": "tested-scores"}}

with DAG("tested_chain", schedule=None, start_date=START) as chain:
    first = AzureMLSubmitCommandJobOperator(task_id="first", outputs=MODELS, **COMMON)
    AzureMLSubmitCommandJobOperator(
        task_id="by_argument",
        inputs={
            "model": {"type": "uri_folder", "path": first.output["outputs.model"]},
            "scores": first.output["registered_outputs.scores"],
        },
        **COMMON,
    )
    by_template = AzureMLSubmitCommandJobOperator(
        task_id="by_template",
        inputs={
            "model": {"type": "uri_folder", "path": "{{ ti.xcom_pull('first', key='outputs.model') }}"},
            "scores": "{{ ti.xcom_pull('first', key='registered_outputs.scores') }}",
        },
        **COMMON,
    )
    first >> by_template

with DAG("tested_mapped_chain", schedule=None, start_date=START) as mapped_chain:
    fold = AzureMLSubmitCommandJobOperator.partial(task_id="fold", outputs=MODELS, **COMMON).expand(
        display_name=["fold a", "fold b"]
    )
    AzureMLSubmitCommandJobOperator.partial(task_id="score", **COMMON).expand(
        inputs=fold.output.map(
            lambda result: {"model": {"type": "uri_folder", "path": result["outputs"]["model"]}}
        )
    )
    same_index = AzureMLSubmitCommandJobOperator.partial(
        task_id="same_index",
        inputs={
            "model": {
                "type": "uri_folder",
                "path": "{{ ti.xcom_pull('fold', key='outputs.model', map_indexes=ti.map_index) }}",
            }
        },
        **COMMON,
    ).expand(display_name=["a", "b"])
    fold >> same_index

with DAG("tested_broken_chain", schedule=None, start_date=START) as broken_chain:
    before = AzureMLSubmitCommandJobOperator(task_id="before", outputs=MODELS, **COMMON)
    AzureMLSubmitCommandJobOperator(
        task_id="after",
        inputs={"model": {"type": "uri_folder", "path": before.output["outputs"]["model"]}},
        **COMMON,
    )

sys.path.append(str(Path(__file__).parent / "factory"))
made = importlib.import_module("made").make_dag("tested_made")

with DAG("tested_waiting", schedule=None, start_date=START) as waiting:
    submit = AzureMLSubmitCommandJobOperator(
        task_id="submit",
        command="python train.py",
        environment="AzureML-sklearn-1.5:1",
        compute="cpu-cluster",
        wait_for_completion=False,
    )
    wait = AzureMLJobSensor(task_id="wait", job_name="{{ ti.xcom_pull(task_ids='submit')['name'] }}")
    submit >> wait


def _templates(native: bool) -> DAG:
    """What templates, tasks and mapping make of the arguments of a job."""
    dag_id = "tested_native_templates" if native else "tested_templates"
    common: dict[str, Any] = {
        "environment": "AzureML-sklearn-1.5:1",
        "compute": "cpu-cluster",
        "inputs": {"x": 1},
        "instance_count": "{{ 1 + 1 }}",
        "limits": {"timeout": "{{ 60 * 60 }}"},
        "cancel_on_kill": "{{ not run_id }}",
    }
    with DAG(dag_id, schedule=None, start_date=START, render_template_as_native_obj=native) as dag:

        @task
        def make() -> str:
            return "echo ${{inputs.x}} {{ no template }}"

        @task
        def make_two() -> list[str]:
            return ["echo ${{inputs.x}} {{ no template }}", "'${{inputs.x}}'"]

        AzureMLSubmitCommandJobOperator(
            task_id="rendered", command='{% set x = "${{inputs.x}}" %}echo {{ x }} ${{inputs.x}}', **common
        )
        AzureMLSubmitCommandJobOperator(task_id="made", command=make(), **common)
        mapped = AzureMLSubmitCommandJobOperator.partial(task_id="mapped", **common)
        mapped.expand(command=["'${{inputs.x}}' '{{ 1 }}'", '{{ "${{inputs.x}}" }}'])
        AzureMLSubmitCommandJobOperator.partial(task_id="mapped_made", **common).expand(command=make_two())
    return dag


templates, native_templates = _templates(native=False), _templates(native=True)
