"""What the service has answered of endpoints, deployments, computes and registries, as we read it."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.resources.batch import read_endpoint as read_batch_endpoint
from airflow_provider_amlrest.rest.resources.endpoints import DefaultDeployment
from airflow_provider_amlrest.rest.resources.equality import differences
from airflow_provider_amlrest.rest.resources.goal import Change, Present
from airflow_provider_amlrest.rest.resources.online import read_endpoint as read_online_endpoint
from airflow_provider_amlrest.rest.resources.registries import in_registry
from airflow_provider_amlrest.rest.resources.resource import BROKEN, MOVING, READY, Resource, read_resource
from airflow_provider_amlrest.rest.resources.scoring import Access
from airflow_provider_amlrest.rest.resources.traffic import ROLLOUT, Traffic
from tests.contract import openapi, resource_calls
from tests.contract.recordings import decoded
from tests.contract.schemas import published
from tests.contract.tally import count
from tests.unit.answers import Answered, drive

WORKSPACE = WorkspaceId("00000000-0000-0000-0000-000000000001", "group", "workspace")
SHOP = "onlineEndpoints/shop"
OF_USER = {
    "online_endpoint": ("tags", "properties.properties", "properties.traffic"),
    "online_deployment": ("tags", "properties.properties", "properties.environmentVariables"),
    "batch_endpoint": ("tags", "properties.properties"),
    "compute": ("tags",),
}
FOLDERS = {"compute": "recorded"}


def exchange(topic: str, index: int) -> dict[str, Any]:
    return dict(published(f"{FOLDERS.get(topic, 'recorded-serving')}/{topic}.json")[index])


def answered(topic: str, index: int) -> Answered:
    one = exchange(topic, index)
    return Answered(one["response_body"], one["status"], one["response_headers"])


def operations() -> Operations:
    return Operations(WORKSPACE, PUBLIC, "2025-12-01")


@pytest.mark.parametrize(
    ("topic", "index", "header"),
    [
        ("online_endpoint", 0, "Azure-AsyncOperation"),
        ("online_endpoint", 3, "Location"),
        ("online_endpoint", 6, "Azure-AsyncOperation"),
        ("online_endpoint", 9, "Location"),
        ("online_deployment", 0, "Azure-AsyncOperation"),
        ("compute_actions", 0, "Azure-AsyncOperation"),
        ("compute", 2, "Azure-AsyncOperation"),
        ("compute", 7, "Azure-AsyncOperation"),
        ("batch_endpoint", 0, "Azure-AsyncOperation"),
    ],
)
def test_which_operation_a_change_has_begun(topic: str, index: int, header: str) -> None:
    one = exchange(topic, index)
    change = Change(one["method"], SHOP, one["request_body"])
    assert (
        decoded(operations().change_resource(change), answered(topic, index))
        == (one["response_headers"][header])
    )
    count("recorded answers of resources read")


def test_an_answer_without_an_operation_names_none() -> None:
    """The Location of a 201 is the resource itself."""
    one = exchange("online_endpoint", 0)
    headers = {"Location": one["response_headers"]["Location"]}
    flow = operations().change_resource(Change("PUT", SHOP, one["request_body"]))
    assert decoded(flow, Answered(one["response_body"], 201, headers)) is None


@pytest.mark.parametrize(
    ("topic", "operation", "now", "state"),
    [
        ("online_endpoint", 1, 2, "Succeeded"),
        ("online_endpoint", 7, None, "NotFound"),
        ("online_endpoint", 10, 2, "Succeeded"),
        ("online_deployment", 1, None, "Updating"),
        ("online_deployment", 2, None, "Updating"),
        ("online_deployment", 3, 4, "Succeeded"),
        ("compute_actions", 1, None, "InProgress"),
        ("batch_endpoint", 1, None, "Updating"),
        ("batch_endpoint", 2, 3, "Succeeded"),
        ("compute", 4, 5, "Succeeded"),
    ],
)
def test_how_far_an_operation_is(topic: str, operation: int, now: int | None, state: str) -> None:
    """As long as it goes on, it is asked alone; its end, or that there is none, is a reason for a look."""
    url = f"{PUBLIC.resource_manager}{urlsplit(exchange(topic, operation)['url']).path}"
    looks = [answered(topic, now)] if now is not None else []
    if state == "NotFound":
        looks = [Answered({"error": {"code": "NotFound", "message": "gone"}}, 404)]
    polled, calls = drive(operations().poll_resource(SHOP, url), answered(topic, operation), *looks)
    assert [job.status for job in polled.jobs] == [state]
    assert calls[0].request.url == url
    count("recorded answers of resources read")


@pytest.mark.parametrize(
    ("topic", "index", "state"),
    [
        ("online_endpoint", 0, "Creating"),
        ("online_endpoint", 2, "Succeeded"),
        ("online_deployment", 0, "Updating"),
        ("online_deployment", 4, "Succeeded"),
        ("batch_endpoint", 3, "Succeeded"),
        ("compute", 2, "Creating"),
        ("compute", 5, "Succeeded"),
    ],
)
def test_states_of_resources(topic: str, index: int, state: str) -> None:
    wire = exchange(topic, index)["response_body"]
    found = decoded(operations().get_resource(SHOP), Answered(wire))
    assert (found.status, found.id, found.error) == (state, wire["id"], "")
    assert (found.exists, found.is_active, found.is_broken) == (True, state != "Succeeded", False)
    count("recorded answers of resources read")


@pytest.mark.parametrize(
    ("topic", "asked", "now"),
    [("online_endpoint", 0, 2), ("online_deployment", 0, 4), ("batch_endpoint", 0, 3), ("compute", 2, 5)],
)
def test_what_was_asked_for_is_what_is_there(topic: str, asked: int, now: int) -> None:
    """In the service's own spelling, with all that it adds: the same PUT is not sent again."""
    body, there = exchange(topic, asked)["request_body"], exchange(topic, now)["response_body"]
    assert differences(body, there, OF_USER[topic]) == []
    for place, other in CHANGES[topic].items():
        assert len(differences(changed(body, place.split("."), other), there, OF_USER[topic])) == 1, place
    count("recorded answers of resources read")


