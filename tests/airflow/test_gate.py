"""AzureMLCompareModelsOperator: what it says, and which tasks follow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.lifecycle.gate import COMPARISON_KEY
from airflow_provider_amlrest.operators import AzureMLCompareModelsOperator
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.assets.model import Model
from tests.support.dag_files import imported
from tests.support.emulated import Emulated
from tests.support.tasks import Try, unique

DAGS = Path(__file__).parent / "gate_dags"


def register(client: AzureMLClient, name: str, *values: float, **members: Any) -> None:
    """Versions 1, 2... of a model whose tags say its metric."""
    for number, value in enumerate(values, 1):
        tags = {"auc": str(value)}
        uri = "https://example.org/model"
        client.create_model(Model(name, str(number), "custom_model", uri, tags=tags, **members))


def compare(**arguments: Any) -> Any:
    return Try(AzureMLCompareModelsOperator(task_id="compare", metric="auc", **arguments)).execute()


def test_what_it_says(client: AzureMLClient, said: Callable[[], str], request: pytest.FixtureRequest) -> None:
    name = unique(request)
    register(client, name, 0.8, 0.9, stage="Production")
    champion = {"name": name, "stage": "Production"}
    attempt = Try(
        AzureMLCompareModelsOperator(
            task_id="compare", metric="auc", candidate=f"{name}:2", champion=champion
        )
    )
    result = attempt.execute()
    assert attempt.xcoms == {COMPARISON_KEY: result}
    assert (result["accepted"], result["reason"]) == (
        True,
        "auc: 0.9 is better by 0.1 than 0.8 (any improvement is enough)",
    )
    assert (result["candidate"]["model"], result["champion"]["model"]) == (f"{name}:2", f"{name}:1")
    [row] = result["metrics"]
    assert row == {
        "name": "auc",
        "candidate": 0.9,
        "champion": 0.8,
        "difference": pytest.approx(0.1),
        "passed": True,
    }
    log = said()
    assert "The candidate is accepted: auc: 0.9 is better" in log
    assert "auc  0.9" in log

    refused = compare(candidate=f"{name}:2", champion=f"{name}:1", min_improvement="20%")
    assert refused["reason"] == "auc: 0.9 is better by 0.1 than 0.8 (0.16 is asked)"


def test_the_first_model(client: AzureMLClient, request: pytest.FixtureRequest) -> None:
    name = unique(request)
    assert compare(candidate={"metrics": {"auc": 0.5}}, champion=f"{name}@latest")["accepted"]
    register(client, name, 0.5)
    only = compare(candidate=f"{name}:1", champion={"name": name}, accept_first="false")
    assert (only["accepted"], only["champion"]) == (False, None)


def test_a_job_and_the_model_of_a_job(
    client: AzureMLClient, command_task: Callable[..., Any], request: pytest.FixtureRequest
) -> None:
    name = unique(request)
    jobs = {}
    for auc in (0.8, 0.9):
        task = command_task(command=f"echo {auc}")
        jobs[auc] = Try(task, run_id=f"manual__{auc}").execute()
        with_metric(client, jobs[auc]["name"], auc)
    old = Model(name, "1", "custom_model", "https://example.org/m", job_name=jobs[0.8]["name"])
    client.create_model(old)
    result = compare(candidate=jobs[0.9]["name"], champion=f"{name}@latest")
    assert result["accepted"]
    assert (result["candidate"]["job"], result["champion"]["job"]) == (
        jobs[0.9]["name"],
        jobs[0.8]["name"],
    )
    worse = compare(candidate=jobs[0.8]["name"], champion=jobs_model(client, name, jobs[0.9]["name"]))
    assert worse["reason"] == "auc: 0.8 is worse by 0.1 than 0.9 (any improvement is enough)"


def with_metric(client: AzureMLClient, run: str, value: float) -> None:
    body = {"run_id": run, "key": "auc", "value": value, "timestamp": 1, "step": 0}
    client._run(client.operations._mlflow("POST", "runs/log-metric", body=body))


def jobs_model(client: AzureMLClient, name: str, job: str) -> dict[str, str]:
    made = client.create_model(Model(name, "2", "custom_model", "https://example.org/n", job_name=job))
    return {"id": made.id, "name": made.name}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"goal": "max"}, "goal: 'max' is not one of"),
        ({"guards": {"f1": {}}}, "guards.f1: it asks for nothing"),
        ({"accept_first": "perhaps"}, "accept_first: 'perhaps'"),
        (
            {"short_circuit": True, "follow_task_ids_if_true": "promote"},
            "short_circuit: it skips all that is downstream; leave out",
        ),
        ({"champion": "iris"}, "champion: 'iris' names no version"),
        ({"candidate": "a job"}, "candidate: 'a job' is not the name of a job"),
    ],
)
def test_mistakes(connection: str, arguments: dict[str, Any], problem: str) -> None:
    given = {"candidate": {"metrics": {"auc": 1}}, "champion": "iris:1", **arguments}
    with pytest.raises(AirflowFailException, match=f"^{problem}"):
        compare(**given)


def test_which_tasks_follow(
    emulator: Emulated, client: AzureMLClient, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    register(client, "gated", 0.8, 0.9)
    with imported(DAGS, "gated") as module:
        module.made = module.gated()
        tested = module.made.test()
        states = {ti.task_id: str(getattr(ti.state, "value", ti.state)) for ti in tested.get_task_instances()}
    assert states == {
        "better_branch": "success",
        "better_promote": "success",
        "better_keep": "skipped",
        "better_stop": "success",
        "better_after": "success",
        "worse_branch": "success",
        "worse_promote": "skipped",
        "worse_keep": "success",
        "worse_stop": "success",
        "worse_after": "skipped",
    }
    log = said()
    assert "promoted as auc: 0.9 is better by 0.1 than 0.8 (any improvement is enough)" in log
    assert "kept, accepted is False" in log
