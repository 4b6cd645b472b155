"""Environments, code and data: what comes back, what cannot change, and lists."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.emulator.running import Running, inner_codes, said

CONDA = "name: e\nchannels:\n- conda-forge\ndependencies:\n- python=3.11\n- pip:\n  - lightgbm\n"
HASH = {"hash_sha256": "ab12cd", "hash_version": "202208"}


def test_environment_comes_back_normalised(emulator: Running) -> None:
    body = {"properties": {"Image": "img:1", "condaFile": CONDA, "isAnonymous": False}}
    answer = emulator.ml("PUT", "environments/norm/versions/1", body)
    again = emulator.ml("PUT", "environments/norm/versions/1", body)
    properties = answer.json()["properties"]
    assert json.loads(properties["condaFile"])["dependencies"][1] == {"pip": ["lightgbm"]}
    assert properties["condaFile"].startswith('{\n  "name": "e",\n  "channels"')
    assert (properties["osType"], properties["environmentType"]) == ("Linux", "UserCreated")
    assert (properties["tags"], properties["properties"]) == ({}, {})
    assert "build" not in properties
    # Recorded: an identical PUT is 201 with Location again, and moves no time.
    assert [answer.status_code, again.status_code] == [201, 201]
    assert answer.headers["location"] == again.headers["location"] == str(answer.url)
    assert answer.json() == again.json()
    assert emulator.ml("GET", "environments/norm/versions/1").json() == answer.json()


def test_environment_may_be_sent_back_as_it_was_answered(emulator: Running) -> None:
    emulator.put("environments/echo/versions/1", {"image": "img:1", "condaFile": CONDA})
    answered = emulator.get("environments/echo/versions/1")
    assert emulator.put("environments/echo/versions/1", answered) == answered


def test_environment_without_conda_and_with_build(emulator: Running) -> None:
    assert emulator.put("environments/plain/versions/foo", {"image": "img:1"})["condaFile"] == ""
    build = emulator.put("environments/built/versions/1", {"build": {"contextUri": "https://a/b/"}})
    assert build["build"] == {"contextUri": "https://a/b/", "dockerfilePath": "Dockerfile"}
    assert "image" not in build


def test_content_of_versions_is_fixed(emulator: Running) -> None:
    emulator.put("environments/fixed/versions/1", {"image": "img:1"})
    other = emulator.ml("PUT", "environments/fixed/versions/1", {"properties": {"image": "img:2"}})
    assert other.status_code == 409
    assert "Environment fixed with version 1 is already registered" in other.json()["error"]["message"]
    assert emulator.get("environments/fixed/versions/1")["image"] == "img:1"
    emulator.put("environments/fixed/versions/1", {"image": "img:1", "tags": {"a": "b"}})

    emulator.put("codes/fixed/versions/1", {"codeUri": "https://a/c/src"})
    emulator.put("data/fixed/versions/1", {"dataType": "uri_file", "dataUri": "https://a/x.csv"})
    changes: dict[str, dict[str, Any]] = {
        "codes/fixed/versions/1": {"codeUri": "https://a/c/other"},
        "data/fixed/versions/1": {"dataType": "uri_file", "dataUri": "https://a/y.csv"},
    }
    for path, properties in changes.items():
        answer = emulator.ml("PUT", path, {"properties": properties})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == "Asset paths cannot be updated."


def test_repeated_code_and_data_are_200_and_move_last_modified(emulator: Running) -> None:
    for path, properties in {
        "codes/again/versions/1": {"codeUri": "https://a/c/src", "isAnonymous": True, "properties": HASH},
        "data/again/versions/1": {"dataType": "uri_file", "dataUri": "https://a/x.csv"},
    }.items():
        first = emulator.ml("PUT", path, {"properties": properties})
        time.sleep(0.01)
        second = emulator.ml("PUT", path, {"properties": {**properties, "description": "d"}})
        assert [first.status_code, second.status_code] == [201, 200]
        assert "location" not in second.headers
        before, after = first.json()["systemData"], second.json()["systemData"]
        assert before["createdAt"] == after["createdAt"]
        assert before["lastModifiedAt"] < after["lastModifiedAt"]
    assert emulator.get("codes/again/versions/1")["isAnonymous"] is False


@pytest.mark.parametrize(
    ("sent", "kind", "answered"),
    [
        ("https://host", "uri_folder", "https://host/"),
        ("azureml://datastores/workspaceblobstore/paths/a/b.csv", "uri_file", "{long}/paths/a/b.csv"),
        ("azureml://datastores/workspaceblobstore/paths/a", "uri_folder", "{long}/paths/a/"),
        ("{long}/paths/a/b.csv", "uri_file", "{long}/paths/a/b.csv"),
        ("wasbs://c@a.blob.core.windows.net/x", "uri_file", "wasbs://c@a.blob.core.windows.net/x"),
    ],
)
def test_data_uris(emulator: Running, sent: str, kind: str, answered: str) -> None:
    facts = emulator.facts
    long = (
        f"azureml://subscriptions/{facts['subscription_id']}/resourcegroups/{facts['resource_group']}"
        f"/workspaces/{facts['workspace_name']}/datastores/workspaceblobstore"
    )
    name = f"uri-{abs(hash((sent, kind)))}"
    properties = emulator.put(
        f"data/{name}/versions/1", {"dataType": kind, "dataUri": sent.format(long=long)}
    )
    assert properties["dataUri"] == answered.format(long=long)
    (listed,) = emulator.ml("GET", f"data/{name}/versions").json()["value"]
    guid = emulator.get("")["workspaceId"]
    listed_uri = answered.format(long=f"azureml://workspaces/{guid}/datastores/workspaceblobstore")
    assert listed["properties"]["dataUri"] == listed_uri


@pytest.mark.parametrize(
    ("path", "properties", "field"),
    [
        ("environments/bad/versions/1", {}, "properties.image"),
        (
            "environments/bad/versions/1",
            {"image": "i", "build": {"contextUri": "https://a"}},
            "properties.image",
        ),
        ("environments/bad/versions/1", {"image": "i", "condaFile": "a: [b"}, "properties.condaFile"),
        ("environments/bad/versions/1", {"image": "i", "condaFile": "&a {b: *a}"}, "properties.condaFile"),
        ("environments/bad/versions/1", {"image": "i", "condaFile": "2020-01-01: b"}, "properties.condaFile"),
        ("environments/bad/versions/1", {"image": 5}, "properties.image"),
        ("environments/AzureML-x/versions/1", {"image": "i"}, "AzureML"),
        ("environments/-bad/versions/1", {"image": "i"}, "name"),
        ("codes/bad/versions/1", {}, "properties.codeUri"),
        ("data/bad/versions/1", {"dataUri": "https://a"}, "properties.dataType"),
        ("data/bad/versions/1", {"dataType": "uri_file", "dataUri": "./x.csv"}, "properties.dataUri"),
        ("data/bad/versions/1", {"dataType": "table", "dataUri": "https://a"}, "properties.dataType"),
        (f"data/bad/versions/{'1' * 31}", {"dataType": "uri_file", "dataUri": "https://a"}, "version"),
        (
            "data/bad/versions/1",
            {"dataType": "uri_file", "dataUri": "https://a", "tags": {"a": [1]}},
            "tags.a",
        ),
    ],
)
def test_bad_asset_is_400_and_names_the_field(
    emulator: Running, path: str, properties: dict[str, Any], field: str
) -> None:
    answer = emulator.ml("PUT", path, {"properties": properties})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "UserError"
    assert field in said(answer)
    assert emulator.ml("GET", path).status_code == 404


def test_numbers_in_maps_become_text(emulator: Running) -> None:
    """Microsoft's SDK sends hash_version as a number."""
    sent = {"codeUri": "https://a/c/src", "properties": {"hash_version": 202208}, "tags": {"flag": True}}
    got = emulator.put("codes/numbers/versions/1", sent)
    assert (got["properties"], got["tags"]) == ({"hash_version": "202208"}, {"flag": "True"})