def test_another_spelling_is_no_difference_and_a_variable_too_many_is_one() -> None:
    compute, there = (exchange("compute", 2)["request_body"], exchange("compute", 5)["response_body"])
    idle = "properties.properties.scaleSettings.nodeIdleTimeBeforeScaleDown"
    assert differences(changed(compute, idle.split("."), "PT100S"), there, ("tags",)) == []
    deployment = deepcopy(exchange("online_deployment", 4)["response_body"])
    body = changed(exchange("online_deployment", 0)["request_body"], VARIABLES, {})
    assert differences(body, deployment, OF_USER["online_deployment"]) == []
    extra = changed(deployment, VARIABLES, {"OLD": "1"})
    assert len(differences(body, extra, OF_USER["online_deployment"])) == 1


VARIABLES = ["properties", "environmentVariables"]


CHANGES: dict[str, dict[str, Any]] = {
    "online_endpoint": {"properties.authMode": "AMLToken", "properties.traffic": {"blue": 100}},
    "online_deployment": {
        "properties.instanceType": "Standard_F4s_v2",
        "properties.environmentVariables": {"A": "b"},
        "sku": {"name": "Default", "capacity": 2},
        "tags": {"key": "Value"},
    },
    "batch_endpoint": {"properties.description": "another one", "properties.properties": {"p1": "V1"}},
    "compute": {
        "properties.properties.scaleSettings.maxNodeCount": 3,
        "properties.properties.scaleSettings.nodeIdleTimeBeforeScaleDown": "PT101S",
    },
}


def changed(value: Any, place: list[str], other: Any) -> Any:
    if not place:
        return other
    return {**value, place[0]: changed(value.get(place[0]), place[1:], other)}


def test_a_change_of_shares_says_all_else_as_it_is() -> None:
    """A PUT says all: what is read goes back, without what the service alone may write."""
    wire = deepcopy(exchange("online_endpoint", 2)["response_body"])
    wire["properties"]["properties"][ROLLOUT] = "{}"
    there = read_resource(SHOP, wire)
    body = Traffic(SHOP, "it", {"blue": 100}, ({},)).change(there).body
    assert body == {
        "location": "eastus",
        "kind": "Managed",
        "identity": {"type": "SystemAssigned"},
        "properties": {"authMode": "Key", "properties": {}, "traffic": {"blue": 100}},
    }
    check_put("onlineEndpoints", body)


def test_what_a_file_does_not_mention_stays() -> None:
    """A PUT without them would reset the shares, and the default."""
    online = deepcopy(exchange("online_endpoint", 2)["response_body"])
    online["properties"] |= {"traffic": {"blue": 100}, "mirrorTraffic": {"green": 5}}
    batch = deepcopy(exchange("batch_endpoint", 3)["response_body"])
    batch["properties"]["defaults"] = {"deploymentName": "blue"}
    for read, wire in ((read_online_endpoint, online), (read_batch_endpoint, batch)):
        spec = read(Given({"name": "shop", "description": "another one"}, Path()))
        goal = Present(SHOP, spec.what, spec.body, spec.of_user, {"airflow_dag_id": "d"}, spec.kept)
        body = goal.change(read_resource(SHOP, wire)).body
        assert body["tags"] == {"airflow_dag_id": "d"}
        for name in ("traffic", "mirrorTraffic", "defaults"):
            assert body["properties"].get(name) == wire["properties"].get(name)


