"""The command line, against the emulator: in this process, and as people run it."""

from __future__ import annotations

import getpass
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.cli.main import main
from airflow_provider_amlrest.cli.render import duration, moment, safe, table
from airflow_provider_amlrest.lifecycle.masking import MASKED_PROPERTY, NOT_SHOWN
from airflow_provider_amlrest.lifecycle.ownership import told_by
from airflow_provider_amlrest.lifecycle.task_identity import IDENTITY_PROPERTY
from airflow_provider_amlrest.rest import AzureMLClient
from airflow_provider_amlrest.rest.jobs.command import CommandJob
from airflow_provider_amlrest.rest.jobs.job import Output
from airflow_provider_amlrest.rest.jobs.search_space import SearchDistribution
from airflow_provider_amlrest.rest.jobs.sweep import Objective, SweepJob, SweepLimits, Trial
from tests.support.dag_files import migrate
from tests.support.emulated import Emulated
from tests.support.tasks import unique
from tests.support.waiting import wait_for

AIRFLOW = {"airflow_dag_id": "retrain", "airflow_task_id": "train", "airflow_run_id": "manual"}
Submit = Callable[..., str]


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Airflow was imported before the command could say how much it logs."""
    caplog.set_level("WARNING", "airflow")


@pytest.fixture
def connection(emulator: Emulated, monkeypatch: pytest.MonkeyPatch) -> str:
    uri = emulator.connection_uri()
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", uri)
    return uri


@pytest.fixture
def submit(connection: str, request: pytest.FixtureRequest) -> Submit:
    """Submit a job that does what the tags say; its name."""
    from airflow_provider_amlrest.hook import AzureMLHook

    def make(name: str = "", tags: dict[str, str] | None = None, **says: Any) -> str:
        full = f"{unique(request)}{name}"
        scripted = {
            f"emulator.{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in says.items()
        }
        job = CommandJob(
            command="python train.py",
            environment="azureml:AzureML-any:1",
            compute="cpu-cluster",
            experiment_name="iris",
            tags={**AIRFLOW, **scripted, **(tags or {})},
        )
        with AzureMLHook().client() as client:
            client.create_job(full, job)
        return full

    return make


@pytest.fixture
def client(connection: str) -> Any:
    from airflow_provider_amlrest.hook import AzureMLHook

    with AzureMLHook().client() as client:
        yield client


def run(*arguments: str, capsys: Any) -> tuple[int, str, str]:
    code = main(arguments)
    told = capsys.readouterr()
    return code, told.out, told.err


def ended(client: AzureMLClient, name: str) -> None:
    wait_for(lambda: client.get_job(name).outcome.value != "active")


def test_a_list(submit: Submit, client: AzureMLClient, capsys: Any) -> None:
    mine = submit("-mine", seconds=0)
    failed = submit("-failed", outcome="failed", seconds=0)
    other = submit("-other", tags={"airflow_dag_id": "other"}, seconds=0)
    for name in (mine, failed, other):
        ended(client, name)
    code, out, _ = run("list", "--limit", "100", capsys=capsys)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split() == ["JOB", "TYPE", "STATUS", "CREATED", "EXPERIMENT", "DAG", "TASK"]
    assert [line for line in lines if line != line.rstrip()] == []
    assert re.search(r" \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ ", lines[1])
    order = [line.split()[0] for line in lines if line.split()[0] in (mine, failed, other)]
    assert order == [other, failed, mine]
    _, out, _ = run("list", "--dag", "retrain", "--state", "failed", "--output", "json", capsys=capsys)
    names = [job["name"] for job in json.loads(out)]
    assert failed in names
    assert not {mine, other} & set(names)
    assert len(run("list", "--limit", "1", capsys=capsys)[1].splitlines()) == 2
    assert run("list", "--experiment", "none", capsys=capsys)[1].splitlines() == []


def test_what_only_its_task_can_mask_is_not_shown(client: AzureMLClient, request: Any, capsys: Any) -> None:
    """Neither of a job nor of a sweep's trial: this process knows no secrets of Airflow's."""
    secret, name = "a-secret-on-the-command-line", unique(request)
    marks = {IDENTITY_PROPERTY: "i", MASKED_PROPERTY: "true"}
    said = {"emulator.seconds": "0", "emulator.outcome": "failed", "emulator.error": f"denied for {secret}"}
    tags = {**AIRFLOW, **said, "owner": secret, "emulator.log_lines": "3"}
    common: dict[str, Any] = {
        "compute": "cpu-cluster",
        "experiment_name": secret,
        "display_name": secret,
        "tags": tags,
        "properties": marks,
        "outputs": {"model": Output(uri=f"https://host/{secret}")},
    }
    trial = Trial(command=f"echo {secret}", environment="azureml:AzureML-any:1")
    space = {"key": SearchDistribution("choice", ((secret,),))}
    client.create_job(name, CommandJob(command=trial.command, environment=trial.environment, **common))
    sweep = SweepJob(
        trial=trial,
        search_space=space,
        objective=Objective("minimize", "loss"),
        limits=SweepLimits(max_total_trials=1),
        **common,
    )
    client.create_job(f"{name}-sweep", sweep)
    for one in (name, f"{name}-sweep"):
        ended(client, one)
    told = [run("list", "--limit", "100", capsys=capsys)]
    assert client.get_job(f"{name}-sweep_0").command is not None
    for one in (name, f"{name}-sweep", f"{name}-sweep_0"):
        for what in ("show", "metrics"):
            told += [run(what, one, capsys=capsys), run(what, one, "--output", "json", capsys=capsys)]
        log = run("logs", one, capsys=capsys)
        assert log[1] == ""
        assert NOT_SHOWN in log[2]
        assert "/runs/" in log[2]
        told.append(log)
    assert NOT_SHOWN in told[1][1]
    assert secret not in "".join(out + err for _, out, err in told)


def test_jobs_of_others_are_shown_when_asked_for(
    client: AzureMLClient, request: pytest.FixtureRequest, capsys: Any
) -> None:
    name = unique(request)
    client.create_job(
        name,
        CommandJob(
            command="true",
            environment="azureml:AzureML-any:1",
            compute="cpu-cluster",
            tags={"emulator.seconds": "0"},
        ),
    )
    assert name not in run("list", "--limit", "100", capsys=capsys)[1]
    assert name in run("list", "--all", "--limit", "100", capsys=capsys)[1]


def test_a_failed_job_is_shown_with_its_error_first(
    submit: Submit, client: AzureMLClient, capsys: Any
) -> None:
    name = submit(outcome="failed", seconds=0, error="[bold]no label\x1b[2J")
    ended(client, name)
    code, out, _ = run("show", name, capsys=capsys)
    assert code == 0
    assert out.splitlines()[0] == "UserScriptError: [bold]no label\N{REPLACEMENT CHARACTER}[2J"
    assert "retrain train manual" in out
    assert [line for line in out.splitlines() if line != line.rstrip()] == []
    facts = json.loads(run("show", name, "--output", "json", capsys=capsys)[1])
    assert facts["status"] == "Failed"
    assert facts["error"]["code"] == "UserScriptError"
    assert f"/runs/{name}" in facts["studio_url"]
    assert facts["seconds"] is not None


def test_a_failed_job_is_shown_with_its_cause_and_the_end_of_its_log(
    submit: Submit, client: AzureMLClient, capsys: Any
) -> None:
    name = submit(outcome="failed", seconds=0, error="exited with status code 137", log_lines=30)
    ended(client, name)
    lines = run("show", name, capsys=capsys)[1].splitlines()
    assert lines[0].startswith("The process was killed (SIGKILL)")
    assert "VM size with more memory" in lines[1]
    assert lines[2] == "UserScriptError: exited with status code 137"
    assert sum(line.startswith("| ") for line in lines) == 20
    facts = json.loads(run("show", name, "--output", "json", capsys=capsys)[1])
    assert facts["cause"].keys() == {"problem", "advice", "evidence"}


def test_a_job_that_waits_is_shown_with_what_it_waits_for(
    submit: Submit, client: AzureMLClient, emulator: Emulated, capsys: Any
) -> None:
    name = submit(outcome="stuck")
    wait_for(lambda: client.get_job(name).status == "Queued")
    mine = client.get_job(name)
    others = [
        {
            "id": f"{mine.id}-{status}",
            "name": f"other-{status}",
            "properties": {
                "jobType": "Command",
                "status": status,
                "computeId": mine.compute,
                "tags": AIRFLOW,
            },
        }
        for status in ("Running", "Queued", "Completed")
    ]
    full = {
        "computeType": "AmlCompute",
        "provisioningState": "Succeeded",
        "properties": {
            "scaleSettings": {"maxNodeCount": 1},
            "currentNodeCount": 1,
            "nodeStateCounts": {"runningNodeCount": 1},
        },
    }
    compute = {"id": mine.compute, "name": "cpu-cluster", "properties": full}
    with (
        emulator.fault("/computes/cpu-cluster$", method="GET", status=200, body=compute, times=None),
        emulator.fault("/jobs$", method="GET", status=200, body={"value": others}, times=None),
    ):
        out = run("show", name, capsys=capsys)[1]
        facts = json.loads(run("show", name, "--output", "json", capsys=capsys)[1])
    assert "Other jobs hold the only node of cpu-cluster. Wait, raise max_instances" in out
    assert [line.split() for line in out.splitlines() if line.startswith("other")] == [
        ["other-Running", "retrain", "train"]
    ]
    assert [other["name"] for other in facts["held_by"]] == ["other-Running"]
    client.cancel_job(name)


def test_a_job_waits_for_a_compute_that_is_gone(
    submit: Submit, client: AzureMLClient, emulator: Emulated, capsys: Any
) -> None:
    name = submit(outcome="stuck")
    wait_for(lambda: client.get_job(name).status == "Queued")
    with emulator.fault("/computes/cpu-cluster$", method="GET", status=403, times=None):
        code, out, err = run("show", name, capsys=capsys)
    assert code == 0
    assert "cpu-cluster" in out
    assert "What the job waits for could not be read: " in err
    with emulator.fault("/computes/cpu-cluster$", method="GET", status=404, times=None):
        assert "There is no compute cpu-cluster any more." in run("show", name, capsys=capsys)[1]
    client.cancel_job(name)
    ended(client, name)
    assert json.loads(run("show", name, "--output", "json", capsys=capsys)[1])["waits"] is None


def test_metrics(submit: Submit, client: AzureMLClient, capsys: Any) -> None:
    name = submit(seconds=0, metrics={"auc": 0.93, "loss": 0.1})
    ended(client, name)
    assert json.loads(run("metrics", name, "--output", "json", capsys=capsys)[1]) == {
        "auc": 0.93,
        "loss": 0.1,
    }
    assert ["auc", "0.93"] in [line.split() for line in run("metrics", name, capsys=capsys)[1].splitlines()]
    name = submit("-without", seconds=0)
    ended(client, name)
    assert f"Job {name} has no metrics." in run("metrics", name, capsys=capsys)[2]


def test_a_sweeps_trials_and_best(client: AzureMLClient, request: pytest.FixtureRequest, capsys: Any) -> None:
    name = unique(request)
    sweep = SweepJob(
        trial=Trial("echo ${{search_space.lr}}", "azureml:AzureML-any:1"),
        compute="cpu-cluster",
        search_space={"lr": SearchDistribution("uniform", (0.1, 0.9))},
        objective=Objective("maximize", "auc"),
        limits=SweepLimits(max_total_trials=3, max_concurrent_trials=3),
        tags={"emulator.seconds": "0"},
    )
    client.create_job(name, sweep)
    ended(client, name)
    trials = json.loads(run("metrics", name, "--output", "json", capsys=capsys)[1])
    assert [trial["name"] for trial in trials] == [f"{name}_{number}" for number in range(3)]
    head, *rows = run("metrics", name, capsys=capsys)[1].splitlines()
    assert head.split() == ["TRIAL", "STATUS", "auc", "lr"]
    assert len(rows) == 3
    best = max(trials, key=lambda trial: trial["metrics"]["auc"])
    assert (
        json.loads(run("show", name, "--output", "json", capsys=capsys)[1])["best_trial"]["name"]
        == best["name"]
    )


def test_logs(submit: Submit, client: AzureMLClient, capsys: Any) -> None:
    name = submit(seconds=0.1, log_lines=3)
    ended(client, name)
    code, out, _ = run("logs", name, capsys=capsys)
    assert (code, out.splitlines()) == (0, [f"line {number} of 3" for number in (1, 2, 3)])
    name = submit("-none", seconds=0)
    ended(client, name)
    code, out, err = run("logs", name, capsys=capsys)
    assert (code, out) == (0, "")
    assert "has no log; the job is Completed" in err


def test_logs_are_followed_to_the_end(submit: Submit, capsys: Any) -> None:
    name = submit(seconds=3, log_lines=30, outcome="failed")
    code, out, _ = run("logs", name, "--follow", capsys=capsys)
    assert out.splitlines() == [f"line {number + 1} of 30" for number in range(30)]
    assert code == 1


def test_a_wait_says_how_it_ended(submit: Submit, capsys: Any) -> None:
    code, out, err = run(
        "wait", submit("-good", seconds=0.5, queue_seconds=0.5), "--output", "json", capsys=capsys
    )
    assert code == 0
    assert json.loads(out)["status"] == "Completed"
    assert "Completed" in err.splitlines()[-1]
    code, _, err = run("wait", submit("-bad", seconds=0, outcome="failed", error="no label"), capsys=capsys)
    assert code == 1
    assert "failed: no label [UserScriptError]" in err
    code, _, err = run("wait", submit("-ended", seconds=0, outcome="canceled"), capsys=capsys)
    assert code == 1
    assert "was canceled by" in err
    code, out, _ = run("wait", submit("-long", outcome="stuck"), "--timeout", "0.5", capsys=capsys)
    assert code == 3
    assert "Queued" in out


@pytest.mark.parametrize("nameless", [False, True])
def test_cancel_notes_who_it_was(
    submit: Submit, client: AzureMLClient, capsys: Any, monkeypatch: pytest.MonkeyPatch, nameless: bool
) -> None:
    def user() -> str:
        if nameless:
            raise KeyError("getpwuid(): uid not found: 50000")
        return "jane"

    monkeypatch.setattr(getpass, "getuser", user)
    name = submit(outcome="stuck")
    assert run("cancel", name, "--yes", capsys=capsys)[0] == 0
    who = "somebody" if nameless else "jane"
    assert told_by(client.get_job(name)) == (True, f"{who}, with amlrest")
    ended(client, name)
    assert f"by {who}, with amlrest" in run("show", name, capsys=capsys)[1]


def test_cancel_asks(
    submit: Submit, client: AzureMLClient, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = submit(outcome="stuck")
    code, _, err = run("cancel", name, capsys=capsys)
    assert (code, client.get_job(name).outcome.value) == (2, "active")
    assert "--yes" in err

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert run("cancel", name, capsys=capsys)[0] == 2
    assert client.get_job(name).outcome.value == "active"
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert run("cancel", name, capsys=capsys)[0] == 0
    ended(client, name)
    assert client.get_job(name).status == "Canceled"
    code, out, err = run("cancel", name, "--yes", capsys=capsys)
    assert (code, "Canceled" in out) == (0, True), "one that has ended is no error"
    assert "has already ended; nothing was sent." in err


def test_what_goes_wrong_is_one_line(
    submit: Submit, emulator: Emulated, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    code, out, err = run("show", "no-such-job", capsys=capsys)
    assert (code, out) == (4, "")
    assert err.startswith("amlrest: ")
    assert "no-such-job" in err
    code, _, err = run("list", "--conn-id", "no_such_connection", capsys=capsys)
    assert code == 2
    assert "no connection 'no_such_connection'" in err
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri(tenant_id=None))
    code, _, err = run("list", capsys=capsys)
    assert code == 2
    assert "tenant_id" in err
    monkeypatch.setenv("AIRFLOW_CONN_AZUREML_DEFAULT", emulator.connection_uri(password="mistaken-9"))
    code, _, err = run("list", capsys=capsys)
    assert code == 4
    assert "mistaken-9" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments", [(), ("list", "--limit", "0"), ("wait", "x", "--timeout", "-1"), ("nonsense",)]
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_help_does_not_import_airflow() -> None:
    code = (
        "import sys; from airflow_provider_amlrest.cli.main import parser; parser().format_help();"
        "print('airflow' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


def process(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "airflow_provider_amlrest.cli", *arguments]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As on a terminal: what runs in the background of a script inherits that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


def test_only_results_are_on_standard_output(submit: Submit, client: AzureMLClient) -> None:
    name = submit(seconds=0)
    ended(client, name)
    with process("show", name, "--output", "json") as shown:
        out, _ = shown.communicate(timeout=120)
    assert json.loads(out)["name"] == name
    assert shown.returncode == 0


def test_ctrl_c_ends_the_wait_and_not_the_job(
    submit: Submit, emulator: Emulated, client: AzureMLClient
) -> None:
    name = submit(outcome="stuck")
    mark = emulator.mark()
    with process("wait", name) as waiting:
        wait_for(lambda: len(emulator.asked("GET", f"/jobs/{name}$", since=mark)) > 1)
        time.sleep(0.2)
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert "The job continues" in err
    assert "Traceback" not in err
    assert client.get_job(name).outcome.value == "active"


def test_a_connection_in_airflows_database(submit: Submit, emulator: Emulated, client: AzureMLClient) -> None:
    name = submit(seconds=0)
    ended(client, name)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW_CONN_")}
    migrate()
    airflow = str(Path(sys.executable).with_name("airflow"))
    command = [airflow, "connections", "add", "kept", "--conn-json", emulator.connection_uri()]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    with process("show", name, "--conn-id", "kept", "--output", "json", env=environment) as shown:
        out, err = shown.communicate(timeout=120)
    assert shown.returncode == 0, err
    assert json.loads(out)["status"] == "Completed"


def test_words() -> None:
    assert [duration(seconds) for seconds in (None, 5, 65, 3700)] == ["", "5 s", "1 min 5 s", "1 h 1 min"]
    assert safe(None) == ""
    assert safe("a\tb\nc\x07") == "a\tb\nc\N{REPLACEMENT CHARACTER}"


def test_times_are_those_of_utc_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert moment("2026-11-25T16:11:14.1234567+00:00") == "2026-11-25 16:11:14Z"
        assert moment("2026-11-25T17:11:14+01:00") == "2026-11-25 16:11:14Z"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert moment(None) == moment("soon") == ""


def test_a_table_has_no_blanks_at_the_ends_of_its_lines() -> None:
    out = io.StringIO()
    table(out, ("JOB", "TASK"), [("a", "train"), ("much-longer", None), ("b", "x y")])
    assert out.getvalue() == "JOB          TASK\na            train\nmuch-longer\nb            x y\n"
