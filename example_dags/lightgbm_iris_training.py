"""Train LightGBM on iris in Azure ML: one command job, then a hyper-parameter sweep.

The walk-through of "Train models with REST" as a DAG. It needs the connection ``azureml_default`` and a
workspace with a compute cluster of the name below; ``make demo`` and ``make ui`` bring both, on this machine.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import dag, task

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitSweepJobOperator,
    AzureMLUploadCodeOperator,
)
from airflow_provider_amlrest.sensors import AzureMLJobSensor

COMPUTE = "cpu-cluster"
EXPERIMENT = "lightgbm-iris"
METRIC = "log_loss"


# No schedule: it runs when somebody triggers it.
@dag(schedule=None, catchup=False, tags=["azureml", "example"], doc_md=__doc__)
def lightgbm_iris_training() -> None:
    @task
    def check_compute() -> dict[str, str]:
        """Check that the cluster exists before anything is uploaded for it."""
        with AzureMLHook().client() as client:
            compute = client.get_compute(COMPUTE)
        print(f"Compute {compute.name}: {compute.type}, {compute.state}")
        return {"name": compute.name, "type": compute.type, "state": compute.state}

    @task
    def default_datastore() -> dict[str, str]:
        """Show where code, data and outputs will be stored."""
        with AzureMLHook().client() as client:
            datastore = client.get_default_datastore()
        print(f"Datastore {datastore.name}: container {datastore.container_name} of {datastore.account_name}")
        return {"name": datastore.name, "container": datastore.container_name}

    # The next three are assets of the workspace, identified by their content: if one did not change since the
    # last run, it is found and not uploaded or registered again. Paths are relative to this file's folder.
    create_environment = AzureMLCreateEnvironmentOperator(
        task_id="create_environment",
        name="lightgbm-iris",
        image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04",
        conda_file="lightgbm_iris/conda.yml",
    )
    register_data = AzureMLRegisterDataOperator(
        task_id="register_data", name="iris", path="lightgbm_iris/iris.csv", type="uri_file"
    )
    upload_code = AzureMLUploadCodeOperator(task_id="upload_code", path="lightgbm_iris/src")

    # One task submits the job and another waits for it, so that the grid shows both. With
    # wait_for_completion=True, one operator does both, as the sweep below.
    train = AzureMLSubmitCommandJobOperator(
        task_id="train",
        command="python train.py --iris-csv ${{inputs.iris}} --learning-rate ${{inputs.learning_rate}}"
        " --model ${{outputs.model}}",
        environment=create_environment.output,
        code=upload_code.output,
        compute=COMPUTE,
        inputs={"iris": register_data.output, "learning_rate": 0.1},
        outputs={"model": {"type": "uri_folder"}},
        experiment_name=EXPERIMENT,
        wait_for_completion=False,
    )
    wait_for_training = AzureMLJobSensor(
        task_id="wait_for_training", job_name=train.output["name"], poke_interval=5
    )

    sweep = AzureMLSubmitSweepJobOperator(
        task_id="sweep",
        command="python train.py --iris-csv ${{inputs.iris}} --learning-rate ${{search_space.learning_rate}}"
        " --boosting ${{search_space.boosting}} --model ${{outputs.model}}",
        environment=create_environment.output,
        code=upload_code.output,
        compute=COMPUTE,
        inputs={"iris": register_data.output},
        outputs={"model": {"type": "uri_folder"}},
        search_space={
            "learning_rate": {"type": "uniform", "min_value": 0.01, "max_value": 0.3},
            "boosting": {"type": "choice", "values": ["gbdt", "dart"]},
        },
        sampling_algorithm={"type": "random", "seed": 7},
        objective={"goal": "minimize", "primary_metric": METRIC},
        limits={"max_total_trials": 8, "max_concurrent_trials": 2, "timeout": 3600, "trial_timeout": 600},
        experiment_name=EXPERIMENT,
        wait_for_completion=True,
        poll_interval=5,
    )

    @task
    def report(trained: dict[str, Any], swept: dict[str, Any]) -> dict[str, Any]:
        """Compare the single job with the trials of the sweep."""
        with AzureMLHook().client() as client:
            trials = client.list_trials(swept["name"])
        for trial in trials:
            print(f"{trial.name}: {trial.status}, {trial.params}, {METRIC} {trial.metrics.get(METRIC)}")
        print(f"Best: {swept['best_trial']}; the single job: {trained['metrics']}")
        return {
            "primary_metric": METRIC,
            "command_metrics": trained["metrics"],
            "trials": [
                {
                    "name": t.name,
                    "status": t.status,
                    "params": dict(t.params),
                    "metric": t.metrics.get(METRIC),
                }
                for t in trials
            ],
            "best_trial": swept["best_trial"],
            "models": {
                "command_job": trained["outputs"]["model"],
                "best_trial": swept["outputs"]["model"],
            },
        }

    [check_compute(), default_datastore()] >> train
    # The sweep takes the same inputs. Its trials start only after a single job has shown that they work.
    train >> wait_for_training >> sweep
    report(wait_for_training.output, sweep.output)


lightgbm_iris_training()
