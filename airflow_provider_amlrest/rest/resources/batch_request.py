"""What a batch endpoint is asked to score, and where it writes what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import ResourceId
from airflow_provider_amlrest.rest.jobs.inputs import read_inputs
from airflow_provider_amlrest.rest.jobs.job import DataInput, Input
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.reading.fields import check_unsigned, text
from airflow_provider_amlrest.rest.reading.values import mapping
from airflow_provider_amlrest.rest.resources.endpoints import EndpointPlace, read_deployment_name
from airflow_provider_amlrest.rest.versions.spelling import Wire
from airflow_provider_amlrest.rest.versions.words import DATASTORE_URI, TYPES_2022_02

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient

DEFAULT_OUTPUT = {"score": "azureml://datastores/workspaceblobstore/paths/airflow/predictions.csv"}


@dataclass(frozen=True)
class BatchRequest:
    """A request to a batch endpoint, read without asking the service.

    ``outputs``: name -> URI of a file, or of a folder with a slash at its end. Each is written into a folder
    of the request's own beside it, so that its job can be told from others.
    """

    place: EndpointPlace
    deployment: str | None
    inputs: Mapping[str, Input | Lookup]
    outputs: Mapping[str, str]

    def output_uris(self, name: str) -> dict[str, str]:
        """Where the request of this name writes."""
        return {output: _within(uri, name) for output, uri in self.outputs.items()}

    def body(self, client: AzureMLClient, name: str) -> Wire:
        """The body of the POST, with everything looked up, and uploaded that the workspace does not have."""
        inputs = {input_: _input(client, value) for input_, value in self.inputs.items()}
        outputs = {
            output: {"jobOutputType": "UriFolder" if uri.endswith("/") else "UriFile", "uri": uri}
            for output, uri in self.output_uris(name).items()
        }
        return {"properties": {"inputData": inputs, "outputData": outputs}}


def read_batch_request(
    place: EndpointPlace, deployment: Any, inputs: Any, outputs: Any, base: Path
) -> BatchRequest:
    """A request. Raises InvalidSpecError for a member that is not what it must be."""
    given = mapping("inputs", inputs)
    if not given:
        raise InvalidSpecError(
            "inputs", 'they are missing, such as {"data": {"type": "uri_folder", "path": ...}}.'
        )
    wanted = {
        str(name): check_unsigned(f"outputs.{name}", text(f"outputs.{name}", uri) or "")
        for name, uri in (mapping("outputs", outputs) or DEFAULT_OUTPUT).items()
    }
    for name, uri in wanted.items():
        if not DATASTORE_URI.match(uri):
            raise InvalidSpecError(
                f"outputs.{name}",
                f"{uri!r} must be azureml://datastores/NAME/paths/..., which the job may write.",
            )
    return BatchRequest(
        place, read_deployment_name(deployment), read_inputs("inputs", given, base, None), wanted
    )


def _within(uri: str, name: str) -> str:
    """The same place in a folder of this name."""
    folder, _, file = uri.rstrip("/").rpartition("/")
    return f"{folder}/{file}/{name}/" if uri.endswith("/") else f"{folder}/{name}/{file}"


def _input(client: AzureMLClient, value: Input | Lookup) -> Wire:
    found = value.find(client) if isinstance(value, Lookup) else value
    if not isinstance(found, DataInput):
        return {"jobInputType": "Literal", "value": found.value}
    return {"jobInputType": TYPES_2022_02[found.type], "uri": _place(client, found.uri)}


def _place(client: AzureMLClient, uri: str) -> str:
    """Where data lies: azure-ai-ml 1.35.2 sends that, and not the id."""
    if not uri.startswith("/subscriptions/"):
        return uri
    data = ResourceId.parse(uri)
    found: str = client.get_data(data.name, data.version or "").uri
    return found