def test_missing_assets(emulator: Running) -> None:
    messages = {
        "environments/none": "No environment exists for name: none, version: , label: ",
        "data/none/versions/1": "Data version none:1 (dataContainerName:version) not found.",
        "codes/none/versions/1": "Code version none:1 (codeContainerName:version) not found.",
    }
    for path, message in messages.items():
        answer = emulator.ml("GET", path)
        assert (answer.status_code, answer.json()["error"]["message"]) == (404, message)
        assert inner_codes(answer) == ["NotFoundError"]
        types = [entry["type"] for entry in answer.json()["error"]["additionalInfo"]]
        assert types == ["ComponentName", "Correlation", "Environment", "Location", "Time", "InnerError"]
    assert emulator.ml("DELETE", "data/none/versions/1").status_code == 204


def test_container_counts_numeric_versions(emulator: Running) -> None:
    for version in ("1", "3", "foo"):
        emulator.put(f"data/counted/versions/{version}", {"dataType": "uri_file", "dataUri": "https://a/x"})
    properties = emulator.get("data/counted")
    assert (properties["latestVersion"], properties["nextVersion"]) == ("foo", "4")
    assert (properties["tags"], properties["dataType"]) == (None, "uri_file")
    latest = emulator.ml("GET", "data/counted/versions", _orderBy="createdtime desc", _top="1").json()
    assert [item["name"] for item in latest["value"]] == ["foo"]
    # $top caps the result: no further page is offered.
    assert "nextLink" not in latest
    oldest = emulator.ml("GET", "data/counted/versions", _orderBy="createdtime asc").json()["value"]
    assert [item["name"] for item in oldest] == ["1", "3", "foo"]
    assert emulator.ml("DELETE", "data/counted/versions/foo").status_code == 200
    assert emulator.get("data/counted")["latestVersion"] == "3"


