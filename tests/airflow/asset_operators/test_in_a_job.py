"""What the operators have registered is what a job gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.operators import (
    AzureMLCreateEnvironmentOperator,
    AzureMLRegisterDataOperator,
    AzureMLSubmitCommandJobOperator,
)
from tests.support.emulated import Emulated
from tests.support.tasks import Try, unique


def test_a_job_gets_its_code_and_data_and_leaves_its_output(
    workspace: Emulated, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "src").mkdir()
    script = f"import sys, pathlib  # {unique(request)}\n" + (
        "text = pathlib.Path(sys.argv[1]).read_text()\n"
        "out = pathlib.Path(sys.argv[3]); out.mkdir(parents=True, exist_ok=True)\n"
        "(out / 'copy.txt').write_text(text + sys.argv[2])\n"
    )
    (tmp_path / "src" / "copy_it.py").write_text(script)
    (tmp_path / "in.txt").write_text("data ")
    dag_file = str(tmp_path / "dag.py")
    environment = Try(
        AzureMLCreateEnvironmentOperator(task_id="e", name="bare", image="python:3.11")
    ).execute()
    data = Try(
        AzureMLRegisterDataOperator(task_id="d", name="text", path="in.txt", type="uri_file"),
        dag_file=dag_file,
    ).execute()
    job = AzureMLSubmitCommandJobOperator(
        task_id=unique(request),
        command="python copy_it.py ${{inputs.text}} ${{inputs.word}} ${{outputs.copy}}",
        environment=environment,
        code="src",
        compute="cpu-cluster",
        inputs={"text": data, "word": "it's quoted"},
        outputs={"copy": "uri_folder"},
        poll_interval=0.5,
        timeout=60,
    )
    if "2021" in request.node.name:
        result = Try(job, dag_file=dag_file).execute()
    else:
        job.inputs["word"] = "plain"
        result = Try(job, dag_file=dag_file).execute()
    assert result["status"] == "Completed"
    wanted = "data it's quoted" if "2021" in request.node.name else "data plain"
    assert read_output(workspace, result["outputs"]["copy"], "copy.txt") == wanted


def test_by_products_and_places_make_no_other_work(
    current: Emulated, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(f"print({unique(request)!r})\n")

    def submitted(code: str | Path) -> str:
        job = AzureMLSubmitCommandJobOperator(
            task_id=unique(request),
            command="python train.py",
            environment="AzureML-any:1",
            code=code,
            compute="cpu-cluster",
            wait_for_completion=False,
        )
        return str(Try(job, dag_file=str(tmp_path / "dag.py")).execute()["name"])

    first, mark = submitted("src"), current.mark()
    for name in ("__pycache__/train.cpython-312.pyc", ".git/HEAD", ".train.py.swp", ".DS_Store"):
        (tmp_path / "src" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "src" / name).write_text(name)
        assert submitted("src") == first
    assert submitted(tmp_path / "src") == submitted(Path("src")) == first
    # Each try has only claimed the job, unless it had ended.
    assert set(current.writes(since=mark)) <= {"POST mlflow"}


def read_output(emulated: Emulated, uri: str, name: str) -> str:
    """A file of an output, out of the default datastore."""
    from azure.storage.blob import ContainerClient

    with AzureMLHook().client() as client:
        datastore = client.get_default_datastore()
        secrets = client.list_datastore_secrets(datastore.name)
    container = ContainerClient(
        emulated.facts["blob_endpoint"],
        datastore.container_name,
        credential=secrets.account_key,
        connection_verify=emulated.facts["ca_bundle"],
    )
    with container:
        path = uri.partition("/paths/")[2].rstrip("/")
        return bytes(container.download_blob(f"{path}/{name}").readall()).decode()
