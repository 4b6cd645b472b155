"""DAGs whose jobs the pages show; what the jobs do, their tags tell the emulator."""

from __future__ import annotations

import json
from typing import Any

from airflow.providers.common.compat.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator

from airflow_provider_amlrest.operators import (
    AzureMLCompareModelsOperator,
    AzureMLDeployOnlineEndpointOperator,
    AzureMLInvokeOnlineEndpointOperator,
    AzureMLShiftTrafficOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLSubmitJobOperator,
    AzureMLSubmitPipelineJobOperator,
    AzureMLSubmitSweepJobOperator,
)
from airflow_provider_amlrest.sensors import AzureMLJobSensor

SHOP = "iris-shop"
COMMON = {"environment": "AzureML-anything:1", "compute": "cpu-cluster", "poll_interval": 2}


def tags(**says: Any) -> dict[str, str]:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in says.items()}
    return {f"emulator.{name}": text for name, text in texts.items()}


def command_job(task_id: str = "train", **more: Any) -> AzureMLSubmitCommandJobOperator:
    return AzureMLSubmitCommandJobOperator(
        task_id=task_id,
        command="python train.py --rate ${{inputs.rate}}",
        inputs={"rate": 0.1},
        outputs={"model": "uri_folder"},
        experiment_name="iris",
        deferrable=True,
        **COMMON,
        **more,
    )


def sweep_job(trials: int, concurrent: int, seconds: int) -> AzureMLSubmitSweepJobOperator:
    return AzureMLSubmitSweepJobOperator(
        task_id="sweep",
        command="python train.py --rate ${{search_space.rate}} --booster ${{search_space.booster}}",
        search_space={
            "rate": {"type": "uniform", "min_value": 0.01, "max_value": 0.3},
            "depth": {"type": "choice", "values": [3, 5, 7]},
            "booster": {"type": "choice", "values": ["gbdt", "dart"]},
        },
        objective={"goal": "maximize", "primary_metric": "auc"},
        limits={"max_total_trials": trials, "max_concurrent_trials": concurrent},
        experiment_name="iris",
        deferrable=True,
        tags=tags(seconds=seconds),
        **COMMON,
    )


def step(number: int) -> dict[str, Any]:
    """One of ten columns of ten steps; each waits for two of the column before."""
    others = [10 * (number // 10 - 1) + row % 10 for row in (number, number + 3)] if number >= 10 else []
    return {
        "command": "python step.py ${{outputs.out}}",
        "environment": COMMON["environment"],
        "inputs": {f"in_{other}": f"${{{{parent.jobs.step_{other}.outputs.out}}}}" for other in others},
        "outputs": {"out": {"type": "uri_folder"}},
    }


def deploy(name: str, **more: Any) -> AzureMLDeployOnlineEndpointOperator:
    """A deployment of a model that is there already; the endpoint's file has its name."""
    return AzureMLDeployOnlineEndpointOperator(
        task_id=f"deploy_{name}",
        deployment={"name": name, "model": "azureml:petals:1", "instance_count": 2},
        poll_interval=1,
        **more,
    )


def shift(task_id: str, steps: list[dict[str, int]], **more: Any) -> AzureMLShiftTrafficOperator:
    test = {"requests": [{"x": 1}, {"x": 2}], **more.pop("test", {})}
    return AzureMLShiftTrafficOperator(
        task_id=task_id, endpoint_name=SHOP, steps=steps, smoke_test=test, poll_interval=1, **more
    )


with DAG("training", schedule=None, catchup=False):
    command_job(
        tags=tags(
            seconds=20, queue_seconds=8, log_lines=60, metric_steps=8, metrics={"auc": 0.93, "loss": 0.21}
        )
    )

with DAG("failing", schedule=None, catchup=False):
    command_job(
        tags=tags(
            seconds=2,
            outcome="failed",
            error="Execution failed. User process 'train <b>y</b>' exited with status code 137.",
            log_lines=30,
        )
    )

with DAG("endless", schedule=None, catchup=False):
    command_job(tags=tags(seconds=3600, log_lines=3600))

with DAG("loose", schedule=None, catchup=False):
    command_job(wait_for_completion=False, tags=tags(seconds=3600))


with DAG("sweeping", schedule=None, catchup=False):
    sweep_job(12, 4, 3)

with DAG("wide", schedule=None, catchup=False):
    sweep_job(1000, 100, 0)

with DAG("gated", schedule=None, catchup=False):
    AzureMLCompareModelsOperator(
        task_id="gate",
        candidate={"metrics": {"auc": 0.93, "recall": 0.5}},
        champion="iris@latest",
        metric="auc",
        guards={"recall": {"at_least": 0.8}},
    )

with DAG("pipeline", schedule=None, catchup=False):
    AzureMLSubmitJobOperator(task_id="retrain", job="pipeline/pipeline.yml", deferrable=True, poll_interval=2)

with DAG("long", schedule=None, catchup=False):
    AzureMLSubmitPipelineJobOperator(
        task_id="hundred",
        jobs={f"step_{number}": step(number) for number in range(100)},
        settings={"default_compute": "cpu-cluster"},
        deferrable=True,
        poll_interval=2,
        tags=tags(seconds=0),
    )

with DAG("serving", schedule=None, catchup=False):
    first = deploy("blue", endpoint="endpoint.yml") >> shift("all_to_blue", [{"blue": 100}], pause=0)
    refused = shift("refused", [{"green": 10}], test={"expected_status": 500})
    first >> deploy("green", endpoint=SHOP) >> refused
    # It stays at its first step.
    rollout = shift("rollout", [{"green": 10}, {"green": 100}], pause=36_000, deferrable=True)
    rollout.trigger_rule = "all_done"
    ask = AzureMLInvokeOnlineEndpointOperator(
        task_id="ask", endpoint_name=SHOP, request={"x": 1}, trigger_rule="all_done"
    )
    refused >> [ask, rollout]

with DAG("mixed", schedule=None, catchup=False):
    submit = command_job("submit", wait_for_completion=False, tags=tags(seconds=5))
    sense = AzureMLJobSensor(
        task_id="sense", job_name=submit.output["name"], deferrable=True, poke_interval=2
    )
    AzureMLSubmitCommandJobOperator.partial(
        task_id="mapped", command="true", deferrable=True, tags=tags(seconds=2), **COMMON
    ).expand(display_name=["first", "second", "third"])
    sense >> EmptyOperator(task_id="other")
