"""Computes: what is answered of them, and how the operations on them go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.emulator.running import SLOW, VERSION, Running, said
from tests.support.waiting import wait_for

CLUSTER = {
    "computeType": "AmlCompute",
    "properties": {
        "vmSize": "Standard_DS3_v2",
        "vmPriority": "LowPriority",
        "scaleSettings": {"maxNodeCount": 4, "minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT2M"},
    },
}
INSTANCE = {"computeType": "ComputeInstance", "properties": {"vmSize": "Standard_DS3_v2"}}


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One of its own: its workspace is emptied now and then."""
    running = Running(tmp_path_factory.mktemp("computes") / "data", "--runtime", "simulated")
    yield running
    assert running.stop() == 0, running.log.read_text()


@pytest.fixture
def quick(tuned: Running) -> Running:
    """Operations take no time."""
    tuned.admin("PATCH", "settings", {"compute_seconds": 0})
    return tuned


@pytest.fixture
def endless(tuned: Running) -> Iterator[Running]:
    """Operations do not end; the workspace is empty afterwards."""
    tuned.admin("PATCH", "settings", {"compute_seconds": 600})
    yield tuned
    tuned.admin("DELETE", "state")


def put(emulator: Running, name: str, properties: dict[str, Any], **more: Any) -> httpx.Response:
    return emulator.ml("PUT", f"computes/{name}", {"properties": properties, "location": "westus", **more})


def status(emulator: Running, answer: httpx.Response) -> dict[str, Any]:
    """How the operation goes that an answer has begun."""
    followed = emulator.http.get(answer.headers["Azure-AsyncOperation"])
    assert followed.status_code == 200, followed.text
    return dict(followed.json())


def delete(emulator: Running, name: str) -> httpx.Response:
    url = f"{emulator.workspace}/computes/{name}"
    query = {"api-version": VERSION, "underlyingResourceAction": "Delete"}
    return emulator.http.delete(url, params=query)


def instance_state(emulator: Running, name: str) -> str:
    return str(emulator.get(f"computes/{name}")["properties"]["state"])


