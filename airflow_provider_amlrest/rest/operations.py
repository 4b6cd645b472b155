"""Every operation on a workspace, without I/O.

An operation is a generator: it yields requests, is sent their answers, and returns its result. The sync
and the async client drive the same generators, so that nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_amlrest.rest.assets.operations import AssetOperations
from airflow_provider_amlrest.rest.http.call import Flow
from airflow_provider_amlrest.rest.http.cloud import Cloud
from airflow_provider_amlrest.rest.http.errors import NotFoundError
from airflow_provider_amlrest.rest.ids import ResourceId, WorkspaceId
from airflow_provider_amlrest.rest.jobs.operations import Polled
from airflow_provider_amlrest.rest.jobs.plan import PlannedStep, read_plan
from airflow_provider_amlrest.rest.resources.operations import ResourceOperations
from airflow_provider_amlrest.rest.resources.scoring import ScoringOperations
from airflow_provider_amlrest.rest.runs.operations import RunOperations
from airflow_provider_amlrest.rest.versions.spelling import spelling_of


class Operations(AssetOperations, RunOperations, ResourceOperations, ScoringOperations):
    """The operations on one workspace in one api-version.

    :param on_secret: called with every key and signature the moment it is received, to have it masked.
    """

    def __init__(
        self,
        workspace: WorkspaceId,
        cloud: Cloud,
        api_version: str,
        on_secret: Callable[[str], None] = lambda secret: None,
    ) -> None:
        super().__init__(cloud, spelling_of(api_version, workspace), on_secret)

    def poll(self, name: str, operation: str | None = None) -> Flow[Polled]:
        """What a poller reads: a job by its name, another resource by its path, ``computes/gpu``.

        :param operation: the URL of an operation on the resource.
        """
        return (yield from self.poll_resource(name, operation) if "/" in name else self.poll_job(name))

    def get_plan(self, component_id: str) -> Flow[dict[str, PlannedStep]]:
        """The steps of a pipeline component, by its id.

        Empty for a component of another kind, of a registry, or that has been deleted.
        """
        try:
            component = ResourceId.parse(component_id)
        except ValueError:
            return {}
        if component.workspace != self.workspace or component.version is None:
            return {}
        try:
            found = yield from self.get_component(component.name, component.version)
        except NotFoundError:
            return {}
        return read_plan(found.spec.get("jobs"))
