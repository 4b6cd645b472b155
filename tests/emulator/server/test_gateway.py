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
    name = "x-ms-ratelimit-remaining-subscription-{}".format
    assert 0 <= int(headers[name("reads")]) <= 249
    assert 249 <= int(headers[name("global-reads")]) <= 3749
    writing = emulator.ml("POST", "jobs/none/cancel").headers
    assert 0 <= int(writing[name("writes")]) <= 199
    assert 199 <= int(writing[name("global-writes")]) <= 2999
    assert not {name("writes"), name("global-writes")} & set(headers)
    assert first.text.startswith('{\n  "value": [\n    {')


def test_quota_headers_tell_what_the_bucket_holds(tuned: Running) -> None:
    tuned.admin("PATCH", "settings", {"rate_limit": {"reads": [10, 0.001]}})
    answers = [tuned.ml("GET", "computes").headers for _ in range(4)]
    for kind, size in (("reads", 10), ("global-reads", 150)):
        left = [int(headers[f"x-ms-ratelimit-remaining-subscription-{kind}"]) for headers in answers]
        assert left == [size - 1, size - 2, size - 3, size - 4]
    tuned.admin("PATCH", "settings", {"rate_limit": {"writes": [10, 0.001]}})
    for _ in range(300):
        answer = tuned.ml("DELETE", "jobs/none")
    assert answer.status_code == 204, "an empty bucket that nobody limits refuses nothing"


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


@pytest.mark.parametrize("path", ["serverlessEndpoints", "schedules", "jobs/j/other"])
def test_what_is_not_emulated_is_501(emulator: Running, path: str) -> None:
    answer = emulator.ml("GET", path)
    assert answer.status_code == 501
    assert path in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/metric/v2.0{workspace}/runs/r/full",
        "/mferp/managementfrontend{workspace}/onlineEndpoints/e/jobs",
        "/execution/v1.0{workspace}/experiments/e/run",
        "/history/v1.0/private{workspace}/runs/r/spans",
        "/history/v2.0{workspace}/runs/r",
        "/registrymanagement/v1.0/registries/azureml/regions",
        "/assetstore/v1.0/operations",
        "/something/new",
        "/subscriptions?api-version=2022-12-01",
        "/subscriptions/{subscription}?api-version=2022-12-01",
        "/subscriptions/{subscription}/resourceGroups/emulator?api-version=2024-03-01",
        "/subscriptions/{subscription}/providers/Microsoft.Network/x?api-version=1",
        "{group}/providers/Microsoft.Storage/storageAccounts/a/listKeys?api-version=2023-01-01",
        "{group}/providers/Microsoft.MachineLearningServices/workspaces?api-version=2024-04-01",
        "{group}/providers/Microsoft.MachineLearningServices/registries?api-version=2024-04-01",
        "{group}/providers/Microsoft.MachineLearningServices/registries/emulator-registry/jobs"
        "?api-version=2024-04-01",
        "/mferp/managementfrontend{group}/providers/Microsoft.MachineLearningServices/registries"
        "/emulator-registry/package?api-version=2021-10-01-dataplanepreview",
        "/providers/Microsoft.MachineLearningServices/operations?api-version=2024-04-01",
        "/{tenant}/oauth2/v2.0/devicecode",
        "/common/discovery/instance",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_what_no_part_of_it_knows_is_501(emulator: Running, method: str, path: str) -> None:
    url = path.format(
        workspace=emulator.workspace,
        subscription=emulator.facts["subscription_id"],
        group=emulator.workspace.partition("/providers/")[0],
        tenant=emulator.facts["tenant_id"],
    )
    answer = emulator.http.request(method, url)
    assert answer.status_code == 501, answer.text
    error = answer.json()["error"]
    # Where a route knows the prefix, the envelope is that of its host, and the message of the error the same.
    message = error["message"]
    assert url.partition("?")[0].removeprefix(f"/history/v1.0{emulator.workspace}/") in message
    assert "docs/emulator.md" in message


def test_large_and_broken_bodies(emulator: Running) -> None:
    url = f"{emulator.workspace}/environments/e/versions/1?api-version={VERSION}"
    assert emulator.http.put(url, content=b"{nope").json()["error"]["code"] == "InvalidRequestContent"
    large = emulator.http.put(url, content=b" " * (4 * 1024 * 1024 + 1))
    assert (large.status_code, large.json()["error"]["code"]) == (413, "RequestEntityTooLarge")


def test_metadata_describes_this_cloud(emulator: Running) -> None:
    (cloud,) = emulator.http.get("/metadata/endpoints?api-version=2022-09-01").json()
    assert cloud["resourceManager"] == emulator.facts["arm_endpoint"]
    assert cloud["authentication"]["loginEndpoint"] == emulator.facts["authority_host"]
    # What azure-ai-ml makes of the portal: it leads nowhere outside this machine, and is an audience here.
    suffix = ".".join(cloud["portal"].split(".")[2:]).replace("/", "")
    assert suffix.partition(":")[0] == "localhost"
    assert emulator.token(f"https://ml.azure.{suffix}/.default")
    token = emulator.token(f"https://ml.azure.{suffix}//.default")
    assert emulator.http.get(
        f"{emulator.workspace}?api-version={VERSION}", headers={"Authorization": f"Bearer {token}"}
    ).is_success
