"""Command jobs as real processes, with code, data and logs in a real Azurite."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from airflow_provider_amlrest.emulator.config import Compute
from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

from .harness import CANARY, WORKSPACE, Harness, make_harness

BLOBSTORE = "azureml://datastores/workspaceblobstore/paths"


def test_job_walks_from_code_and_data_to_log_and_outputs(host: Harness) -> None:
    code = host.code(
        "train", {"main.py": "import lib.part, sys\nlib.part.main(sys.argv)\n", "lib/part.py": PART}
    )
    host.put_blob("data/iris/a.csv", "1,2\n")
    host.put_blob("data/iris/deep/b.csv", "3\n")
    folder = host.asset("data", "iris", dataType="uri_folder", dataUri=f"{BLOBSTORE}/data/iris/")
    host.submit(
        "walk",
        "python main.py ${{inputs.iris}} ${{inputs.one}} ${{inputs.lr}} ${{outputs.model}} ${{inputs.raw}}",
        codeId=code,
        inputs={
            "iris": {"jobInputType": "uri_folder", "uri": folder, "mode": "ReadOnlyMount"},
            "one": {"jobInputType": "uri_file", "uri": f"{BLOBSTORE}/data/iris/a.csv", "mode": "Download"},
            "lr": {"jobInputType": "literal", "value": "0.1"},
            "raw": {"jobInputType": "uri_folder", "uri": f"{BLOBSTORE}/data/iris/", "mode": "Direct"},
        },
        outputs={
            "model": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount", "assetName": "model-data"},
        },
        environmentVariables={"GREETING": "hello there"},
    )
    job = host.wait("walk")
    assert (job.status, job.error) == ("Completed", None), host.log("walk")
    assert job.log_files == ("user_logs/std_log.txt", "logs/own.txt")
    assert job.started_at
    assert job.ended_at
    assert (
        host.log("walk")
        == f"1,2 3 1,2 0.1 {BLOBSTORE}/data/iris/ hello there\nsame input by variable: True\n"
    )
    assert host.blob("azureml/walk/model/deep/model.txt") == "trained"
    assert host.log("walk", "outputs/report.txt") == "good"
    long = "azureml://subscriptions/sub/resourcegroups/rg/workspaces/ws/datastores"
    uri = f"{long}/workspaceblobstore/paths/azureml/walk/model/"
    for name in ("azureml_walk_output_data_model", "model-data"):
        asset = host.store.asset(WORKSPACE.name, "data", name, "1")
        assert asset is not None
        assert (asset.properties["dataUri"], asset.properties["dataType"]) == (uri, "uri_folder")
    default = host.store.asset(WORKSPACE.name, "data", "azureml_walk_output_data_default", "1")
    assert default is not None
    assert default.properties["dataUri"] == f"{long}/workspaceartifactstore/paths/ExperimentRun/dcid.walk/"

    host.submit(
        "again",
        "cat ${{inputs.model}}/deep/model.txt",
        inputs={"model": {"jobInputType": "uri_folder", "uri": "azureml://jobs/walk/outputs/model/paths/"}},
    )
    assert host.wait("again").status == "Completed"
    assert host.log("again") == "trained"


PART = """
import os, pathlib
def main(argv):
    _, iris, one, lr, model, raw = argv
    iris = pathlib.Path(iris)
    texts = [iris.joinpath(p).read_text().strip() for p in ("a.csv", "deep/b.csv")]
    print(*texts, open(one).read().strip(), lr, raw, os.environ["GREETING"])
    print("same input by variable:", os.environ["AZURE_ML_INPUT_iris"] == str(iris))
    written = {model + "/deep/model.txt": "trained", "outputs/report.txt": "good", "logs/own.txt": "own"}
    for path, text in written.items():
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_text(text)
"""


def test_uri_file_output_and_given_output_uri(host: Harness) -> None:
    host.submit(
        "files",
        "echo 42 > ${{outputs.answer}}; echo x > ${{outputs.there}}/f",
        outputs={
            "answer": {"jobOutputType": "uri_file", "mode": "Upload"},
            "there": {"jobOutputType": "uri_folder", "uri": f"{BLOBSTORE}/chosen/place/"},
        },
    )
    assert host.wait("files").status == "Completed", host.log("files")
    assert host.blob("azureml/files/answer/answer") == "42\n"
    assert host.blob("chosen/place/f") == "x\n"


def test_a_model_that_a_job_registers_is_the_next_ones_input(host: Harness) -> None:
    output = {"jobOutputType": "custom_model", "assetName": "iris"}
    for name in ("one", "two"):
        host.submit(name, f"echo {name} > ${{{{outputs.m}}}}/weights", outputs={"m": output})
        assert host.wait(name).status == "Completed", host.log(name)
    model = host.store.asset(WORKSPACE.name, "models", "iris", "2")
    assert model is not None
    assert (model.properties["modelType"], model.properties["jobName"]) == ("custom_model", "two")
    for version, said in (("1", "one"), ("2", "two")):
        uri = f"{WORKSPACE.arm_id}/models/iris/versions/{version}"
        inputs = {"m": {"jobInputType": "custom_model", "uri": uri}}
        host.submit(f"reads-{said}", "cat ${{inputs.m}}/weights", inputs=inputs)
        assert host.wait(f"reads-{said}").status == "Completed", host.log(f"reads-{said}")
        assert host.log(f"reads-{said}") == f"{said}\n"


@pytest.mark.parametrize("kind", ["custom_model", "mlflow_model", "triton_model"])
def test_models_by_their_short_name(host: Harness, kind: str) -> None:
    name, output = f"short-{kind}", {"jobOutputType": kind, "assetName": f"short_{kind}"}
    host.submit(name, "echo w > ${{outputs.m}}/weights", outputs={"m": output})
    assert host.wait(name).status == "Completed", host.log(name)
    for number, reference in enumerate((f"azureml:short_{kind}:1", f"azureml:short_{kind}@latest")):
        inputs = {
            "m": {"jobInputType": kind, "uri": reference, "mode": "Download"},
            "d": {"jobInputType": kind, "uri": reference, "mode": "Direct"},
        }
        reader = host.submit(
            f"{name}-{number}", "cat ${{inputs.m}}/weights; echo ${{inputs.d}}", inputs=inputs
        )
        assert host.wait(reader).status == "Completed", host.job(reader).error
        weights, place = host.log(reader).splitlines()
        assert weights == "w"
        assert place.endswith(f"/datastores/workspaceblobstore/paths/azureml/{name}/m/")


def test_a_model_of_which_the_job_has_written_nothing(host: Harness) -> None:
    output = {"jobOutputType": "mlflow_model", "assetName": "void"}
    host.submit("writes-nothing", "true", outputs={"m": output})
    failed = host.wait("writes-nothing")
    assert failed.status == "Failed"
    assert failed.error is not None
    assert (
        "No blobs found in storage at model asset path: azureml/writes-nothing/m/" in failed.error["message"]
    )
    assert host.store.assets(WORKSPACE.name, "models", "void") == []


def test_expressions_in_an_outputs_path_are_the_jobs_own(host: Harness) -> None:
    uri = "azureml://datastores/${{default_datastore}}/paths/all/${{name}}/${{ output_name }}/"
    for name in ("first", "second"):
        host.submit(
            name,
            f"echo {name} > ${{{{outputs.model}}}}/f",
            outputs={"model": {"jobOutputType": "uri_folder", "uri": uri}},
        )
    for name in ("first", "second"):
        assert host.wait(name).status == "Completed", host.log(name)
        assert host.blob(f"all/{name}/model/f") == f"{name}\n"
        asset = host.store.asset(WORKSPACE.name, "data", f"azureml_{name}_output_data_model", "1")
        assert asset is not None
        assert asset.properties["dataUri"].endswith(f"/workspaceblobstore/paths/all/{name}/model/")


def test_failed_command_tells_exit_code_and_last_lines(host: Harness) -> None:
    host.submit(
        "fails",
        "echo before > kept.txt; mkdir outputs; cp kept.txt outputs; echo 'boom: no data' >&2; exit 3",
    )
    job = host.wait("fails")
    assert job.status == "Failed"
    assert job.error is not None
    assert job.error["code"] == "UserError"
    assert "exited with status code 3" in job.error["message"]
    assert "boom: no data" in job.error["message"]
    assert host.log("fails", "outputs/kept.txt") == "before\n"
    assert host.store.asset(WORKSPACE.name, "data", "azureml_fails_output_data_default", "1") is None


def test_command_killed_by_a_signal(host: Harness) -> None:
    host.submit("killed", "kill -9 $$")
    job = host.wait("killed")
    assert job.error is not None
    assert "status code 137" in job.error["message"]


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"codeId": "azureml:nothing:1"}, "azureml:nothing:1 is not registered"),
        ({"inputs": {"x": {"jobInputType": "uri_file", "uri": f"{BLOBSTORE}/none.csv"}}}, "Input 'x'"),
        (
            {"inputs": {"x": {"jobInputType": "uri_folder", "uri": f"{BLOBSTORE}/none"}}},
            "There is no blob below",
        ),
        (
            {"inputs": {"x": {"jobInputType": "uri_folder", "uri": "azureml://datastores/lake/paths/a"}}},
            "'lake'",
        ),
        ({"inputs": {"x": {"jobInputType": "uri_file", "uri": "ftp://host/a?sig=secret"}}}, "'ftp://host/a'"),
        (
            {"inputs": {"x": {"jobInputType": "uri_file", "uri": "https://127.0.0.1:9/a?sig=secret"}}},
            "ConnectionError",
        ),
        (
            {"inputs": {"x": {"jobInputType": "uri_file", "uri": BLOBSTORE, "mode": "EvalMount"}}},
            "mode EvalMount",
        ),
        (
            {"outputs": {"m": {"jobOutputType": "uri_folder", "uri": f"{BLOBSTORE}/${{{{x}}}}"}}},
            "an output's path can have name, output_name, default_datastore",
        ),
        ({"command": "cat ${{inputs.absent}}"}, "${{inputs.absent}}"),
        ({"computeId": f"{WORKSPACE.arm_id}/computes/gpu"}, "Compute 'gpu'"),
        ({"resources": {"instanceCount": 3}}, "wants 3 nodes (instanceCount), and cpu has 2"),
        ({"limits": {"timeout": "soon"}}, "limits.timeout is 'soon'"),
    ],
)
def test_job_that_cannot_run_fails_with_words(host: Harness, properties: dict, words: str) -> None:
    host.submit("wrong", **properties)
    job = host.wait("wrong")
    assert job.status == "Failed"
    assert job.error is not None
    assert words in job.error["message"]
    assert "secret" not in job.error["message"]


def test_log_grows_while_the_job_runs(host: Harness) -> None:
    host.submit("slow", "echo first; while [ ! -e stop ]; do sleep 0.1; done; echo last")
    job = host.wait("slow", "Running")
    wait_for(lambda: "user_logs/std_log.txt" in host.job("slow").log_files)
    wait_for(lambda: host.log("slow") == "first\n")
    assert host.job("slow").status == "Running"
    (host.services.settings.data_dir / "runs/ws/slow/code/stop").touch()
    job = host.wait("slow")
    assert job.status == "Completed"
    assert host.log("slow") == "first\nlast\n"
    assert [p.name for p in (host.services.settings.data_dir / "runs/ws/slow").iterdir()] == ["user_logs"]


ORPHANS = (
    "(setsid sleep 300 & echo $! >> pids; sleep 300 & echo $! >> pids; wait) & echo $$ >> pids; {}; wait"
)


def pids_of(host: Harness, name: str) -> list[int]:
    file = host.services.settings.data_dir / "runs/ws" / name / "code/pids"
    wait_for(lambda: file.exists() and len(file.read_text().split()) == 3)
    return [int(pid) for pid in file.read_text().split()]


def test_cancel_ends_all_descendants_soon(host: Harness) -> None:
    host.submit("long", ORPHANS.format("trap 'echo bye; exit' TERM"))
    pids = pids_of(host, "long")
    assert all(map(is_alive, pids))
    host.cancel("long")
    job = host.wait("long")
    assert (job.status, job.error) == ("Canceled", None)
    assert not any(map(is_alive, pids))
    assert "bye" in host.log("long")


def test_cancel_of_a_command_that_ignores_sigterm(host: Harness) -> None:
    host.submit("stubborn", ORPHANS.format("trap '' TERM"))
    pids = pids_of(host, "stubborn")
    host.cancel("stubborn")
    assert host.wait("stubborn").status == "Canceled"
    assert not any(map(is_alive, pids))


def test_timeout_cancels(host: Harness) -> None:
    host.submit("late", ORPHANS.format("true"), limits={"jobLimitsType": "Command", "timeout": "PT1S"})
    pids = pids_of(host, "late")
    job = host.wait("late")
    assert job.status == "Canceled"
    assert job.error is not None
    assert "limits.timeout, 1 seconds" in job.error["message"]
    assert not any(map(is_alive, pids))


def test_nodes_limit_what_runs_at_once_in_order(host: Harness) -> None:
    stop = host.services.settings.data_dir / "stop"
    names = [host.submit(f"n{i}", f"while [ ! -e {stop}{i} ]; do sleep 0.05; done") for i in range(4)]
    for name in names[:2]:
        host.wait(name, "Running")
    assert [host.wait(name, "Queued").status for name in names[2:]] == ["Queued", "Queued"]
    host.cancel(names[2])
    assert host.wait(names[2]).status == "Canceled"
    stop.with_name("stop0").touch()
    assert host.wait("n0").status == "Completed"
    assert host.wait("n3", "Running").status == "Running"
    for name in ("n1", "n3"):
        host.cancel(name)
        assert host.wait(name).status == "Canceled"


def test_restart_runs_interrupted_jobs_again(host: Harness) -> None:
    runs = host.services.settings.data_dir / "runs.txt"
    host.submit("cut", f"echo run >> {runs}; sleep 300")
    wait_for(lambda: runs.exists() and runs.read_text())
    host.stop()
    assert host.job("cut").status == "Running"
    host.submit("waiting", "echo done")
    host.store.transition(WORKSPACE.name, "cut", "CancelRequested", cancel_requested=True)
    host.submit("redo", f"echo run >> {runs}")
    host.store.update_job(WORKSPACE.name, "redo", status="Running")
    host.start()
    assert host.wait("waiting").status == "Completed"
    assert host.wait("redo").status == "Completed"
    assert host.wait("cut").status == "Canceled"
    assert runs.read_text() == "run\nrun\n"


def test_secrets_of_the_emulator_do_not_reach_jobs(host: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AMLREST_SECRET", "AIRFLOW_HOME", "AZURITE_ACCOUNTS", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "leaked-value")
    host.submit("env", "env")
    assert host.wait("env").status == "Completed"
    log = host.log("env")
    assert "leaked-value" not in log
    assert f"MLFLOW_TRACKING_TOKEN={CANARY}-env" in log


def test_job_token_is_in_no_file_and_no_record(host: Harness) -> None:
    host.submit("quiet", "echo nothing; exit 1")
    host.wait("quiet")
    folder = host.services.settings.data_dir
    assert not [p for p in folder.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]


def test_link_out_of_the_outputs_is_not_uploaded(host: Harness) -> None:
    host.submit("link", "mkdir outputs; ln -s /etc/passwd outputs/stolen; echo ok > outputs/own")
    assert host.wait("link").status == "Completed"
    assert host.log("link", "outputs/own") == "ok\n"
    stolen = host.services.blobs.service.get_blob_client("azureml", "ExperimentRun/dcid.link/outputs/stolen")
    assert not stolen.exists()


CRASHING = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage
from harness import make_harness
blobs = BlobStorage({port}, {key!r}, Path({ca_bundle!r}))
harness = make_harness(Path({folder!r}), "host", blobs)
harness.start()
harness.submit("j", {command!r}, outputs={{}})
time.sleep(300)
"""