def test_put_container(emulator: Running) -> None:
    emulator.put("data/explicit", {"dataType": "uri_file", "description": "d"})
    properties = emulator.put("data/explicit", {"dataType": "uri_file", "description": "e"}, 200)
    assert (properties["description"], properties["latestVersion"], properties["nextVersion"]) == (
        "e",
        None,
        "1",
    )
    assert "explicit" in [item["name"] for item in emulator.ml("GET", "data").json()["value"]]
    assert emulator.ml("DELETE", "data/explicit").status_code == 200
    assert emulator.ml("GET", "data/explicit").status_code == 404


def test_archived_versions_leave_active_lists_only(emulator: Running) -> None:
    path = "data/archived/versions/1"
    properties = {"dataType": "uri_file", "dataUri": "https://a/x"}
    emulator.put(path, properties)
    emulator.put(path, {**properties, "isArchived": True}, 200)
    counts = [
        len(emulator.ml("GET", "data/archived/versions", **view).json()["value"])
        for view in ({}, {"listViewType": "ArchivedOnly"}, {"listViewType": "All"})
    ]
    assert counts == [0, 1, 1]
    assert emulator.get(path)["isArchived"] is True


def test_code_is_found_by_hash_under_any_name(emulator: Running) -> None:
    content = {"hash_sha256": "feedbeef", "hash_version": "202208"}
    emulator.put("codes/hashed/versions/1", {"codeUri": "https://a/c/src", "properties": content})
    found = emulator.ml("GET", "codes/other/versions", hash="feedbeef", hashVersion="202208").json()["value"]
    assert [item["id"] for item in found] == [f"{emulator.workspace}/codes/hashed/versions/1"]
    assert emulator.ml("GET", "codes/other/versions", hash="feedbeef", hashVersion="1").json()["value"] == []
    assert emulator.ml("GET", "codes/other/versions", hash="0").json()["value"] == []


