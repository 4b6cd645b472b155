"""Every request of every operation exists in the OpenAPI of its api-version: path, method, query and body."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_amlrest.rest.assets.component import Component
from airflow_provider_amlrest.rest.http.call import Call
from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs.job import Job, Output
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.reading.fields import check_name
from airflow_provider_amlrest.rest.runs.log_tail import LogTail
from airflow_provider_amlrest.rest.runs.run import Run
from tests.contract import openapi, resource_calls
from tests.contract.bodies import wire
from tests.contract.tally import count
from tests.unit.answers import Answered
from tests.unit.jobs import CODE, DATA, ENVIRONMENT, MODEL, PLAIN, SWEEP

WORKSPACE = WorkspaceId("00000000-0000-0000-0000-000000000001", "group", "workspace")
HOST = "https://eastus.api.azureml.ms"

COMPONENT = Component("c", "1", {"type": "command", "command": "true", "environment": "azureml:e:1"})
LOGGED = Run("j", "Failed", log_files={"user_logs/std_log.txt": "https://blobs.example/log?sig=x"})
"""A log is where the service says, and no part of its API."""
FINISHED = Job(f"{WORKSPACE}/jobs/j", "j", "Command", "Completed", experiment_name="e")

CALLS: dict[str, Callable[[Operations], list[Any]]] = {
    "get_workspace": lambda o: [o.get_workspace()],
    "list_computes": lambda o: [o.list_computes()],
    "get_compute": lambda o: [o.get_compute("cpu")],
    "get_default_datastore": lambda o: [o.get_default_datastore()],
    "get_datastore": lambda o: [o.get_datastore("workspaceblobstore")],
    "list_datastore_secrets": lambda o: [o.list_datastore_secrets("workspaceblobstore")],
    "get_environment": lambda o: [o.get_environment("e", "1")],
    "get_latest_environment": lambda o: [o.get_latest_environment("e")],
    "create_environment": lambda o: [o.create_environment(ENVIRONMENT)],
    "get_code": lambda o: [o.get_code("c", "1")],
    "get_latest_code": lambda o: [o.get_latest_code("c")],
    "find_code": lambda o: [o.find_code("ab" * 32)],
    "start_pending_upload": lambda o: [o.start_pending_upload("c", "1")],
    "create_code": lambda o: [o.create_code(CODE)],
    "get_data": lambda o: [o.get_data("d", "1")],
    "get_latest_data": lambda o: [o.get_latest_data("d")],
    "create_data": lambda o: [o.create_data(DATA)],
    "get_model": lambda o: [o.get_model("m", "1")],
    "get_latest_model": lambda o: [o.get_latest_model("m")],
    "list_models": lambda o: [o.list_models("m")],
    "create_model": lambda o: [o.create_model(MODEL)],
    "update_model": lambda o: [o.update_model("m", "1", lambda m: replace(m, description="better"))],
    "get_component": lambda o: [o.get_component("c", "1")],
    "get_latest_component": lambda o: [o.get_latest_component("c")],
    "create_component": lambda o: [o.create_component(COMPONENT)],
    "get_plan": lambda o: [o.get_plan(f"{WORKSPACE}/components/c/versions/1")],
    "find_registered": lambda o: [
        o.find_registered(Output(kind, name="m"), "azureml://datastores/d/paths/p")
        for kind in ("uri_folder", "mlflow_model")
    ],
    "create_job": lambda o: [o.create_job("j", PLAIN), o.create_job("s", SWEEP)],
    "get_job": lambda o: [o.get_job("j")],
    "list_jobs": lambda o: [o.list_jobs(), o.list_jobs(tag="airflow_dag_id")],
    "poll_job": lambda o: [o.poll_job("j")],
    "poll_jobs": lambda o: [o.poll_jobs()],
    "cancel_job": lambda o: [o.cancel_job("j"), o.cancel_job("ended", patience=5)],
    "set_job_tag": lambda o: [o.set_job_tag("j", "airflow_owner_1", "1/a")],
    "get_run": lambda o: [o.get_run("j")],
    "get_run_change": lambda o: [o.get_run_change("j")],
    "get_root": lambda o: [o.get_root("j")],
    "read_log": lambda o: [o.read_log("j", LogTail())],
    "read_log_end": lambda o: [o.read_log_end(LOGGED, "user_logs/std_log.txt", 100)],
    "read_artifact": lambda o: [o.read_artifact(FINISHED, "outputs/report.txt", 100)],
    "list_children": lambda o: [o.list_children("s")],
    "get_metrics": lambda o: [o.get_metrics("j")],
    "get_metric_history": lambda o: [o.get_metric_history("j", "auc")],
    "list_trials": lambda o: [o.list_trials("s")],
    "get_best_trial": lambda o: [o.get_best_trial("s")],
    **resource_calls.CALLS,
}
"""Every operation; see below for what answers them."""

OF_LATER_VERSIONS = {"find_code": "takes no hash", "start_pending_upload": "has no path"}
COMPONENTS = {"get_component", "get_latest_component", "create_component", "get_plan"}
OF_LATER_VERSIONS |= dict.fromkeys(COMPONENTS, "has no path")
"""Operations that a version may lack, and why it does."""

DATA_PLANE = (
    rf"POST {re.escape(resource_calls.SCORING)}",
    r"GET /discovery",
    r"GET https://blobs\.example/log\?sig=x",
    rf"GET /history/v1\.0{WORKSPACE}/runs/[^/]+(/details|/children\?\$top=100)?",
    rf"GET /history/v1\.0{WORKSPACE}/experiments/[^/]+/runs/[^/]+/artifacts/contentinfo\?path=[^&]+",
    rf"GET /mlflow/v1\.0{WORKSPACE}/api/2\.0/mlflow/runs/get\?run_id=[^&]+",
    rf"GET /mlflow/v1\.0{WORKSPACE}/api/2\.0/mlflow/metrics/get-history\?run_id=[^&]+&metric_key=[^&]+",
    rf"POST /mlflow/v1\.0{WORKSPACE}/api/2\.0/mlflow/runs/(search|set-tag)",
)
"""Run history and MLflow have no OpenAPI file: the routes of recordings and of Microsoft's own clients."""

