"""Spark jobs: what is taken, in which versions, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.schemas import published
from tests.emulator.running import Running, said

ENTRY = {"sparkJobEntryType": "SparkJobPythonEntry", "file": "count.py"}


def spark_job(emulator: Running, **changes: Any) -> dict[str, Any]:
    code = {"properties": {"codeUri": "https://a/c/src"}}
    assert emulator.ml("PUT", "codes/spark/versions/1", code).status_code in (200, 201)
    arm_id = f"{emulator.workspace}/codes/spark/versions/1"
    return {"jobType": "Spark", "codeId": arm_id, "entry": ENTRY, **changes}


def test_new_job_is_filled_in(emulator: Running) -> None:
    sent = {"conf": {"spark.driver.cores": 2}, "resources": {"instanceType": "standard_e4s_v3"}}
    got = emulator.put("jobs/spark-new", spark_job(emulator, **sent))
    assert got["conf"] == {"spark.driver.cores": "2"}
    assert got["resources"] == {"instanceType": "standard_e4s_v3", "runtimeVersion": "3.1"}
    assert (got["args"], got["jars"], got["environmentId"]) == (None, None, None)
    assert got["outputs"]["default"]["jobOutputType"] == "uri_folder"
    assert got["status"] == "Starting"


def test_simulated_job_goes_as_its_tags_say(emulator: Running) -> None:
    emulator.put("jobs/spark-good", spark_job(emulator, tags={"emulator.seconds": "0"}))
    tags = {"emulator.seconds": "0", "emulator.outcome": "failed", "emulator.error": "out of executors"}
    emulator.put("jobs/spark-bad", spark_job(emulator, tags=tags))
    assert emulator.wait_for("spark-good", "Completed", "Failed") == "Completed"
    assert emulator.wait_for("spark-bad", "Completed", "Failed") == "Failed"
    details = emulator.history("GET", "runs/spark-bad/details").json()
    assert details["error"]["error"]["message"] == "out of executors"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"codeId": None}, "properties.codeId field is required"),
        ({"entry": None}, "properties.entry field is required"),
        ({"entry": {"file": "a.py"}}, "properties.entry.sparkJobEntryType field is required"),
        ({"entry": {"sparkJobEntryType": "SparkJobPythonEntry"}}, "properties.entry.file field is required"),
        ({"entry": {"sparkJobEntryType": "SparkJobScalaEntry"}}, "entry.className field is required"),
        ({"conf": ["spark.driver.cores=1"]}, "properties.conf"),
        ({"jars": "a.jar"}, "must be a list"),
        ({"command": "true"}, "Could not find member 'command' on object of type 'SparkJob'"),
        (
            {"resources": {"instanceCount": 2}},
            "'instanceCount' on object of type 'SparkResourceConfiguration'",
        ),
    ],
)
def test_what_does_not_fit_is_400_and_named(emulator: Running, changes: dict[str, Any], words: str) -> None:
    answer = emulator.ml("PUT", "jobs/spark-wrong", {"properties": spark_job(emulator, **changes)})
    assert answer.status_code == 400
    assert words in said(answer)


def test_missing_code_is_404(emulator: Running) -> None:
    code = f"{emulator.workspace}/codes/nowhere/versions/1"
    assert emulator.ml("PUT", "jobs/x", {"properties": spark_job(emulator, codeId=code)}).status_code == 404


@pytest.mark.parametrize(
    ("version", "has_them"),
    [
        ("2022-06-01-preview", False),
        ("2022-10-01-preview", True),
        ("2023-10-01", False),
        ("2024-04-01", True),
        ("2026-05-01", True),
    ],
)
def test_versions(emulator: Running, version: str, has_them: bool) -> None:
    name, job = f"spark-{version}", spark_job(emulator)
    answer = emulator.ml("PUT", f"jobs/{name}", {"properties": job}, version=version)
    assert answer.status_code == (201 if has_them else 400)
    emulator.ml("PUT", f"jobs/{name}", {"properties": job})
    assert emulator.ml("GET", f"jobs/{name}", version=version).status_code == (200 if has_them else 404)


def test_what_microsofts_client_sends_is_taken(emulator: Running) -> None:
    sent = published("sdk-sessions/spark-standalone.json")["requests"][-1]["body"]["properties"]
    sent["codeId"] = spark_job(emulator)["codeId"]
    got = emulator.put("jobs/spark-sdk", sent, version="2023-04-01-preview")
    assert {name: got[name] for name in ("entry", "conf", "args", "identity")} == {
        name: sent[name] for name in ("entry", "conf", "args", "identity")
    }
    assert got["inputs"]["titanic_data"]["mode"] == "Direct"
