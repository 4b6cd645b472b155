"""Operators for batch endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.operators.base import dag_folder
from airflow_provider_amlrest.operators.jobs import AzureMLJobOperator
from airflow_provider_amlrest.operators.resources import AzureMLResourceOperator, serving

if TYPE_CHECKING:
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.lifecycle.naming import TaskIdentity
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job
    from airflow_provider_amlrest.rest.resources.batch_request import BatchRequest
    from airflow_provider_amlrest.rest.resources.goal import Goal
    from airflow_provider_amlrest.rest.resources.resource import Resource


class AzureMLDeployBatchEndpointOperator(AzureMLResourceOperator):
    """Bring a batch endpoint and one of its deployments to a state; what is so already is left alone.

    :param endpoint: the endpoint's name: it is made if there is none, and left as it is otherwise. Or the
        path of a ``.yml`` or ``.yaml`` file (relative to the DAG's file), YAML text, or a mapping, in the
        words of ``az ml batch-endpoint create --file``.
    :param deployment: the path of a file, YAML text, or a mapping, in the format of
        ``az ml batch-deployment create --file``: of a model, or of a pipeline component. Its
        ``endpoint_name`` is the endpoint's if it has none. None: only the endpoint.
    :param deployment_name: the deployment's name, instead of the file's.
    :param model: the deployment's model, instead of the file's.
    :param set_default: whether requests that name no deployment go to this one.

    The other parameters: as :class:`AzureMLDeployOnlineEndpointOperator`.

    XCom: ``{"id", "name", "status", "outcome", "endpoint_name", "scoring_uri", "default_deployment"}``: id,
    name, status and outcome are the deployment's; without one, the endpoint's.
    """

    template_fields = (
        *AzureMLResourceOperator.template_fields,
        *("endpoint", "deployment", "deployment_name", "model", "set_default"),
    )
    template_fields_renderers = {"endpoint": "yaml", "deployment": "yaml", "model": "json"}  # noqa: RUF012
    text_fields = (*AzureMLResourceOperator.text_fields, "deployment_name")

    def __init__(
        self,
        *,
        endpoint: str | PurePath | Mapping[str, Any],
        deployment: str | PurePath | Mapping[str, Any] | None = None,
        deployment_name: str | None = None,
        model: str | Mapping[str, Any] | None = None,
        set_default: bool | str = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.deployment = deployment
        self.deployment_name = deployment_name
        self.model = model
        self.set_default = set_default

    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        from airflow_provider_amlrest.lifecycle.task_identity import maker_tags
        from airflow_provider_amlrest.operators.reading import read_endpoint_and_deployment
        from airflow_provider_amlrest.rest.reading.values import boolean
        from airflow_provider_amlrest.rest.resources import batch
        from airflow_provider_amlrest.rest.resources.endpoints import DefaultDeployment

        default = boolean("set_default", self.set_default)
        marks = maker_tags(context, self.hook.settings.deployment)
        specs = read_endpoint_and_deployment(self, batch.read_endpoint, batch.read_deployment, context)
        for spec in specs:
            spec.check(client.operations.spelling)
        goals: list[Callable[[], Goal]] = [
            partial(spec.goal, client, marks, self._resolved) for spec in specs
        ]
        if default and len(specs) > 1:
            endpoint, what = specs[0], f"{specs[0].what} {specs[0].name}"
            goals.append(partial(DefaultDeployment, endpoint.path, what, specs[1].name))
        return goals

    def _result(
        self, client: AzureMLClient, goal: Goal, now: Resource, done: Sequence[str]
    ) -> Mapping[str, Any]:
        from airflow_provider_amlrest.rest.resources.endpoints import DefaultDeployment, default_of

        endpoint = client.get_resource(goal.parents[0] if goal.parents else goal.path)
        result = {**serving(endpoint), "default_deployment": default_of(endpoint)}
        if not isinstance(goal, DefaultDeployment):
            return result
        # The endpoint came last, but the task is about the deployment.
        made = client.get_resource(f"{goal.path}/deployments/{goal.deployment}")
        return {**result, "id": made.id, "name": goal.deployment, "status": made.status, "outcome": done[-2]}


class AzureMLInvokeBatchEndpointOperator(AzureMLJobOperator):
    """Ask a batch endpoint to score data, once, and wait for its job like for any other.

    :param endpoint_name: the endpoint.
    :param deployment_name: the deployment that scores; None: the endpoint's default.
    :param inputs: what is scored, by the names of the deployment's inputs: as of
        :class:`AzureMLSubmitCommandJobOperator`.
    :param outputs: name -> ``azureml://datastores/NAME/paths/...`` of a file, or of a folder with a slash at
        its end. It is written into a folder of this request's own beside it: ``.../NAME/predictions.csv``.
        Default: ``{"score": ".../workspaceblobstore/paths/airflow/predictions.csv"}``.
    :param resubmit_lost: ask again if the answer was lost, and no job of it is to be seen. It might be paid
        twice then; otherwise the task fails without retries and says what is known.

    The caller cannot name the job of a batch endpoint. So the folder that it writes to has a derived name, by
    which the next try finds the job. The parameters of all operators that submit jobs follow, see
    :class:`AzureMLSubmitCommandJobOperator`, without ``job_name``.

    XCom: as of a command job; ``outputs`` are the places that were written.
    """

    template_fields = (
        *AzureMLJobOperator.template_fields,
        *("endpoint_name", "deployment_name", "inputs", "outputs", "resubmit_lost"),
    )
    template_fields_renderers = {  # noqa: RUF012
        "inputs": "json",
        "outputs": "json",
        "request_body": "json",
    }
    text_fields = (*AzureMLJobOperator.text_fields, "endpoint_name", "deployment_name")

    def __init__(
        self,
        *,
        endpoint_name: str,
        inputs: Mapping[str, Any],
        deployment_name: str | None = None,
        outputs: Mapping[str, str] | None = None,
        resubmit_lost: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint_name = endpoint_name
        self.deployment_name = deployment_name
        self.inputs = inputs
        self.outputs = outputs
        self.resubmit_lost = resubmit_lost
        self._request: BatchRequest
        self._request_name = ""
        self._looked_for = ""

    def _read(self, context: Context) -> Any:
        from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
        from airflow_provider_amlrest.rest.reading.values import boolean
        from airflow_provider_amlrest.rest.resources.batch_request import read_batch_request
        from airflow_provider_amlrest.rest.resources.endpoints import read_endpoint_place

        boolean("resubmit_lost", self.resubmit_lost)
        if self.job_name is not None:
            raise InvalidSpecError("job_name", "the service names the jobs of batch endpoints; leave it out.")
        place = read_endpoint_place(self.endpoint_name, "batch")
        self._request = read_batch_request(
            place, self.deployment_name, self.inputs, self.outputs, dag_folder(context)
        )
        return self._request

    def _submit(self, client: AzureMLClient, asked: Any, context: Context) -> Job:
        """Called again while Azure ML does not answer: what was begun before is gone on with."""
        from airflow_provider_amlrest.lifecycle.batch_invocation import appearing, mark
        from airflow_provider_amlrest.lifecycle.ownership import Owner, claim
        from airflow_provider_amlrest.lifecycle.task_identity import task_identity

        owner = self._owner or Owner.new(context["ti"].try_number)
        identity = task_identity(context, self.hook.settings.deployment)
        if self._submitted_name is None:
            self._request_name, self._submitted_name = self._ask(client, asked, identity, context)
        job = appearing(client, self._submitted_name)
        job = mark(client, job, self._request_name, self._tags(context, identity, owner))
        return claim(client, job, owner)

    def _ask(
        self, client: AzureMLClient, asked: Any, identity: TaskIdentity, context: Context
    ) -> tuple[str, str]:
        """The name of the request, and that of its job: an earlier try's, or a new one."""
        from airflow_provider_amlrest.lifecycle.batch_invocation import (
            choose,
            find_jobs,
            invoke,
            job_of_lost_try,
            outdated,
        )
        from airflow_provider_amlrest.lifecycle.naming import job_names
        from airflow_provider_amlrest.rest.http.errors import AzureMLError
        from airflow_provider_amlrest.rest.reading.values import boolean

        jobs = {} if context["ti"].try_number == 1 else find_jobs(client, identity, asked)
        for job in outdated(jobs, identity):
            self._end_unwanted(client, job)
        name, found = choose(jobs, job_names(identity))
        lost = boolean("resubmit_lost", self.resubmit_lost)
        if found is None and self._looked_for != name:
            found = job_of_lost_try(client, identity, asked, name, resubmit_lost=lost)
            # What is noted from now on is this try's own.
            self._looked_for = name
        if self._killed:
            raise AzureMLError("The task was ended before its job was submitted.")
        if found is not None:
            return name, found.name
        return name, invoke(client, identity, asked, name, resubmit_lost=lost)

    def _conclude(self, client: AzureMLClient, event: Any) -> tuple[dict[str, Any], Any]:
        from airflow_provider_amlrest.lifecycle.batch_note import REQUEST_TAG

        result, _ = super()._conclude(client, event)
        name = client.get_job(result["name"]).tags.get(REQUEST_TAG)
        if name:
            result["outputs"] = self._request.output_uris(name)
        return result, result

    def execute_complete(
        self, context: Context, event: Any, owner: str | None = None, masked: list[str] | None = None
    ) -> Any:
        """As of every job; where it writes is read anew from the arguments."""
        from airflow_provider_amlrest.operators.base import fail_without_retries

        with fail_without_retries():
            self._read(context)
        return super().execute_complete(context, event, owner, masked)