def test_processes_do_not_survive_a_killed_emulator(tmp_path: Path, blobs: BlobStorage) -> None:
    script = CRASHING.format(
        tests=str(Path(__file__).parent),
        port=urlsplit(blobs.endpoint).port,
        key=blobs.key,
        ca_bundle=str(blobs.ca_bundle),
        folder=str(tmp_path),
        command=ORPHANS.format("true"),
    )
    emulator = subprocess.Popen([sys.executable, "-c", script])
    harness = make_harness(tmp_path, "host", blobs)
    try:
        pids = pids_of(harness, "j")
        assert all(map(is_alive, pids))
    finally:
        emulator.send_signal(signal.SIGKILL)
        emulator.wait()
    wait_for(lambda: not any(map(is_alive, pids)))


def test_small_job_does_not_overtake_on_its_own_compute_only(tmp_path: Path, blobs: BlobStorage) -> None:
    harness = make_harness(tmp_path, "host", blobs, (Compute("cpu", 1), Compute("other", 1)))
    harness.start()
    try:
        harness.submit("holds", "sleep 300")
        harness.wait("holds", "Running")
        harness.submit("waits")
        harness.submit("elsewhere", computeId=f"{WORKSPACE.arm_id}/computes/OTHER")
        harness.submit("serverless", computeId=None)
        assert harness.wait("elsewhere").status == "Completed"
        assert harness.wait("serverless").status == "Completed"
        assert harness.wait("waits", "Queued").status == "Queued"
    finally:
        harness.stop()


def test_a_data_dir_whose_path_needs_quotes_is_no_matter_to_commands(
    tmp_path: Path, blobs: BlobStorage
) -> None:
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    harness = make_harness(folder, "host", blobs)
    harness.start()
    try:
        harness.put_blob("data/word.txt", "fine")
        harness.submit(
            "spaces",
            "cat ${{inputs.word}}",
            inputs={
                "word": {
                    "jobInputType": "uri_file",
                    "uri": f"{BLOBSTORE}/data/word.txt",
                    "mode": "Download",
                }
            },
        )
        assert harness.wait("spaces").status == "Completed"
        assert harness.log("spaces") == "fine"
    finally:
        harness.stop()
        harness.store.close()
