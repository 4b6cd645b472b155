"""The example DAGs, as Airflow parses and stores them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace
from airflow_provider_amlrest.hook import AzureMLHook
from tests.support.dag_files import imported, run
from tests.support.emulated import Emulated

EXAMPLES = Path(__file__).resolve().parents[2] / "example_dags"


@pytest.fixture(scope="module")
def bag() -> Any:
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # before Airflow 3.2
        from airflow.models import DagBag
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DagBag(str(EXAMPLES))  # conftest.py leaves Airflow's own examples out


def test_they_import(bag: Any) -> None:
    assert bag.import_errors == {}
    names = {"azureml_cleanup", "iris_pipeline_job", "iris_summary", "lightgbm_iris_training"}
    names |= {"retrain_if_better", "train_gate_deploy"}
    assert set(bag.dags) == names


def test_the_walk_through_has_the_articles_steps_in_order(bag: Any) -> None:
    dag = bag.dags["lightgbm_iris_training"]
    order = [task.task_id for task in dag.topological_sort()]
    assert {
        "check_compute",
        "default_datastore",
        "create_environment",
        "register_data",
        "upload_code",
    } == set(order[:5])
    assert order[5:] == ["train", "wait_for_training", "sweep", "report"]


def test_the_retraining_is_scheduled_and_branches(bag: Any) -> None:
    dag = bag.dags["retrain_if_better"]
    assert dag.catchup is False
    assert dag.schedule == "0 3 * * *" if hasattr(dag, "schedule") else dag.schedule_interval == "0 3 * * *"
    assert set(dag.get_task("compare").downstream_task_ids) == {"accept", "reject"}


def test_the_retraining_accepts_what_is_better_and_keeps_no_state(
    emulator: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri())
    workspace = EmulatedWorkspace(emulator, monkeypatch.setenv)
    with AzureMLHook().client() as client:
        others = {model.version for model in client.list_models("iris")}
    ended = []
    with imported(EXAMPLES, "retrain_if_better") as module, emulator.setting("job_seconds", 0):
        module.made = module.retrain_if_better()
        for log_loss in (0.3, 0.4, 0.2):
            workspace.script("train", metrics={"log_loss": log_loss}, times=1)
            tested = module.made.test()
            assert str(getattr(tested.state, "value", tested.state)) == "success"
            states = {
                ti.task_id: str(getattr(ti.state, "value", ti.state)) for ti in tested.get_task_instances()
            }
            ended.append((states["accept"], states["reject"]))
    assert ended == [("success", "skipped"), ("skipped", "success"), ("success", "skipped")]
    with AzureMLHook().client() as client:
        models = [model for model in client.list_models("iris") if model.version not in others]
    newest_first = [(model.stage, model.is_archived) for model in models]
    assert newest_first == [("Production", False), (None, True), ("Production", False)]


def test_a_model_that_serves_is_not_taken_down_if_its_predecessor_cannot_be_deleted(bag: Any) -> None:
    dag = bag.dags["train_gate_deploy"]
    assert dag.get_task("take_down").upstream_task_ids == {"rollout.shift"}
    assert dag.get_task("withdraw").upstream_task_ids == {"rollout.shift", "register"}


def test_the_summary_of_iris(
    training_emulator: Emulated, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", training_emulator.connection_uri())
    with imported(EXAMPLES, "iris_summary") as module:
        module.made = module.iris_summary()  # paths are relative to the file that holds the DAG
        assert run(module.made) == "success"
    log = said()
    assert "petal_length: 150 values of 3 species" in log
    assert "{'setosa': 1.462, 'versicolor': 4.26, 'virginica': 5.552}, " in log


def test_the_pipeline_of_a_file(
    training_emulator: Emulated, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", training_emulator.connection_uri())
    with imported(EXAMPLES, "iris_pipeline_job") as module:
        module.made = module.iris_pipeline_job()
        assert run(module.made) == "success"
    log = said()
    assert "split: Completed after" in log
    assert "classify: Completed after" in log


def test_the_iris_data_are_the_real_150_rows() -> None:
    lines = (EXAMPLES / "lightgbm_iris" / "iris.csv").read_text().splitlines()
    species = [line.rsplit(",", 1)[1] for line in lines[1:]]
    assert len(species) == 150
    assert sorted(map(species.count, set(species))) == [50, 50, 50]
