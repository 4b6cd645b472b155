"""Places for uploads into a registry, and what is read from there. Those of workspaces: test_blobs.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulator.running import REGISTRY, Running

NAMES = f"azureml://registries/{REGISTRY}"


def uploaded(emulator: Running, place: dict[str, Any], name: str, content: str) -> str:
    """Write a blob with the place's signature; its URI."""
    container, _, signature = place["credential"]["sasUri"].partition("?")
    headers = {"x-ms-blob-type": "BlockBlob"}
    answer = emulator.http.put(f"{container}/{name}?{signature}", content=content, headers=headers)
    assert answer.status_code == 201
    return f"{place['blobUri']}/{name}"


@pytest.mark.parametrize("kind", ["codes", "data", "models"])
def test_a_place_in_resource_manager(storing_emulator: Running, kind: str) -> None:
    body = {"pendingUploadType": "TemporaryBlobReference"}
    path = f"{kind}/up/versions/1/startPendingUpload"
    first, other = (storing_emulator.shared("POST", path, body).json() for _ in range(2))
    uploaded(storing_emulator, first["blobReferenceForConsumption"], "a.txt", "a")
    assert first["blobReferenceForConsumption"] != other["blobReferenceForConsumption"]
    again = {**body, "pendingUploadId": first["pendingUploadId"]}
    same = storing_emulator.shared("POST", path, again).json()["blobReferenceForConsumption"]
    assert same["blobUri"] == first["blobReferenceForConsumption"]["blobUri"]


def test_a_temporary_data_reference(storing_emulator: Running) -> None:
    """Recorded, but for 409: azure-ai-ml takes that as nothing to upload."""
    body = {"assetId": f"{NAMES}/codes/up/versions/7", "temporaryDataReferenceType": "TemporaryBlobReference"}
    path = "tempdatarefs/up/versions/7"
    answer = storing_emulator.shared("PUT", path, body, host=True).json()
    assert answer["temporaryDataReferenceType"] is None
    assert answer["imageReferenceForConsumption"] is None
    place = answer["blobReferenceForConsumption"]
    assert place["credential"]["wasbsUri"] is None
    uri = uploaded(storing_emulator, place, "a.txt", "content")
    properties = {"codeUri": place["blobUri"]}
    storing_emulator.shared("PUT", "codes/up/versions/7", {"properties": properties}, host=True)
    assert storing_emulator.shared("PUT", path, body, host=True).status_code == 409
    asked = {"assetId": body["assetId"], "blobUri": uri}
    for host, name in ((True, "datarefs"), (False, "datareferences")):
        found = storing_emulator.shared("POST", f"{name}/up/versions/7", asked, host=host).json()
        url = found["blobReferenceForConsumption"]["credential"]["sasUri"]
        container, _, signature = url.partition("?")
        blob = f"{container}/a.txt?{signature}"
        assert storing_emulator.http.get(blob, headers={"Authorization": ""}).text == "content"


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "tempdatarefs", {"assetId": "azureml://registries/other/codes/c/versions/1"}, "assetId"),
        ("PUT", "tempdatarefs", {"assetId": f"{NAMES}/jobs/c/versions/1"}, "assetId"),
        ("PUT", "tempdatarefs", {}, "assetId"),
        ("POST", "datarefs", {"assetId": f"{NAMES}/codes/c/versions/1", "blobUri": "https://a/b"}, "blobUri"),
    ],
)
def test_what_is_no_asset_of_the_registry(
    storing_emulator: Running, method: str, path: str, body: dict[str, str], field: str
) -> None:
    answer = storing_emulator.shared(method, f"{path}/c/versions/1", body, host=True)
    assert answer.status_code == 400
    assert field in answer.text


def test_containers_of_others_are_not_signed(storing_emulator: Running) -> None:
    endpoint = storing_emulator.facts["blob_endpoint"]
    body = {"assetId": f"{NAMES}/codes/c/versions/1", "blobUri": f"{endpoint}/azureml/ExperimentRun/x"}
    answer = storing_emulator.shared("POST", "datarefs/c/versions/1", body, host=True)
    assert answer.status_code == 400
    assert "not in this registry" in answer.text
