"""Run history: what it says of a job, and to whom."""

from __future__ import annotations

from tests.emulator.running import Running


def test_run_and_details(emulator: Running, swept: str) -> None:
    run = emulator.history("GET", f"runs/{swept}").json()
    details = emulator.history("GET", f"runs/{swept}/details", **{"api-version": "v1.0"}).json()
    assert (run["runId"], run["status"], run["rootRunId"], run["parentRunId"]) == (
        swept,
        "Completed",
        swept,
        None,
    )
    assert run["dataContainerId"] == f"dcid.{swept}"
    assert run["createdUtc"] == details["createdTimeUtc"]
    assert run["properties"]["best_child_run_id"].startswith(f"{swept}_")
    assert details["status"] == "Completed"
    assert details["logFiles"] == {}
    bundle = emulator.history("POST", "rundata", {"runId": swept, "selectRunMetadata": True}).json()
    assert bundle["runMetadata"]["runId"] == swept
    answer = emulator.history("GET", f"runs/{swept}")
    assert not [name for name in answer.headers if "ratelimit" in name]


def test_children_are_paged(emulator: Running, swept: str) -> None:
    names = []
    answer = emulator.history("GET", f"runs/{swept}/children", **{"$top": "2"}).json()
    assert len(answer["value"]) == 2
    names += [run["runId"] for run in answer["value"]]
    answer = emulator.http.get(answer["nextLink"]).json()
    names += [run["runId"] for run in answer["value"]]
    assert names == [f"{swept}_0", f"{swept}_1", f"{swept}_2"]
    assert not {"nextLink", "continuationToken"} & set(answer)
    assert {run["parentRunId"] for run in answer["value"]} == {swept}


def test_a_file_that_no_job_has_left(emulator: Running, swept: str) -> None:
    for path in ("outputs/report.txt", ""):
        url = f"experiments/plane/runs/{swept}/artifacts/contentinfo?path={path}"
        answer = emulator.history("GET", url)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "UserError")


def test_run_can_be_edited(emulator: Running, swept: str) -> None:
    body = {"displayName": "nicer", "tags": {"t": "1"}, "hidden": True}
    run = emulator.history("PATCH", f"experiments/plane/runs/{swept}", body).json()
    assert (run["displayName"], run["tags"]["t"], run["hidden"]) == ("nicer", "1", True)
    assert emulator.get(f"jobs/{swept}")["isArchived"] is True


def test_unknown_and_unauthenticated(emulator: Running) -> None:
    missing = emulator.history("GET", "runs/none")
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "Run none was not found.")
    assert {"correlation", "environment", "location", "time", "componentName"} <= set(missing.json())
    url = f"/history/v1.0{emulator.workspace}/runs/none"
    assert emulator.http.get(url, headers={"Authorization": "Bearer x"}).status_code == 401
    other = emulator.http.get(url.replace("/workspaces/emulator", "/workspaces/other"))
    assert other.status_code == 404
    assert emulator.history("GET", "runs/none/unknown").status_code == 501
