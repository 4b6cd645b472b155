"""From deployment to deletion on an emulator that really serves: online and batch, whoever waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.blob import BlobServiceClient

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.lifecycle import batch_invocation
from airflow_provider_amlrest.lifecycle.bringing import ResourceError
from airflow_provider_amlrest.operators import (
    AzureMLDeleteDeploymentOperator,
    AzureMLDeleteEndpointOperator,
    AzureMLDeployBatchEndpointOperator,
    AzureMLDeployOnlineEndpointOperator,
    AzureMLInvokeBatchEndpointOperator,
    AzureMLInvokeOnlineEndpointOperator,
    AzureMLShiftTrafficOperator,
)
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.resources.traffic import shares_of
from tests.support.emulated import Emulated
from tests.support.load import Load
from tests.support.tasks import Try
from tests.support.waiting import wait_for

SCORE = """
import json, os, pathlib

def init():
    global weight
    weight = int(next(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).glob("**/weight.txt")).read_text())

def run(data):
    if isinstance(data, list):
        return [weight * int(pathlib.Path(path).read_text()) for path in data]
    return {"who": os.environ["WHO"], "product": weight * json.loads(data)["x"]}
"""
BROKEN = "def init():\n    raise RuntimeError('no weights')\n\ndef run(data):\n    return data\n"
ENVIRONMENT = "azureml:AzureML-any:1"


@pytest.fixture
def workspace(training_emulator: Emulated, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulated]:
    """Operations take a moment, so that somebody has to wait for them."""
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", training_emulator.connection_uri())
    with training_emulator.setting("operation_seconds", 0.1):
        yield training_emulator


@pytest.fixture
def own(workspace: Emulated) -> Iterator[AzureMLClient]:
    with AzureMLHook().client() as client:
        yield client


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with code, a model, and data to score."""
    for name, content in {
        "src/score.py": SCORE,
        "broken/score.py": BROKEN,
        "weights/weight.txt": "3",
        "data/1.txt": "1",
        "data/2.txt": "2",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    return tmp_path


class Tasks:
    """Runs operators, each in its mode."""

    def __init__(self, mode: str) -> None:
        self.mode = mode

    def __call__(self, operator: Any, *, try_number: int = 1, **arguments: Any) -> Any:
        task = operator(
            **{
                "task_id": f"{operator.__name__}-{self.mode}",
                "poll_interval": 0.05,
                "deferrable": self.mode == "deferred",
                **arguments,
            }
        )
        return Try(task, try_number=try_number).execute()

    def ask(self, endpoint: str, deployment: str | None = None) -> Any:
        operator = AzureMLInvokeOnlineEndpointOperator(
            task_id="ask", endpoint_name=endpoint, deployment_name=deployment, request={"x": 2}
        )
        return Try(operator).execute()["answer"]


@pytest.fixture
def tasks(mode: str) -> Tasks:
    return Tasks(mode)


@pytest.fixture
def waiting() -> Tasks:
    """Where it makes no difference who waits."""
    return Tasks("sync")


def deployment(files: Path, name: str, code: str = "src") -> dict[str, Any]:
    return {
        "name": name,
        "model": {"path": str(files / "weights")},
        "code_configuration": {"code": str(files / code), "scoring_script": "score.py"},
        "environment": ENVIRONMENT,
        "environment_variables": {"WHO": name},
        "instance_type": "Standard_DS3_v2",
        "instance_count": 1,
    }


def test_an_endpoint_from_deployment_to_deletion(
    workspace: Emulated, own: AzureMLClient, files: Path, tasks: Tasks
) -> None:
    shop = f"shop-{tasks.mode}"
    deploy = AzureMLDeployOnlineEndpointOperator
    made = tasks(deploy, endpoint=shop, deployment=deployment(files, "blue"))
    assert (made["outcome"], made["status"], made["traffic"]) == ("created", "Succeeded", {})
    since = workspace.mark()
    again = tasks(deploy, endpoint=shop, deployment=deployment(files, "blue"))
    assert again["outcome"] == "unchanged"
    assert workspace.writes(since=since) == []
    shift = AzureMLShiftTrafficOperator
    test = {"requests": [{"x": 2}], "expected_status": 200}
    first = tasks(shift, endpoint_name=shop, steps=[{"blue": 100}], pause=0, smoke_test=test)
    assert first["shares"] == {"blue": 100}
    assert tasks.ask(shop) == {"who": "blue", "product": 6}
    tasks(deploy, endpoint=shop, deployment=deployment(files, "green"))
    assert tasks.ask(shop)["who"] == "blue"
    assert tasks.ask(shop, "green")["who"] == "green"
    steps = [{"green": 50}, {"green": 100}]
    shifted = tasks(shift, endpoint_name=shop, steps=steps, pause=0, smoke_test=test)
    assert (shifted["shares"], shifted["unused"]) == ({"green": 100}, ["blue"])
    assert tasks.ask(shop)["who"] == "green"
    delete = AzureMLDeleteDeploymentOperator
    with pytest.raises(AirflowFailException, match="100 percent"):
        tasks(delete, endpoint_name=shop, deployment_name="green")
    assert tasks(delete, endpoint_name=shop, deployment_name="blue")["outcome"] == "deleted"
    gone = tasks(AzureMLDeleteEndpointOperator, endpoint_name=shop)
    assert gone["outcome"] == "deleted"
    assert not own.get_resource(f"onlineEndpoints/{shop}").exists


def test_a_deployment_that_fails_says_what_its_container_has_logged(
    workspace: Emulated, files: Path, own: AzureMLClient, waiting: Tasks
) -> None:
    name = f"broken-{waiting.mode}"
    with pytest.raises(ResourceError) as caught:
        waiting(
            AzureMLDeployOnlineEndpointOperator,
            endpoint=name,
            deployment=deployment(files, "blue", "broken"),
            on_failure="delete",
        )
    assert "ResourceNotReady: User container has crashed" in str(caught.value)
    assert "RuntimeError: no weights" in str(caught.value)
    assert wait_for(lambda: not own.get_resource(f"onlineEndpoints/{name}/deployments/blue").exists)
    waiting(AzureMLDeleteEndpointOperator, endpoint_name=name)


def test_a_bad_deployment_gets_no_requests_for_long(workspace: Emulated, files: Path, waiting: Tasks) -> None:
    """One that answers wrongly is found by its test; the shares are those of before."""
    shop = f"bad-{waiting.mode}"
    deploy, shift = AzureMLDeployOnlineEndpointOperator, AzureMLShiftTrafficOperator
    waiting(deploy, endpoint=shop, deployment=deployment(files, "blue"))
    waiting(shift, endpoint_name=shop, steps=[{"blue": 100}], pause=0)
    bad = {**deployment(files, "green"), "environment_variables": {"OTHER": "x"}}
    waiting(deploy, endpoint=shop, deployment=bad)
    test = {"requests": [{"x": 2}], "expected_status": 200}
    with pytest.raises(AirflowFailException):
        waiting(shift, endpoint_name=shop, steps=[{"green": 10}], pause=0, smoke_test=test)
    [blue, green] = [d for d in workspace.admin("GET", "deployments")["value"] if d["endpoint"] == shop]
    assert (blue["traffic"], green["traffic"]) == (100, 0)
    waiting(AzureMLDeleteEndpointOperator, endpoint_name=shop)


@pytest.mark.load
def test_a_rollout_under_load_fails_no_request_and_splits_them_as_asked(
    workspace: Emulated, own: AzureMLClient, files: Path, waiting: Tasks
) -> None:
    """2,000 requests and more, while green takes over from blue, and blue is deleted."""
    shop, path = "load", "onlineEndpoints/load"
    deploy, shift = AzureMLDeployOnlineEndpointOperator, AzureMLShiftTrafficOperator
    patient = {"request_settings": {"request_timeout_ms": 90_000}}  # a noisy machine is no failure
    for name in ("blue", "green"):
        waiting(deploy, endpoint=shop, deployment={**deployment(files, name), **patient})
    waiting(shift, endpoint_name=shop, steps=[{"blue": 100}], pause=0)
    access = own.get_access(own.get_resource(path))
    counted: dict[int, Counter[str]] = {}
    with Load(access.uri, access.secret or "", {"x": 2}, ca_bundle=workspace.facts["ca_bundle"]) as load:

        def holds(answers: list[Any]) -> bool:
            """Goes on when enough requests have been counted at the shares of now."""
            share = shares_of(own.get_resource(path)).get("green", 0)
            if share not in counted:
                counted[share] = load.count(475)
            return True

        waiting(
            shift,
            endpoint_name=shop,
            steps=[{"green": share} for share in (10, 50, 100)],
            pause=0,
            smoke_test={"requests": [{"x": 2}]},
            smoke_check=holds,
        )
        waiting(AzureMLDeleteDeploymentOperator, endpoint_name=shop, deployment_name="blue")
        load.count(100)
    assert load.failed == []
    assert load.answered >= 2_000
    seen = {share: 100 * found["green"] / found.total() for share, found in counted.items()}
    assert seen.keys() == {0, 10, 50, 100}
    assert {share: found for share, found in seen.items() if abs(found - share) > 3} == {}
    waiting(AzureMLDeleteEndpointOperator, endpoint_name=shop)


def lost(name: str) -> dict[str, Any]:
    return {"method": "PUT", "path": f"{name}/deployments/", "when": "after", "drop": True}


def conflict(name: str) -> dict[str, Any]:
    return {"method": "PUT", "path": f"{name}/deployments/", "status": 409, "body": {}}


@pytest.mark.parametrize("fault", [lost, conflict, None])
def test_an_operation_that_goes_astray_is_followed_by_its_resource(
    workspace: Emulated, files: Path, waiting: Tasks, fault: Any
) -> None:
    """An answer that is lost, a refusal of the moment, an operation that is not found: one deployment."""
    name = f"astray-{fault.__name__ if fault else 'forgotten'}-{waiting.mode}"
    if fault:
        workspace.admin("POST", "faults", fault(name))
    else:
        workspace.admin("POST", "provisioning", {"resource": "blue", "operation": "forgotten", "times": 1})
    since = workspace.mark()
    made = waiting(AzureMLDeployOnlineEndpointOperator, endpoint=name, deployment=deployment(files, "blue"))
    assert made["status"] == "Succeeded"
    puts = workspace.asked("PUT", f"{name}/deployments/blue", since=since)
    taken = [entry["status"] for entry in puts if entry["status"] != 409]
    assert taken == ([None] if fault is lost else [201])
    workspace.admin("DELETE", "provisioning")
    waiting(AzureMLDeleteEndpointOperator, endpoint_name=name)


def batch_deployment(files: Path) -> dict[str, Any]:
    return {
        "name": "first",
        "model": {"path": str(files / "weights")},
        "code_configuration": {"code": str(files / "src"), "scoring_script": "score.py"},
        "environment": ENVIRONMENT,
        "compute": "cpu-cluster",
        "settings": {"mini_batch_size": 1, "max_concurrency_per_instance": 2},
    }


def written(workspace: Emulated, own: AzureMLClient, uri: str) -> str:
    """The content of a blob of the default datastore."""
    store, secrets = own.get_default_datastore(), own.list_datastore_secrets("workspaceblobstore")
    endpoint, bundle = workspace.facts["blob_endpoint"], workspace.facts["ca_bundle"]
    credential = AzureNamedKeyCredential(store.account_name, secrets.account_key or "")
    with BlobServiceClient(endpoint, credential=credential, connection_verify=bundle) as service:
        blob = service.get_blob_client(store.container_name, uri.partition("/paths/")[2])
        return str(blob.download_blob(encoding="utf-8").readall())


def test_batch_scoring_from_deployment_to_deletion(
    workspace: Emulated, own: AzureMLClient, files: Path, tasks: Tasks
) -> None:
    night = f"night-{tasks.mode}"
    made = tasks(AzureMLDeployBatchEndpointOperator, endpoint=night, deployment=batch_deployment(files))
    assert made["status"] == "Succeeded"
    again = tasks(AzureMLDeployBatchEndpointOperator, endpoint=night, deployment=batch_deployment(files))
    assert again["outcome"] == "unchanged"
    inputs = {"data": {"type": "uri_folder", "path": str(files / "data")}}
    scored = tasks(AzureMLInvokeBatchEndpointOperator, endpoint_name=night, inputs=inputs)
    assert scored["status"] == "Completed"
    assert sorted(written(workspace, own, scored["outputs"]["score"]).split()) == ["3", "6"]
    with_tag = own.get_job(scored["name"]).tags
    assert with_tag[batch_invocation.BATCH_TAG] == "true"
    gone = tasks(AzureMLDeleteEndpointOperator, endpoint_name=night, endpoint_type="batch")
    assert gone["outcome"] == "deleted"


def test_a_lost_answer_of_a_batch_endpoint_is_found_by_where_its_job_writes(
    workspace: Emulated, files: Path, waiting: Tasks
) -> None:
    night = f"lost-{waiting.mode}"
    waiting(AzureMLDeployBatchEndpointOperator, endpoint=night, deployment=batch_deployment(files))
    inputs = {"data": {"type": "uri_folder", "path": str(files / "data")}}
    since = workspace.mark()
    with workspace.fault(f"/batch/{night}/jobs", method="POST", when="after", drop=True):
        scored = waiting(
            AzureMLInvokeBatchEndpointOperator, task_id=night, endpoint_name=night, inputs=inputs
        )
    assert scored["status"] == "Completed"
    assert len(workspace.asked("POST", f"/batch/{night}/jobs", since=since)) == 1
    waiting(AzureMLDeleteEndpointOperator, endpoint_name=night, endpoint_type="batch")
