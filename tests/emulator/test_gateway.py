"""What ARM's front end answers before Azure ML is asked, and the headers of answers."""

from __future__ import annotations

import re
import uuid

import pytest

from tests.emulator.running import VERSION, Running

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize(
    ("part", "replacement", "path", "code"),
    [
        ("subscription_id", str(uuid.UUID(int=1)), "", "SubscriptionNotFound"),
        ("resource_group", "other", "", "ResourceGroupNotFound"),
        ("workspace_name", "other", "", "ResourceNotFound"),
        ("workspace_name", "other", "/jobs/j", "ParentResourceNotFound"),
    ],
)
def test_unknown_scope_is_a_bare_404(
    emulator: Running, part: str, replacement: str, path: str, code: str
) -> None:
    names = {**emulator.facts, part: replacement}
    answer = emulator.http.get(
        f"/subscriptions/{names['subscription_id']}/resourceGroups/{names['resource_group']}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{names['workspace_name']}{path}",
        params={"api-version": VERSION},
    )
    assert answer.status_code == 404
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["code"] == code
    assert replacement in answer.json()["error"]["message"]
    assert answer.headers["x-ms-failure-cause"] == "gateway"
    assert "\n" not in answer.text
    assert not [name for name in answer.headers if "ratelimit" in name or name == "x-aml-cluster"]


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("", "MissingApiVersionParameter"),
        ("latest", "InvalidApiVersionParameter"),
        ("2022-01-01-preview", "NoRegisteredProviderFound"),
        ("2019-05-01", "NoRegisteredProviderFound"),
    ],
)
def test_unsupported_api_version_names_those_there_are(emulator: Running, version: str, code: str) -> None:
    answer = emulator.ml("GET", "jobs", version=version)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert version == "" or "2025-12-01" in answer.json()["error"]["message"]


def test_arm_ids_have_no_case(emulator: Running) -> None:
    answer = emulator.http.get(
        emulator.workspace.upper() + "/COMPUTES/cpu-cluster", params={"api-version": VERSION}
    )
    assert answer.json()["id"] == f"{emulator.workspace}/computes/cpu-cluster"


def test_asset_names_have_case(emulator: Running) -> None:
    emulator.environment("Cased")
    assert emulator.ml("GET", "environments/cased/versions/1").status_code == 404


def test_answers_carry_the_services_headers(emulator: Running) -> None:
    first, second = emulator.ml("GET", "computes"), emulator.ml("GET", "computes")
    headers = first.headers
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["x-ms-response-type"] == "standard"
    assert headers["x-aml-cluster"]
    assert GUID.fullmatch(headers["x-ms-request-id"])
    assert headers["x-ms-request-id"] == headers["x-ms-correlation-request-id"]
    assert headers["x-ms-routing-request-id"].endswith(headers["x-ms-request-id"])
    assert headers["x-ms-request-id"] != second.headers["x-ms-request-id"]
    name = "x-ms-ratelimit-remaining-subscription-reads"
    assert int(second.headers[name]) == int(headers[name]) - 1
    assert first.text.startswith('{\n  "value": [\n    {')


def test_empty_bucket_is_429_with_retry_after(tuned: Running) -> None:
    tuned.admin("PATCH", "settings", {"rate_limit": {"reads": [3, 0.5]}})
    answers = [tuned.ml("GET", "computes") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["error"]["code"] == "TooManyRequests"
    assert 1 <= int(answers[3].headers["retry-after"]) <= 2
    assert tuned.ml("POST", "datastores/nope/listSecrets").status_code == 404


def test_compute_that_is_not_there_is_an_empty_404(emulator: Running) -> None:
    answer = emulator.ml("GET", "computes/nope")
    assert (answer.status_code, answer.content) == (404, b"")
    assert "content-type" not in answer.headers
    assert answer.headers["x-ms-response-type"] == "standard"


def test_workspace_says_where_its_data_plane_is(emulator: Running) -> None:
    properties = emulator.get("")
    api = emulator.http.get(properties["discoveryUrl"], headers={"Authorization": ""}).json()["api"]
    assert api == emulator.facts["arm_endpoint"]
    assert properties["mlFlowTrackingUri"].startswith(
        f"azureml://{api.removeprefix('https://')}/mlflow/v1.0/"
    )


@pytest.mark.parametrize("path", ["components", "onlineEndpoints/e", "schedules", "jobs/j/other"])
def test_what_is_not_emulated_is_501(emulator: Running, path: str) -> None:
    answer = emulator.ml("GET", path)
    assert answer.status_code == 501
    assert path in answer.json()["error"]["message"]


def test_other_unemulated_paths(emulator: Running) -> None:
    metric = emulator.http.post(f"/metric/v2.0{emulator.workspace}/runs/r/full")
    network = emulator.http.get(
        f"/subscriptions/{emulator.facts['subscription_id']}/providers/Microsoft.Network/x",
        params={"api-version": VERSION},
    )
    assert [metric.status_code, network.status_code] == [501, 501]
    assert emulator.http.get("/favicon.ico").status_code == 404


def test_large_and_broken_bodies(emulator: Running) -> None:
    url = f"{emulator.workspace}/environments/e/versions/1?api-version={VERSION}"
    assert emulator.http.put(url, content=b"{nope").json()["error"]["code"] == "InvalidRequestContent"
    large = emulator.http.put(url, content=b" " * (4 * 1024 * 1024 + 1))
    assert (large.status_code, large.json()["error"]["code"]) == (413, "RequestEntityTooLarge")


def test_metadata_describes_this_cloud(emulator: Running) -> None:
    (cloud,) = emulator.http.get("/metadata/endpoints?api-version=2022-09-01").json()
    assert cloud["resourceManager"] == emulator.facts["arm_endpoint"]
    assert cloud["authentication"]["loginEndpoint"] == emulator.facts["authority_host"]
