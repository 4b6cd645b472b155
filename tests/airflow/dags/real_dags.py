"""DAGs for a real Airflow: a whole walk-through, and a task to be killed."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
    AzureMLUploadCodeOperator,
)
from airflow_provider_amlrest.sensors import AzureMLJobSensor

COMPUTE = "cpu-cluster"


def leave_pid(context: Any) -> None:
    """Say which process the task is, so that a test can kill it."""
    Path(os.environ["TASK_PID_FILE"]).write_text(str(os.getpid()))


with DAG("walk_through", schedule=None, catchup=False):
    environment = AzureMLCreateEnvironmentOperator(task_id="environment", name="bare", image="python:3.11")
    data = AzureMLRegisterDataOperator(
        task_id="data", name="words", path="real_work/words.txt", type="uri_file"
    )
    code = AzureMLUploadCodeOperator(task_id="code", path="real_work/src")
    common: dict[str, Any] = {
        "environment": environment.output,
        "code": code.output,
        "compute": COMPUTE,
        "inputs": {"words": data.output},
        "poll_interval": 1,
    }
    train = AzureMLSubmitCommandJobOperator(
        task_id="train",
        command="python measure.py ${{inputs.words}} 0.5 ${{outputs.copy}}",
        outputs={"copy": "uri_folder"},
        wait_for_completion=False,
        **common,
    )
    wait = AzureMLJobSensor(task_id="wait", job_name=train.output["name"], poke_interval=1)
    sweep = AzureMLSubmitSweepJobOperator(
        task_id="sweep",
        command="python measure.py ${{inputs.words}} ${{search_space.x}}",
        search_space={"x": {"type": "choice", "values": [0.1, 0.7, 0.4]}},
        sampling_algorithm="grid",
        objective={"goal": "maximize", "primary_metric": "score"},
        limits={"max_total_trials": 3, "max_concurrent_trials": 2},
        **common,
    )
    mapped = AzureMLSubmitCommandJobOperator.partial(
        task_id="mapped",
        command="python measure.py ${{inputs.words}} ${{inputs.x}}",
        environment=environment.output,
        code=code.output,
        compute=COMPUTE,
        poll_interval=1,
    ).expand(inputs=[{"words": "azureml:words@latest", "x": x} for x in (0.25, 0.75)])
    failing = AzureMLSubmitCommandJobOperator(
        task_id="failing",
        command="echo about to fail; exit 3",
        environment=environment.output,
        compute=COMPUTE,
        poll_interval=1,
    )
    train >> wait >> sweep
    data >> mapped
    sweep >> failing

with DAG("kill_me", schedule=None, catchup=False):
    AzureMLSubmitCommandJobOperator(
        task_id="train",
        command=f"until [ -e {os.environ['TASK_PID_FILE']}.go ]; do sleep 0.2; done",
        environment="AzureML-anything:1",
        compute=COMPUTE,
        poll_interval=1,
        retries=1,
        retry_delay=timedelta(seconds=1),
        on_execute_callback=leave_pid,
    )
