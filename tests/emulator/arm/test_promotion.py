"""Promotion of models to a registry: by Resource Manager, and by the registry's own host."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.emulator.running import REGISTRY, Running, said

SHARED = f"azureml://registries/{REGISTRY}"


def register(emulator: Running, name: str, version: str = "1", **properties: Any) -> dict[str, Any]:
    given = {"modelUri": "azureml://datastores/workspaceblobstore/paths/m", **properties}
    return emulator.put(f"models/{name}/versions/{version}", given)


def publish(emulator: Running, path: str, version: str | None = None, **body: Any) -> httpx.Response:
    versions = {"version": version} if version else {}
    return emulator.ml("POST", f"models/{path}/publish", {"registryName": REGISTRY, **body}, **versions)


def asset_id(emulator: Running, path: str) -> str:
    """The id of a workspace's model, as azure-ai-ml makes it."""
    guid = emulator.http.get(f"{emulator.workspace}", params={"api-version": "2023-08-01-preview"})
    workspace_id = guid.json()["properties"]["workspaceId"]
    return f"azureml://locations/{emulator.facts['location']}/workspaces/{workspace_id}/models/{path}"


def imported(emulator: Running, path: str, **destination: str) -> httpx.Response:
    properties = {"referenceType": "Id", "sourceAssetId": asset_id(emulator, path), **destination}
    return emulator.shared("POST", "import", {"properties": properties}, host=True)


@pytest.mark.parametrize("way", ["publish", "import"])
def test_a_promotion_takes_its_time(tuned: Running, way: str) -> None:
    """Recorded for the import: 202 with null and a Location alone, which answers 202 and at last 204."""
    tuned.admin("PATCH", "settings", {"provisioning_seconds": 600})
    name = f"slow-{way}"
    register(tuned, name)
    given = {"destinationName": name, "destinationVersion": "7"}
    path = f"{name}/versions/1"
    answer = publish(tuned, path, **given) if way == "publish" else imported(tuned, path, **given)
    assert (answer.status_code, answer.text) == (202, "null"), answer.text
    assert answer.headers["x-ms-async-operation-timeout"] == "PT1H"
    assert "retry-after" not in answer.headers
    assert "azure-asyncoperation" not in answer.headers
    url = answer.headers["location"]
    for _ in range(2):
        under_way = tuned.http.get(url)
        assert (under_way.status_code, under_way.content) == (202, b"")
    target = tuned.shared("GET", f"models/{name}/versions/7").json()["properties"]
    assert target["provisioningState"] == "Creating"
    # What begins now has ended when its first poll comes.
    tuned.admin("PATCH", "settings", {"provisioning_seconds": 0})
    assert tuned.shared("GET", f"models/{name}/versions/7").json()["properties"] == {
        **target,
        "provisioningState": "Succeeded",
    }
    given["destinationVersion"] = "8"
    answer = publish(tuned, path, **given) if way == "publish" else imported(tuned, path, **given)
    ended = tuned.http.get(answer.headers["location"])
    assert (ended.status_code, ended.content) == (204, b"")


def test_what_is_promoted(emulator: Running) -> None:
    """The words are those of the source; the recorded members of the registry's own host."""
    flavors = {"sklearn": {"data": {"sklearn_version": "1.5"}}}
    words = {"description": "d", "tags": {"a": "1"}, "properties": {"p": "2"}, "flavors": flavors}
    register(emulator, "promoted", modelType="mlflow_model", **words)
    assert publish(emulator, "promoted/versions/1").status_code == 202
    found = emulator.shared("GET", "models/promoted/versions/1", host=True).json()
    assert (found["id"], found["name"]) == (f"{SHARED}/models/promoted/versions/1", "promoted")
    properties = found["properties"]
    assert {name: properties[name] for name in words} == words
    assert properties["modelType"] == "mlflow_model"
    assert properties["jobName"] is None
    assert properties["originAssetId"] == asset_id(emulator, "promoted/versions/1")
    assert re.fullmatch(r"https://127\.0\.0\.1:\d+/amlrestemulator/[\w-]+/m", properties["modelUri"])
    in_resource_manager = emulator.shared("GET", "models/promoted/versions/1").json()["properties"]
    assert "originAssetId" not in in_resource_manager
    # Without a promotion there is no origin, and no null in its place.
    emulator.shared("PUT", "models/own/versions/1", {"properties": {"modelUri": "https://a/m"}})
    own = emulator.shared("GET", "models/own/versions/1", host=True).json()["properties"]
    assert "originAssetId" not in own


