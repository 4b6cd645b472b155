"""Train every night, and accept the new model only if it beats the one accepted last.

The Airflow Variable ``iris_accepted_model`` holds the accepted job, its metric and where its model lies.
Why a Variable: the decision is Airflow's own, one small value that a person can read, correct or delete in
the UI. What serves the model reads it (or is called from ``promote``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import Variable, dag, task

from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
    AzureMLSubmitCommandJobOperator,
)

ACCEPTED = "iris_accepted_model"
METRIC = "log_loss"  # lower is better


@dag(
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # runs for past nights would train on today's data
    max_active_runs=1,  # two runs at the same time would compare with the same accepted model
    tags=["azureml", "example"],
    doc_md=__doc__,
)
def retrain_if_better() -> None:
    environment = AzureMLCreateEnvironmentOperator(
        task_id="create_environment",
        name="lightgbm-iris",
        image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
        conda_file="lightgbm_iris/conda.yml",
    )
    data = AzureMLRegisterDataOperator(
        task_id="register_data", name="iris", path="lightgbm_iris/iris.csv", type="uri_file"
    )
    train = AzureMLSubmitCommandJobOperator(
        task_id="train",
        command="python train.py --iris-csv ${{inputs.iris}} --model ${{outputs.model}}",
        environment=environment.output,
        code="lightgbm_iris/src",  # a local folder: uploaded when its content is new
        compute="cpu-cluster",
        inputs={"iris": data.output},
        outputs={"model": {"type": "uri_folder"}},
        experiment_name="lightgbm-iris-nightly",
        # Airflow renders {{ ... }}, Azure ML ${{ ... }}. Every DAG run has a run_id, but not always a ds.
        display_name="iris of {{ run_id }}",
        wait_for_completion=True,
        poll_interval=10,
    )

    # A second job reads the model that `train` wrote: a model that cannot be loaded is not promoted.
    load = AzureMLSubmitCommandJobOperator(
        task_id="load",
        command="python -c \"import lightgbm as l; l.Booster(model_file='${{inputs.model}}/model.txt')\"",
        environment=environment.output,
        compute="cpu-cluster",
        inputs={"model": {"type": "uri_folder", "path": train.output["outputs.model"]}},
        experiment_name="lightgbm-iris-nightly",
        poll_interval=10,
    )

    @task.branch
    def compare(trained: dict[str, Any]) -> str:
        """Name the task that follows."""
        new = trained["metrics"][METRIC]
        # Positional, because Airflow 2 and 3 name the default differently: None if unset, and read as JSON.
        accepted = Variable.get(ACCEPTED, None, True)
        print(f"{METRIC}: new {new}, accepted {accepted and accepted[METRIC]}")
        return "promote" if accepted is None or new < accepted[METRIC] else "keep"

    @task
    def promote(trained: dict[str, Any]) -> None:
        """Make the new model the accepted one."""
        accepted = {
            "job": trained["name"],
            METRIC: trained["metrics"][METRIC],
            "model": trained["outputs"]["model"],
        }
        Variable.set(ACCEPTED, accepted, serialize_json=True)
        print(f"Accepted {accepted}")

    @task
    def keep() -> None:
        """Leave the accepted model where it is."""
        print("The accepted model stays: the new one is not better.")

    compared = compare(train.output)
    load >> compared
    compared >> [promote(train.output), keep()]


retrain_if_better()
