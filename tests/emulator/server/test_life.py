"""Start, stop, restart, and what is left on the disk."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.emulator.running import CLI, VERSION, Running
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

CANARY = "canary-8e1c4f7a-do-not-store"


def cli(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *arguments], capture_output=True, text=True, timeout=180, check=False)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder that others can read, as a careless user makes it."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    return folder


@pytest.fixture
def start(data_dir: Path) -> Iterator[Callable[..., Running]]:
    """Starts emulators on ``data_dir``; none outlives the test, however that ends."""
    started: list[Running] = []

    def start_one(*arguments: str, environment: dict[str, str] | None = None) -> Running:
        started.append(Running(data_dir, *arguments, environment=environment))
        return started[-1]

    yield start_one
    for emulator in started:
        if emulator.process.poll() is None:
            emulator.stop()


@pytest.fixture
def running(start: Callable[..., Running]) -> Running:
    return start("--runtime", "simulated", environment={"AMLREST_EMULATOR_CLIENT_SECRET": CANARY})


def test_ready_file_is_private_and_goes(running: Running) -> None:
    assert stat.S_IMODE(running.ready_file.stat().st_mode) == 0o600
    assert set(running.facts) >= {
        "arm_endpoint",
        "authority_host",
        "tenant_id",
        "client_id",
        "client_secret",
        "subscription_id",
        "resource_group",
        "workspace_name",
        "location",
        "ca_bundle",
        "blob_endpoint",
        "airflow_connection_uri",
        "pid",
    }
    assert running.facts["pid"] == running.process.pid
    assert running.stop() == 0
    assert not running.ready_file.exists()


def test_connection_uri_is_read_by_airflow(running: Running) -> None:
    code = (
        "import json, sys; from airflow.models import Connection;"
        "c = Connection(uri=sys.stdin.read().strip());"
        "print(json.dumps([c.conn_type, c.login, c.password, c.extra_dejson]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=running.facts["airflow_connection_uri"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    conn_type, login, password, extra = json.loads(done.stdout.splitlines()[-1])
    facts = running.facts
    assert (conn_type, login, password) == ("azureml", facts["client_id"], CANARY)
    names = (
        *("tenant_id", "subscription_id", "resource_group", "workspace_name"),
        *("ca_bundle", "blob_endpoint"),
    )
    assert extra == {
        **{name: facts[name] for name in names},
        "cloud": "custom",
        "resource_manager": facts["arm_endpoint"],
        "authority": facts["authority_host"],
    }
    assert set(parse_qs(urlsplit(facts["airflow_connection_uri"]).query)) == set(extra)


def test_secrets_lie_in_no_file(running: Running) -> None:
    token = running.token()
    running.http.get("/nothing", params={"sig": "sas-signature", "api-version": "2025-12-01"})
    running.put("jobs/secret", running.command_job(environmentVariables={"A": "b"}))
    running.ask_token(client_secret="wrong-secret-in-a-request")
    admin_key = running.facts["admin_key"]
    running.ready_file.unlink()
    secrets = [
        CANARY,
        token,
        token.rpartition(".")[2],
        "sas-signature",
        "wrong-secret-in-a-request",
        running.facts["identity_header"],
        admin_key,
    ]
    files = [path for path in [running.log, *running.data_dir.rglob("*")] if path.is_file()]
    for path in files:
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], path
    assert {path.name for path in files} >= {"requests.jsonl", "emulator.sqlite3", "ca.pem", "ca.key"}
    for path in running.data_dir.rglob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(running.data_dir.stat().st_mode) == 0o700


def test_request_log_says_what_was_asked(running: Running) -> None:
    running.ml("GET", "computes/none", _top="1")
    # A line is written when its answer has gone out: another request makes sure that it is there.
    running.admin("GET", "settings")
    lines = map(json.loads, (running.data_dir / "requests.jsonl").read_text().splitlines())
    [entry] = [line for line in lines if line["path"].endswith("/computes/none")]
    assert set(entry) == {"time", "method", "path", "api_version", "status", "milliseconds"}
    assert (entry["method"], entry["status"], entry["api_version"]) == ("GET", 404, "2025-12-01")
    assert entry["path"] == f"{running.workspace}/computes/none"


def test_restart_keeps_everything(start: Callable[..., Running]) -> None:
    first = start("--runtime", "simulated")
    first.put("jobs/kept", first.command_job(tags={"emulator.seconds": "0.5"}))
    first.put("data/kept/versions/1", {"dataType": "uri_file", "dataUri": "https://a/x"})
    token = first.token()
    first.stop()
    second = start("--runtime", "simulated")
    stable = set(first.facts) - {"pid"}
    assert {name: first.facts[name] for name in stable} == {name: second.facts[name] for name in stable}
    assert second.wait_for("kept", "Completed", "Failed") == "Completed"
    assert second.get("data/kept/versions/1")["dataUri"] == "https://a/x"
    second.http.headers["Authorization"] = f"Bearer {token}"
    assert second.ml("GET", "").status_code == 200
    second.stop()


def test_second_emulator_on_the_same_data_is_refused(running: Running) -> None:
    second = cli("start", "--data-dir", running.data_dir, "--runtime", "simulated")
    assert second.returncode == 1
    assert f"already runs on {running.data_dir} (pid {running.process.pid})" in second.stderr
    assert running.ml("GET", "").status_code == 200


def test_taken_port_is_refused(running: Running, tmp_path: Path) -> None:
    port = str(urlsplit(running.facts["arm_endpoint"]).port)
    other = cli("start", "--data-dir", tmp_path / "other", "--runtime", "simulated", "--port", port)
    assert other.returncode == 1
    assert f"Port {port} of 127.0.0.1 is not free" in other.stderr


def test_status_and_stop(running: Running, tmp_path: Path) -> None:
    status = cli("status", "--data-dir", running.data_dir)
    assert status.returncode == 0
    assert running.facts["arm_endpoint"] in status.stdout
    assert cli("stop", "--data-dir", running.data_dir).returncode == 0
    assert running.process.wait(60) == 0
    assert cli("status", "--data-dir", running.data_dir).returncode == 3
    assert cli("stop", "--data-dir", tmp_path / "never").returncode == 0


def test_stop_believes_no_stale_pid(data_dir: Path) -> None:
    victim = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (data_dir / "emulator.lock").write_text(json.dumps({"pid": victim.pid}))
    assert "No emulator runs" in cli("stop", "--data-dir", data_dir).stdout
    assert victim.poll() is None
    victim.kill()
    victim.wait()


def test_ctrl_c_is_a_clean_end(running: Running) -> None:
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert "Traceback" not in running.log.read_text()


def test_banner_has_no_secret(running: Running) -> None:
    banner = running.log.read_text()
    assert running.facts["arm_endpoint"] in banner
    assert str(running.ready_file) in banner
    assert CANARY not in banner


@pytest.mark.parametrize(
    "arguments",
    [
        ("--compute", "x:0"),
        ("--compute", "cpu"),
        ("--compute", "cpu-1:2"),
        ("--workspace", "a"),
        ("--registry", "sh@red"),
        ("--port", "99999"),
    ],
)
def test_impossible_arguments(tmp_path: Path, arguments: tuple[str, str]) -> None:
    refused = cli("start", "--data-dir", tmp_path / "d", *arguments)
    assert refused.returncode == 2
    assert repr(arguments[1]) in refused.stderr


def test_computes_workspaces_and_registries_of_ones_own(start: Callable[..., Running]) -> None:
    arguments = ("--compute", "tiny:1", "--compute", "big:64", "--workspace", "one", "--workspace", "two")
    registries = ("--registry", "mine", "--registry", "Theirs")
    emulator = start("--runtime", "simulated", *arguments, *registries)
    assert emulator.facts["registry_name"] == "mine"
    group = emulator.workspace.partition("/workspaces/")[0]
    for name in ("mine", "theirs"):
        path = f"{group}/registries/{name}/environments/env/versions/1?api-version={VERSION}"
        body = {"properties": {"image": f"{name}:1"}}
        assert emulator.http.put(path, json=body).json()["properties"]["image"] == f"{name}:1"
    assert emulator.http.get(f"{group}/registries/emulator-registry?api-version={VERSION}").is_error
    names = [item["name"] for item in emulator.ml("GET", "computes").json()["value"]]
    assert names == ["tiny", "big"]
    assert emulator.facts["workspace_name"] == "one"
    emulator.environment()
    emulator.workspace = emulator.workspace.replace("/workspaces/one", "/workspaces/two")
    assert emulator.ml("GET", "environments/env/versions/1").status_code == 404
    emulator.stop()


def test_kill_9_leaves_no_azurite(start: Callable[..., Running]) -> None:
    emulator = start("--runtime", "host")
    children = Path(f"/proc/{emulator.process.pid}/task/{emulator.process.pid}/children").read_text().split()
    azurites = [int(pid) for pid in children if b"azurite" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(azurites) == 1
    os.kill(emulator.process.pid, signal.SIGKILL)
    emulator.process.wait(60)
    wait_for(lambda: not is_alive(azurites[0]))
    # The lock went with the process, so the data can be used again.
    again = start("--runtime", "host")
    assert again.facts["blob_endpoint"] == emulator.facts["blob_endpoint"]
    assert again.stop() == 0


def test_it_ends_with_its_standard_input(data_dir: Path) -> None:
    ready = data_dir / "ready.json"
    command = [*CLI, "start", "--data-dir", data_dir, "--ready-file", ready, "--runtime", "simulated"]
    process = subprocess.Popen(
        [*command, "--stop-with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: ready.exists() or process.poll() is not None)
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
