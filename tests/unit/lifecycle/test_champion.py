"""The two models that a gate compares, and where their metrics come from."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.champion import read_candidate, read_champion
from airflow_provider_amlrest.lifecycle.gate import Side
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError, NotFoundError
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.runs.run import SweepTrial
from tests.unit.jobs import WORKSPACE, arm_id


def version(number: int, **members: Any) -> Model:
    id_ = arm_id("models", "iris", str(number))
    return Model("iris", str(number), "custom_model", "azureml://datastores/d/paths/m", id=id_, **members)


MODELS = [
    version(6, is_archived=True, stage="Production", tags={"champion": "true"}),
    version(5, job_name="train-5"),
    version(4, stage="Production", job_name="train-4"),
    version(3, tags={"champion": "true", "team": "ml"}, job_name="gone"),
    version(2, stage="Production"),
    replace(version(1), uri="azureml://jobs/train-1/outputs/model/paths/"),
]


class Workspace:
    def __init__(self, api_version: str = "2025-12-01") -> None:
        self.operations = SimpleNamespace(workspace=WORKSPACE, api_version=api_version)
        self.models = MODELS
        self.asked: list[str] = []
        self.late = 0
        """How often a run's metrics are asked for before they are there."""

    def list_models(self, name: str) -> Any:
        if name != "iris":
            raise NotFoundError("GET", 404, code="UserError", inner_code="NotFoundError")
        return iter(self.models)

    def get_model(self, name: str, version: str) -> Model:
        for model in self.models:
            if (model.name, model.version) == (name, version):
                return model
        raise NotFoundError("GET", 404)

    def get_latest_model(self, name: str) -> Model:
        return self.models[1]

    def get_job(self, name: str) -> Job:
        return Job("id", name, "Sweep" if name.startswith("sweep") else "Command", "Completed")

    def get_best_trial(self, name: str) -> SweepTrial:
        return SweepTrial(f"{name}_3", "Completed", {}, {})

    def get_metrics(self, run: str) -> dict[str, float]:
        self.asked.append(run)
        if run == "gone":
            raise NotFoundError("GET", 404)
        if len(self.asked) <= self.late:
            return {}
        return {"auc": int(run[-1]) / 10}


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SETTLE_PAUSE", 0.0)
    monkeypatch.setattr(patience, "SETTLE", 5.0)


def candidate(value: Any, workspace: Workspace | None = None) -> Any:
    client: Any = workspace or Workspace()
    return read_candidate(client, value, ["auc"])


NOBODY = Side({"model": None, "job": None, "id": None})


def champion(value: Any, but: Side = NOBODY, api_version: str = "2025-12-01") -> Any:
    client: Any = Workspace(api_version)
    return read_champion(client, value, but)


RESULT = {"id": arm_id("jobs", "train-7"), "name": "train-7", "metrics": {"auc": 0.7, "loss": 1}}


@pytest.mark.parametrize(
    ("value", "job", "metrics"),
    [
        (RESULT, "train-7", {"auc": 0.7, "loss": 1.0}),
        (str(RESULT), "train-7", {"auc": 0.7, "loss": 1.0}),
        ({**RESULT, "best_trial": {"metrics": {"auc": 0.8}}}, "train-7", {"auc": 0.8}),
        ({**RESULT, "step_metrics": {"fit": {"f1": 0.5}}}, "train-7", {"auc": 0.7, "loss": 1.0, "f1": 0.5}),
        ({"metrics": {"auc": "0.7"}}, None, {"auc": 0.7}),
        ("train-8", "train-8", {"auc": 0.8}),
        ({"id": arm_id("jobs", "train-8"), "name": "train-8"}, "train-8", {"auc": 0.8}),
        (arm_id("jobs", "train-8"), "train-8", {"auc": 0.8}),
        ("sweep", "sweep", {"auc": 0.3}),
    ],
)
def test_a_job_is_a_candidate(value: Any, job: str | None, metrics: dict[str, float]) -> None:
    side = candidate(value)
    assert (side.facts, side.metrics) == ({"model": None, "job": job, "id": None}, metrics)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"metrics": None}, None),
        ({"metrics": [1]}, r"candidate.metrics: \[1\] must be a mapping"),
        ({"metrics": {}, "best_trial": [1]}, r"candidate.best_trial: \[1\] must be a mapping"),
        ({"metrics": {}, "step_metrics": 1}, "candidate.step_metrics: 1 must be a mapping"),
        ("/jobs/", "candidate: '/jobs/' is not the ARM id"),
    ],
)
def test_a_candidate_that_is_no_result(value: Any, problem: str | None) -> None:
    """Somebody's own function may have made it."""
    if problem is None:
        assert candidate(value).metrics == {}
        return
    with pytest.raises(InvalidSpecError, match=problem):
        candidate(value)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"tags": {"champion": True}}, "iris:3"),
        ({"tags": {"champion": "True"}}, "iris:3"),
        ({"tags": {"champion": None, "team": "ML"}}, "iris:3"),
        ({"tags": {"champion": False}}, None),
        ({"stage": "production"}, "iris:4"),
        ({"stage": "staging"}, None),
    ],
)
def test_a_champion_is_not_missed_for_a_capital(asked: dict[str, Any], found: str | None) -> None:
    """Without one, any candidate is accepted."""
    side = champion({"name": "iris", **asked})
    assert (side and side.facts["model"]) == found


