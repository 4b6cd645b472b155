"""Spark jobs in processes: what ``spark-submit`` is called with, and what is said where it cannot be."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_amlrest.emulator.config import Compute
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.spark import as_command
from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage
from airflow_provider_amlrest.emulator.store import JobRecord

from .harness import WORKSPACE, Harness, make_harness

COUNT = """
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
words = spark.read.text(sys.argv[1])
settings = [spark.conf.get(name) for name in ("spark.driver.host", "spark.sql.shuffle.partitions")]
print("rows", words.count(), *settings)
words.selectExpr("upper(value) as value").coalesce(1).write.text(sys.argv[2])
"""


def submit(harness: Harness, name: str, code: dict[str, str], **properties: Any) -> None:
    """Add a Spark job as the server would."""
    defaults = {
        "jobType": "Spark",
        "codeId": harness.code(f"code-{name}", code),
        "entry": {"sparkJobEntryType": "SparkJobPythonEntry", "file": "count.py"},
        "environmentId": None,
        "conf": {"spark.driver.memory": "1g"},
        "resources": {"instanceType": "standard_e4s_v3", "runtimeVersion": "3.5"},
        "inputs": {},
        "outputs": {},
        "tags": {},
    }
    harness.store.add_job(JobRecord(WORKSPACE.name, name, "Spark", defaults | properties, "Starting"))
    harness.wake()


@pytest.fixture
def pyspark(tmp_path: Path) -> dict[str, str]:
    """Variables by which a job finds a Java and a PySpark that only say what they were called with."""
    package, java = tmp_path / "stub" / "pyspark", tmp_path / "java" / "bin" / "java"
    (package / "bin").mkdir(parents=True)
    (package / "__init__.py").touch()
    script = package / "bin" / "spark-submit"
    script.write_text('#!/bin/sh\nprintf "<%s>" "$@"\necho; env | sort\nls -d "$OUT" 2>&1\ntrue\n')
    script.chmod(0o755)
    java.parent.mkdir(parents=True)
    java.touch(mode=0o755)
    return {"PYTHONPATH": str(package.parent), "JAVA_HOME": str(java.parent.parent)}


def arguments(harness: Harness, name: str) -> list[str]:
    return harness.log(name).splitlines()[0].strip("<>").split("><")


def test_spark_submit_gets_what_the_job_says(host: Harness, pyspark: dict[str, str]) -> None:
    host.put_blob("in/words.txt", "a\n")
    direct = {"uri": "azureml://datastores/workspaceblobstore/paths/in/words.txt", "mode": "Direct"}
    submit(
        host,
        "s",
        {"count.py": ""},
        args="--in ${{ inputs.words }} --say '${{inputs.phrase}}; $HOME' --out ${{outputs.counted}}",
        inputs={
            "words": {"jobInputType": "uri_file", **direct},
            "phrase": {"jobInputType": "literal", "value": "it's two words"},
        },
        outputs={"counted": {"jobOutputType": "uri_folder", "mode": "Direct"}},
        pyFiles=["a.py", "b.zip"],
        files=["c.txt"],
        environmentVariables=pyspark,
    )
    assert host.wait("s").status == "Completed", host.log("s")
    called = arguments(host, "s")
    assert called[:2] == ["--master", "local[*]"]
    assert "spark.driver.memory=1g" in called
    assert called[called.index("--py-files") + 1] == "a.py,b.zip"
    assert called[called.index("--files") + 1] == "c.txt"
    program = called.index("count.py")
    assert called[program + 1 : program + 5 : 2] == ["--in", "--say"]
    assert called[program + 2].endswith("/inputs/words/words.txt")
    assert called[program + 4] == "it's two words; $HOME"
    assert called[program + 6].endswith("/outputs/counted")


def test_nothing_of_spark_listens_but_on_loopback(host: Harness, pyspark: dict[str, str]) -> None:
    everywhere = {"spark.driver.bindAddress": "0.0.0.0", "spark.ui.enabled": "true"}  # noqa: S104
    submit(host, "s", {"count.py": ""}, conf=everywhere, environmentVariables=pyspark)
    assert host.wait("s").status == "Completed"
    settings = {word for word in arguments(host, "s") if word.startswith("spark.")}
    assert settings == {
        "spark.driver.bindAddress=127.0.0.1",
        "spark.driver.host=127.0.0.1",
        "spark.ui.enabled=false",
    }
    assert "SPARK_LOCAL_IP=127.0.0.1" in host.log("s").splitlines()


def test_a_folder_that_spark_writes_to_is_not_there_before(host: Harness, pyspark: dict[str, str]) -> None:
    direct = {"jobOutputType": "uri_folder", "mode": "Direct"}
    mounted = {"jobOutputType": "uri_folder", "mode": "ReadWriteMount"}
    for name, output in (("direct", direct), ("mounted", mounted)):
        out = {"OUT": f"../outputs/{name}"}
        submit(host, name, {"count.py": ""}, outputs={name: output}, environmentVariables=pyspark | out)
    assert host.wait("direct").status == host.wait("mounted").status == "Completed"
    assert "No such file or directory" in host.log("direct")
    assert host.log("mounted").endswith("../outputs/mounted\n")


def test_a_job_without_pyspark_fails_and_says_so(host: Harness) -> None:
    submit(host, "s", {"count.py": ""})
    job = host.wait("s")
    assert job.status == "Failed"
    assert job.error is not None
    for said in (job.error["message"], host.log("s")):
        assert "PySpark is not installed in the job's environment" in said


def test_a_job_without_java_fails_and_says_so(host: Harness, pyspark: dict[str, str], tmp_path: Path) -> None:
    """Its PATH has nothing but a shell and an interpreter."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "bash").symlink_to(shutil.which("bash") or "")
    (folder / "python").symlink_to(Path(sys.executable).resolve())
    without = {**pyspark, "PATH": str(folder), "JAVA_HOME": str(tmp_path / "nowhere")}
    submit(host, "s", {"count.py": ""}, environmentVariables=without)
    job = host.wait("s")
    assert job.status == "Failed"
    assert job.error is not None
    assert "Java, which Spark needs, was not found" in job.error["message"]
    assert "PySpark" not in host.log("s")


