"""Operators for online endpoints and their deployments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.links import AzureMLStudioLink
from airflow_provider_amlrest.operators.resources import AzureMLResourceOperator, serving

if TYPE_CHECKING:
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.lifecycle.bringing import ResourceError
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.goal import Goal
    from airflow_provider_amlrest.rest.resources.resource import Resource

LOG_LINES = 50
"""Lines of a container's log in the error of a deployment that has failed."""


class AzureMLDeployOnlineEndpointOperator(AzureMLResourceOperator):
    """Bring an online endpoint and one of its deployments to a state; what is so already is left alone.

    :param endpoint: the endpoint's name: it is made if there is none, and left as it is otherwise. Or the
        path of a ``.yml`` or ``.yaml`` file (relative to the DAG's file), YAML text, or a mapping, in the
        words of ``az ml online-endpoint create --file``. Traffic that it does not mention stays as it is.
    :param deployment: the path of a file, YAML text, or a mapping, in the format of
        ``az ml online-deployment create --file``; its ``endpoint_name`` is the endpoint's if it has none.
        None: only the endpoint.
    :param deployment_name: the deployment's name, instead of the file's.
    :param model: the deployment's model, such as what :class:`AzureMLRegisterModelOperator` returned;
        instead of the file's.
    :param on_failure: of a deployment that has failed: ``keep`` it, to look into it, or ``delete`` it, so
        that it costs nothing.
    :param wait_for_completion: wait until both are as asked.
    :param deferrable: wait in the triggerer, without a worker.
    :param poll_interval: seconds between two looks, at most.
    :param timeout: seconds; None: no limit. What was begun goes on, and the next try follows it.

    A new deployment has no requests until :class:`AzureMLShiftTrafficOperator` gives it some.

    XCom: ``{"id", "name", "status", "outcome", "endpoint_name", "scoring_uri", "traffic"}``: id, name and
    outcome (``created``, ``updated`` or ``unchanged``) are the deployment's; without one, the endpoint's.
    """

    template_fields = (
        *AzureMLResourceOperator.template_fields,
        "endpoint",
        "deployment",
        "deployment_name",
        "model",
        "on_failure",
    )
    template_fields_renderers = {"endpoint": "yaml", "deployment": "yaml", "model": "json"}  # noqa: RUF012
    text_fields = (*AzureMLResourceOperator.text_fields, "deployment_name", "on_failure")
    operator_extra_links = (AzureMLStudioLink(),)

    def __init__(
        self,
        *,
        endpoint: str | PurePath | Mapping[str, Any],
        deployment: str | PurePath | Mapping[str, Any] | None = None,
        deployment_name: str | None = None,
        model: str | Mapping[str, Any] | None = None,
        on_failure: str = "keep",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.deployment = deployment
        self.deployment_name = deployment_name
        self.model = model
        self.on_failure = on_failure

    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        from airflow_provider_amlrest.lifecycle.endpoint_record import publish_endpoint
        from airflow_provider_amlrest.lifecycle.task_identity import maker_tags
        from airflow_provider_amlrest.operators.reading import read_endpoint_and_deployment
        from airflow_provider_amlrest.rest.reading.fields import one_of
        from airflow_provider_amlrest.rest.resources import online

        one_of("on_failure", self.on_failure, ("keep", "delete"))
        marks = maker_tags(context, self.hook.settings.deployment)
        specs = read_endpoint_and_deployment(self, online.read_endpoint, online.read_deployment, context)
        for spec in specs:
            spec.check(client.operations.spelling)
        publish_endpoint(self, context["ti"], specs[0].name)
        return [partial(spec.goal, client, marks, self._resolved) for spec in specs]

    def _result(
        self, client: AzureMLClient, goal: Goal, now: Resource, done: Sequence[str]
    ) -> Mapping[str, Any]:
        from airflow_provider_amlrest.rest.resources.traffic import shares_of

        endpoint = client.get_resource(goal.parents[0] if goal.parents else goal.path)
        return {**serving(endpoint), "traffic": shares_of(endpoint)}

    def _failed(self, client: AzureMLClient, goal: Goal, error: ResourceError) -> ResourceError:
        if not goal.parents:
            return error
        from airflow_provider_amlrest.lifecycle.deployments import explained, give_up

        failure = explained(client, goal, error, LOG_LINES)
        return give_up(client, goal, failure) if self.on_failure == "delete" else failure


class AzureMLDeleteEndpointOperator(AzureMLResourceOperator):
    """Delete an endpoint with all its deployments; that there is none is what was wanted.

    :param endpoint_name: the endpoint.
    :param endpoint_type: ``online`` or ``batch``.

    The other parameters and the XCom: as :class:`AzureMLCreateComputeOperator`; outcome is ``deleted`` or
    ``unchanged``.
    """

    template_fields = (*AzureMLResourceOperator.template_fields, "endpoint_name", "endpoint_type")
    text_fields = (*AzureMLResourceOperator.text_fields, "endpoint_name", "endpoint_type")

    def __init__(self, *, endpoint_name: str, endpoint_type: str = "online", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.endpoint_type = endpoint_type

    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        from airflow_provider_amlrest.rest.resources.endpoints import endpoint_deleted, read_endpoint_place

        place = read_endpoint_place(self.endpoint_name, self.endpoint_type)
        return [lambda: endpoint_deleted(place)]


class AzureMLDeleteDeploymentOperator(AzureMLResourceOperator):
    """Delete deployments; that there are none is what was wanted. One that gets requests is not deleted.

    :param endpoint_name: the endpoint.
    :param deployment_name: the deployment, or a list of some.
    :param endpoint_type: ``online`` or ``batch``.

    The other parameters: as :class:`AzureMLCreateComputeOperator`. XCom: as there, of the last one, and empty
    if the list is; outcome is ``deleted`` or ``unchanged``.
    """

    template_fields = (
        *AzureMLResourceOperator.template_fields,
        *("endpoint_name", "deployment_name", "endpoint_type"),
    )
    text_fields = (*AzureMLResourceOperator.text_fields, "endpoint_name", "endpoint_type")

    def __init__(
        self,
        *,
        endpoint_name: str,
        deployment_name: str | Sequence[str],
        endpoint_type: str = "online",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.deployment_name = deployment_name
        self.endpoint_type = endpoint_type

    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        from airflow_provider_amlrest.rest.reading.fields import text_list
        from airflow_provider_amlrest.rest.reading.values import structured
        from airflow_provider_amlrest.rest.resources.endpoints import (
            check_deployment_name,
            check_is_idle,
            deployment_deleted,
            read_endpoint_place,
        )

        place = read_endpoint_place(self.endpoint_name, self.endpoint_type)
        given = structured(self.deployment_name)
        names = text_list("deployment_name", [given] if isinstance(given, str) else given)
        for name in names:
            check_deployment_name("deployment_name", name)

        def goal(name: str) -> Goal:
            check_is_idle(client.get_resource(place.path), name)
            return deployment_deleted(place, name)

        return [partial(goal, name) for name in names]
