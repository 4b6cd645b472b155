"""Operators for models, with real blobs and a job that writes one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.hook import AzureMLHook
from airflow_provider_amlrest.operators import (
    AzureMLDownloadModelOperator,
    AzureMLRegisterModelOperator,
    AzureMLSubmitCommandJobOperator,
    AzureMLUpdateModelOperator,
)
from airflow_provider_amlrest.rest.assets.model import Model
from tests.support.emulated import Emulated
from tests.support.tasks import Try, found, unique

WRITE = (
    "import pathlib, sys; out = pathlib.Path(sys.argv[1]); out.mkdir(parents=True, exist_ok=True); "
    "(out / 'MLmodel').write_text('flavors: {}'); "
    "(out / 'data').mkdir(); (out / 'data' / 'm').write_text('m')"
)


def attempt(operator: Any, base: Path) -> Any:
    return Try(operator, dag_file=str(base / "dag.py"))


def register(base: Path, **arguments: Any) -> Any:
    return attempt(AzureMLRegisterModelOperator(**{"task_id": "register", **arguments}), base).execute()


def update(model: Any, base: Path, **arguments: Any) -> Any:
    return attempt(AzureMLUpdateModelOperator(task_id="update", model=model, **arguments), base).execute()


def download(model: Any, base: Path, path: Any = "got", **arguments: Any) -> Any:
    operator = AzureMLDownloadModelOperator(task_id="download", model=model, path=path, **arguments)
    return attempt(operator, base).execute()


def read(model: dict[str, str]) -> Model:
    with AzureMLHook().client() as client:
        return client.get_model(model["name"], model["version"])


def files_of(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def model_file(tmp_path: Path, workspace: Emulated) -> str:
    (tmp_path / "model.txt").write_text(f"trees {workspace.mark()}")
    return "model.txt"


def test_files_of_this_machine_are_one_version(
    workspace: Emulated, model_file: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    asked = {"name": unique(request), "path": model_file, "tags": {"team": "ml"}, "description": "what"}
    first = register(tmp_path, **asked)
    assert (first["version"], first["type"], first["outcome"]) == ("1", "custom_model", "registered")
    mark = workspace.mark()
    assert register(tmp_path, **asked) == found(first)
    assert workspace.writes(since=mark) == []
    assert (read(first).tags, read(first).description) == ({"team": "ml"}, "what")
    (tmp_path / model_file).write_text("other trees")
    second = register(tmp_path, **asked)
    assert second["version"] == "2"
    with pytest.raises(AirflowFailException, match="exists with another type, job or content"):
        register(tmp_path, **asked, version="1")


def test_by_the_clis_yaml(current: Emulated, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "model.txt").write_text("of yaml")
    (tmp_path / "sub" / "model.yml").write_text(
        f"name: {unique(request)}\npath: model.txt\nstage: Staging\ntags: {{day: '{{{{ ds }}}}'}}\n"
    )
    first = register(tmp_path, model="sub/model.yml", stage="Production")
    made = read(first)
    assert (made.stage, made.tags) == ("Production", {"day": "2026-01-01"})
    assert register(tmp_path, model="sub/model.yml") == found(first)
    mapping = {"name": first["name"], "path": "sub/model.txt"}
    assert register(tmp_path, model=mapping) == register(tmp_path, model=json.dumps(mapping)) == found(first)


def test_the_output_of_a_job(workspace: Emulated, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "write.py").write_text(WRITE)
    job = AzureMLSubmitCommandJobOperator(
        task_id=unique(request),
        command="python write.py ${{outputs.model}}",
        environment="AzureML-any:1",
        code="src",
        compute="cpu-cluster",
        outputs={"model": "uri_folder"},
        poll_interval=0.2,
    )
    trained = attempt(job, tmp_path).execute()
    asked = {"name": unique(request), "job_name": trained, "type": "mlflow_model"}
    first = register(tmp_path, **asked)
    mark = workspace.mark()
    assert register(tmp_path, **{**asked, "job_name": trained["name"]}) == found(first)
    assert workspace.writes(since=mark) == []
    assert (read(first).job_name, first["type"]) == (trained["name"], "mlflow_model")

    got = download(first, tmp_path)
    assert (got["outcome"], got["path"]) == ("downloaded", str(tmp_path / "got"))
    assert files_of(tmp_path / "got") == {"MLmodel": "flavors: {}", "data/m": "m"}
    part = register(tmp_path, name=f"{asked['name']}-part", job_name=trained["name"], path="data")
    download(part, tmp_path, path="part")
    assert files_of(tmp_path / "part") == {"m": "m"}
    with pytest.raises(AirflowFailException, match=r"job_output: .* has no output 'modle'; it has 'model'"):
        register(tmp_path, **asked, job_output="modle")


def test_changes_are_sent_once(current: Emulated, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "model.txt").write_text("to change")
    asked = {"name": unique(request), "path": "model.txt", "tags": {"a": "1", "b": "2"}, "flavors": {"x": {}}}
    made = register(tmp_path, **asked)
    before = read(made)
    change = {"stage": "Production", "tags": {"b": None, "c": "3"}, "description": "better"}
    changed = update(f"{made['name']}:1", tmp_path, **change)
    assert (changed["outcome"], changed["stage"], changed["archived"]) == ("updated", "Production", False)
    now = read(made)
    assert (now.tags, now.description) == ({"a": "1", "c": "3"}, "better")
    assert (now.uri, now.flavors, now.properties) == (before.uri, before.flavors, before.properties)
    mark = current.mark()
    assert update(made, tmp_path, **change)["outcome"] == "unchanged"
    assert current.writes(since=mark) == []
    # What was registered is found as it is now.
    assert register(tmp_path, **asked) == found(made)
    assert read(made).stage == "Production"

    assert update(made, tmp_path, archived="true")["archived"] is True
    assert register(tmp_path, **asked) == found(made)
    assert update(made, tmp_path, archived=False)["outcome"] == "updated"
    assert read(made).is_archived is False


def test_a_folder_that_is_whole_is_not_fetched_again(
    workspace: Emulated, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source = tmp_path / "model"
    (source / "deep").mkdir(parents=True)
    for name in ("a", "deep/b"):
        (source / name).write_text(f"{name} of {unique(request)}")
    made = register(tmp_path, name=unique(request), path="model")
    beside = register(tmp_path, name=f"{unique(request)}-2", path="model/a")
    assert download(made, tmp_path)["outcome"] == "downloaded"
    assert files_of(tmp_path / "got") == files_of(source)
    assert download(made, tmp_path)["outcome"] == "found"
    (tmp_path / "got" / "a").write_text("changed")
    with pytest.raises(AirflowFailException, match=r"^path: '.*got' holds something else"):
        download(made, tmp_path)
    assert download(made, tmp_path, overwrite="true")["outcome"] == "downloaded"
    assert download(beside, tmp_path, path="one")["outcome"] == "downloaded"
    assert files_of(tmp_path / "one") == {"a": f"a of {unique(request)}"}
    assert {path.name for path in tmp_path.iterdir()} == {"model", "got", "one"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "path: it is missing"),
        ({"path": "gone.txt"}, "path: there is no file or folder"),
        ({"path": "x", "type": "onnx"}, "type: 'onnx' is not one of"),
        ({"path": "x", "type": "mlflow_model"}, "type: 'mlflow_model' is a folder with a file 'MLmodel'"),
        ({"path": "x", "name": "a b"}, "name: 'a b' is not a valid name"),
        ({"path": "https://h/x?sig=CANARY"}, r"path: .* holds a signature"),
        ({"job_name": "a b"}, "job_name: 'a b' is not the name of a job"),
        ({"job_name": "j", "path": "https://h/x"}, "path: 'https://h/x' must be a path below the output"),
        ({"job_name": "j", "job_output": "artifacts"}, "path: it is missing: where the run has logged"),
        ({"model": {"name": "m", "paht": "x"}}, "paht: unknown key 'paht'; did you mean 'path'"),
    ],
)
def test_mistakes_are_said_before_anything_is_sent(
    current: Emulated, tmp_path: Path, arguments: dict[str, Any], problem: str
) -> None:
    (tmp_path / "x").write_text("x")
    mark = current.mark()
    with pytest.raises(AirflowFailException, match=f"^{problem}") as told:
        register(tmp_path, **{"name": "m", **arguments})
    assert current.asked(since=mark) == []
    assert "CANARY" not in str(told.value)


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("iris", "model: 'iris' names no version of a model in the workspace; write iris:3 or iris@latest"),
        ("azureml://registries/r/models/m/versions/1", "model: .* names no version of a model"),
        (
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/other"
            "/models/m/versions/1",
            "model: .* is a model of another workspace",
        ),
    ],
)
def test_what_is_no_model_of_the_workspace(
    current: Emulated, tmp_path: Path, model: str, problem: str
) -> None:
    for action in (update, download):
        with pytest.raises(AirflowFailException, match=f"^{problem}"):
            action(model, tmp_path)


@pytest.mark.parametrize("path", [".", "..", "sub/..", "/"])
def test_a_download_does_not_take_the_place_of_the_dag(
    current: Emulated, tmp_path: Path, request: pytest.FixtureRequest, path: str
) -> None:
    """A folder that is overwritten goes with all that is in it."""
    dags = tmp_path / "dags"
    (dags / "sub").mkdir(parents=True)
    (dags / "model.txt").write_text("x")
    model = register(dags, name=unique(request), path="model.txt")
    with pytest.raises(AirflowFailException, match=r"path: .* holds the DAG's file"):
        download(model, dags, path, overwrite=True)
    assert (dags / "model.txt").exists()


def test_a_download_takes_the_place_of_a_link_and_not_of_what_it_leads_to(
    current: Emulated, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "model.txt").write_text("x")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("another's")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    model = register(tmp_path, name=unique(request), path="model.txt")
    assert download(model, tmp_path, "link", overwrite=True)["outcome"] == "downloaded"
    assert files_of(tmp_path / "link") == {"model.txt": "x"}
    assert files_of(tmp_path / "other") == {"file": "another's"}
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_link_to_a_file_is_registered_by_its_own_name(
    current: Emulated, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "model-7.txt").write_text("x")
    (tmp_path / "latest.txt").symlink_to("model-7.txt")
    model = register(tmp_path, name=unique(request), path="latest.txt")
    assert model["uri"].endswith("/latest.txt")
    download(model, tmp_path)
    assert files_of(tmp_path / "got") == {"latest.txt": "x"}


@pytest.mark.parametrize("path", ["runs:/7", "runs:/7/", "runs:/", "runs://7/model"])
def test_a_run_is_named_with_the_path_of_its_model(current: Emulated, tmp_path: Path, path: str) -> None:
    with pytest.raises(AirflowFailException, match=r"path: .* must be local, runs:/<run>/<path>"):
        register(tmp_path, name="m", path=path)
