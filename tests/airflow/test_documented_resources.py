"""The first DAG of each page on resources does what the page says."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator

from tests.support.resources import Resources
from tests.support.tasks import Try
from tests.unit.docs.test_docs import PROVIDER_BLOCKS

MODEL = "azureml:iris-model:7"


class AfterTraining(Try):
    """A try of a task whose DAG run has trained a model, and shifted the requests of another one."""

    def xcom_pull(self, task_ids: str, key: str = "", map_indexes: int = -1) -> Any:
        return MODEL if task_ids == "train" else {"unused": ["iris-6"]}


def first_dag(page: str) -> Any:
    block = next(block for block in PROVIDER_BLOCKS if block.page.name == page)
    namespace: dict[str, Any] = {"__name__": page}
    exec(compile(block.text, str(block), "exec"), namespace)  # noqa: S102
    return next(value.dag for value in namespace.values() if isinstance(value, BaseOperator))


def run(dag: Any, name: str, **instead: Any) -> dict[str, Any]:
    """Run a task without the pauses, and with what an upstream task has returned."""
    task = dag.get_task(name)
    for member, value in {"deferrable": False, "poll_interval": 0.01, **instead}.items():
        setattr(task, member, value)
    result: dict[str, Any] = AfterTraining(task).execute()
    return result


def test_a_model_comes_into_service(resources: Resources) -> None:
    resources.add("onlineEndpoints/iris", traffic={"iris-6": 100})
    resources.add("onlineEndpoints/iris/deployments/iris-6")
    dag = first_dag("serving.md")
    deployed = run(dag, "safe_rollout.deploy", model=MODEL)
    shifted = run(dag, "safe_rollout.shift", pause=0)
    deleted = run(dag, "safe_rollout.delete_unused")
    assert (deployed["name"], deployed["traffic"]) == ("iris-7", {"iris-6": 100})
    assert (shifted["shares"], shifted["unused"]) == ({"iris-7": 100}, ["iris-6"])
    assert deleted["outcome"] == "deleted"
    assert set(resources.found) == {"onlineEndpoints/iris", "onlineEndpoints/iris/deployments/iris-7"}


def test_a_batch_endpoint_comes_into_service(resources: Resources) -> None:
    resources.add("computes/cpu-cluster")
    deployed = run(first_dag("batch-scoring.md"), "deploy", model=MODEL)
    assert (deployed["name"], deployed["default_deployment"]) == ("mlflow", "mlflow")


def test_a_cluster_is_there_while_it_is_needed(resources: Resources) -> None:
    dag = first_dag("compute.md")
    assert run(dag, "create")["outcome"] == "created"
    assert set(resources.found) == {"computes/nightly-gpu"}
    assert run(dag, "delete")["outcome"] == "deleted"
    assert resources.found == {}
    assert dag.get_task("delete").is_teardown
    assert dag.get_task("create").is_setup
