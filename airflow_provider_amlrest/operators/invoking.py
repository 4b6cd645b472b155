"""The operator that sends an online endpoint a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_amlrest.links import AzureMLStudioLink
from airflow_provider_amlrest.operators.base import AzureMLOperator, dag_folder, fail_without_retries

if TYPE_CHECKING:
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import Context

SHOWN = 1000
"""Characters of an answer in an error."""
PASSING = frozenset({408, 429})
"""Statuses below 500 that may be others at the next try: the model was too slow, or has too much to do."""


class AzureMLInvokeOnlineEndpointOperator(AzureMLOperator):
    """Send an online endpoint a request, and return its answer.

    The key, or the token that the endpoint asks for, is read for this request alone, and masked.

    :param endpoint_name: the endpoint.
    :param request: what is sent, as JSON has it.
    :param request_file: instead: the path of a JSON file, relative to the DAG's.
    :param deployment_name: the deployment that is to answer; None: one of those with a share of the requests.
    :param request_timeout: seconds for the answer.

    XCom: ``{"status", "answer", "deployment"}``: the HTTP status, what the endpoint answered (a text if it is
    no JSON), and the deployment that did. Airflow retries an answer above 499, one that says that the model
    was too slow (408) or has too much to do (429), and none at all. Any other from 300 on fails the task
    without retries.
    """

    template_fields = (
        *AzureMLOperator.template_fields,
        *("endpoint_name", "request", "request_file", "deployment_name", "request_timeout"),
    )
    template_fields_renderers = {"request": "json"}  # noqa: RUF012
    text_fields = (*AzureMLOperator.text_fields, "endpoint_name", "request_file", "deployment_name")
    operator_extra_links = (AzureMLStudioLink(),)

    def __init__(
        self,
        *,
        endpoint_name: str,
        request: Any = None,
        request_file: str | PurePath | None = None,
        deployment_name: str | None = None,
        request_timeout: float | str = 60.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.request = request
        self.request_file = request_file
        self.deployment_name = deployment_name
        self.request_timeout = request_timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Send the request."""
        from airflow_provider_amlrest.lifecycle.endpoint_record import publish_endpoint
        from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError
        from airflow_provider_amlrest.rest.reading.values import required_seconds
        from airflow_provider_amlrest.rest.resources.endpoints import (
            read_deployment_name,
            read_endpoint_place,
        )

        with fail_without_retries():
            place = read_endpoint_place(self.endpoint_name, "online")
            deployment = read_deployment_name(self.deployment_name)
            seconds = required_seconds("request_timeout", self.request_timeout)
            body = self._read_body(context)
            publish_endpoint(self, context["ti"], place.name)
            with self.hook.client() as client:
                endpoint = client.get_resource(place.path)
                if not endpoint.exists:
                    raise InvalidSpecError("endpoint_name", f"there is no {place.what} in the workspace.")
                answer = client.score(client.get_access(endpoint), body, deployment, seconds)
        if not answer.is_success:
            said = f"{place.what} has answered {answer.status}: {answer.text[:SHOWN]}"
            passes = answer.status in PASSING or answer.status >= 500
            raise AzureMLError(said) if passes else AirflowFailException(said)
        by = f", by deployment {answer.deployment}" if answer.deployment else ""
        self.log.info("%s has answered %d%s.", place.what, answer.status, by)
        return {"status": answer.status, "answer": answer.value(), "deployment": answer.deployment}

    def _read_body(self, context: Context) -> Any:
        from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
        from airflow_provider_amlrest.rest.reading.fields import json_value, path_text
        from airflow_provider_amlrest.rest.reading.values import structured

        path = path_text("request_file", self.request_file)
        if (self.request is None) == (not path):
            raise InvalidSpecError("request", "give either request or request_file.")
        if not path:
            body = structured(self.request)
            return body if isinstance(body, bytes) else json_value("request", body)
        file = dag_folder(context) / path
        try:
            return file.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InvalidSpecError("request_file", f"{str(file)!r} cannot be read: {reason}.") from None
