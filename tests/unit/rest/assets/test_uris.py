from __future__ import annotations

import pytest

from airflow_provider_amlrest.rest.assets.uris import (
    check_expressions,
    lies_at,
    resolve_expressions,
    same_uri,
)
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId

WORKSPACE = WorkspaceId("S-1", "Group", "ws")
SHORT = "azureml://datastores/d/paths/a/b"
LONG = "azureml://subscriptions/s-1/resourcegroups/group/workspaces/ws/datastores/d/paths/a/b"
ARM = (
    "azureml://subscriptions/s-1/resourceGroups/group/providers/Microsoft.MachineLearningServices/workspaces/WS"
    "/datastores/d/paths/a/b"
)
GUID = "azureml://workspaces/7ae1d6c2-0000-0000-0000-000000000000/datastores/d/paths/a/b"
HTTPS = "https://account.blob.core.windows.net/c/a/b"


# As recorded: the service lengthens azureml:// in two ways, and gives folders a slash.
@pytest.mark.parametrize(
    "spellings",
    [
        (SHORT, f"{SHORT}/", LONG, ARM, GUID, SHORT.replace("azureml", "AzureML"), f"{LONG}/"),
        (
            HTTPS,
            f"{HTTPS}/",
            "https://account.blob.core.windows.net:443/c/a/b",
            "HTTPS://Account.blob.core.windows.net/c/a/b",
            "wasbs://c@account.blob.core.windows.net/a/b",
            "wasbs://c@account.blob.core.windows.net/a/b/",
        ),
        ("abfss://c@account.dfs.core.windows.net/a", "https://account.dfs.core.windows.net/c/a"),
        ("https://host", "https://host/"),
        ("https://[odd", "https://[odd"),
        ("https://host:odd/a", "https://host:odd/a"),
        ("https://host/a%20b", "https://host/a b"),
        ("azureml://registries/r/data/x/versions/1", "AZUREML://registries/r/data/x/versions/1"),
    ],
)
def test_spellings_of_one_place(spellings: tuple[str, ...]) -> None:
    for left in spellings:
        for right in spellings:
            assert same_uri(left, right, WORKSPACE), (left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (SHORT, "azureml://datastores/d/paths/a/c"),
        (SHORT, "azureml://datastores/D/paths/a/b"),
        (SHORT, LONG.replace("workspaces/ws", "workspaces/other")),
        (SHORT, LONG.replace("s-1", "s-2")),
        (SHORT, HTTPS),
        (HTTPS, HTTPS.replace("/a/b", "/A/b")),
        (HTTPS, HTTPS.replace("https", "http")),
        (HTTPS, HTTPS.replace("windows.net", "windows.net:8443")),
        (HTTPS, "wasbs://other@account.blob.core.windows.net/a/b"),
        (HTTPS, "abfss://c@account.dfs.core.windows.net/a/b"),
        (HTTPS, f"{HTTPS}?snapshot=1"),
        ("azureml://registries/r/data/x/versions/1", "azureml://registries/r/data/x/versions/2"),
        ("azureml://registries/r/data/x/versions/1", "azureml://registries/R/data/x/versions/1"),
    ],
)
def test_other_places(left: str, right: str) -> None:
    assert not same_uri(left, right, WORKSPACE)


def test_a_file_lies_at_its_outputs_folder() -> None:
    assert lies_at(f"{LONG}/", SHORT, WORKSPACE)
    assert lies_at(f"{GUID}/part.csv", f"{SHORT}/", WORKSPACE)
    assert not lies_at(f"{SHORT}/deep/part.csv", SHORT, WORKSPACE)
    assert not lies_at(SHORT, f"{SHORT}/part.csv", WORKSPACE)


def test_expressions_in_an_outputs_path() -> None:
    uri = "azureml://datastores/${{default_datastore}}/paths/${{ name }}/${{output_name}}/x"
    resolved = resolve_expressions(check_expressions("f", uri), name="j", output="model", datastore="store")
    assert resolved == "azureml://datastores/store/paths/j/model/x"
    assert resolve_expressions("https://h/$x", name="j", output="o", datastore="d") == "https://h/$x"
    # What another client has submitted may have others.
    assert (
        resolve_expressions("a/${{parent.name}}", name="j", output="o", datastore="d") == "a/${{parent.name}}"
    )
    with pytest.raises(InvalidSpecError, match=r"'\$\{\{parent\.name\}\}' means nothing in an output's path"):
        check_expressions("f", "azureml://datastores/d/paths/${{parent.name}}")
