"""AzureMLPromoteModelOperator: to a registry, whoever waits; to another workspace, with real files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.lifecycle import patience
from airflow_provider_amlrest.lifecycle.bringing import ResourceTimeoutError
from airflow_provider_amlrest.operators import (
    AzureMLDownloadModelOperator,
    AzureMLPromoteModelOperator,
    AzureMLRegisterModelOperator,
)
from airflow_provider_amlrest.rest.assets.model import Model
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.operations import Polled
from airflow_provider_amlrest.rest.resources.goal import Change
from airflow_provider_amlrest.rest.resources.registries import PUBLISHING, origin
from airflow_provider_amlrest.rest.resources.resource import Resource, gone, read_resource
from tests.support.emulated import Emulated
from tests.support.tasks import Try, unique

WORKSPACE = WorkspaceId("s", "g", "w")
PATH = "registries/shared/models/iris/versions/3"
ID = f"azureml://{PATH}"


class Service:
    """A workspace with a model, and a registry in which a version appears after some looks."""

    def __init__(self, looks: int = 2) -> None:
        self.operations = SimpleNamespace(workspace=WORKSPACE, api_version="2025-12-01")
        self.latest = "3"
        self.looks = looks
        self.sent: list[Change] = []
        self.registry: dict[str, Resource] = {}

    @contextmanager
    def until(self, deadline: float | None) -> Iterator[None]:
        yield

    def get_model(self, name: str, version: str) -> Model:
        return Model(
            name, version, "custom_model", "azureml://x", id=f"{WORKSPACE}/models/{name}/versions/{version}"
        )

    def get_latest_model(self, name: str) -> Model:
        return self.get_model(name, self.latest)

    def get_workspace(self) -> Any:
        return SimpleNamespace(location="westeurope", guid="guid")

    def add(self, path: str, version: str) -> None:
        wire = {
            "id": f"azureml://{path}",
            "properties": {"originAssetId": origin("westeurope", "guid", "iris", version)},
        }
        self.registry[path] = read_resource(path, wire)

    def get_resource(self, path: str) -> Resource:
        return self.registry.get(path, gone(path))

    def change_resource(self, change: Change) -> None:
        self.sent.append(change)

    def poll(self, path: str, operation: str | None = None) -> Polled:
        self.looks -= 1
        if self.looks < 0:
            self.add(path, self.sent[-1].path.split("/")[3])
        return Polled((self.registry.get(path, Resource(path, PUBLISHING)),), None, None)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service()
    monkeypatch.setattr(AzureMLHook, "client", lambda self: nullcontext(made))
    monkeypatch.setattr(patience, "SETTLE", 0.0)
    return made


def promote(**arguments: Any) -> Any:
    given = {"task_id": "promote", "model": "iris:3", "registry_name": "shared", "poll_interval": 0.01}
    return Try(AzureMLPromoteModelOperator(**{**given, **arguments}))


def test_it_waits_until_the_version_is_there(service: Service) -> None:
    result = promote().execute()
    assert result == {
        "id": ID,
        "name": "iris",
        "version": "3",
        "status": "Succeeded",
        "outcome": "promoted",
    }
    [sent] = service.sent
    assert (sent.method, sent.path) == ("POST", "models/iris/versions/3/publish")
    assert promote().execute() == {**result, "outcome": "unchanged"}
    assert len(service.sent) == 1


def test_under_another_name_and_version(service: Service) -> None:
    result = promote(destination_name="iris-prod", destination_version="7").execute()
    assert result["id"] == "azureml://registries/shared/models/iris-prod/versions/7"
    assert service.sent[0].body == {
        "registryName": "shared",
        "destinationName": "iris-prod",
        "destinationVersion": "7",
    }


def test_what_comes_from_elsewhere_stays(service: Service) -> None:
    service.add(PATH, "2")
    with pytest.raises(AirflowFailException, match="A registry replaces no version: name another one"):
        promote().execute()
    assert service.sent == []


def test_who_does_not_wait_knows_the_id(service: Service) -> None:
    result = promote(wait_for_completion=False).execute()
    assert (result["id"], result["status"], result["outcome"]) == (ID, "NotFound", "promoted")


def test_a_deferred_task_goes_on_with_the_version_that_was_sent(service: Service) -> None:
    attempt = promote(model="iris@latest", deferrable=True)
    attempt.task.render_template_fields(attempt.context)
    with pytest.raises(TaskDeferred) as deferred:
        attempt.task.execute(attempt.context)
    path, arguments = deferred.value.trigger.serialize()
    assert path.endswith("AzureMLResourceTrigger")
    assert json.loads(json.dumps(arguments))["path"] == PATH
    service.add(PATH, "3")
    service.latest = "4"
    resumed = promote(model="iris@latest", deferrable=True)
    event = {"status": "ended", "job_name": PATH, "job_status": "Succeeded", "message": ""}
    arguments = {**(deferred.value.kwargs or {}), "event": event}
    result = resumed.task.resume_execution(deferred.value.method_name, arguments, resumed.context)
    assert (result["id"], result["outcome"]) == (ID, "promoted")
    assert len(service.sent) == 1


def test_it_does_not_wait_for_ever(service: Service) -> None:
    assert promote().task.timeout == 3600.0
    service.looks = 10**9
    with pytest.raises(ResourceTimeoutError, match="version 3 of the model iris in the registry shared was"):
        promote(timeout=0.2).execute()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"registry_name": None}, "registry_name: give either it or destination_conn_id"),
        ({"destination_conn_id": "other"}, "registry_name: give either it or destination_conn_id"),
        ({"registry_name": "a/b"}, "registry_name: 'a/b' is not a valid name for a registry"),
        ({"destination_name": "a b"}, "destination_name: 'a b'"),
        ({"destination_version": "a/b"}, "destination_version: 'a/b'"),
        ({"model": "iris"}, "model: 'iris' names no version of a model"),
    ],
)
def test_mistakes(service: Service, arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(AirflowFailException, match=f"^{problem}"):
        promote(**arguments).execute()
    assert service.sent == []


@pytest.fixture
def source(
    training_emulator: Emulated,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> dict[str, str]:
    """A model with a file, of the workspace that two connections lead to."""
    for conn_id in ("DEFAULT", "PROD"):
        monkeypatch.setenv(f"AIRFLOW_CONN_AZUREML_{conn_id}", training_emulator.connection_uri())
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "m.txt").write_text(f"trees of {unique(request)}")
    register = AzureMLRegisterModelOperator(
        task_id="register", name=unique(request), path="model", stage="Staging", tags={"team": "ml"}
    )
    made: dict[str, str] = Try(register, dag_file=str(tmp_path / "dag.py")).execute()
    return made


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize(
    ("api_version", "way"), [("2025-12-01", "/publish"), ("2023-10-01", "/emulator-registry/import")]
)
def test_to_a_registry(
    training_emulator: Emulated, source: dict[str, str], api_version: str, way: str, deferrable: bool
) -> None:
    given = {
        "model": source,
        "registry_name": "emulator-registry",
        "api_version": api_version,
        "deferrable": deferrable,
    }
    mark = training_emulator.mark()
    with training_emulator.setting("provisioning_seconds", 0.5):
        promoted = promote(**given).execute()
    assert promoted == {
        "id": f"azureml://registries/emulator-registry/models/{source['name']}/versions/1",
        "name": source["name"],
        "version": "1",
        "status": "Succeeded",
        "outcome": "promoted",
    }
    [sent] = training_emulator.asked("POST", "/(publish|import)$", since=mark)
    assert sent["path"].endswith(way)
    followed = training_emulator.asked(
        "GET", "/(mfeOperationResults|assetstore/v1.0/operations)/", since=mark
    )
    # A trigger has no URLs, and looks at the registry alone.
    assert bool(followed) is not deferrable
    # What an earlier try has sent is found, in either way.
    for version in ("2025-12-01", "2023-10-01"):
        again = promote(**{**given, "api_version": version}).execute()
        assert again == {**promoted, "outcome": "unchanged"}
    assert len(training_emulator.asked("POST", "/(publish|import)$", since=mark)) == 1


def test_a_registry_that_there_is_not(source: dict[str, str]) -> None:
    with pytest.raises(AirflowFailException, match=r"GET the registry nowhere was refused: .*not allowed"):
        promote(model=source, registry_name="nowhere").execute()


def test_to_another_workspace(
    training_emulator: Emulated, source: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Another name stands for another workspace: to the operator, only the connection differs."""
    to_prod = {
        "model": source,
        "registry_name": None,
        "destination_conn_id": "azureml_prod",
        "destination_name": f"{source['name']}-prod",
    }
    copied = promote(**to_prod).execute()
    assert (copied["name"], copied["version"], copied["outcome"]) == (
        f"{source['name']}-prod",
        "1",
        "promoted",
    )
    mark = training_emulator.mark()
    assert promote(**to_prod).execute() == {**copied, "outcome": "unchanged"}
    assert training_emulator.writes(since=mark) == []
    with AzureMLHook("azureml_prod").client() as client:
        there = client.get_model(copied["name"], copied["version"])
    assert (there.stage, there.tags) == (None, {"team": "ml"})
    assert there.properties["airflow_promoted_from"] == source["id"]
    download = AzureMLDownloadModelOperator(task_id="download", model=copied, path="got")
    Try(download, dag_file=str(tmp_path / "dag.py")).execute()
    assert (tmp_path / "got" / "m.txt").read_text() == f"trees of {unique(request)}"
