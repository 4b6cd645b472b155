"""Deployments that are processes: the scoring script runs, fails, is replaced, and ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.emulator.online import (
    default_container,
    endpoint_body,
    make_endpoint,
    operation,
    put,
    score,
    serving_body,
    upload,
    wait_until,
)
from tests.emulator.running import Running
from tests.support.waiting import wait_for

PATH = "onlineEndpoints/model/deployments/{}".format

SCRIPT = """
import json, os, pathlib

def init():
    global weight
    weight = int(next(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).glob("**/weights.txt")).read_text())
    print("loaded", weight)

def run(data):
    sent = json.loads(data)
    if sent == "die":
        os._exit(7)
    if sent == "raise":
        raise ValueError("not that")
    return {"pid": os.getpid(), "product": weight * sent["x"], "who": os.environ.get("WHO")}
"""
FAILING = "def init():\n    raise RuntimeError('the model is broken')\n\ndef run(data):\n    return data\n"


@pytest.fixture
def serving(storing_emulator: Running) -> Iterator[Running]:
    storing_emulator.admin("PATCH", "settings", {"operation_seconds": 0})
    make_endpoint(storing_emulator, "model")
    yield storing_emulator
    operation(storing_emulator, storing_emulator.ml("DELETE", "onlineEndpoints/model"))


def bring(emulator: Running, name: str, script: str = SCRIPT, **properties: Any) -> httpx.Response:
    return put(emulator, PATH(name), serving_body(emulator, f"{name}-code", script, **properties))


def ask(emulator: Running, name: str, body: Any) -> httpx.Response:
    return score(emulator, "model", body, azureml_model_deployment=name)


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def logs(emulator: Running, name: str) -> str:
    return str(emulator.ml("POST", f"{PATH(name)}/getLogs", {"tail": 100}).json()["content"])


def test_a_scoring_script_serves_with_its_model_and_variables(serving: Running) -> None:
    ended = operation(serving, bring(serving, "blue", environmentVariables={"WHO": "blue"}))
    assert ended["status"] == "Succeeded", logs(serving, "blue")
    answer = ask(serving, "blue", {"x": 2})
    assert {**answer.json(), "pid": 0} == {"pid": 0, "product": 6, "who": "blue"}
    said = logs(serving, "blue")
    assert "loaded 3" in said
    assert "UserContainerStart: Succeeded" in said
    wrong = ask(serving, "blue", "raise")
    assert (wrong.status_code, wrong.headers["ms-azureml-model-error-statuscode"]) == (424, "500")
    assert "ValueError: not that" in logs(serving, "blue")
    # It ends with its deployment.
    pid = answer.json()["pid"]
    assert lives(pid)
    operation(serving, serving.ml("DELETE", PATH("blue")))
    assert not lives(pid)


def test_an_init_that_fails_is_failed_with_its_log(serving: Running) -> None:
    ended = operation(serving, bring(serving, "broken", FAILING))
    assert ended["status"] == "Failed"
    assert ended["error"]["message"].startswith("ResourceNotReady: User container has crashed or terminated.")
    assert serving.get(PATH("broken"))["provisioningState"] == "Failed"
    assert "RuntimeError: the model is broken" in logs(serving, "broken")
    assert ask(serving, "broken", {}).status_code == 503


def test_a_script_or_model_that_is_not_there(serving: Running) -> None:
    body = serving_body(serving, "missing-code", SCRIPT)
    body["properties"]["codeConfiguration"]["scoringScript"] = "other.py"
    ended = operation(serving, put(serving, PATH("missing"), body))
    assert "the scoring script 'other.py' is not in the code" in ended["error"]["message"]
    uri = upload(serving, "models/gone", {"weights.txt": "3"})
    serving.put("models/gone/versions/1", {"modelUri": uri})
    with default_container(serving) as container:
        container.delete_blob("models/gone/weights.txt")
    body = serving_body(serving, "missing-code", SCRIPT)
    body["properties"]["model"] = f"{serving.workspace}/models/gone/versions/1"
    ended = operation(serving, put(serving, PATH("missing"), body))
    assert ended["error"]["message"].startswith("BadArgument: There is no blob below")
    assert "ModelDownload: Failed" in logs(serving, "missing")


def test_an_update_loses_no_request_and_one_that_fails_changes_nothing(serving: Running) -> None:
    operation(serving, bring(serving, "blue"))
    put(serving, "onlineEndpoints/model", endpoint_body(traffic={"blue": 100}))
    wait_until(serving, "onlineEndpoints/model", "Succeeded")
    key = serving.ml("POST", "onlineEndpoints/model/listKeys").json()["primaryKey"]
    stop, seen = threading.Event(), []

    def call() -> None:
        while not stop.is_set():
            seen.append(score(serving, "model", {"x": 1}, key=key))

    caller = threading.Thread(target=call)
    caller.start()
    try:
        first = ask(serving, "blue", {"x": 1}).json()["pid"]
        body = serving_body(serving, "blue-code", SCRIPT, environmentVariables={"WHO": "new"})
        assert operation(serving, put(serving, PATH("blue"), body))["status"] == "Succeeded"
        second = ask(serving, "blue", {"x": 1}).json()
        assert (second["who"], second["pid"] == first, lives(first)) == ("new", False, False)
        # More instances, and other tags: the process stays.
        scaled = serving.ml("PATCH", PATH("blue"), {"sku": {"capacity": 2}, "tags": {"a": "1"}})
        assert operation(serving, scaled, "location")["status"] == "Succeeded"
        assert ask(serving, "blue", {"x": 1}).json()["pid"] == second["pid"]
        # Updates that fail.
        broken = serving_body(serving, "bad-code", FAILING)
        assert operation(serving, put(serving, PATH("blue"), broken))["status"] == "Failed"
        assert ask(serving, "blue", {"x": 1}).json()["pid"] == second["pid"]
    finally:
        stop.set()
        caller.join()
    assert len(seen) > 10
    assert {answer.status_code for answer in seen} == {200}


def test_a_process_that_dies_is_started_again(serving: Running) -> None:
    operation(serving, bring(serving, "blue"))
    first = ask(serving, "blue", {"x": 1}).json()["pid"]
    assert ask(serving, "blue", "die").status_code == 503
    answer = wait_for(lambda: a if (a := ask(serving, "blue", {"x": 1})).status_code == 200 else None)
    assert answer is not None
    assert answer.json()["pid"] != first
    assert "Container has ended with exit code 7" in logs(serving, "blue")


def test_a_deletion_ends_a_start_that_hangs(serving: Running) -> None:
    hanging = (
        "import os, time\nprint('pid', os.getpid(), flush=True)\ndef init():\n    time.sleep(600)\n"
        "def run(data):\n    return data\n"
    )
    bring(serving, "slow", hanging)
    said = wait_for(lambda: text if "pid " in (text := logs(serving, "slow")) else None) or ""
    pid = int(said.partition("pid ")[2].split()[0])
    assert lives(pid)
    operation(serving, serving.ml("DELETE", PATH("slow")))
    assert not lives(pid)


def test_deployments_serve_again_after_a_restart(tmp_path: Path) -> None:
    running = Running(tmp_path / "data", "--runtime", "host")
    running.admin("PATCH", "settings", {"operation_seconds": 0})
    make_endpoint(running, "model")
    operation(running, bring(running, "blue"))
    before = ask(running, "blue", {"x": 1}).json()["pid"]
    key = running.ml("POST", "onlineEndpoints/model/listKeys").json()
    assert running.stop() == 0
    assert not lives(before)
    again = Running(tmp_path / "data", "--runtime", "host")
    try:
        assert again.ml("POST", "onlineEndpoints/model/listKeys").json() == key
        answer = wait_for(lambda: a if (a := ask(again, "blue", {"x": 1})).status_code == 200 else None)
        assert answer is not None
        assert answer.json()["product"] == 3
    finally:
        pid = ask(again, "blue", {"x": 1}).json()["pid"]
        os.kill(again.process.pid, 9)  # no time to clean up
        again.process.wait()
        wait_for(lambda: not lives(pid))
