"""The admin routes: who may use them, settings, and fault rules."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.emulator.running import Running


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-emulator-key": "wrong"}, 401),
        ({"x-emulator-key": ""}, 401),
        ({"origin": "https://example.com"}, 403),
        ({"referer": "https://127.0.0.1/"}, 403),
        ({"host": "evil.example.com"}, 403),
    ],
)
def test_admin_is_closed_to_others(emulator: Running, headers: dict[str, str], status: int) -> None:
    good = {"x-emulator-key": emulator.facts["admin_key"]}
    for path in ("state", "settings", "faults"):
        answer = emulator.http.get(f"/_emulator/{path}", headers={**good, **headers})
        assert answer.status_code == status
    assert emulator.http.get("/_emulator/state", headers=good).status_code == 200


@pytest.mark.parametrize("path", ["", "nothing", "assets/environments/more"])
def test_routes_that_there_are_not(emulator: Running, path: str) -> None:
    answer = emulator.admin("GET", path)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith("There are GET, DELETE state;")


def test_state(emulator: Running) -> None:
    state = emulator.admin("GET", "state").json()
    assert state["runtime"] == "simulated"
    assert state["workspaces"] == [emulator.workspace]
    assert [(compute["name"], compute["nodes"]) for compute in state["computes"]] == [
        ("cpu-cluster", 2),
        ("gpu-cluster", 1),
    ]
    assert emulator.facts["client_secret"] not in str(state)


@pytest.mark.parametrize(
    "settings",
    [
        {"nope": 1},
        {"page_size": 0},
        {"page_size": True},
        {"token_lifetime_seconds": -1},
        {"token_lifetime_seconds": "1"},
        {"rate_limit": {"reads": 5}},
        {"rate_limit": {"gulps": [1, 1]}},
    ],
)
def test_impossible_settings_change_nothing(emulator: Running, settings: dict[str, Any]) -> None:
    before = emulator.admin("GET", "settings").json()
    answer = emulator.admin("PATCH", "settings", {"list_lag_seconds": 9, **settings})
    assert answer.status_code == 400
    assert next(iter(settings)) in answer.json()["error"]["message"]
    assert emulator.admin("GET", "settings").json() == before


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ({"status": 500}, "path"),
        ({"path": "("}, "path"),
        ({"path": "x"}, "status"),
        ({"path": "x", "status": 500, "drop": True}, "status"),
        ({"path": "x", "status": "500"}, "status"),
        ({"path": "x", "status": 500, "when": "later"}, "when"),
        ({"path": "x", "status": 500, "colour": "red"}, "colour"),
    ],
)
def test_impossible_rules_are_refused(emulator: Running, rule: dict[str, Any], word: str) -> None:
    answer = emulator.admin("POST", "faults", rule)
    assert answer.status_code == 400
    assert word in answer.json()["error"]["message"]


def test_answer_instead_of_handling(tuned: Running) -> None:
    rule = {
        "method": "put",
        "path": "/JOBS/faulty$",
        "times": 2,
        "status": 503,
        "headers": {"Retry-After": "7"},
        "body": {"error": {"code": "ServiceUnavailable"}},
    }
    added = tuned.admin("POST", "faults", rule)
    assert added.status_code == 201
    properties = tuned.command_job()
    for _ in range(2):
        answer = tuned.ml("PUT", "jobs/faulty", {"properties": properties})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        assert answer.json() == {"error": {"code": "ServiceUnavailable"}}
        assert tuned.ml("GET", "jobs/faulty").status_code == 404
    assert tuned.ml("PUT", "jobs/faulty", {"properties": properties}).status_code == 201
    (listed,) = tuned.admin("GET", "faults").json()["value"]
    assert (listed["id"], listed["hits"]) == (added.json()["id"], 2)
    assert tuned.admin("DELETE", f"faults/{listed['id']}").json() == {"removed": 1}


def test_answer_after_handling(tuned: Running) -> None:
    tuned.admin("POST", "faults", {"path": "/jobs/lost$", "when": "after", "status": 500, "body": "gone"})
    answer = tuned.ml("PUT", "jobs/lost", {"properties": tuned.command_job()})
    assert (answer.status_code, answer.text) == (500, "gone")
    assert tuned.ml("GET", "jobs/lost").status_code == 200


@pytest.mark.parametrize(("when", "status"), [("before", 404), ("after", 200)])
def test_dropped_connection(tuned: Running, when: str, status: int) -> None:
    properties = tuned.command_job()
    tuned.admin("POST", "faults", {"path": f"/jobs/dropped-{when}$", "when": when, "drop": True})
    with pytest.raises(httpx.TransportError):
        tuned.ml("PUT", f"jobs/dropped-{when}", {"properties": properties})
    assert tuned.ml("GET", f"jobs/dropped-{when}").status_code == status
    assert "Traceback" not in tuned.log.read_text()
    assert "ASGI" not in tuned.log.read_text()


def test_delay(tuned: Running) -> None:
    tuned.admin("POST", "faults", {"path": "/computes$", "delay_seconds": 0.4})
    started = time.monotonic()
    assert tuned.ml("GET", "computes").status_code == 200
    assert time.monotonic() - started >= 0.4


def test_rules_reach_every_part(tuned: Running) -> None:
    tuned.admin("POST", "faults", {"path": "token$|^/history|^/mlflow", "times": None, "status": 418})
    assert tuned.ask_token().status_code == 418
    assert tuned.history("GET", "runs/x").status_code == 418
    assert tuned.mlflow("runs/get", run_id="x").status_code == 418
    assert tuned.ml("GET", "").status_code == 200