RESOURCE = {
    "name": "j",
    "id": f"{WORKSPACE}/jobs/j/versions/1",
    "properties": {
        "jobType": "Command",
        "status": "Completed",
        "path": "https://blobs.example/model",
        "discoveryUrl": f"{HOST}/discovery",
        "mlFlowTrackingUri": f"azureml://eastus.api.azureml.ms/mlflow/v1.0{WORKSPACE}",
    },
}
ANSWER: dict[str, Any] = {
    **RESOURCE,
    "value": [RESOURCE | {"runId": "s_0"}],
    "contentUri": "https://blobs.example/log?sig=x",
    "api": HOST,
    "primaryKey": "k",
    "accessToken": "t",
    "blobReferenceForConsumption": {"blobUri": "https://b", "credential": {"sasUri": "https://b?sig=x"}},
}
"""One answer to everything: what is asked matters here, not what is answered."""


def requests_of(flow: Any) -> list[Call]:
    """Run an operation to its end, and give all that it asked."""
    asked = [next(flow)]
    while True:
        refused = asked[-1].request.url.partition("?")[0].endswith("/jobs/ended/cancel")
        try:
            asked.append(flow.send(Answered(ANSWER, 400 if refused else 200)))
        except StopIteration:
            return asked


def test_every_operation_is_covered() -> None:
    members = [(name, getattr(Operations, name)) for name in dir(Operations)]
    operations = {name for name, member in members if callable(member) and name[0] != "_"}
    assert operations == set(CALLS), "a new operation is checked against Microsoft's OpenAPI, too"


@pytest.mark.parametrize("api_version", openapi.FILES)
@pytest.mark.parametrize("name", CALLS)
def test_requests_exist(name: str, api_version: str) -> None:
    operations = Operations(WORKSPACE, PUBLIC, api_version)
    spelling = operations.spelling
    lacks = spelling.is_of_2021 if name in COMPONENTS else not spelling.uploads_by_service
    if name in OF_LATER_VERSIONS and lacks:
        check_is_missed(name, api_version)
    else:
        for flow in CALLS[name](operations):
            for call in requests_of(flow):
                check_request(api_version, call)


