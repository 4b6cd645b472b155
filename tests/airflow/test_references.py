"""References of a job become ids of the workspace."""

from __future__ import annotations

import pytest

from airflow_provider_amlrest.operators.references import read_inputs, resolve_input
from airflow_provider_amlrest.rest import AzureMLClient, model


@pytest.mark.parametrize("path", ["azureml:words:7", "words:7", "words@latest"])
def test_data_by_name_becomes_its_id_with_its_type_and_the_mode_asked_for(
    client: AzureMLClient, path: str
) -> None:
    created = client.create_data(model.Data("words", "7", "uri_file", "https://example.org/words.txt"))
    inputs = read_inputs({"words": {"path": path, "mode": "download"}})
    assert resolve_input(client, inputs["words"]) == model.DataInput("uri_file", created.id, "download")
    assert created.id.endswith("/data/words/versions/7")