def test_the_files_go_along(storing_emulator: Running) -> None:
    emulator = storing_emulator
    command = "mkdir -p outputs/m && echo weights > outputs/m/w"
    emulator.put("jobs/to-promote", emulator.command_job(command=command, computeId=None))
    assert emulator.wait_for("to-promote", "Completed", "Failed") == "Completed"
    for version, path in (("1", "m"), ("2", "m/w")):
        uri = f"azureml://jobs/to-promote/outputs/artifacts/paths/outputs/{path}"
        register(emulator, "with-files", version, modelUri=uri)
        assert publish(emulator, f"with-files/versions/{version}").status_code == 202
    uris = [
        emulator.shared("GET", f"models/with-files/versions/{version}").json()["properties"]["modelUri"]
        for version in ("1", "2")
    ]
    assert uris[0].split("/")[4] != uris[1].split("/")[4]
    read = "grep weights ${{inputs.m}}/w"
    given = {"jobInputType": "mlflow_model", "uri": f"{SHARED}/models/with-files/versions/1"}
    emulator.put("jobs/reads", emulator.command_job(command=read, computeId=None, inputs={"m": given}))
    assert emulator.wait_for("reads", "Completed", "Failed") == "Completed"
    # And back into a workspace, whose version shows the place in the registry.
    back = emulator.put("models/back/versions/1", {"modelUri": f"{SHARED}/models/with-files/versions/2"})
    assert back["modelUri"] == uris[1]
    none = {"properties": {"modelUri": f"{SHARED}/models/with-files/versions/9"}}
    assert emulator.ml("PUT", "models/back/versions/2", none).status_code == 400


def test_a_target_that_there_is(emulator: Running) -> None:
    register(emulator, "twice")
    assert publish(emulator, "twice/versions/1").status_code == 202
    for again in (publish(emulator, "twice/versions/1"), imported(emulator, "twice/versions/1")):
        assert again.status_code == 409
        assert "already exists in registry" in said(again)
    assert publish(emulator, "twice/versions/1", destinationVersion="2").status_code == 202


def test_what_cannot_be_promoted(emulator: Running) -> None:
    register(emulator, "stays")
    assert publish(emulator, "nothing/versions/1").status_code == 404
    unknown = publish(emulator, "stays/versions/1", registryName="nobodys")
    assert (unknown.status_code, "nobodys" in said(unknown)) == (400, True)
    assert publish(emulator, "stays/versions/1", destinationName="a b").status_code == 400
    assert publish(emulator, "stays/versions/1", somethingElse="x").status_code == 400
    assert publish(emulator, "stays/versions/1", version="2023-04-01").status_code == 404
    stranger = {
        "referenceType": "Id",
        "sourceAssetId": "azureml://locations/l/workspaces/w/models/m/versions/1",
    }
    refused = emulator.shared("POST", "import", {"properties": stranger}, host=True)
    assert (refused.status_code, "sourceAssetId" in said(refused)) == (400, True)
    stranger["sourceAssetId"] = asset_id(emulator, "m/versions/1").replace("/models/", "/codes/")
    assert emulator.shared("POST", "import", {"properties": stranger}, host=True).status_code == 501
    lake = {"modelUri": "azureml://datastores/lake/paths/m"}
    emulator.put("models/nowhere/versions/1", lake)
    nowhere = publish(emulator, "nowhere/versions/1")
    assert (nowhere.status_code, "no datastore 'lake'" in said(nowhere)) == (400, True)


def test_an_answer_that_is_lost(tuned: Running) -> None:
    """The promotion goes on; who asks again learns that the target is there."""
    register(tuned, "lost-answer")
    rule = {"method": "POST", "path": "/lost-answer/.*/publish$", "when": "after", "drop": True}
    tuned.admin("POST", "faults", rule)
    with pytest.raises(httpx.RemoteProtocolError):
        publish(tuned, "lost-answer/versions/1")
    assert tuned.shared("GET", "models/lost-answer/versions/1").status_code == 200
    assert publish(tuned, "lost-answer/versions/1").status_code == 409
