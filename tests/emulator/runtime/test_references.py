"""Placeholders, durations, conda files, and where data lies: pure functions of text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from airflow_provider_amlrest.emulator.runtime.conda import read_conda_file
from airflow_provider_amlrest.emulator.runtime.data import BlobLocation, DataResolver, WebLocation
from airflow_provider_amlrest.emulator.runtime.durations import timeout_seconds
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.placeholders import resolve, resolve_path
from airflow_provider_amlrest.emulator.runtime.services import Services
from airflow_provider_amlrest.emulator.runtime.transfer import inside
from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage

from .harness import WORKSPACE, Harness, make_harness


def test_placeholders() -> None:
    text = "a ${{inputs.x}} ${{ inputs.x }} ${{search_space.lr}} ${{name}} $HOME"
    assert resolve(text, {"inputs": {"x": "/in"}}) == "a /in /in ${{search_space.lr}} ${{name}} $HOME"
    assert resolve("${{inputs.x}}", {"inputs": {"x": "${{inputs.y}}"}}) == "${{inputs.y}}"
    with pytest.raises(JobError, match=r"outputs\.model.*Its outputs: best, other"):
        resolve("${{outputs.model}}", {"outputs": {"other": "", "best": ""}})
    assert resolve_path("a/${{name}}/${{ name }}", {"name": "j"}) == "a/j/j"
    with pytest.raises(JobError, match=r"has \$\{\{parent\.name\}\}; an output's path can have name"):
        resolve_path("a/${{parent.name}}", {"name": "j"})


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT1H30M", 5400), ("P1DT1S", 86401), ("PT0.5S", 0.5), (None, None)]
)
def test_durations(text: str | None, seconds: float | None) -> None:
    assert timeout_seconds(text, "limits.timeout") == seconds


@pytest.mark.parametrize("text", ["60", "1h", "P1M", "PT0S", "-PT1S"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(JobError, match=f"limits.timeout is '{text}'"):
        timeout_seconds(text, "limits.timeout")


CONDA = """
channels: [conda-forge]
dependencies:
- python=3.1
- pip
- numpy=1.26
- conda-forge::pandas >=2,<3
- pytorch==2.4.0
- scipy=1.11=py311_0
- pip: [lightgbm==4.5.0, "mlflow-skinny>=2"]
"""


def test_conda_file() -> None:
    spec = read_conda_file(CONDA)
    assert spec.requirements == (
        "numpy==1.26.*",
        "pandas>=2,<3",
        "torch==2.4.0",
        "scipy==1.11.*",
        "lightgbm==4.5.0",
        "mlflow-skinny>=2",
    )
    assert "Asked for python=3.1; the emulator uses this machine's Python 3." in spec.notes[0]


def test_key_is_by_content() -> None:
    pip = {"dependencies": ["python=3.11", "pip", {"pip": ["a==1", "b"]}]}
    key = read_conda_file(json.dumps(pip)).key
    assert key == read_conda_file("name: other\ndependencies:\n- pip\n- pip:\n  - a==1\n  - b\n").key
    assert key != read_conda_file(json.dumps(pip).replace("a==1", "a==2")).key
    assert read_conda_file("").key == read_conda_file(None).key != key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dependencies: [cudatoolkit=11]", "conda package 'cudatoolkit=11'"),
        ("dependencies: [{npm: [x]}]", "only {pip: [requirement, ...]} is known"),
        ("dependencies: 3", "a list of dependencies"),
        ("- a\n- b", "must be a mapping"),
        ("a: [", "no YAML"),
    ],
)
def test_conda_file_that_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(JobError) as caught:
        read_conda_file(text)
    assert words in str(caught.value)


class FakeBlobs:
    account = "acct"
    endpoint = "https://127.0.0.1:10443/acct"


@pytest.fixture
def harness(tmp_path: Path) -> Harness:
    return make_harness(tmp_path, "host", cast("BlobStorage", FakeBlobs()))


@pytest.fixture
def resolver(harness: Harness) -> DataResolver:
    return DataResolver(cast("Services", harness.services), WORKSPACE)


BLOBSTORE = WORKSPACE.default_container
LONG = "azureml://subscriptions/sub/resourcegroups/rg/workspaces/ws/datastores/workspaceblobstore/paths"


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("azureml://datastores/workspaceblobstore/paths/a/b/", BlobLocation(BLOBSTORE, "a/b")),
        (f"{LONG}/a/b.csv", BlobLocation(BLOBSTORE, "a/b.csv")),
        (
            "azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.j",
            BlobLocation("azureml", "ExperimentRun/dcid.j"),
        ),
        ("https://127.0.0.1:10443/acct/box/a%20b/c", BlobLocation("box", "a b/c")),
        ("https://127.0.0.1:999/acct/box/a", BlobLocation("box", "a")),
        ("https://acct.blob.core.localhost:10443/box/a", BlobLocation("box", "a")),
        ("wasbs://box@acct.blob.core.windows.net/a/b", BlobLocation("box", "a/b")),
        ("abfss://box@acct.dfs.core.windows.net/a/b", BlobLocation("box", "a/b")),
        ("https://example.org/data.csv?sig=s", WebLocation("https://example.org/data.csv?sig=s")),
        (
            "https://other.blob.core.windows.net/box/a",
            WebLocation("https://other.blob.core.windows.net/box/a"),
        ),
    ],
)
def test_places(resolver: DataResolver, uri: str, place: BlobLocation | WebLocation) -> None:
    assert resolver.locate(uri) == place


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("azureml://datastores/lake/paths/a", "no datastore 'lake'"),
        ("wasbs://box@other.blob.core.windows.net/a?sig=secret", "does not have"),
        ("http://example.org/a?sig=secret", "no URI of data"),
        ("file:///etc/passwd", "no URI of data"),
        ("data/iris", "no URI of data"),
        ("azureml:iris:1", "azureml:iris:1 is not registered in workspace ws"),
        (f"{WORKSPACE.arm_id}/data/iris/versions/9", "is not registered"),
    ],
)
def test_places_that_cannot_be_read(resolver: DataResolver, uri: str, words: str) -> None:
    with pytest.raises(JobError) as caught:
        resolver.locate(uri)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_references_to_assets(harness: Harness, resolver: DataResolver) -> None:
    old = harness.asset("data", "iris", "1", dataUri="https://example.org/old.csv")
    harness.asset("data", "iris", "2", dataUri="https://example.org/new.csv")
    for reference in (old, f"azureml:{old}", old.lower(), "azureml:iris:1"):
        assert resolver.uri(reference) == "https://example.org/old.csv"
    assert resolver.uri("azureml:iris@latest") == "https://example.org/new.csv"
    asset_id = "azureml://locations/westeurope/workspaces/11111111/data/iris/versions/1"
    assert resolver.uri(asset_id) == "https://example.org/old.csv"
    model = harness.asset("models", "iris", "1", modelUri="https://example.org/model/")
    assert resolver.uri(model) == resolver.uri(f"azureml:{model}") == "https://example.org/model/"
    harness.asset("data", "loop", dataUri="azureml:loop:1")
    with pytest.raises(JobError, match="without an end"):
        resolver.uri("azureml:loop:1")


def test_environment_of_a_registry_is_no_asset(resolver: DataResolver) -> None:
    assert resolver.asset("azureml://registries/azureml/environments/sk/versions/1", "environments") is None


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", ""])
def test_blob_name_that_leads_out_of_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(JobError, match="leads out"):
        inside(tmp_path, name)
