"""The fixture ``azureml_emulator`` as a user's test has it: their own DAGs, run by ``dag.test()``."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.testing import EmulatedWorkspace, EmulatorError
from airflow_provider_amlrest.operators.jobs import AzureMLJobOperator
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from tests.support.dag_files import imported, run
from tools.local_airflow import AIRFLOW_3

_DATE = "logical_date" if AIRFLOW_3 else "execution_date"
SOURCE = Path(__file__).parent / "tested_dags"


@pytest.fixture(scope="module")
def dags() -> Iterator[Any]:
    """The module of the DAGs, out of Airflow's own DAG folder: Airflow 3.3 runs no others."""
    with imported(SOURCE, "tested_dags") as module:
        yield module


@pytest.fixture
def impatient(dags: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same, polling often, as a test needs it where a job takes its time."""
    for dag in (dags.training, dags.waiting):
        for task in dag.tasks:
            for name in ("poll_interval", "poke_interval"):
                if hasattr(task, name):
                    monkeypatch.setattr(task, name, 0.05)
    return dags


def test_jobs_complete_unless_told_otherwise(azureml_emulator: EmulatedWorkspace, dags: Any) -> None:
    assert run(dags.training) == "success"
    (job,) = azureml_emulator.jobs("train")
    assert (job.type, job.status, job.error, job.task_id) == ("Command", "Completed", None, "train")
    assert job.properties["command"] == "python train.py"
    assert job.tags["airflow_dag_id"] == "tested_training"
    assert [asset.name for asset in azureml_emulator.assets("environments")] == ["tested"]
    (code,) = azureml_emulator.assets("codes")
    assert job.properties["codeId"].endswith(f"/codes/{code.name}/versions/{code.version}")


def test_a_second_test_of_the_same_date_is_another_run(
    azureml_emulator: EmulatedWorkspace, dags: Any
) -> None:
    if not AIRFLOW_3:
        # Airflow 2.11 deletes the first run, and knows not by itself that its note has a user.
        importlib.import_module("airflow.providers.fab.auth_manager.models")
    date = {_DATE: datetime(2026, 1, 1, tzinfo=UTC)}
    for _ in range(2):
        assert dags.training.test(**date).state == "success"
    assert len({job.name for job in azureml_emulator.jobs("train")}) == 2


def test_a_retry_within_a_test_finds_the_tests_job(
    azureml_emulator: EmulatedWorkspace, impatient: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A try that fails after its job was made; the next one runs in the same process."""
    azureml_emulator.script("train", seconds=1)
    conclude, lost = AzureMLJobOperator._conclude, []

    def once(self: Any, *arguments: Any) -> Any:
        if not lost:
            lost.append(self)
            raise AzureMLError("lost")
        return conclude(self, *arguments)

    monkeypatch.setattr(AzureMLJobOperator, "_conclude", once)
    train = impatient.training.get_task("train")
    monkeypatch.setattr(train, "retries", 1)
    monkeypatch.setattr(train, "retry_delay", timedelta(seconds=0.1))
    assert impatient.training.test(**{_DATE: datetime(2026, 2, 1, tzinfo=UTC)}).state == "success"
    assert lost
    assert len(azureml_emulator.jobs("train")) == 1


def test_each_test_has_an_empty_workspace(azureml_emulator: EmulatedWorkspace) -> None:
    assert azureml_emulator.jobs() == []
    assert azureml_emulator.assets("codes") == []
    assert azureml_emulator.requests() == []


@pytest.mark.parametrize(
    ("outcome", "error", "state", "status"),
    [
        ("completed", None, "success", "Completed"),
        ("failed", "out of memory", "failed", "Failed"),
        ("failed", None, "failed", "Failed"),
        ("canceled", None, "failed", "Canceled"),
        ("preempted", None, "success", "Completed"),
        ("lost", "the node is gone", "failed", "Failed"),
    ],
)
def test_outcomes(
    azureml_emulator: EmulatedWorkspace, dags: Any, outcome: Any, error: str | None, state: str, status: str
) -> None:
    azureml_emulator.script("train", outcome, error=error, metrics={"auc": 0.5})
    assert run(dags.training) == state
    (job,) = azureml_emulator.jobs("train")
    assert job.status == status
    assert job.metrics == {"auc": 0.5}
    if error:
        assert job.error == error


def test_a_job_that_is_stuck_in_the_queue(
    azureml_emulator: EmulatedWorkspace, impatient: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impatient.train, "timeout", 5.0)
    azureml_emulator.script("train", "stuck")
    assert run(impatient.training) == "failed"
    assert [job.status for job in azureml_emulator.jobs("train")] == ["Canceled"], "left in the queue"
    assert len(azureml_emulator.requests("POST", "/cancel$")) == 1


def test_a_job_that_takes_its_time(azureml_emulator: EmulatedWorkspace, impatient: Any) -> None:
    azureml_emulator.script("submit", seconds=2)
    assert run(impatient.waiting) == "success"
    (job,) = azureml_emulator.jobs()
    reads = azureml_emulator.requests("GET", f"/jobs/{job.name}$")
    assert len([read for read in reads if read.status == 200]) > 2


def test_a_throttled_job(azureml_emulator: EmulatedWorkspace, impatient: Any) -> None:
    azureml_emulator.script("train", throttled_reads=2)
    assert run(impatient.training) == "success"
    (job,) = azureml_emulator.jobs("train")
    reads = [request.status for request in azureml_emulator.requests("GET", f"/jobs/{job.name}$")]
    assert reads == [404, 429, 429, 200, 200]


def test_a_throttled_workspace(azureml_emulator: EmulatedWorkspace, dags: Any) -> None:
    azureml_emulator.configure(rate_limit={"reads": [1, 1]})
    assert run(dags.training) == "success"
    reads = [request.status for request in azureml_emulator.requests("GET", "/workspaces/")]
    assert 429 in reads
    assert [job.status for job in azureml_emulator.jobs()] == ["Completed"]


def test_a_retry_after_a_failure(azureml_emulator: EmulatedWorkspace, dags: Any) -> None:
    azureml_emulator.script("train", "failed", error="flaky", times=1)
    azureml_emulator.script("train", "canceled_by_preemption", times=1)
    assert run(dags.retries) == "success"
    assert [job.status for job in azureml_emulator.jobs("train")] == ["Failed", "Canceled", "Completed"]


def test_no_retry_after_somebody_has_canceled_the_job(azureml_emulator: EmulatedWorkspace, dags: Any) -> None:
    azureml_emulator.script("train", "canceled_by_person", times=1)
    assert run(dags.retries) == "failed"
    assert [job.status for job in azureml_emulator.jobs("train")] == ["Canceled"]


def test_a_sweep_over_a_connection_of_another_name(azureml_emulator: EmulatedWorkspace, dags: Any) -> None:
    azureml_emulator.connect("azureml_tuning")
    assert run(dags.tuning) == "success"
    (sweep,) = azureml_emulator.jobs("tune")
    trials = azureml_emulator.trials("tune")
    assert (sweep.type, sweep.status) == ("Sweep", "Completed")
    assert [(trial.status, trial.metrics["loss"]) for trial in trials] == [
        ("Completed", 1.0),
        ("Completed", 2.0),
        ("Completed", 3.0),
    ]


def test_paths_of_a_factorys_dag_are_relative_to_the_file_that_has_the_dag(
    azureml_emulator: EmulatedWorkspace, dags: Any
) -> None:
    assert Path(dags.made.fileloc).name == "made.py"
    assert run(dags.made) == "success"
    (code,) = azureml_emulator.assets("codes")
    assert code.properties["codeUri"].endswith("/src")


def test_outputs_are_inputs_of_the_next_job(azureml_emulator: EmulatedWorkspace, dags: Any) -> None:
    assert run(dags.chain) == "success"
    (first,) = azureml_emulator.jobs("first")
    for task in ("by_argument", "by_template"):
        (job,) = azureml_emulator.jobs(task)
        uris = {name: value["uri"] for name, value in job.properties["inputs"].items()}
        assert uris["model"] == f"azureml://datastores/workspaceblobstore/paths/azureml/{first.name}/model/"
        assert uris["scores"].endswith("/data/tested-scores/versions/1")


def test_mapped_outputs_are_inputs_of_mapped_jobs(azureml_emulator: EmulatedWorkspace, dags: Any) -> None:
    assert run(dags.mapped_chain) == "success"
    folds = [job.name for job in azureml_emulator.jobs("fold")]
    assert len(folds) == 2
    for task in ("score", "same_index"):
        read = [
            job.properties["inputs"]["model"]["uri"].split("/")[-3] for job in azureml_emulator.jobs(task)
        ]
        assert sorted(read) == sorted(folds), task


def test_an_output_that_is_not_there_names_the_way(
    azureml_emulator: EmulatedWorkspace, dags: Any, said: Any
) -> None:
    assert run(dags.broken_chain) == "failed"
    assert [job.task_id for job in azureml_emulator.jobs()] == ["before"]
    assert 'model\' of an upstream job is train.output["outputs.model"]' in said().replace('\\"', '"')


@pytest.mark.parametrize("name", ["templates", "native_templates"])
def test_templates_tasks_and_mapping_make_commands(
    azureml_emulator: EmulatedWorkspace, dags: Any, name: str
) -> None:
    assert run(getattr(dags, name)) == "success"
    commands = {
        task: sorted(job.properties["command"] for job in azureml_emulator.jobs(f"{task}$"))
        for task in ("rendered", "made", "mapped", "mapped_made")
    }
    made = "echo ${{inputs.x}} {{ no template }}"
    assert commands == {
        "rendered": ["echo ${{inputs.x}} ${{inputs.x}}"],
        "made": [made],
        "mapped": ["${{inputs.x}}", "'${{inputs.x}}' '1'"],
        "mapped_made": ["'${{inputs.x}}'", made],
    }
    for job in azureml_emulator.jobs():
        assert job.properties["resources"]["instanceCount"] == 2
        assert job.properties["limits"]["timeout"] == "PT3600S"
        assert job.tags["airflow_outlives_task"] == "true"


def test_a_connection_that_nobody_has_made(azureml_emulator: EmulatedWorkspace, dags: Any) -> None:
    assert run(dags.tuning) == "failed"
    assert azureml_emulator.requests() == []


def test_a_fault_in_the_service(azureml_emulator: EmulatedWorkspace, dags: Any) -> None:
    denied = {"error": {"code": "AuthorizationFailed", "message": "No write permission."}}
    azureml_emulator.fault("/jobs/", method="PUT", status=403, body=denied)
    assert run(dags.training) == "failed"
    assert azureml_emulator.jobs() == []


def test_settings(azureml_emulator: EmulatedWorkspace, impatient: Any) -> None:
    azureml_emulator.configure(job_seconds=2)
    assert run(impatient.training) == "success"
    (job,) = azureml_emulator.jobs("train")
    assert len(azureml_emulator.requests("GET", f"/jobs/{job.name}$")) > 2


@pytest.mark.parametrize(
    ("ask", "word"),
    [
        (lambda emulator: emulator.script("("), "regular expression"),
        (lambda emulator: emulator.script("train", "exploded"), "exploded"),
        (lambda emulator: emulator.fault("/jobs/"), "status"),
        (lambda emulator: emulator.configure(speed=3), "speed"),
        (lambda emulator: emulator.assets("components"), "components"),
        (lambda emulator: emulator.jobs("("), "regular expression"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    azureml_emulator: EmulatedWorkspace, ask: Any, word: str
) -> None:
    with pytest.raises(EmulatorError, match=word):
        ask(azureml_emulator)
