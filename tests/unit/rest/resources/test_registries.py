"""A model on its way to a registry: where that is, what is asked, and when the version is there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError, PermissionDeniedError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.resources.registries import (
    PUBLISHING,
    InRegistry,
    in_registry,
    origin,
    path_of,
)
from airflow_provider_amlrest.rest.resources.resource import gone, read_resource
from tests.unit.answers import REFERENCE, Answered, drive

WORKSPACE = WorkspaceId("s", "g", "w")
REGION = "https://westeurope.api.azureml.ms"
HOST = "https://cert-westeurope.experiments.azureml.net"
BASE = (
    f"{HOST}/mferp/managementfrontend/subscriptions/rs/resourceGroups/rg/providers"
    "/Microsoft.MachineLearningServices/registries/shared"
)
PATH = "registries/shared/models/iris/versions/3"
ORIGIN = origin("westeurope", "guid", "iris", "3")
OF_WORKSPACE = Answered(
    {
        "id": str(WORKSPACE),
        "name": "w",
        "location": "westeurope",
        "properties": {"discoveryUrl": f"{REGION}/discovery", "workspaceId": "guid"},
    }
)
DISCOVERY = Answered({"api": REGION})
REGISTRY = Answered(
    {"subscriptionId": "rs", "resourceGroup": "rg", "primaryRegionResourceProviderUri": f"{HOST}/"}
)
FOUND = (OF_WORKSPACE, DISCOVERY, REGISTRY)
MISSING = Answered({"error": {"code": "UserError", "message": "not found"}}, 404)


def there(**properties: Any) -> Answered:
    return Answered({"id": f"azureml://{PATH}", "name": "iris", "type": "models", "properties": properties})


def operations(api_version: str = "2025-12-01") -> Operations:
    return Operations(WORKSPACE, PUBLIC, api_version)


def goal(api_version: str = "2025-12-01") -> InRegistry:
    return in_registry(api_version, "shared", ("iris", "3"), ("iris", "3"), ORIGIN)


def test_a_version_is_read_at_the_registrys_own_host() -> None:
    own = operations()
    now, asked = drive(own.get_resource(PATH), *FOUND, there(originAssetId=ORIGIN))
    assert [send.request.url for send in asked[1:]] == [
        f"{REGION}/discovery",
        f"{REGION}/registrymanagement/v1.0/registries/shared/discovery",
        f"{BASE}/models/iris/versions/3?api-version=2021-10-01-dataplanepreview",
    ]
    assert (now.status, now.id) == ("Succeeded", f"azureml://{PATH}")
    assert goal().is_reached(now)
    # Where it is, is asked for once.
    now, asked = drive(own.get_resource(PATH), MISSING)
    assert (now.exists, len(asked)) == (False, 1)


def test_it_is_published_by_resource_manager() -> None:
    request = goal().change(gone(PATH))
    [send] = drive(operations().change_resource(request), Answered("null", 202))[1]
    assert send.request.method == "POST"
    assert send.request.url == (
        f"https://management.azure.com{WORKSPACE}/models/iris/versions/3/publish?api-version=2025-12-01"
    )
    assert json.loads(send.request.content) == {
        "registryName": "shared",
        "destinationName": "iris",
        "destinationVersion": "3",
    }


def test_before_there_was_publish_the_registry_imports_it() -> None:
    """As recorded."""
    file = REFERENCE / "api" / "recorded-serving" / "model_registry.json"
    if not file.is_file():
        pytest.skip("the reference data (../shared) is not on this machine")
    recording = json.loads(file.read_text())[3]
    body = recording["request_body"]["properties"]
    name, version = body["destinationName"], body["destinationVersion"]
    _, _, _, location, _, guid, *_ = body["sourceAssetId"].split("/")
    source = origin(location, guid, name, version)
    old = in_registry("2023-10-01", "testFeed", (name, version), (name, version), source)
    sent = drive(operations().change_resource(old.change(gone(old.path))), *FOUND, Answered("null", 202))[1]
    request = sent[-1].request
    assert json.loads(request.content) == recording["request_body"]
    tail = "/registries/testFeed/import?api-version=2021-10-01-dataplanepreview"
    assert request.url.endswith(tail)
    assert recording["url"].endswith(tail)


@pytest.mark.parametrize(
    ("link", "is_followed"),
    [
        ("https://management.azure.com/operations/1", True),
        (f"{REGION}/assetstore/v1.0/operations/1", True),
        (f"{HOST}/operations/1", True),
        ("https://elsewhere.example.org/assetstore/v1.0/operations/1", False),
    ],
)
def test_operations_are_followed_where_tokens_go_anyway(link: str, is_followed: bool) -> None:
    own = operations()
    drive(own.get_resource(PATH), *FOUND, MISSING)
    accepted = Answered("null", 202, {"Location": link})
    found, _ = drive(own.change_resource(goal().change(gone(PATH))), accepted)
    assert (found == link) is is_followed


def test_what_is_not_there_yet_is_under_way() -> None:
    own = operations()
    operation = f"{REGION}/assetstore/v1.0/operations/1"
    polled, _ = drive(own.poll_resource(PATH, operation), Answered(None, 202))
    assert polled.jobs[0].is_active
    # At its end, and if nothing is known of it, the registry itself is asked.
    for said in (Answered(None, 204), MISSING, Answered({"assetId": "x"})):
        polled, _ = drive(operations().poll_resource(PATH, operation), said, *FOUND, MISSING)
        assert (polled.jobs[0].status, polled.jobs[0].is_active) == (PUBLISHING, True)
    polled, _ = drive(own.poll_resource(PATH, operation), Answered(None, 204), *FOUND, there())
    assert polled.jobs[0].status == "Succeeded"


def test_an_operation_that_has_failed_says_why() -> None:
    failed = Answered({"status": "Failed", "error": {"message": "the storage is closed"}})
    polled, _ = drive(operations().poll_resource(PATH, f"{REGION}/o"), failed, *FOUND, MISSING)
    [now] = polled.jobs
    assert (now.exists, now.is_active, now.error) == (False, False, "the storage is closed")


def test_a_version_of_elsewhere_is_not_taken_for_ours() -> None:
    other = read_resource(PATH, {"properties": {"originAssetId": origin("w", "guid", "iris", "2")}})
    assert not goal().is_reached(other)
    with pytest.raises(InvalidSpecError, match=r"^destination_version: version 3 .* comes from azureml://"):
        goal().change(other)
    broken = read_resource(PATH, {"properties": {"provisioningState": "Failed"}})
    assert not goal().is_reached(broken)
    with pytest.raises(InvalidSpecError, match="exists, and has failed"):
        goal().change(broken)


@pytest.mark.parametrize("said", [ORIGIN, origin("EastUS", "GUID", "iris", "3"), None])
def test_whose_origin_is_the_same_or_not_said_is_ours(said: str | None) -> None:
    assert goal().is_reached(read_resource(PATH, {"properties": {"originAssetId": said}}))


def test_a_registry_that_cannot_be_found() -> None:
    refused = Answered({"error": {"code": "UserError", "message": "not allowed to access registry"}}, 403)
    with pytest.raises(PermissionDeniedError, match=r"GET the registry shared.*not allowed"):
        drive(operations().get_resource(PATH), OF_WORKSPACE, DISCOVERY, refused)
    with pytest.raises(AzureMLError, match="not known where the registry shared is"):
        drive(operations().get_resource(PATH), OF_WORKSPACE, DISCOVERY, Answered({"subscriptionId": "s"}))
    plain = {**REGISTRY.body, "primaryRegionResourceProviderUri": "http://evil.example.org"}
    with pytest.raises(AzureMLError, match="Nothing was sent"):
        drive(operations().get_resource(PATH), OF_WORKSPACE, DISCOVERY, Answered(plain))


def test_paths_of_registries_stay_in_the_registry() -> None:
    own = operations()
    drive(own.get_resource(PATH), *FOUND, MISSING)
    with pytest.raises(InvalidSpecError):
        drive(own.get_resource(path_of("shared", "..", "3")), MISSING)
