"""One resource in every api-version: made in one, read in the others; what a version lacks is not there."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.emulator.arm.versions import SUPPORTED
from tests.emulator.running import SLOW, Running

FIRST_V2 = "2022-02-01-preview"
PASCAL = ("UriFile", "UriFolder", "MLTable", "CustomModel", "MLFlowModel", "TritonModel")
SNAKE = ("uri_file", "uri_folder", "mltable", "custom_model", "mlflow_model", "triton_model")


def job(emulator: Running, **changes: Any) -> dict[str, Any]:
    inputs = {kind: {"jobInputType": kind, "uri": "https://a/b"} for kind in PASCAL}
    inputs["l"] = {"jobInputType": "Literal", "value": "1"}
    outputs = {kind: {"jobOutputType": kind} for kind in PASCAL}
    return emulator.command_job(inputs=inputs, outputs=outputs, **changes)


def test_2022_02_writes_types_in_pascal_case(emulator: Running) -> None:
    sent = emulator.put("jobs/pascal", job(emulator), version=FIRST_V2)
    assert [sent["inputs"][kind]["jobInputType"] for kind in PASCAL] == list(PASCAL)
    assert [sent["outputs"][kind]["jobOutputType"] for kind in PASCAL] == list(PASCAL)
    assert sent["inputs"]["l"]["jobInputType"] == "Literal"
    assert sent["outputs"]["default"]["jobOutputType"] == "UriFolder"
    assert sent["schedule"] is None
    later = emulator.get("jobs/pascal")
    assert [later["inputs"][kind]["jobInputType"] for kind in PASCAL] == list(SNAKE)
    assert [later["outputs"][kind]["jobOutputType"] for kind in PASCAL] == list(SNAKE)
    # Only these are renamed: an input of the same words keeps them.
    assert later["jobType"] == "Command"
    assert "schedule" not in later


@pytest.mark.parametrize(("old", "new"), [("UriFile", "uri_file"), ("UriFolder", "uri_folder")])
def test_2022_02_writes_data_types_in_pascal_case(emulator: Running, old: str, new: str) -> None:
    path = f"data/pascal-{old}/versions/1"
    body = {"dataType": old, "dataUri": "https://a/b/"}
    assert emulator.put(path, body, version=FIRST_V2)["dataType"] == old
    assert emulator.get(f"data/pascal-{old}", version=FIRST_V2)["dataType"] == old
    assert emulator.get(path)["dataType"] == new
    assert emulator.ml("PUT", path, {"properties": body}).status_code == 400


@pytest.mark.parametrize(
    ("version", "status"),
    [("2021-03-01-preview", 200), (FIRST_V2, 200), ("2022-05-01", 202), ("2025-12-01", 202)],
)
def test_cancel_became_an_operation_to_follow(emulator: Running, version: str, status: int) -> None:
    emulator.put(f"jobs/cancel-{version}", emulator.command_job(tags=SLOW))
    answer = emulator.ml("POST", f"jobs/cancel-{version}/cancel", version=version)
    assert (answer.status_code, "location" in answer.headers) == (status, status == 202)


def test_uploads_and_hash_search_came_with_2023_04(storing_emulator: Running) -> None:
    body = {"pendingUploadType": "TemporaryBlobReference"}
    properties = {
        "codeUri": "https://a/c/src",
        "properties": {"hash_sha256": "abc", "hash_version": "202208"},
    }
    storing_emulator.put("codes/hashed/versions/1", properties)
    for version, status, found in (
        ("2022-10-01", 404, 0),
        ("2023-02-01-preview", 404, 0),
        ("2023-04-01", 200, 1),
        ("2023-04-01-preview", 200, 1),
    ):
        path = "codes/c/versions/1/startPendingUpload"
        assert storing_emulator.ml("POST", path, body, version=version).status_code == status
        query = {"hash": "abc", "hashVersion": "202208"}
        answer = storing_emulator.ml("GET", "codes/other/versions", version=version, **query)
        assert len(answer.json()["value"]) == found


def test_what_one_version_made_every_other_reads(emulator: Running) -> None:
    general = emulator.command_job(
        inputs={"i": {"jobInputType": "uri_file", "uri": "https://a/b"}},
        outputs={"o": {"jobOutputType": "mltable"}},
    )
    old = {
        "jobType": "Command",
        "command": "true",
        "environmentId": emulator.environment(),
        "compute": {"target": f"{emulator.workspace}/computes/cpu-cluster"},
    }
    for made in SUPPORTED:
        body = old if made.startswith("2021") else job(emulator) if made == FIRST_V2 else general
        name = f"made-{made}"
        emulator.put(f"jobs/{name}", body, version=made)
        for read in SUPPORTED:
            got = emulator.get(f"jobs/{name}", version=read)
            assert got["command"] == "true"
            assert ("compute" in got) == read.startswith("2021")
            for output in got.get("outputs", {}).values():
                assert output["jobOutputType"] in (PASCAL if read == FIRST_V2 else SNAKE)