def test_a_class_is_run_from_the_first_jar() -> None:
    entry = {"sparkJobEntryType": "SparkJobScalaEntry", "className": "org.example.Main"}
    command = as_command({"entry": entry, "jars": ["main.jar", "other.jar"], "args": "1"})["command"]
    assert command.endswith("--class org.example.Main --jars other.jar main.jar 1")
    with pytest.raises(JobError, match="className needs the jar"):
        as_command({"entry": entry})


def test_arguments_that_cannot_be_split() -> None:
    with pytest.raises(JobError, match="cannot be split into words: No closing quotation"):
        as_command({"entry": {"file": "count.py"}, "args": "--say 'it"})


def test_the_environment_is_the_jobs_own_or_spark_of_its_version() -> None:
    entry = {"file": "count.py"}
    runtime = {"runtimeVersion": "3.4"}
    assert as_command({"entry": entry, "environmentId": "azureml:e:1"})["environmentId"] == "azureml:e:1"
    assert as_command({"entry": entry, "resources": runtime})["environmentId"] == "azureml:AzureML-Spark:3.4"


def test_spark_and_command_jobs_share_the_nodes(
    tmp_path: Path, blobs: BlobStorage, pyspark: dict[str, str]
) -> None:
    harness = make_harness(tmp_path, "host", blobs, (Compute("cpu", 1),))
    harness.start()
    go = tmp_path / "go"
    harness.submit("first", f"until [ -e {go} ]; do sleep 0.05; done")
    harness.wait("first", "Running")
    compute = f"{WORKSPACE.arm_id}/computes/cpu"
    submit(harness, "second", {"count.py": ""}, computeId=compute, environmentVariables=pyspark)
    assert harness.wait("second", "Queued", "Running").status == "Queued"
    go.touch()
    assert harness.wait("second").status == "Completed"
    harness.stop()
    harness.store.close()


@pytest.mark.demo
def test_spark_really_runs(venv: Harness) -> None:
    """With PySpark from the package index, and the Java of this machine."""
    venv.put_blob("in/words.txt", "one\ntwo\nthree\n")
    uri = "azureml://datastores/workspaceblobstore/paths/in/words.txt"
    submit(
        venv,
        "s",
        {"count.py": COUNT},
        args="${{inputs.words}} ${{outputs.counted}}",
        conf={"spark.sql.shuffle.partitions": "3"},
        inputs={"words": {"jobInputType": "uri_file", "uri": uri, "mode": "Direct"}},
        outputs={"counted": {"jobOutputType": "uri_folder", "mode": "Direct"}},
    )
    assert venv.wait("s").status == "Completed", venv.job("s").error
    assert "rows 3 127.0.0.1 3" in venv.log("s")
    container = venv.services.blobs.service.get_container_client(WORKSPACE.default_container)
    written = [blob.name for blob in container.list_blobs("azureml/s/counted/")]
    [part] = [name for name in written if "/part-" in name and name.endswith(".txt")]
    assert venv.blob(part) == "ONE\nTWO\nTHREE\n"