def test_another_default_says_all_else_as_it_is() -> None:
    batch = read_resource(SHOP, exchange("batch_endpoint", 3)["response_body"])
    body = DefaultDeployment(SHOP, "it", "blue").change(batch).body
    [identity] = batch.wire["identity"]["userAssignedIdentities"]
    assert body == {
        "location": "centraluseuap",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity: {}}},
        "properties": {
            "authMode": "AADToken",
            "description": "my sample batch endpoint",
            "properties": {"p1": "v1", "p2": "v2"},
            "defaults": {"deploymentName": "blue"},
        },
    }
    check_put("batchEndpoints", body)


def check_put(kind: str, body: dict[str, Any]) -> None:
    url = f"{PUBLIC.resource_manager}{WORKSPACE}/{kind}/shop?api-version=2024-04-01"
    openapi.check_request("2024-04-01", "PUT", url, body)


@pytest.mark.parametrize(
    ("mode", "definition", "secret"),
    [("Key", "EndpointAuthKeys", "primaryKey"), ("AMLToken", "EndpointAuthToken", "accessToken")],
)
def test_a_key_or_a_token_of_azure_ml_signs_in(mode: str, definition: str, secret: str) -> None:
    """They are where Microsoft's definitions have them, and go with the request, which is JSON."""
    members = published("swagger/2024-04-01/mfe.json")["definitions"][definition]["properties"]
    endpoint = resource_calls.endpoint(mode)
    access, _ = drive(operations().get_access(endpoint), Answered({name: name for name in members}))
    scored, calls = drive(operations().score(access, {"data": [1]}), Answered({"score": 1}))
    request = calls[0].request
    assert request.headers["Authorization"] == f"Bearer {secret}"
    assert (request.content, scored.value()) == ('{"data": [1]}', {"score": 1})


def test_every_state_in_the_definitions_is_known() -> None:
    """Those of a compute instance are its own, beside the provisioning state."""
    files = [published(f"swagger/2024-04-01/{name}.json") for name in ("mfe", "machineLearningServices")]
    definitions = {name: one for file in files for name, one in file["definitions"].items()}
    instance = definitions["ComputeInstanceProperties"]["properties"]["state"]["$ref"].rpartition("/")[2]
    kinds = ("EndpointProvisioningState", "DeploymentProvisioningState")
    states = {state for kind in kinds for state in definitions[kind]["enum"]}
    assert states | set(definitions[instance]["enum"]) <= READY | BROKEN | MOVING
    for state in definitions[instance]["enum"]:
        own = {"computeType": "ComputeInstance", "properties": {"state": state}}
        wire = {"properties": {"provisioningState": "Succeeded", **own}}
        assert read_resource("computes/desk", wire).status == state


def test_the_log_of_a_container() -> None:
    flow = operations().get_deployment_log(f"{SHOP}/deployments/blue", 50)
    assert decoded(flow, answered("online_deployment", 5)).startswith("Instance status:\nSystemSetup")


def test_the_job_of_a_batch_endpoint() -> None:
    one = exchange("batch_endpoint", 4)
    flow = operations().invoke_batch(Access("https://shop/jobs", None), one["request_body"], None, "id")
    assert decoded(flow, answered("batch_endpoint", 4))["name"] == one["response_body"]["name"]


def test_a_promotion_to_a_registry() -> None:
    discovery, sent, there = (exchange("model_registry", index) for index in (2, 3, 6))
    asked = sent["request_body"]["properties"]
    version = (asked["destinationName"], asked["destinationVersion"])
    goal = in_registry("2022-05-01", "testFeed", version, version, asked["sourceAssetId"])
    assert goal.request is not None
    assert goal.request.body == sent["request_body"]
    ours = operations()
    ours.services = ("https://ml", "https://api")
    answers = (answered("model_registry", 2), answered("model_registry", 3))
    try:
        _, calls = drive(ours.change_resource(goal.request), *answers)
    except AzureMLError as error:
        raise AssertionError(f"{answers[0].body} is not read") from error
    end = "/providers/Microsoft.MachineLearningServices/registries/testFeed/import"
    assert all(urlsplit(url).path.endswith(end) for url in (sent["url"], calls[1].request.url))
    assert calls[1].request.url.startswith(discovery["response_body"]["primaryRegionResourceProviderUri"])
    found = decoded(ours.get_resource(goal.path), Answered(there["response_body"]))
    assert goal.is_reached(found)
    other = in_registry("2022-05-01", "testFeed", version, version, asked["sourceAssetId"][:-1] + "9")
    assert not other.is_reached(found)
    assert not goal.is_reached(Resource(goal.path, "Failed", wire=there["response_body"]))
