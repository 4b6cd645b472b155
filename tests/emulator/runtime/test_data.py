"""Where data lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from airflow_provider_amlrest.emulator.config import Registry
from airflow_provider_amlrest.emulator.runtime.data import BlobLocation, DataResolver, WebLocation
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.services import Services
from airflow_provider_amlrest.emulator.storage.blobs import BlobStorage
from airflow_provider_amlrest.emulator.store import AssetRecord

from .harness import WORKSPACE, Harness, make_harness


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


def test_references_to_assets_of_a_registry(harness: Harness, resolver: DataResolver) -> None:
    registry = Registry("sub", "rg", "Shared", "westeurope", "22222222-2222-3333-4444-555555555555")
    services = replace(harness.services, settings=replace(harness.services.settings, registries=(registry,)))
    shared = replace(resolver, services=services)
    for version in ("1", "2"):
        for kind, member in (("data", "dataUri"), ("models", "modelUri")):
            place = f"https://example.org/{kind}/{version}"
            harness.store.put_asset(AssetRecord(registry.home, kind, "iris", version, {member: place}))
    assert shared.uri("azureml://registries/shared/data/iris/versions/1") == "https://example.org/data/1"
    assert shared.uri("azureml://registries/Shared/models/iris/labels/latest").endswith("models/2")
    harness.store.put_asset(AssetRecord(registry.home, "environments", "tools", "1", {"condaFile": "{}"}))
    tools = shared.asset("azureml://registries/shared/environments/tools/labels/latest", "environments")
    assert tools is not None
    assert tools.properties == {"condaFile": "{}"}
    with pytest.raises(JobError, match="is not in the registry"):
        shared.uri("azureml://registries/shared/data/iris/versions/9")
    with pytest.raises(JobError, match="no registry 'other'; it has Shared"):
        shared.uri("azureml://registries/other/data/iris/versions/1")
    with pytest.raises(JobError, match="is not registered in workspace"):
        shared.uri("azureml:iris:1")


def test_datastores_of_other_workspaces(harness: Harness, resolver: DataResolver) -> None:
    other = replace(WORKSPACE, name="Second", workspace_id="99999999-2222-3333-4444-555555555555")
    settings = replace(harness.services.settings, workspaces=(WORKSPACE, other))
    both = replace(resolver, services=replace(harness.services, settings=settings))
    for uri in (LONG, LONG.replace("/workspaces", "/providers/Microsoft.MachineLearningServices/workspaces")):
        theirs = uri.replace("/ws/", "/second/").replace("resourcegroups", "resourceGroups")
        assert both.locate(f"{theirs}/a") == BlobLocation(other.default_container, "a")
        assert both.locate(f"{uri}/a") == BlobLocation(BLOBSTORE, "a")
        with pytest.raises(JobError, match="no workspace 'second'"):
            resolver.locate(f"{theirs}/a")


def test_environment_of_a_registry_is_no_asset(resolver: DataResolver) -> None:
    assert resolver.asset("azureml://registries/azureml/environments/sk/versions/1", "environments") is None
