"""The operations' generators, fed with answers. Real HTTP is for the tests against servers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from airflow_provider_amlrest.rest.aio import AsyncAzureMLClient
from airflow_provider_amlrest.rest.assets.code import code_body
from airflow_provider_amlrest.rest.client import AzureMLClient
from airflow_provider_amlrest.rest.http.call import Call
from airflow_provider_amlrest.rest.http.cloud import PUBLIC
from airflow_provider_amlrest.rest.http.errors import (
    AzureMLError,
    InvalidSpecError,
    NotFoundError,
    ResponseError,
    ServiceError,
    ThrottledError,
    UnreachableError,
)
from airflow_provider_amlrest.rest.http.paging import Page
from airflow_provider_amlrest.rest.jobs.job import Job
from airflow_provider_amlrest.rest.jobs.wire import job_body
from airflow_provider_amlrest.rest.operations import Operations
from airflow_provider_amlrest.rest.runs.run import Artifact, RunError, SweepTrial, json_metrics, json_number
from airflow_provider_amlrest.rest.workspace.resources import DatastoreSecrets
from tests.unit.answers import Answered, drive, recorded
from tests.unit.jobs import CODE, PLAIN, WORKSPACE, arm_id

BASE = f"https://management.azure.com{WORKSPACE}"
HISTORY = f"https://eastus.api.azureml.ms/history/v1.0{WORKSPACE}"
MLFLOW = f"https://eastus.api.azureml.ms/mlflow/v1.0{WORKSPACE}"

HOME = Answered(
    {
        "id": str(WORKSPACE),
        "name": "ws",
        "location": "eastus",
        "properties": {
            "discoveryUrl": "https://eastus.api.azureml.ms/discovery",
            "mlFlowTrackingUri": f"azureml://eastus.api.azureml.ms/mlflow/v1.0{WORKSPACE}?",
        },
    }
)
DISCOVERY = Answered({"api": "https://eastus.api.azureml.ms/", "history": "https://elsewhere"})


@pytest.fixture
def secrets() -> list[str]:
    return []


@pytest.fixture
def operations(secrets: list[str]) -> Operations:
    return Operations(WORKSPACE, PUBLIC, "2025-12-01", secrets.append)


def job(name: str = "j", **properties: Any) -> Answered:
    return Answered(
        {"id": arm_id("jobs", name), "name": name, "properties": {"jobType": "Command", **properties}}
    )


def asked(call: Call) -> tuple[str, str, dict[str, list[str]]]:
    parts = urlsplit(call.request.url)
    return call.request.method, f"{parts.scheme}://{parts.netloc}{parts.path}", parse_qs(parts.query)


def metrics(**values: Any) -> Answered:
    entries = [{"key": key, "value": value, "timestamp": 0, "step": 0} for key, value in values.items()]
    return Answered({"run": {"data": {"metrics": entries}}})


def test_create_job_puts_the_codecs_body(operations: Operations) -> None:
    created, [call] = drive(operations.create_job("j", PLAIN), job(status="Starting"))
    assert asked(call) == ("PUT", f"{BASE}/jobs/j", {"api-version": ["2025-12-01"]})
    assert json.loads(call.request.content) == {"properties": job_body(operations.spelling, PLAIN)}
    assert call.asked == "PUT jobs/j"
    assert created.status == "Starting"


def test_names_cannot_lead_to_another_path(operations: Operations) -> None:
    call = next(operations.get_environment("a/../b", "1?x"))
    assert asked(call)[1] == f"{BASE}/environments/a%2F..%2Fb/versions/1%3Fx"
    for name in ("..", ".", ""):
        with pytest.raises(InvalidSpecError, match="cannot be the name"):
            next(operations.get_job(name))


def test_latest_asks_for_the_version_created_last(operations: Operations) -> None:
    answer = recorded("lists")[1]["response_body"]
    found, [call] = drive(operations.get_latest_environment("e"), Answered(answer))
    assert found.version == "bar"
    assert asked(call)[2] == {"api-version": ["2025-12-01"], "$orderBy": ["createdtime desc"], "$top": ["1"]}
    assert " " not in call.request.url
    with pytest.raises(NotFoundError, match="e has no version"):
        drive(operations.get_latest_environment("e"), Answered({"value": []}))


def test_pages_end_without_null_or_empty_link(operations: Operations) -> None:
    link = f"{BASE}/jobs?api-version=2022-05-01&$skip=abc"
    page, _ = drive(operations.list_jobs(), Answered({"value": [job().body], "nextLink": link}))
    assert ([item.name for item in page.items], page.next_link) == (["j"], link)
    _, [call] = drive(operations.list_jobs(next_link=link), Answered({"value": []}))
    assert call.request.url == link
    for last in ({"value": []}, {"value": [], "nextLink": None}, {"value": None, "nextLink": ""}):
        assert drive(operations.list_jobs(), Answered(last))[0] == Page((), None)


@pytest.mark.parametrize(
    "link", ["https://evil.example/x?t=CANARY", "http://management.azure.com/x", "/relative"]
)
def test_the_token_follows_no_link_to_another_host(operations: Operations, link: str) -> None:
    with pytest.raises(AzureMLError, match="at another host") as caught:
        next(operations.list_jobs(next_link=link))
    assert "CANARY" not in str(caught.value)


def test_recorded_lists_of_computes(operations: Operations) -> None:
    pages = [e for e in recorded("compute") if e["method"] == "GET" and "value" in (e["response_body"] or {})]
    for exchange in pages:
        page, _ = drive(operations.list_computes(), Answered(exchange["response_body"]))
        assert [compute.name for compute in page.items] == [
            c["name"] for c in exchange["response_body"]["value"]
        ]


def test_a_missing_compute_has_an_empty_answer(operations: Operations) -> None:
    with pytest.raises(NotFoundError, match="GET computes/x"):
        drive(operations.get_compute("x"), Answered(None, 404))


def test_datastore_secrets_are_masked_when_they_arrive(operations: Operations, secrets: list[str]) -> None:
    found, [call] = drive(
        operations.list_datastore_secrets("d"), Answered({"secretsType": "AccountKey", "key": "KEY=="})
    )
    assert (found.account_key, found.sas_token, secrets) == ("KEY==", None, ["KEY=="])
    assert asked(call)[:2] == ("POST", f"{BASE}/datastores/d/listSecrets")
    drive(
        operations.list_datastore_secrets("d"), Answered({"secretsType": "Sas", "sasToken": "?sv=1&sig=SAS"})
    )
    assert "SAS" in secrets
    assert "KEY" not in repr(found)
    assert (
        drive(operations.list_datastore_secrets("d"), Answered({"secretsType": "None"}))[0]
        == DatastoreSecrets()
    )


def test_pending_upload_masks_the_signature_in_every_encoding(
    operations: Operations, secrets: list[str]
) -> None:
    blob = "https://acct.blob.core.windows.net:443/0123456789-guid"
    signature = "a+b/c="
    answer = {
        "blobReferenceForConsumption": {
            "blobUri": blob,
            "credential": {"credentialType": "SAS", "sasUri": f"{blob}?sv=1&sig=a%2bb%2Fc%3d&se=2"},
        }
    }
    pending, [call] = drive(operations.start_pending_upload("c", "1"), Answered(answer))
    assert pending.blob_uri == blob
    assert set(secrets) == {"a%2bb%2Fc%3d", signature, quote(signature, safe="")}
    assert json.loads(call.request.content) == {"pendingUploadType": "TemporaryBlobReference"}
    assert "sig" not in repr(pending)
    _, [call] = drive(operations.start_pending_upload("c", "1", "a-guid"), Answered(answer))
    assert json.loads(call.request.content)["pendingUploadId"] == "a-guid"
    with pytest.raises(AzureMLError, match="no shared access signature"):
        drive(operations.start_pending_upload("c", "1"), Answered({"blobReferenceForConsumption": None}))


def test_find_code_searches_by_hash(operations: Operations) -> None:
    resource = {
        "id": arm_id("codes", "other", "7"),
        "name": "7",
        "properties": code_body(operations.spelling, CODE),
    }
    found, [call] = drive(operations.find_code("ab12"), Answered({"value": [resource]}))
    assert found is not None
    assert (found.name, found.version, found.content_hash) == ("other", "7", "ab12")
    assert asked(call)[2] == {"api-version": ["2025-12-01"], "hash": ["ab12"], "hashVersion": ["202208"]}
    assert drive(operations.find_code("ab12"), Answered({"value": []}))[0] is None


@pytest.mark.parametrize("version", ["2021-03-01-preview", "2022-02-01-preview", "2022-10-01"])
def test_a_version_without_uploads_by_the_service_is_not_asked_for_them(version: str) -> None:
    operations = Operations(WORKSPACE, PUBLIC, version)
    for flow in (operations.find_code("ab12"), operations.start_pending_upload("c", "1")):
        with pytest.raises(InvalidSpecError, match=f"^api_version: {version} .* 2023-04-01 is the first"):
            drive(flow)


def test_a_newer_version_goes_as_the_last_known_one() -> None:
    operations = Operations(WORKSPACE, PUBLIC, "2027-01-01-preview")
    _, [call] = drive(operations.get_job("j"), job())
    assert asked(call)[2] == {"api-version": ["2026-05-01"]}


def test_default_datastore(operations: Operations) -> None:
    exchange = recorded("lists")[6]
    store, [call] = drive(operations.get_default_datastore(), Answered(exchange["response_body"]))
    assert store.name == "workspaceblobstore"
    assert asked(call)[2]["isDefault"] == ["true"]
    with pytest.raises(NotFoundError, match="no default datastore"):
        drive(operations.get_default_datastore(), Answered({"value": []}))


# What the service may answer to a cancel: 202 with the text null, 200 with nothing, 400 for an ended job.


@pytest.mark.parametrize("answer", [Answered("null", 202), Answered(None, 200), Answered("{}", 202)])
def test_cancel(operations: Operations, answer: Answered) -> None:
    _, [call] = drive(operations.cancel_job("j"), answer)
    assert asked(call)[:2] == ("POST", f"{BASE}/jobs/j/cancel")
    assert call.request.content is None
    assert call.options == {}


def test_cancel_with_patience_does_not_try_again(operations: Operations) -> None:
    call = next(operations.cancel_job("j", patience=7))
    assert call.options == {"retry_total": 0, "timeout": 7, "connection_timeout": 7, "read_timeout": 7}


def test_cancel_of_an_ended_job_is_no_error(operations: Operations) -> None:
    refusal = next(e for e in recorded("cancel") if e["status"] == 400)
    answer = Answered(refusal["response_body"], 400)
    drive(operations.cancel_job("j"), answer, job(status="Canceled"))
    with pytest.raises(ResponseError, match="terminal status"):
        drive(operations.cancel_job("j"), answer, job(status="Running"))


def test_cancel_of_no_job_is_one(operations: Operations) -> None:
    with pytest.raises(NotFoundError):
        drive(operations.cancel_job("j"), Answered(None, 404))


def test_run_history_is_where_the_workspace_says_and_is_asked_once(
    operations: Operations, secrets: list[str]
) -> None:
    details = {
        "runId": "j",
        "status": "Failed",
        "startTimeUtc": "2026-01-01T00:00:00.1234567Z",
        "error": {"error": {"code": "UserError", "message": "boom", "innerError": None}},
        "warnings": [{"source": "x", "message": "slow"}],
        "logFiles": {"user_logs/std_log.txt": "https://b/c/std_log.txt?sig=SECRET&se=1"},
    }
    run, calls = drive(operations.get_run("j"), HOME, DISCOVERY, Answered(details))
    assert [asked(call)[1] for call in calls] == [
        BASE,
        "https://eastus.api.azureml.ms/discovery",
        f"{HISTORY}/runs/j/details",
    ]
    assert run.error == RunError("UserError", "boom")
    assert run.warnings == ("slow",)
    assert secrets == ["SECRET"]
    assert "SECRET" not in repr(run)
    _, [call] = drive(
        operations.get_run("k"), Answered({"runId": "k", "error": None, "logFiles": None, "warnings": None})
    )
    assert asked(call)[1] == f"{HISTORY}/runs/k/details"


def test_recorded_run_history(operations: Operations) -> None:
    exchanges = recorded("run_history")
    discovery, children = exchanges[1]["response_body"], exchanges[2]["response_body"]
    page, _ = drive(operations.list_children("s"), HOME, Answered(discovery), Answered(children))
    assert [run.name for run in page.items] == [run["runId"] for run in children["value"]]
    assert page.next_link is None


def test_a_workspace_that_does_not_say_where(operations: Operations) -> None:
    with pytest.raises(AzureMLError, match="does not say where"):
        drive(operations.get_run("j"), HOME, Answered({}))


def test_a_version_that_does_not_name_mlflow_has_it_beside_run_history(operations: Operations) -> None:
    """2021-03-01-preview."""
    home = Answered({"id": "/x", "name": "ws", "properties": {"discoveryUrl": "https://d"}})
    _, asked = drive(operations.get_metrics("j"), home, DISCOVERY, Answered({"run": {"data": {}}}))
    assert asked[-1].request.url.startswith(f"https://eastus.api.azureml.ms/mlflow/v1.0{WORKSPACE}/")


def test_metrics_are_numbers(operations: Operations) -> None:
    answer = metrics(loss=0.5, n=3, nan="NaN", inf="Infinity", nothing=None, text="x", exponent="1e3")
    found, calls = drive(operations.get_metrics("j"), HOME, DISCOVERY, answer)
    assert json_metrics(found) == {
        "loss": 0.5,
        "n": 3.0,
        "nan": "NaN",
        "inf": "Infinity",
        "exponent": 1000.0,
    }
    assert calls[-1].request.url == f"{MLFLOW}/api/2.0/mlflow/runs/get?run_id=j"
    for empty in ({}, {"run": None}, {"run": {"data": {"metrics": None}}}):
        assert drive(operations.get_metrics("j"), Answered(empty))[0] == {}


def sweep(goal: str, **properties: str) -> Answered:
    tags = {f"_aml_system_s_{n}": json.dumps({"lr": n / 10}) for n in range(11)} | {
        "_aml_system_s_1": "no json"
    }
    return job(
        "s",
        jobType="Sweep",
        objective={"goal": goal, "primaryMetric": "acc"},
        tags=tags,
        properties=properties,
    )


EXPERIMENT = Answered({"run": {"info": {"experiment_id": "e"}}})


def search(more: str | None = None, **trials: dict[str, Any]) -> Answered:
    """A page of found runs with their metrics."""
    runs = [{"info": {"run_id": name}, **metrics(**values).body["run"]} for name, values in trials.items()]
    return Answered({"runs": runs, **({"next_page_token": more} if more else {})})


def children(*numbers: int) -> dict[str, Any]:
    return {"value": [{"runId": f"s_{n}", "status": "Completed"} for n in numbers]}


def test_trials_of_all_pages_in_their_order(operations: Operations) -> None:
    link = f"{HISTORY}/runs/s/children?$continuationtoken=x"
    trials, calls = drive(
        operations.list_trials("s"),
        sweep("Maximize"),
        HOME,
        DISCOVERY,
        Answered(children(10, 1) | {"nextLink": link}),
        Answered(children(2)),
        EXPERIMENT,
        search("x", s_10={"acc": 10}),
        search(s_2={"acc": 2}, s_1={"acc": 1, "none": None}),
    )
    asked_for = [json.loads(call.request.content) for call in calls[-2:]]
    assert [body.pop("page_token", None) for body in asked_for] == [None, "x"]
    assert asked_for[0] == asked_for[1]
    assert asked_for[0]["experiment_ids"] == ["e"]
    assert asked_for[0]["filter"] == "tags.mlflow.parentRunId = 's'"
    assert [(t.name, t.params, t.metrics) for t in trials] == [
        ("s_1", {}, {"acc": 1.0}),
        ("s_2", {"lr": 0.2}, {"acc": 2.0}),
        ("s_10", {"lr": 1.0}, {"acc": 10.0}),
    ]
    assert calls[4].request.url == link


@pytest.mark.parametrize(("goal", "best"), [("Maximize", "s_2"), ("Minimize", "s_0")])
def test_best_trial_by_the_metric_where_the_service_names_none(
    operations: Operations, goal: str, best: str
) -> None:
    found, _ = drive(
        operations.get_best_trial("s"),
        sweep(goal),
        sweep(goal),
        HOME,
        DISCOVERY,
        Answered(children(0, 2, 3)),
        EXPERIMENT,
        search(s_0={"acc": 0.1}, s_2={"acc": 0.9}, s_3={"other": 5}),
    )
    assert found is not None
    assert found.name == best


def test_best_trial_that_the_service_names(operations: Operations) -> None:
    found, _ = drive(
        operations.get_best_trial("s"),
        sweep("Maximize", best_child_run_id="s_3"),
        HOME,
        DISCOVERY,
        Answered({"runId": "s_3", "status": "Completed"}),
        metrics(acc=0.7),
    )
    assert found == SweepTrial("s_3", "Completed", {"lr": 0.3}, {"acc": 0.7})


def test_no_trial_has_reported(operations: Operations) -> None:
    answers = (sweep("Maximize"), sweep("Maximize"), HOME, DISCOVERY, Answered(children(0, 1)))
    answers += (EXPERIMENT, search(s_0={"loss": 1}))
    assert drive(operations.get_best_trial("s"), *answers)[0] is None


def test_where_a_search_is_refused_the_trials_are_read_one_by_one(operations: Operations) -> None:
    beginning = (sweep("Maximize"), HOME, DISCOVERY, Answered(children(1, 2)), EXPERIMENT)
    refused = Answered({"error_code": "INVALID_PARAMETER_VALUE"}, 400)
    trials, _ = drive(operations.list_trials("s"), *beginning, refused, metrics(acc=1), metrics(acc=2))
    assert [trial.metrics for trial in trials] == [{"acc": 1.0}, {"acc": 2.0}]
    throttled = (beginning[0], *beginning[3:], Answered({}, 429))
    with pytest.raises(ThrottledError):
        drive(operations.list_trials("s"), *throttled)


def test_the_history_of_a_metric(operations: Operations) -> None:
    def page(*points: tuple[int, Any], **more: str) -> Answered:
        values = [{"key": "a b", "step": step, "value": value, "timestamp": 1500} for step, value in points]
        return Answered({"metrics": values, **more})

    found, calls = drive(
        operations.get_metric_history("j", "a b"),
        HOME,
        DISCOVERY,
        page((2, 0.5), (0, "0.25"), next_page_token="n/1"),
        page((1, "NaN"), (3, 1), (4, None)),
    )
    assert [(point.step, json_number(point.value), point.time) for point in found] == [
        (0, 0.25, 1.5),
        (1, "NaN", 1.5),
        (2, 0.5, 1.5),
        (3, 1.0, 1.5),
    ]
    route = f"{MLFLOW}/api/2.0/mlflow/metrics/get-history?run_id=j&metric_key=a%20b"
    assert [call.request.url for call in calls[-2:]] == [route, f"{route}&page_token=n%2F1"]
    assert drive(operations.get_metric_history("j", "x"), Answered({}))[0] == []


@pytest.mark.parametrize(
    "answer",
    [
        Answered("<html>login</html>"),
        Answered('{"id": "/x", "na'),
        Answered(None),
        Answered({}),
        Answered([]),
        Answered("null"),
    ],
)
def test_a_proxys_answer_is_no_answer(operations: Operations, answer: Answered) -> None:
    with pytest.raises(UnreachableError, match=r"GET jobs/j: the answer is not .*proxy"):
        drive(operations.get_job("j"), answer)


def test_a_redirect_is_no_success(operations: Operations) -> None:
    with pytest.raises(ResponseError, match="HTTP 302"):
        drive(operations.get_job("j"), Answered(None, 302))


def test_both_clients_have_every_operation() -> None:
    names = {name for name in vars(Operations) if not name.startswith("_")}
    for client in (AzureMLClient, AsyncAzureMLClient):
        assert names <= set(vars(client))
        assert all(vars(client)[name].__doc__ for name in names)


class Garbled(Answered):
    def text(self) -> str:
        return b"\xff".decode()


@pytest.mark.parametrize(("status", "cls"), [(200, UnreachableError), (502, ServiceError)])
def test_a_body_that_is_no_text_is_no_traceback(operations: Operations, status: int, cls: type) -> None:
    flow = operations.get_workspace()
    next(flow)
    with pytest.raises(cls, match="GET workspace"):
        flow.send(Garbled(status_code=status))


FINISHED = Job(arm_id("jobs", "j"), "j", "Command", "Completed", experiment_name="nightly")


def test_an_artifact_is_read_where_run_history_says(operations: Operations, secrets: list[str]) -> None:
    place = "https://account.blob.core.windows.net/azureml/dcid.j/a%20b.txt?sv=1&sig=s%2Bx"
    flow = operations.read_artifact(FINISHED, "outputs/a b.txt", 4)
    found, calls = drive(
        flow,
        HOME,
        DISCOVERY,
        Answered({"contentUri": place}),
        Answered("abcd", 206, {"Content-Range": "bytes 0-3/9"}),
    )
    assert found == Artifact(b"abcd", 9)
    url = f"{HISTORY}/experiments/nightly/runs/j/artifacts/contentinfo"
    assert asked(calls[2]) == ("GET", url, {"path": ["outputs/a b.txt"]})
    assert calls[3].request.url == place
    assert calls[3].request.headers["Range"] == "bytes=0-3"
    assert "s%2Bx" in secrets


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([Answered({}, 404)], None),
        ([Answered({"contentUri": "https://b.example/x"}), Answered("", 404)], None),
        ([Answered({"contentUri": "https://b.example/x"}), Answered("", 416)], Artifact(b"", 0)),
        ([Answered({"contentUri": "https://b.example/x"}), Answered("abcdef", 200)], Artifact(b"abcd", 6)),
    ],
    ids=["unknown", "gone", "empty", "whole"],
)
def test_what_there_is_of_an_artifact(
    operations: Operations, answers: list[Answered], expected: Artifact | None
) -> None:
    assert drive(operations.read_artifact(FINISHED, "x", 4), HOME, DISCOVERY, *answers)[0] == expected
