"""Operators for computes: a cluster that exists while a DAG run needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.operators.resources import AzureMLResourceOperator

if TYPE_CHECKING:
    from pathlib import PurePath

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.resources.goal import Goal

_KEYS = (
    *("name", "type", "size", "tier", "min_instances", "max_instances", "idle_time_before_scale_down"),
    *("identity", "network_settings", "enable_node_public_ip", "location", "description", "tags"),
)


class AzureMLCreateComputeOperator(AzureMLResourceOperator):
    """Create a compute, or change it until it is as asked; one that is so already is left alone.

    Give ``name`` and what follows, or ``compute``.

    :param compute: the path of a ``.yml`` or ``.yaml`` file (relative to the DAG's file), YAML text, or a
        mapping, in the format of ``az ml compute create --file``: clusters (``amlcompute``), instances
        (``computeinstance``), attached Spark pools (``synapsespark``) and machines (``virtualmachine``).
    :param name: 3 to 24 letters, digits and ``-``.
    :param type: ``amlcompute`` or ``computeinstance``.
    :param size: the VM size; default ``STANDARD_DS3_V2``.
    :param tier: ``dedicated`` or ``low_priority``; of a cluster.
    :param min_instances: nodes that are kept while there are no jobs; of a cluster, default 0.
    :param max_instances: of a cluster, default 4.
    :param idle_time_before_scale_down: seconds after which a node without a job is given back; default 120.
    :param identity: ``system_assigned``, or ``{"type": "user_assigned", "user_assigned_identities": [ids]}``.
    :param network_settings: ``{"subnet": ARM id}``.
    :param enable_node_public_ip: whether nodes have public addresses; default true.
    :param location: default: the workspace's.
    :param description: free text.
    :param tags: the compute's tags.
    :param wait_for_completion: wait until it is as asked.
    :param deferrable: wait in the triggerer, without a worker.
    :param poll_interval: seconds between two looks at it, at most.
    :param timeout: seconds; None: no limit. What was begun goes on, and the next try follows it.

    XCom: ``{"id", "name", "status", "outcome"}``; outcome is ``created``, ``updated`` or ``unchanged``.
    """

    template_fields = (*AzureMLResourceOperator.template_fields, "compute", *_KEYS)
    template_fields_renderers = {  # noqa: RUF012
        "compute": "yaml",
        "identity": "json",
        "network_settings": "json",
        "tags": "json",
    }
    text_fields = (
        *AzureMLResourceOperator.text_fields,
        *("name", "type", "size", "tier", "location", "description"),
    )

    def __init__(
        self,
        *,
        compute: str | PurePath | Mapping[str, Any] | None = None,
        name: str | None = None,
        type: str | None = None,  # noqa: A002
        size: str | None = None,
        tier: str | None = None,
        min_instances: int | str | None = None,
        max_instances: int | str | None = None,
        idle_time_before_scale_down: int | str | None = None,
        identity: str | Mapping[str, Any] | None = None,
        network_settings: Mapping[str, str] | None = None,
        enable_node_public_ip: bool | str | None = None,
        location: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.compute = compute
        self.name = name
        self.type = type
        self.size = size
        self.tier = tier
        self.min_instances = min_instances
        self.max_instances = max_instances
        self.idle_time_before_scale_down = idle_time_before_scale_down
        self.identity = identity
        self.network_settings = network_settings
        self.enable_node_public_ip = enable_node_public_ip
        self.location = location
        self.description = description
        self.tags = tags

    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        from airflow_provider_amlrest.lifecycle.task_identity import maker_tags
        from airflow_provider_amlrest.operators.reading import read_resource
        from airflow_provider_amlrest.rest.resources.compute import read_compute

        spec = read_resource(self, "compute", _KEYS, read_compute, context)
        spec.check(client.operations.spelling)
        marks = maker_tags(context, self.hook.settings.deployment)
        return [lambda: spec.goal(client, marks, self._resolved)]


class _NamedComputeOperator(AzureMLResourceOperator):
    template_fields = (*AzureMLResourceOperator.template_fields, "name")
    text_fields = (*AzureMLResourceOperator.text_fields, "name")

    def __init__(self, *, name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name


class AzureMLDeleteComputeOperator(_NamedComputeOperator):
    """Delete a compute; that there is none is what was wanted.

    :param name: the compute.

    As an Airflow teardown, it runs whatever has become of the tasks between. The other parameters and the
    XCom: as :class:`AzureMLCreateComputeOperator`; outcome is ``deleted`` or ``unchanged``.
    """

    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        from airflow_provider_amlrest.rest.resources.compute import check_compute_name, deleted

        goal = deleted(check_compute_name(self.name))
        return [lambda: goal]


class AzureMLStartComputeOperator(_NamedComputeOperator):
    """Start a compute instance, unless it runs.

    :param name: the compute instance. Clusters start by themselves when there is a job.

    The other parameters and the XCom: as :class:`AzureMLCreateComputeOperator`; outcome is ``started`` or
    ``unchanged``.
    """

    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        from airflow_provider_amlrest.rest.resources.compute import check_compute_name, started

        goal = started(check_compute_name(self.name))
        return [lambda: goal]


class AzureMLStopComputeOperator(_NamedComputeOperator):
    """Stop a compute instance, unless it is stopped.

    :param name: the compute instance. Clusters give their nodes back by themselves.

    The other parameters and the XCom: as :class:`AzureMLCreateComputeOperator`; outcome is ``stopped`` or
    ``unchanged``.
    """

    def _goals(self, client: AzureMLClient, context: Context) -> Sequence[Callable[[], Goal]]:
        from airflow_provider_amlrest.rest.resources.compute import check_compute_name, stopped

        goal = stopped(check_compute_name(self.name))
        return [lambda: goal]
