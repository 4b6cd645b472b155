"""The operator for command jobs, and what it shares with that for sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.operators.arguments import COMMON, WAIT, Argument, names, renderers, texts
from airflow_provider_amlrest.operators.base import AzureMLOperator
from airflow_provider_amlrest.operators.jobs import AzureMLJobOperator

if TYPE_CHECKING:
    from pathlib import PurePath

RUN = (
    Argument("command", renderer="bash", is_text=True),
    Argument("environment", renderer="json"),
    Argument("code", renderer="json"),
    Argument("environment_variables", renderer="json"),
    Argument("instance_type", is_text=True),
    Argument("shm_size", is_text=True),
    Argument("instance_count"),
    Argument("docker_args", renderer="json"),
    Argument("job_resources", renderer="json"),
    Argument("distribution", renderer="json"),
    Argument("limits", renderer="json"),
    Argument("services", renderer="json"),
    Argument("queue_settings", renderer="json"),
    *COMMON,
)
"""What describes a command job, and a sweep's trial."""


class AzureMLRunOperator(AzureMLJobOperator):
    """What the operators share whose arguments describe one command: of a job, or of a sweep's trials.

    See :class:`AzureMLSubmitCommandJobOperator`.
    """

    text_fields = (*AzureMLJobOperator.text_fields, *texts(RUN))

    def __init__(
        self,
        *,
        command: str,
        environment: str | Mapping[str, str],
        compute: str | None = None,
        code: str | PurePath | Mapping[str, str] | None = None,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        experiment_name: str | None = None,
        display_name: str | None = None,
        description: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        instance_count: int | str = 1,
        instance_type: str | None = None,
        shm_size: str | None = None,
        docker_args: str | Sequence[str] | None = None,
        job_resources: Mapping[str, Any] | None = None,
        distribution: str | Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
        identity: str | Mapping[str, str] | None = None,
        services: Mapping[str, Any] | None = None,
        queue_settings: Mapping[str, str] | None = None,
        notification_setting: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.command = command
        self.environment = environment
        self.compute = compute
        self.code = code
        self.inputs = inputs
        self.outputs = outputs
        self.experiment_name = experiment_name
        self.display_name = display_name
        self.description = description
        self.environment_variables = environment_variables
        self.instance_count = instance_count
        self.instance_type = instance_type
        self.shm_size = shm_size
        self.docker_args = docker_args
        self.job_resources = job_resources
        self.distribution = distribution
        self.limits = limits
        self.identity = identity
        self.services = services
        self.queue_settings = queue_settings
        self.notification_setting = notification_setting
        self.tags = tags
        self.properties = properties


class AzureMLSubmitCommandJobOperator(AzureMLRunOperator):
    """Submit a command job, once, and wait for its end. Green means that the job is Completed.

    The job's name comes from the task's identity: a retry after a crash finds the running job, a retry
    after a failed job submits a new one, and so does a clear.

    :param command: the shell command, with ``${{inputs.x}}`` and ``${{outputs.x}}``.
    :param environment: ``name:version``, ``name@latest``, an ARM id, or what
        :class:`AzureMLCreateEnvironmentOperator` returned.
    :param compute: a compute's name or ARM id; None: serverless.
    :param code: a local path, text or ``pathlib.Path`` (relative to the DAG's file), which is uploaded, or a
        reference as above.
    :param inputs: name to a literal (text, number, boolean), a reference to data (``azureml:name:version``,
        what :class:`AzureMLRegisterDataOperator` returned), or
        ``{"type": "uri_file", "path": <reference or URI>, "mode": "ro_mount"}``.
    :param outputs: name to ``{"type": "uri_folder", "mode": "rw_mount", "path": <URI>, "name": <asset>}``;
        all members have defaults.
    :param experiment_name: groups jobs in the Studio.
    :param display_name: the job's name in the Studio.
    :param description: free text.
    :param environment_variables: of the job's process.
    :param instance_count: nodes. This and all other numbers and booleans may be text that says them, as
        templates make it: ``"{{ params.nodes }}"``.
    :param instance_type: VM size, for serverless jobs.
    :param shm_size: shared memory, such as ``"2g"``.
    :param docker_args: further arguments of ``docker run``: a text, or a list.
    :param job_resources: the CLI's ``resources``, which is a word of Airflow's here: the four above in one
        mapping, and ``properties``.
    :param distribution: ``{"type": "pytorch", "process_count_per_instance": 4}``, ``mpi`` or ``tensorflow``.
    :param limits: ``{"timeout": seconds}``: Azure ML ends the job then.
    :param identity: ``{"type": "managed", "client_id": ...}``, ``user_identity`` or ``aml_token``.
    :param services: ``{"ssh": {"type": "ssh"}}`` and the like.
    :param queue_settings: ``{"job_tier": "spot"}``.
    :param notification_setting: whom Azure ML mails: ``{"email_on": ["job_failed"], "emails": [...]}``.
    :param tags: the job's tags; Airflow's own (``airflow_dag_id``...) come with them.
    :param properties: the job's properties; they cannot be changed later.
    :param job_name: a name of one's own instead of the derived one; it has to be new for each DAG run.
    :param wait_for_completion: False: return as soon as the job exists.
    :param deferrable: wait in the triggerer, without a worker. Default: Airflow's ``[operators]
        default_deferrable``.
    :param poll_interval: seconds between two looks at the job, at most; it is looked at more often while it
        is young, and when it is about to end.
    :param timeout: seconds from the start of the try (or a timedelta) after which the task fails.
    :param on_timeout: ``cancel`` or ``leave`` the job then.
    :param cancel_on_kill: cancel the job when somebody ends the task, or its time is over.
    :param resubmit_canceled: let a retry submit the job again after somebody has canceled it in Azure ML.
        False: the task fails without retries.
    :param get_logs: show the job's log in the task's.
    :param require_metrics: names of metrics without which the task fails, though the job completed.

    XCom: ``{"name", "id", "status", "studio_url"}``; after waiting also ``metrics`` (last values),
    ``outputs`` (URIs) and, if some have a name, ``registered_outputs`` (references). 8 KB at most. For the
    next task each output is an XCom of its own too: ``train.output["outputs.model"]``.
    """

    job_type = "Command"
    template_fields = (*AzureMLOperator.template_fields, *names((*WAIT, *RUN)))
    template_fields_renderers = renderers((*WAIT, *RUN))
