"""Train every night, register the model, and accept it only if it beats the one that is in production.

All state is in Azure ML: the model in production is the newest version of ``iris`` with the stage
``Production``, and its metric is that of the job that wrote it. A person can read and change both in the
Studio. What serves the model would follow ``accept``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import dag

from airflow_provider_amlrest.operators import (
    AzureMLCompareModelsOperator,
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
    AzureMLRegisterModelOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLUpdateModelOperator,
)


@dag(
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,  # runs for past nights would train on today's data
    max_active_runs=1,  # two runs at the same time would compare with the same model
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

    # A second job reads the model that `train` wrote: a model that cannot be loaded is not registered.
    load = AzureMLSubmitCommandJobOperator(
        task_id="load",
        command="python -c \"import lightgbm as l; l.Booster(model_file='${{inputs.model}}/model.txt')\"",
        environment=environment.output,
        compute="cpu-cluster",
        inputs={"model": {"type": "uri_folder", "path": train.output["outputs.model"]}},
        experiment_name="lightgbm-iris-nightly",
        poll_interval=10,
    )

    register = AzureMLRegisterModelOperator(task_id="register", name="iris", job_name=train.output)
    compare = AzureMLCompareModelsOperator(
        task_id="compare",
        candidate=register.output,
        champion={"name": "iris", "stage": "Production"},
        metric="log_loss",
        goal="minimize",
        follow_task_ids_if_true="accept",
        follow_task_ids_if_false="reject",
    )
    accept = AzureMLUpdateModelOperator(task_id="accept", model=register.output, stage="Production")
    reject = AzureMLUpdateModelOperator(task_id="reject", model=register.output, archived=True)
    load >> register
    compare >> [accept, reject]


retrain_if_better()