def test_lists_are_paged_by_opaque_links(tuned: Running) -> None:
    tuned.admin("PATCH", "settings", {"page_size": 2})
    for version in range(5):
        tuned.put(f"codes/paged/versions/{version}", {"codeUri": "https://a/c/src"})
    names, sizes = [], []
    answer = tuned.ml("GET", "codes/paged/versions").json()
    while True:
        names += [item["name"] for item in answer["value"]]
        sizes.append(len(answer["value"]))
        if "nextLink" not in answer:
            break
        assert answer["nextLink"].startswith(tuned.facts["arm_endpoint"])
        answer = tuned.http.get(answer["nextLink"]).json()
    assert names == ["4", "3", "2", "1", "0"]
    assert sizes == [2, 2, 1]
    assert tuned.ml("GET", "codes/paged/versions", _skip="2").status_code == 400


def test_lists_can_lag(tuned: Running) -> None:
    tuned.admin("PATCH", "settings", {"list_lag_seconds": 600})
    tuned.put("codes/lagging/versions/1", {"codeUri": "https://a/c/src"})
    assert tuned.ml("GET", "codes/lagging/versions").json()["value"] == []
    assert tuned.ml("GET", "codes/lagging/versions/1").status_code == 200
    tuned.admin("PATCH", "settings", {"list_lag_seconds": 0})
    assert len(tuned.ml("GET", "codes/lagging/versions").json()["value"]) == 1


def test_provisioning_state_came_with_2023_04_01(emulator: Running) -> None:
    emulator.put("codes/states/versions/1", {"codeUri": "https://a/c/src"})
    assert "provisioningState" not in emulator.get("codes/states/versions/1", version="2022-05-01")
    assert emulator.get("codes/states/versions/1", version="2023-04-01")["provisioningState"] == "Succeeded"


def test_datastores(emulator: Running) -> None:
    (default,) = emulator.ml("GET", "datastores", isDefault="true").json()["value"]
    assert default["name"] == "workspaceblobstore"
    guid = emulator.get("")["workspaceId"]
    assert default["properties"]["containerName"] == f"azureml-blobstore-{guid}"
    assert default["properties"]["credentials"] == {"credentialsType": "AccountKey"}
    assert len(emulator.ml("GET", "datastores").json()["value"]) == 2
    missing = emulator.ml("GET", "datastores/none").json()["error"]["message"]
    assert missing == "Could not find datastore: none."


def test_the_provisioning_of_an_environment_takes_time_and_ends_as_its_tag_says(emulator: Running) -> None:
    image = {"image": "python:3.11"}
    emulator.admin("PATCH", "settings", {"provisioning_seconds": 600})
    assert emulator.put("environments/slow/versions/1", image)["provisioningState"] == "Creating"
    assert emulator.get("environments/slow/versions/1")["provisioningState"] == "Creating"
    emulator.admin("PATCH", "settings", {"provisioning_seconds": 0})
    assert emulator.get("environments/slow/versions/1")["provisioningState"] == "Succeeded"
    bad = {**image, "tags": {"emulator.provisioning": "failed"}}
    assert emulator.put("environments/bad/versions/1", bad)["provisioningState"] == "Failed"


def test_long_uris_of_another_workspace_stay_its_own(emulator: Running) -> None:
    theirs = "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/a"
    body = {"dataType": "uri_file", "dataUri": theirs}
    assert emulator.put("data/theirs/versions/1", body)["dataUri"] == theirs
    facts = emulator.facts
    ours = (
        f"azureml://subscriptions/{facts['subscription_id']}/resourcegroups/{facts['resource_group']}"
        f"/workspaces/{facts['workspace_name']}/datastores/d/paths/a"
    )
    spelled = ours.replace("/resourcegroups/", "/resourceGroups/")
    assert emulator.put("data/ours/versions/1", {**body, "dataUri": spelled})["dataUri"] == ours