def test_a_cluster_is_made(quick: Running) -> None:
    subnet = {"id": "/subscriptions/s/subnets/n"}
    properties = {**CLUSTER, "properties": {**CLUSTER["properties"], "subnet": subnet}}  # type: ignore[dict-item]
    answer = put(quick, "made", properties, tags={"a": "1"}, identity={"type": "SystemAssigned"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["properties"]["provisioningState"] == "Creating"
    assert "location" not in answer.headers
    assert "retry-after" not in answer.headers
    assert status(quick, answer) == {"status": "Succeeded", "percentComplete": 100.0}
    made = quick.ml("GET", "computes/made").json()
    assert (made["location"], made["tags"]) == ("westus", {"a": "1"})
    assert made["identity"]["type"] == "SystemAssigned"
    assert set(made["identity"]) == {"type", "principalId", "tenantId"}
    assert made["properties"]["provisioningState"] == "Succeeded"
    cluster = made["properties"]["properties"]
    assert (cluster["vmSize"], cluster["vmPriority"]) == ("STANDARD_DS3_V2", "LowPriority")
    assert cluster["subnet"] == subnet
    assert cluster["remoteLoginPortPublicAccess"] == "Disabled"
    assert (cluster["allocationState"], cluster["currentNodeCount"]) == ("Steady", 0)
    listed = [item["name"] for item in quick.ml("GET", "computes").json()["value"]]
    assert listed[:2] == ["cpu-cluster", "gpu-cluster"]
    assert "made" in listed


def test_a_password_never_comes_back(quick: Running) -> None:
    login = {"adminUserName": "me", "adminUserPassword": "secret-of-mine"}
    properties = {**CLUSTER, "properties": {**CLUSTER["properties"], "userAccountCredentials": login}}  # type: ignore[dict-item]
    answers = [put(quick, "with-login", properties).text, quick.ml("GET", "computes/with-login").text]
    assert '"adminUserName": "me"' in answers[1]
    assert all("secret-of-mine" not in answer for answer in answers)
    assert "secret-of-mine" not in quick.admin("GET", "computes").text
    kept = b"".join(path.read_bytes() for path in quick.data_dir.glob("emulator.sqlite3*"))
    assert b"with-login" in kept
    assert b"secret-of-mine" not in kept


def test_operations_take_time(endless: Running) -> None:
    answer = put(endless, "slow", CLUSTER)
    assert status(endless, answer) == {"status": "InProgress"}
    slow = endless.get("computes/slow")
    assert slow["provisioningState"] == "Creating"
    assert slow["properties"]["currentNodeCount"] is None
    # Nothing else can be done to it meanwhile, except that it is deleted.
    scale = {"properties": {"properties": {"scaleSettings": {"maxNodeCount": 3}}}}
    for refused in (put(endless, "slow", CLUSTER), endless.ml("PATCH", "computes/slow", scale)):
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "UserError")
        assert "Creating" in said(refused)
    assert delete(endless, "slow").status_code == 202
    assert put(endless, "slow", CLUSTER).status_code == 409


def test_a_creation_that_fails(quick: Running) -> None:
    tags = {"emulator.outcome": "failed", "emulator.error": "no cores left"}
    answer = put(quick, "fails", CLUSTER, tags=tags)
    assert answer.status_code == 201
    failed = status(quick, answer)
    assert (failed["status"], failed["error"]["message"]) == ("Failed", "no cores left")
    found = quick.get("computes/fails")
    assert found["provisioningState"] == "Failed"
    assert [error["error"]["message"] for error in found["provisioningErrors"]] == ["no cores left"]
    job = quick.command_job(computeId=f"{quick.workspace}/computes/fails", tags={"emulator.seconds": "0"})
    quick.put("jobs/on-failed", job)
    assert quick.wait_for("on-failed", "Queued", "Completed", "Failed") == "Queued"
    # A change mends it.
    assert status(quick, put(quick, "fails", CLUSTER))["status"] == "Succeeded"
    assert quick.get("computes/fails")["provisioningState"] == "Succeeded"
    assert quick.wait_for("on-failed", "Completed", "Failed") == "Completed"
    # One that fails leaves the cluster as it works; a new one of the name has nothing of the old one.
    put(quick, "fails", CLUSTER, tags={**tags, "emulator.seconds": "0"})
    assert quick.get("computes/fails")["provisioningState"] == "Failed"
    quick.put("jobs/on-unchanged", job)
    assert quick.wait_for("on-unchanged", "Completed", "Failed") == "Completed"
    delete(quick, "fails")
    put(quick, "fails", INSTANCE, tags=tags)
    assert instance_state(quick, "fails") == "CreateFailed"


def test_a_creation_that_is_stuck(quick: Running) -> None:
    answer = put(quick, "sticks", INSTANCE, tags={"emulator.outcome": "stuck"})
    assert status(quick, answer) == {"status": "InProgress"}
    assert quick.get("computes/sticks")["provisioningState"] == "Creating"
    assert status(quick, delete(quick, "sticks"))["status"] == "Succeeded"
    assert quick.ml("GET", "computes/sticks").status_code == 404


@pytest.mark.parametrize(
    "tags", [{"emulator.outcome": "completed"}, {"emulator.seconds": "soon"}], ids=["outcome", "seconds"]
)
def test_tags_that_cannot_be(quick: Running, tags: dict[str, str]) -> None:
    answer = put(quick, "never-made", CLUSTER, tags=tags)
    assert (answer.status_code, *tags) == (400, *(tag for tag in tags if tag in said(answer)))
    assert quick.ml("GET", "computes/never-made").status_code == 404


def test_an_answer_of_202_with_a_body(quick: Running) -> None:
    put(quick, "wordy", INSTANCE)
    rule = {"method": "POST", "path": "/wordy/stop", "when": "after", "status": 202, "body": {"x": 1}}
    quick.admin("POST", "faults", rule)
    answer = quick.ml("POST", "computes/wordy/stop")
    assert (answer.status_code, answer.json()) == (202, {"x": 1})
    assert status(quick, answer)["status"] == "Succeeded"
    assert instance_state(quick, "wordy") == "Stopped"


def test_an_operation_that_is_not_found(tuned: Running) -> None:
    """As the service answers at times although the operation runs."""
    answer = put(tuned, "lost-sight", CLUSTER)
    url = answer.headers["Azure-AsyncOperation"]
    known = tuned.http.get(url.replace("computeOperationsStatus/", "computeOperationsStatus/0"))
    assert known.status_code == 404
    [detail] = known.json()["error"]["details"]
    assert detail["code"] == "OperationNotFound"
    rule = {"path": "/computeOperationsStatus/", "status": 404, "body": known.json()}
    tuned.admin("POST", "faults", rule)
    assert tuned.http.get(url).json() == known.json()
    assert tuned.http.get(url).status_code == 200


def test_a_cluster_is_scaled(quick: Running) -> None:
    put(quick, "scaled", CLUSTER)
    scale = {"maxNodeCount": 6, "minNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT5M"}
    answer = quick.ml("PATCH", "computes/scaled", {"properties": {"properties": {"scaleSettings": scale}}})
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (200, "Updating")
    assert status(quick, answer)["status"] == "Succeeded"
    cluster = quick.get("computes/scaled")["properties"]
    assert (cluster["scaleSettings"], cluster["currentNodeCount"]) == (scale, 2)
    # The whole of it does, too, in the words that were answered.
    sent = quick.get("computes/scaled")
    sent["properties"]["scaleSettings"]["minNodeCount"] = 1
    answer = put(quick, "scaled", sent)
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (200, "Updating")
    assert quick.get("computes/scaled")["properties"]["scaleSettings"]["minNodeCount"] == 1
    nodes = quick.ml("POST", "computes/scaled/listNodes").json()["nodes"]
    assert [(node["nodeState"], node["runId"]) for node in nodes] == [("idle", None)]


def test_the_computes_of_the_start_can_be_changed_too(quick: Running) -> None:
    scale = {"maxNodeCount": 3, "minNodeCount": 0}
    quick.ml("PATCH", "computes/gpu-cluster", {"properties": {"properties": {"scaleSettings": scale}}})
    assert quick.get("computes/gpu-cluster")["properties"]["scaleSettings"]["maxNodeCount"] == 3
    assert delete(quick, "gpu-cluster").status_code == 202
    assert [item["name"] for item in quick.ml("GET", "computes").json()["value"]][:1] == ["cpu-cluster"]
    assert quick.ml("GET", "computes/gpu-cluster").status_code == 404
    quick.admin("DELETE", "state")
    assert quick.get("computes/gpu-cluster")["properties"]["scaleSettings"]["maxNodeCount"] == 1


def test_a_compute_is_deleted(quick: Running) -> None:
    put(quick, "dropped", CLUSTER)
    answer = delete(quick, "dropped")
    assert (answer.status_code, answer.content) == (202, b"")
    assert status(quick, answer)["status"] == "Succeeded"
    gone = quick.ml("GET", "computes/dropped")
    assert (gone.status_code, gone.content) == (404, b"")
    assert delete(quick, "dropped").status_code == 204
    # Its name is free again, and what was done before is still known.
    assert put(quick, "dropped", INSTANCE).status_code == 201
    assert status(quick, answer)["status"] == "Succeeded"
    without = quick.ml("DELETE", "computes/dropped")
    assert (without.status_code, "underlyingResourceAction" in said(without)) == (400, True)


def test_a_compute_while_it_is_deleted(endless: Running) -> None:
    first = delete(endless, "gpu-cluster")
    assert endless.get("computes/gpu-cluster")["provisioningState"] == "Deleting"
    # The same operation again.
    assert (
        delete(endless, "gpu-cluster").headers["Azure-AsyncOperation"]
        == first.headers["Azure-AsyncOperation"]
    )
    job = endless.command_job(computeId=f"{endless.workspace}/computes/gpu-cluster")
    refused = endless.ml("PUT", "jobs/too-late", {"properties": job})
    assert (refused.status_code, "Compute Not Found" in said(refused)) == (400, True)


def test_an_instance_is_stopped_and_started(quick: Running) -> None:
    put(quick, "instance", INSTANCE)
    assert instance_state(quick, "instance") == "Running"
    for action, state, name in (
        ("stop", "Stopped", "Stop"),
        ("start", "Running", "Start"),
        ("restart", "Running", "Restart"),
    ):
        answer = quick.ml("POST", f"computes/instance/{action}")
        assert (answer.status_code, answer.content) == (202, b"")
        assert "location" not in answer.headers
        assert status(quick, answer) == {"status": "Succeeded", "percentComplete": 100.0}
        found = quick.get("computes/instance")["properties"]
        assert found["state"] == state
        assert (found["lastOperation"]["operationName"], found["lastOperation"]["operationStatus"]) == (
            name,
            "Succeeded",
        )


def test_the_states_on_the_way(endless: Running) -> None:
    endless.admin("PATCH", "settings", {"compute_seconds": 0})
    for name in ("stops", "starts", "restarts"):
        put(endless, name, INSTANCE)
    endless.ml("POST", "computes/starts/stop")
    endless.admin("PATCH", "settings", {"compute_seconds": 600})
    put(endless, "creates", INSTANCE)
    for name in ("stop", "start", "restart"):
        assert endless.ml("POST", f"computes/{name}s/{name}").status_code == 202
    states = {name: instance_state(endless, name) for name in ("stops", "starts", "restarts", "creates")}
    assert states == {
        "stops": "Stopping",
        "starts": "Starting",
        "restarts": "Restarting",
        "creates": "Creating",
    }
    last = endless.get("computes/stops")["properties"]["lastOperation"]
    assert (last["operationName"], last["operationStatus"]) == ("Stop", "InProgress")


def test_a_start_of_what_runs_fails(quick: Running) -> None:
    put(quick, "runs", INSTANCE)
    answer = quick.ml("POST", "computes/runs/start")
    assert answer.status_code == 202
    failed = status(quick, answer)
    assert failed["status"] == "Failed"
    assert failed["error"]["code"] == "StartComputeInstanceOnlyAllowedInStoppedState"
    assert instance_state(quick, "runs") == "Running"
    assert quick.get("computes/runs")["properties"]["lastOperation"]["operationStatus"] == "StartFailed"


@pytest.mark.parametrize(
    ("name", "properties", "field"),
    [
        ("ab", CLUSTER, "name"),
        ("ends-in-1", CLUSTER, "name"),
        ("good", {**CLUSTER, "properties": {**INSTANCE["properties"]}}, "scaleSettings"),  # type: ignore[dict-item]
        ("good", {"computeType": "ComputeInstance", "properties": {"vmSize": "huge"}}, "vmSize"),
        ("good", {"computeType": "ComputeInstance", "properties": {}}, "vmSize"),
        (
            "good",
            {
                "computeType": "AmlCompute",
                "properties": {
                    "vmSize": "Standard_A1",
                    "scaleSettings": {"maxNodeCount": 1, "minNodeCount": 2},
                },
            },
            "minNodeCount",
        ),
        ("good", {"computeType": "Cluster"}, "computeType"),
    ],
)
def test_what_cannot_be(emulator: Running, name: str, properties: dict[str, Any], field: str) -> None:
    answer = put(emulator, name, properties)
    assert answer.status_code == 400, answer.text
    assert field in said(answer)


def test_what_cannot_be_done(quick: Running) -> None:
    put(quick, "fixed", CLUSTER)
    other = {**CLUSTER, "properties": {**CLUSTER["properties"], "vmSize": "Standard_D2"}}  # type: ignore[dict-item]
    assert "vmSize" in said(put(quick, "fixed", other))
    assert "computeType" in said(put(quick, "fixed", INSTANCE))
    for action in ("start", "stop", "restart"):
        assert "with computeType AmlCompute is not supported" in said(
            quick.ml("POST", f"computes/fixed/{action}")
        )
        assert quick.ml("POST", f"computes/none/{action}").status_code == 404
    put(quick, "single", INSTANCE)
    said_of_nodes = said(quick.ml("POST", "computes/single/listNodes"))
    assert said_of_nodes.startswith("ComputeListNodes with computeType ComputeInstance is not supported.")
    assert put(quick, "vm", {"computeType": "VirtualMachine"}).status_code == 501


def test_jobs_show_on_their_compute(quick: Running) -> None:
    put(quick, "busy", INSTANCE)
    job = quick.command_job(computeId=f"{quick.workspace}/computes/busy", tags=SLOW)
    quick.put("jobs/on-instance", job)
    quick.wait_for("on-instance", "Running")
    assert instance_state(quick, "busy") == "JobRunning"
    quick.ml("POST", "jobs/on-instance/cancel")
    wait_for(lambda: instance_state(quick, "busy") == "Running")


def test_a_job_on_a_stopped_instance_waits(quick: Running) -> None:
    put(quick, "sleeping", INSTANCE)
    quick.ml("POST", "computes/sleeping/stop")
    job = quick.command_job(computeId=f"{quick.workspace}/computes/sleeping", tags={"emulator.seconds": "0"})
    quick.put("jobs/waiting", job)
    assert quick.wait_for("waiting", "Queued", "Completed", "Failed") == "Queued"
    quick.ml("POST", "computes/sleeping/start")
    assert quick.wait_for("waiting", "Completed", "Failed") == "Completed"


@pytest.mark.parametrize("end", ["delete", "stop"])
def test_a_job_whose_compute_goes_fails(quick: Running, end: str) -> None:
    put(quick, "leaving", INSTANCE)
    name = f"left-{end}"
    job = quick.command_job(computeId=f"{quick.workspace}/computes/leaving", tags=SLOW)
    quick.put(f"jobs/{name}", job)
    quick.wait_for(name, "Running")
    if end == "delete":
        delete(quick, "leaving")
    else:
        quick.ml("POST", "computes/leaving/stop")
    assert quick.wait_for(name, "Failed", "Completed", "Canceled") == "Failed"
    error = quick.history("GET", f"runs/{name}/details").json()["error"]["error"]
    assert "compute leaving" in error["message"]


def test_a_job_that_waits_for_a_compute_that_is_deleted_fails(quick: Running) -> None:
    put(quick, "never", INSTANCE)
    quick.ml("POST", "computes/never/stop")
    quick.put("jobs/hopeless", quick.command_job(computeId=f"{quick.workspace}/computes/never"))
    quick.wait_for("hopeless", "Queued")
    delete(quick, "never")
    assert quick.wait_for("hopeless", "Failed", "Completed") == "Failed"


def test_a_job_on_a_compute_that_is_being_made_waits(endless: Running) -> None:
    put(endless, "coming", CLUSTER)
    job = endless.command_job(
        computeId=f"{endless.workspace}/computes/coming", tags={"emulator.seconds": "0"}
    )
    endless.put("jobs/early", job)
    assert endless.wait_for("early", "Queued", "Completed", "Failed") == "Queued"


API = Path(__file__).resolve().parents[4] / "shared" / "api"
ATTACHED = ("attached-spark", "attached-spark-user-identity", "vm-attach")


@pytest.mark.skipif(not API.is_dir(), reason="Microsoft's files (../shared) are not on this machine")
def test_what_microsofts_client_makes_of_its_files_is_taken(quick: Running) -> None:
    goldens = sorted((API / "sdk-golden").glob("cli__resources__compute__*.json"))
    assert len(goldens) >= 9
    for number, path in enumerate(goldens):
        sent, name = json.loads(path.read_text())["rest"], path.stem.rpartition("__")[2]
        answer = quick.ml("PUT", f"computes/golden{number}", sent, version="2023-08-01-preview")
        assert answer.status_code == (501 if name in ATTACHED else 201), (name, answer.text)
