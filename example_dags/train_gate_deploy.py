"""Train, compare with the model in production, and roll the new one out beside it, with a way back.

A model that is no better than the one in production is archived. One that is gets a deployment of its own,
which is asked for flowers whose species everybody knows, before and while it gets more and more of the
requests. If an answer is wrong, all requests go where they went before, and the new deployment is deleted.

To see that, run it three times: with 10 iterations, with 20, and with the data ``iris_mislabeled.csv``, in
which two species have each other's names. Trained on it, a model has fine metrics, and answers nonsense.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import Param, TaskGroup, dag

from airflow_provider_amlrest.operators import (
    AzureMLCompareModelsOperator,
    AzureMLCreateEnvironmentOperator,
    AzureMLDeleteDeploymentOperator,
    AzureMLInvokeOnlineEndpointOperator,
    AzureMLRegisterDataOperator,
    AzureMLRegisterModelOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLUpdateModelOperator,
    safe_rollout,
)

MODEL = "iris-lightgbm"
ENDPOINT = "iris-{{ params.endpoint_suffix }}"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
DEPLOYMENT = "iris-{{ ti.xcom_pull('register')['version'] }}"
DATA = ("lightgbm_iris/iris.csv", "lightgbm_iris/iris_mislabeled.csv")
FLOWERS = {
    "setosa": [5.1, 3.5, 1.4, 0.2],
    "versicolor": [5.7, 2.8, 4.5, 1.3],
    "virginica": [6.3, 3.3, 6.0, 2.5],
}
REQUEST = {"flowers": list(FLOWERS.values())}


def knows_its_flowers(answers: list[Any]) -> bool:
    """Whether each answer names the species of all flowers of the request."""
    return all([flower["species"] for flower in answer] == list(FLOWERS) for answer in answers)


def train_and_register() -> AzureMLRegisterModelOperator:
    """The tasks that make a version of the model."""
    environment = AzureMLCreateEnvironmentOperator(
        task_id="create_environment",
        name="lightgbm-iris",
        image=IMAGE,
        conda_file="lightgbm_iris/conda.yml",
    )
    data = AzureMLRegisterDataOperator(
        task_id="register_data", name="iris", path="{{ params.data }}", type="uri_file"
    )
    train = AzureMLSubmitCommandJobOperator(
        task_id="train",
        command="python train.py --iris-csv ${{inputs.iris}} --iterations ${{inputs.iterations}}"
        " --model ${{outputs.model}}",
        environment=environment.output,
        code="lightgbm_iris/src",
        compute="cpu-cluster",
        inputs={"iris": data.output, "iterations": "{{ params.iterations }}"},
        outputs={"model": {"type": "uri_folder"}},
        experiment_name="lightgbm-iris-serving",
    )
    return AzureMLRegisterModelOperator(task_id="register", name=MODEL, job_name=train.output)


def roll_out(model: AzureMLRegisterModelOperator) -> TaskGroup:
    """The tasks that bring a version into service."""
    environment = AzureMLCreateEnvironmentOperator(
        task_id="create_serving_environment",
        name="lightgbm-iris-serving",
        image=IMAGE,
        conda_file="lightgbm_iris/serving/conda.yml",
    )
    rollout = safe_rollout(
        group_id="rollout",
        endpoint_name=ENDPOINT,
        deployment_name=DEPLOYMENT,
        deployment={
            "code_configuration": {"code": "lightgbm_iris/serving", "scoring_script": "score.py"},
            "environment": "{{ ti.xcom_pull('create_serving_environment')['id'] }}",
            "instance_type": "Standard_DS3_v2",
            "instance_count": 1,
        },
        model=model.output,
        shares=(10, 50, 100),
        pause=5,  # minutes, where people depend on it
        smoke_test={"requests": [REQUEST], "max_latency": 5},
        smoke_check=knows_its_flowers,
    )
    environment >> rollout
    return rollout


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=1,  # one rollout of an endpoint at a time
    params={
        "iterations": Param(20, type="integer", minimum=1, description="20 make a better model than 10."),
        "data": Param(DATA[0], enum=list(DATA), description="The second has two species mixed up."),
        "endpoint_suffix": Param(
            "airflow", type="string", description="Names of endpoints are unique in an Azure region."
        ),
    },
    default_args={"poll_interval": 2},  # where operations take minutes, leave it out
    tags=["azureml", "example"],
    doc_md=__doc__,
)
def train_gate_deploy() -> None:
    register = train_and_register()
    compare = AzureMLCompareModelsOperator(
        task_id="compare",
        candidate=register.output,
        champion={"name": MODEL, "stage": "Production"},
        metric="log_loss",
        goal="minimize",
        guards={"accuracy": {"at_least": 0.9}},
        follow_task_ids_if_true="rollout.deploy",
        follow_task_ids_if_false="archive",
    )
    rollout = roll_out(register)
    promote = AzureMLUpdateModelOperator(task_id="promote", model=register.output, stage="Production")
    ask = AzureMLInvokeOnlineEndpointOperator(task_id="ask", endpoint_name=ENDPOINT, request=REQUEST)

    archive = AzureMLUpdateModelOperator(task_id="archive", model=register.output, archived=True)

    # Of a model that could not be brought into service. The run fails, so that somebody looks.
    take_down = AzureMLDeleteDeploymentOperator(
        task_id="take_down", endpoint_name=ENDPOINT, deployment_name=DEPLOYMENT, trigger_rule="one_failed"
    )
    withdraw = AzureMLUpdateModelOperator(
        task_id="withdraw", model=register.output, archived=True, trigger_rule="one_failed"
    )

    compare >> [rollout, archive]
    rollout >> promote >> ask
    rollout.get_child_by_label("shift") >> [take_down, withdraw]


train_gate_deploy()
