"""The front of online endpoints: who may call, which deployment answers, and what is measured."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.server.inference import Shares, _for_mlflow
from tests.emulator.online import deployment_body, make_endpoint, put, score, wait_until
from tests.emulator.running import Running
from tests.support.waiting import wait_for


def served(emulator: Running, endpoint: str, deployment: str) -> dict[str, Any]:
    [found] = [
        d["served"]
        for d in emulator.admin("GET", "deployments").json()["value"]
        if (d["endpoint"], d["name"]) == (endpoint, deployment)
    ]
    return dict(found)


@pytest.mark.parametrize("weights", [{"a": 10, "b": 90}, {"a": 1, "b": 99}, {"a": 33, "b": 33, "c": 34}])
def test_shares_are_exact_and_spread(weights: dict[str, int]) -> None:
    shares = Shares(weights)
    chosen = [shares.next() for _ in range(100)]
    assert Counter(chosen) == Counter(weights)
    first = Counter(chosen[:50])
    assert all(abs(first[name] - share / 2) <= 1 for name, share in weights.items())


def test_requests_go_where_traffic_says(quick: Running) -> None:
    make_endpoint(quick, "split", "blue", "green", traffic={"blue": 70, "green": 30})
    answers = [score(quick, "split", {}, key=None) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert Counter(answer.json()["deployment"] for answer in answers) == {"blue": 14, "green": 6}
    assert all(a.headers["azureml-model-deployment"] == a.json()["deployment"] for a in answers)
    assert served(quick, "split", "blue")["requests"] == 14
    assert served(quick, "split", "green")["milliseconds"]["p95"] > 0


def test_a_header_names_one_that_has_no_traffic(quick: Running) -> None:
    make_endpoint(quick, "named", "blue", "green", traffic={"blue": 100})
    answer = score(quick, "named", {}, azureml_model_deployment="green")
    assert answer.json() == {"deployment": "green"}
    assert score(quick, "named", {}, azureml_model_deployment="red").status_code == 404


def test_mirrored_requests_are_copies(quick: Running) -> None:
    properties = {"traffic": {"blue": 100}, "mirrorTraffic": {"green": 20}}
    make_endpoint(quick, "mirror", "blue", "green", **properties)
    answers = [score(quick, "mirror", {}) for _ in range(10)]
    assert {answer.json()["deployment"] for answer in answers} == {"blue"}
    wait_for(lambda: served(quick, "mirror", "green")["mirrored"] == 2)
    assert served(quick, "mirror", "blue")["mirrored"] == 0


def test_who_has_no_key_is_refused(quick: Running) -> None:
    make_endpoint(quick, "locked", "blue", traffic={"blue": 100})
    for key in ("-", "wrong", quick.token()):
        assert score(quick, "locked", {}, key=key).status_code == 401
    for other in ("", "Basic a"):
        answer = quick.http.post("/inference/locked/score", headers={"Authorization": other})
        assert answer.status_code == 401
    assert score(quick, "none", {}, key="any").status_code == 404


def test_nothing_answers_without_traffic(quick: Running) -> None:
    make_endpoint(quick, "idle", "blue")
    answer = score(quick, "idle", {})
    assert answer.status_code == 404
    assert "positive share of traffic" in answer.text


def test_a_model_that_fails_is_424_and_counted(quick: Running) -> None:
    make_endpoint(quick, "sick")
    rule = {"resource": "blue", "answer": {"error": "no"}, "answer_status": 500, "times": 1}
    quick.admin("POST", "provisioning", rule)
    put(quick, "onlineEndpoints/sick/deployments/blue", deployment_body(quick))
    wait_until(quick, "onlineEndpoints/sick/deployments/blue", "Succeeded")
    answer = score(quick, "sick", {}, azureml_model_deployment="blue")
    assert (answer.status_code, answer.headers["ms-azureml-model-error-statuscode"]) == (424, "500")
    assert answer.json() == {"error": "no"}
    assert served(quick, "sick", "blue")["failed"] == 1


def test_one_that_takes_too_long_is_408(quick: Running) -> None:
    make_endpoint(quick, "slow")
    body = deployment_body(
        quick, tags={"emulator.answer_seconds": "600"}, requestSettings={"requestTimeout": "PT0.05S"}
    )
    put(quick, "onlineEndpoints/slow/deployments/blue", body)
    wait_until(quick, "onlineEndpoints/slow/deployments/blue", "Succeeded")
    assert score(quick, "slow", {}, azureml_model_deployment="blue").status_code == 408


def test_other_operations_are_404(quick: Running) -> None:
    make_endpoint(quick, "odd", "blue", traffic={"blue": 100})
    key = quick.ml("POST", "onlineEndpoints/odd/listKeys").json()["primaryKey"]
    answer = quick.http.get("/inference/odd/score", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        (b'{"input_data": [[1, 2]]}', b'{"inputs": [[1, 2]]}'),
        (
            b'{"input_data": {"columns": ["a"], "data": [[1]]}}',
            b'{"dataframe_split": {"columns": ["a"], "data": [[1]]}}',
        ),
        (b'{"inputs": [1]}', b'{"inputs": [1]}'),
        (b"a,b", b"a,b"),
    ],
)
def test_what_mlflows_server_is_asked(sent: bytes, asked: bytes) -> None:
    assert _for_mlflow(sent) == asked
