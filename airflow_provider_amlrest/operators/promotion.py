"""The operator that takes a model to a registry, or to another workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.operators.base import fail_without_retries
from airflow_provider_amlrest.operators.resources import AzureMLResourceOperator

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.assets.model import Model
    from airflow_provider_amlrest.rest.resources.goal import Goal
    from airflow_provider_amlrest.rest.resources.resource import Resource


class AzureMLPromoteModelOperator(AzureMLResourceOperator):
    """Take a version of a model to a registry, or to another workspace; a version that is there is found.

    Azure ML itself copies a model to a registry: since api-version 2024-04-01 by Resource Manager's
    ``publish``, before that by the registry's ``import``. To another workspace, this task copies it: it needs
    room for the model's files on its worker's disk, and does not defer.

    A version is never replaced: one that exists there and comes from elsewhere is an error.

    :param model: the version: ``iris:3``, ``iris@latest``, its ARM id, or an operator's result.
    :param registry_name: the registry.
    :param destination_conn_id: the connection of the other workspace. Give one of the two.
    :param destination_name: the model's name there; without it, the same.
    :param destination_version: the version there; without it, the same.
    :param wait_for_completion: wait until it is there.
    :param deferrable: wait in the triggerer, without a worker.
    :param poll_interval: seconds between two looks at the registry, at most.
    :param timeout: seconds; default an hour, in which the service itself promises to be done (recorded).
        None: no limit.

    XCom: ``{"id", "name", "version", "status", "outcome"}``, where id is ``azureml://registries/...`` or an
    ARM id, and outcome is ``promoted`` or ``unchanged``.
    """

    template_fields = (
        *AzureMLResourceOperator.template_fields,
        *("model", "registry_name", "destination_conn_id", "destination_name", "destination_version"),
    )
    text_fields = (
        *AzureMLResourceOperator.text_fields,
        *("registry_name", "destination_conn_id", "destination_name", "destination_version"),
    )

    def __init__(
        self,
        *,
        model: str | Mapping[str, Any],
        registry_name: str | None = None,
        destination_conn_id: str | None = None,
        destination_name: str | None = None,
        destination_version: str | None = None,
        timeout: float | timedelta | str | None = 3600.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(timeout=timeout, **kwargs)
        self.model = model
        self.registry_name = registry_name
        self.destination_conn_id = destination_conn_id
        self.destination_name = destination_name
        self.destination_version = destination_version

    def execute(self, context: Context) -> dict[str, Any]:
        """Promote the version, or find it."""
        with fail_without_retries():
            to_workspace = self._is_to_workspace()
        return self._copy() if to_workspace else super().execute(context)

    def _is_to_workspace(self) -> bool:
        from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
        from airflow_provider_amlrest.rest.reading.values import blank
        from airflow_provider_amlrest.rest.resources.registries import NAME

        if blank(self.registry_name) == blank(self.destination_conn_id):
            raise InvalidSpecError("registry_name", "give either it or destination_conn_id.")
        if blank(self.registry_name):
            return True
        if not NAME.fullmatch(str(self.registry_name)):
            raise InvalidSpecError(
                "registry_name",
                f"{self.registry_name!r} is not a valid name for a registry: 3 to 33 letters, digits, '-' "
                "and '_', beginning with a letter or digit.",
            )
        return False

    def _destination(self, model: Model) -> tuple[str, str]:
        from airflow_provider_amlrest.rest.reading.fields import check_name, check_version, text

        name = text("destination_name", self.destination_name) or model.name
        version = text("destination_version", self.destination_version) or model.version
        return check_name("destination_name", name), check_version("destination_version", version)

    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        from airflow_provider_amlrest.rest.assets.model_versions import find_model
        from airflow_provider_amlrest.rest.resources.registries import in_registry, origin

        # The latest version may be another one when a trigger has come to its end.
        model = find_model(client, "model", self._resolved.get("model", self.model))
        self._resolved["model"] = model.id
        workspace = client.get_workspace()
        source = model.name, model.version
        goal = in_registry(
            client.operations.api_version,
            str(self.registry_name),
            self._destination(model),
            source,
            origin(workspace.location, workspace.guid, *source),
        )
        return [lambda: goal]

    def _result(
        self, client: AzureMLClient, goal: Goal, now: Resource, done: Sequence[str]
    ) -> Mapping[str, Any]:
        _, _, _, name, _, version = now.name.split("/")
        return {"id": f"azureml://{now.name}", "name": name, "version": version}

    def _copy(self) -> dict[str, Any]:
        with fail_without_retries():
            from airflow_provider_amlrest.hook import AzureMLHook
            from airflow_provider_amlrest.rest.assets.copying import copy_model
            from airflow_provider_amlrest.rest.assets.model_versions import find_model

            other = AzureMLHook(str(self.destination_conn_id))
            with self.hook.client() as client, other.client() as there:
                model = find_model(client, "model", self.model)
                copy, new = copy_model(client, model, there, *self._destination(model))
                workspace = there.operations.workspace.name
        outcome = "promoted" if new else "unchanged"
        self.log.info(
            "Model %s, version %s, in the workspace %s: %s.", copy.name, copy.version, workspace, outcome
        )
        return {
            "id": copy.id,
            "name": copy.name,
            "version": copy.version,
            "status": "Succeeded",
            "outcome": outcome,
        }
