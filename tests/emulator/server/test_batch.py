"""The front of batch endpoints: who may ask, and the lists of their jobs."""

from __future__ import annotations

from tests.emulator.batch import deployment_body, invoke, make_endpoint, put, started, studio_token
from tests.emulator.running import Running

LISTS = "/mferp/managementfrontend{}/batchEndpoints/night{}/jobs"


def test_only_a_token_for_azure_ml_itself_will_do(quick: Running) -> None:
    make_endpoint(quick, "night", "first")
    refused = quick.http.post("/batch/night/jobs", json={})
    assert refused.status_code == 401
    assert "wrong audience" in refused.text
    assert invoke(quick, "night").status_code == 201
    anonymous = quick.http.post("/batch/night/jobs", json={}, headers={"Authorization": ""})
    assert anonymous.status_code == 401


def test_the_jobs_of_an_endpoint_and_of_a_deployment(quick: Running) -> None:
    make_endpoint(quick, "night", "first")
    put(quick, "batchEndpoints/night/deployments/second", deployment_body(quick))
    first = started(quick, "night")
    second = started(quick, "night", headers={"azureml-model-deployment": "second"})

    def names(path: str) -> list[str]:
        answer = quick.http.get(path, headers=studio_token(quick))
        assert answer.status_code == 200, answer.text
        return [job["name"] for job in answer.json()["value"]]

    assert names("/batch/night/jobs") == [second, first]
    assert names(LISTS.format(quick.workspace, "")) == [second, first]
    assert names(LISTS.format(quick.workspace, "/deployments/first")) == [first]
    one = quick.http.get(f"/batch/night/jobs/{first}", headers=studio_token(quick))
    assert one.json()["id"].endswith(f"/deployments/first/jobs/{first}")
    none = quick.http.get("/batch/night/jobs/none", headers=studio_token(quick))
    assert none.status_code == 404
    for path in (LISTS.format(quick.workspace.replace("emulator", "other"), ""), "/batch/none/jobs"):
        assert quick.http.get(path, headers=studio_token(quick)).status_code == 404


def test_what_is_not_emulated_is_named(quick: Running) -> None:
    make_endpoint(quick, "night")
    for method, path in (
        ("POST", LISTS.format(quick.workspace, "")),
        ("DELETE", "/batch/night/jobs"),
        ("GET", "/batch/night/other"),
        ("GET", f"/mferp/managementfrontend{quick.workspace}/onlineEndpoints"),
    ):
        assert quick.http.request(method, path, headers=studio_token(quick)).status_code == 501