@pytest.mark.parametrize("code", ["ResourceNotFound", ""])
def test_a_wrong_workspace_or_a_proxys_page_is_no_missing_champion(code: str) -> None:
    workspace: Any = Workspace()
    workspace.list_models = lambda name: _refuse(NotFoundError("GET models", 404, code=code))
    with pytest.raises(NotFoundError):
        read_champion(workspace, {"name": "iris"}, NOBODY)


def _refuse(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize("value", ["iris:4", "azureml:iris:4", MODELS[2].id, {"id": MODELS[2].id}])
def test_a_version_of_a_model_is_a_candidate(value: Any) -> None:
    side = candidate(value)
    assert side.facts == {"model": "iris:4", "job": "train-4", "id": MODELS[2].id}
    assert side.metrics == {"auc": 0.4}


def test_metrics_that_come_late_are_awaited() -> None:
    workspace = Workspace()
    workspace.late = 2
    assert candidate("train-8", workspace).metrics == {"auc": 0.8}
    assert workspace.asked == ["train-8"] * 3


def test_metrics_that_tags_have_are_not_awaited() -> None:
    workspace = Workspace()
    workspace.late = 10
    workspace.models = [version(7, job_name="train-7", tags={"auc": "0.75", "team": "ml"})]
    assert candidate("iris:7", workspace).metrics == {"auc": 0.75}
    assert workspace.asked == ["train-7"]


@pytest.mark.parametrize(
    ("value", "model"),
    [
        ("iris:2", "iris:2"),
        ({"id": MODELS[4].id}, "iris:2"),
        ({"name": "iris", "version": "2"}, "iris:2"),
        ("iris@latest", "iris:5"),
        ({"name": "iris"}, "iris:5"),
        ({"name": "iris", "version": "latest"}, "iris:5"),
        ({"name": "iris", "stage": "Production"}, "iris:4"),
        ("{'name': 'iris', 'stage': 'Production'}", "iris:4"),
        ({"name": "iris", "tags": {"champion": "true"}}, "iris:3"),
        ({"name": "iris", "tags": {"champion": None, "team": "ml"}}, "iris:3"),
        ({"name": "iris", "tags": {"champion": "false"}}, None),
        ({"name": "iris", "tags": {"champion": "true"}, "stage": "Production"}, None),
        ({"name": "other", "stage": "Production"}, None),
        ("other@latest", None),
    ],
)
def test_the_champion_is_the_newest_that_fits(value: Any, model: str | None) -> None:
    side = champion(value)
    assert (side and side.facts["model"]) == model


def test_nobody_is_his_own_champion() -> None:
    assert champion("iris@latest", candidate("iris:5")).facts["model"] == "iris:4"
    production = {"name": "iris", "stage": "Production"}
    assert champion(production, candidate("iris:4")).facts["model"] == "iris:2"


@pytest.mark.parametrize(
    "value",
    ["train-4", {**RESULT, "name": "train-4"}, {**RESULT, "name": "s", "best_trial": {"name": "train-4"}}],
)
def test_nor_under_a_version_that_its_job_has_written(value: Any) -> None:
    production = {"name": "iris", "stage": "Production"}
    assert champion(production, candidate(value)).facts["model"] == "iris:2"


def test_where_its_metrics_come_from() -> None:
    assert champion("iris:4").metrics == {"auc": 0.4}
    # By its files, if the service does not say its job.
    assert champion("iris:1").metrics == {"auc": 0.1}
    assert champion("iris:3").metrics == {}
    workspace: Any = Workspace()
    workspace.models = [version(1, job_name="gone", properties={"auc": "0.5", "f1": "x"}, tags={"f1": "0.6"})]
    assert read_champion(workspace, "iris:1", NOBODY).metrics == {"auc": 0.5, "f1": 0.6}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"stage": "Production"}, "champion.name: '' is not a valid name"),
        ({"name": "iris", "tag": "x"}, "champion: unknown key 'tag'; did you mean 'tags'"),
        ("iris", "champion: 'iris' names no version of a model"),
        ({"name": "iris", "tags": "x"}, "champion.tags: 'x'"),
    ],
)
def test_mistakes(value: Any, problem: str) -> None:
    with pytest.raises(InvalidSpecError, match=f"^{problem}"):
        champion(value)


def test_a_version_that_was_named_must_be_there() -> None:
    with pytest.raises(NotFoundError):
        champion("iris:99")


def test_a_stage_where_models_have_none() -> None:
    with pytest.raises(InvalidSpecError, match=r"champion.stage: api-version 2022-10-01 cannot say"):
        champion({"name": "iris", "stage": "Production"}, api_version="2022-10-01")
