"""How long the provider retries and waits: one table, in seconds. To change a rule, change one row.

:mod:`rest.jobs.status` says how long to wait for a job in a certain status, :mod:`rest.http.policies` how a
single request is retried.
"""

from __future__ import annotations

from airflow_provider_amlrest.connection import InvalidConnectionError
from airflow_provider_amlrest.lifecycle.cancellation import JobCanceledByDecisionError
from airflow_provider_amlrest.rest.http.errors import (
    AuthenticationError,
    AzureMLError,
    InvalidSpecError,
    MissingAssetError,
    NetworkRefusedError,
    NotFoundError,
    ProvisioningError,
    ResponseError,
    ServiceError,
    StorageRefusedError,
    ThrottledError,
    UnreachableError,
)

TRANSIENT = (UnreachableError, ThrottledError, ServiceError)
"""Errors that pass: a failed read does not mean a failed job."""

HOPELESS = (
    InvalidSpecError,
    InvalidConnectionError,
    StorageRefusedError,
    ProvisioningError,
    JobCanceledByDecisionError,
    NetworkRefusedError,
)
"""Another attempt cannot help: the task fails without retries."""

HOPELESS_STATUSES = frozenset({400, 403, 409})
"""The same for answers. Not 401 and 404: a rotated secret and a new workspace take some time."""

SUBMIT_OUTAGE = 600.0
"""How long a submission is retried while the service does not answer, or throttles."""
SUBMIT_REFUSAL = 120.0
"""How long it is retried while the service refuses the sign-in, or does not find the workspace."""
SUBMIT_APPEARING = 30.0
"""How long it is retried while an asset that it refers to is missing: it may be registered just now."""
SUBMIT_PAUSE = 60.0
"""Longest pause between two attempts of a submission."""

WAIT_OUTAGE = 86400.0
"""How long a wait continues without a good answer. When it gives up, the job continues for the next try."""
WAIT_REFUSAL = 600.0
"""How long the service may refuse to show the job: a rotated secret and a role take some time."""

LAST_LOOK = 15.0
"""For the last read of a job whose time is over. If the read fails, the job is canceled unseen."""
END = 60.0
"""For a task to end when its time is over: for the last read, the cancel, or the result."""
CANCEL = 10.0
"""For a cancel while Airflow ends the task: Airflow 3.3 gives a trigger's ``on_kill`` 30. For the way back of
a rollout, too."""
BACK_PAUSE = 1.0
"""Pause before the way back is tried again, on an endpoint that is just being changed."""

SETTLE_PAUSE = 2.0
"""Pause between two reads of metrics, which arrive after a job's end. Two that agree count."""
SETTLE = 10.0
"""For metrics to settle."""
REQUIRED = 60.0
"""For metrics that the task requires, and for a sweep's best trial."""

ASK_IN_SIGNAL = 2.0
"""For a request to Airflow: Airflow 3 kills the process 5 seconds after it was asked to end."""
PUT_OFF = 0.5
"""For the message to Airflow that a signal has interrupted to be over: until then Airflow cannot be asked."""
ASK_IN_TRIGGER = 15.0
"""The same in a trigger, whose process may be about to end: its first request takes 5 on two busy cores."""


def of_submission(error: AzureMLError) -> float:
    """How long a submission that failed with this error is retried, in seconds."""
    if isinstance(error, TRANSIENT):
        return SUBMIT_OUTAGE
    if isinstance(error, MissingAssetError):
        return SUBMIT_APPEARING
    no_workspace = isinstance(error, NotFoundError) and error.has_no_workspace
    return SUBMIT_REFUSAL if no_workspace or isinstance(error, AuthenticationError) else 0.0


def is_hopeless(error: Exception) -> bool:
    """Whether Airflow's retries cannot help."""
    refused = isinstance(error, ResponseError) and error.status in HOPELESS_STATUSES
    return refused or isinstance(error, HOPELESS)