def check_is_missed(name: str, api_version: str) -> None:
    """The operation is refused, and rightly: the version has no such request."""
    [flow] = CALLS[name](Operations(WORKSPACE, PUBLIC, api_version))
    with pytest.raises(InvalidSpecError, match=api_version):
        next(flow)
    [newer] = CALLS[name](Operations(WORKSPACE, PUBLIC, "2024-04-01"))
    [call] = requests_of(newer)
    call.request.url = call.request.url.replace("2024-04-01", api_version)
    with pytest.raises(AssertionError, match=OF_LATER_VERSIONS[name]):
        check_request(api_version, call)


def check_request(api_version: str, call: Call) -> None:
    request = call.request
    url = urlsplit(request.url)
    if request.url == resource_calls.FAILED:
        return
    if f"{url.scheme}://{url.netloc}" != PUBLIC.resource_manager:
        route = request.url.removeprefix(HOST)
        asked = f"{request.method} {route}"
        assert any(re.fullmatch(pattern, asked) for pattern in DATA_PLANE), asked
        return
    body = json.loads(request.content) if request.content else None
    openapi.check_request(api_version, request.method, request.url, body)
    count("requests found in the OpenAPI")


@given(
    st.text(alphabet="aZ0-_. /:\u00e9\n", min_size=0, max_size=4) | st.text("a-", min_size=250, max_size=260)
)
def test_names_that_we_take_are_names(name: str) -> None:
    """Names have a pattern in these files. What the client lets pass fits, in the URL that is made of it."""
    try:
        check_name("name", name)
    except InvalidSpecError:
        return
    for api_version in openapi.FILES:
        operations = Operations(WORKSPACE, PUBLIC, api_version)
        check_request(api_version, next(operations.create_job(name, PLAIN)))
        check_request(api_version, next(operations.create_data(replace(DATA, name=name))))


def test_what_is_sent_is_what_the_queries_mean() -> None:
    """The OpenAPI knows the parameters' names; their values are those of recordings."""
    operations = Operations(WORKSPACE, PUBLIC, "2024-04-01")
    queries = {
        name: [parse_qs(urlsplit(call.request.url).query) for call in requests_of(CALLS[name](operations)[0])]
        for name in ("get_latest_environment", "get_default_datastore", "find_code")
    }
    version = {"api-version": ["2024-04-01"]}
    assert queries == {
        "get_latest_environment": [version | {"$orderBy": ["createdtime desc"], "$top": ["1"]}],
        "get_default_datastore": [version | {"isDefault": ["true"]}],
        "find_code": [version | {"hash": ["ab" * 32], "hashVersion": ["202208"]}],
    }


# What the check must refuse, lest it prove nothing.

BASE = f"{PUBLIC.resource_manager}{WORKSPACE}"
QUERY = "?api-version=2024-04-01"
WRONG = [
    ("GET", f"{BASE}/job/j{QUERY}", None),
    ("GET", f"{BASE}/jobs/j/children{QUERY}", None),
    ("PATCH", f"{BASE}/jobs/j{QUERY}", None),
    ("GET", f"{BASE}/jobs/j", None),
    ("GET", f"{BASE}/jobs/j?api-version=2023-04-01", None),
    ("GET", f"{BASE}/jobs{QUERY}&$top=1", None),
    ("GET", f"{BASE}/datastores{QUERY}&isDefault=True", None),
    ("GET", f"{BASE}/datastores{QUERY}&count=many", None),
    ("PUT", f"{BASE}/jobs/j{QUERY}", None),
    ("PUT", f"{BASE}/jobs/a.b{QUERY}", {"properties": wire("2024-04-01", PLAIN)}),
    ("POST", f"{BASE}/jobs/j/cancel{QUERY}", {}),
    ("POST", f"{BASE}/codes/c/versions/1/startPendingUpload{QUERY}", {"pendingUploadType": "x"}),
]


@pytest.mark.parametrize(("method", "url", "body"), WRONG)
def test_the_check_refuses(method: str, url: str, body: Any) -> None:
    with pytest.raises((AssertionError, KeyError, ValueError, jsonschema.ValidationError)):
        openapi.check_request("2024-04-01", method, url, body)
