from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import ResourceId, WorkspaceId
from airflow_provider_amlrest.rest.reading.references import Named, Registry, parse_reference

WORKSPACE = WorkspaceId("s", "g", "w")
ID = str(WORKSPACE.resource("environments", "sk", "1"))


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ("sk:1", Named("sk", "1")),
        ("azureml:sk:1", Named("sk", "1")),
        ("sk@latest", Named("sk", None)),
        ("azureml:sk@latest", Named("sk", None)),
        ("azureml:sk", Named("sk", None)),
        ("azureml:AzureML-sklearn-1.5@latest", Named("AzureML-sklearn-1.5", None)),
        (" sk:1 ", Named("sk", "1")),
        ("AzureML-sklearn-1.0:3", Named("AzureML-sklearn-1.0", "3")),
        ("sk:1.0.2+b", Named("sk", "1.0.2+b")),
        (ID, ResourceId(WORKSPACE, "environments", "sk", "1")),
        (ID.upper().replace("/SUBS", "/subs"), ResourceId(WORKSPACE, "environments", "sk", "1")),
        (f"azureml:{ID}", ResourceId(WORKSPACE, "environments", "sk", "1")),
        ({"id": ID, "name": "sk", "version": "1"}, ResourceId(WORKSPACE, "environments", "sk", "1")),
        (str({"id": ID, "name": "sk"}), ResourceId(WORKSPACE, "environments", "sk", "1")),
        ({"id": "sk:1"}, Named("sk", "1")),
        (
            "azureml://registries/azureml/environments/sk/versions/1",
            Registry("azureml://registries/azureml/environments/sk/versions/1"),
        ),
        (
            "azureml://registries/azureml/environments/sk/labels/latest",
            Registry("azureml://registries/azureml/environments/sk/labels/latest"),
        ),
    ],
)
def test_references(value: Any, reference: Any) -> None:
    assert parse_reference("environment", value, "environments") == reference


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        0.5,
        True,
        "",
        "src",
        "./src",
        "train.py",
        "sk@stable",
        "src/train.py",
        "https://h/p:1",
        "C:\\x",
        "azureml://datastores/d/paths/p",
    ],
)
def test_what_is_no_reference(value: Any) -> None:
    assert parse_reference("code", value, "codes") is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"name": "sk"}, "has no 'id'; pass what an upstream task returned"),
        ({"id": None}, "has no 'id'"),
        (ID, "is the id of one of environments, not of codes"),
        ("azureml://registries/azureml/models/m/versions/1", "names one of models, not of codes"),
        ("sk:latest", "'sk:latest' asks for a version of this name; write sk@latest"),
        ("azureml:sk:latest", "write sk@latest"),
        ("azureml:sk@stable", "the only valid label is sk@latest"),
        (str(WORKSPACE.resource("codes", "c")), "names no version; add /versions/<version>"),
        ("/subscriptions/s/nonsense", "is not the ARM id"),
    ],
)
def test_refusals_name_field_value_and_way_out(value: Any, words: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        parse_reference("code", value, "codes")
    assert caught.value.field == "code"
    assert words in str(caught.value)


@pytest.mark.parametrize("value", ["{'id': ", "{__import__('os')}", '{"lr": 0.1}'])
def test_a_text_in_braces_that_is_no_result_is_no_reference(value: str) -> None:
    assert parse_reference("code", value, "codes") is None
