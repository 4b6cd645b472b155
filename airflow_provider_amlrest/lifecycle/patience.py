"""How long the provider tries again, and waits for others: one table, in seconds. A changed rule is a row.

What a job's status waits for is in :mod:`rest.jobs.status`; what a single request does by itself, in
:mod:`rest.http.policies`.
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
    ThrottledError,
    UnreachableError,
    UploadRefusedError,
)

TRANSIENT = (UnreachableError, ThrottledError, ServiceError)
"""A failed read is not a failed job: these pass."""

HOPELESS = (
    InvalidSpecError,
    InvalidConnectionError,
    UploadRefusedError,
    ProvisioningError,
    JobCanceledByDecisionError,
    NetworkRefusedError,
)
"""Asking again cannot help: the task fails without retries."""

HOPELESS_STATUSES = frozenset({400, 403, 409})
"""The same of answers. Not 401 and 404: a rotated secret and a new workspace take their time."""

SUBMIT_OUTAGE = 600.0
"""A submission is tried again while the service does not answer, or throttles."""
SUBMIT_REFUSAL = 120.0
"""It is tried again while nobody is let in, or there is no workspace."""
SUBMIT_APPEARING = 30.0
"""It is tried again while an asset that it refers to is not there: it may have been registered only now."""
SUBMIT_PAUSE = 60.0
"""Between two tries of it, at most."""

WAIT_OUTAGE = 86400.0
"""Without one good answer a wait gives up; the job goes on, and the next try finds it."""
WAIT_REFUSAL = 600.0
"""The service may refuse to show the job: a rotated secret and a role take their time."""

LAST_LOOK = 15.0
"""For the last look at a job whose time is over. If it cannot be seen, it is canceled unseen."""
END = 60.0
"""Within which a task ends when its time is over: for the last look, the cancel, or the result."""
CANCEL = 10.0
"""A cancel may take while Airflow ends the task: 3.3 gives a trigger's ``on_kill`` 30."""

SETTLE_PAUSE = 2.0
"""Between two reads of metrics, which lag behind a job's end. Two that agree are believed."""
SETTLE = 10.0
"""For metrics to settle."""
REQUIRED = 60.0
"""For metrics to come that the task requires, and for a sweep's best trial."""

ASK_IN_SIGNAL = 2.0
"""For a question to Airflow: Airflow 3 kills the process 5 seconds after it was told to go."""
ASK_IN_TRIGGER = 15.0
"""The same: the triggerer may be about to end, but on two busy cores its first question takes 5."""


def of_submission(error: AzureMLError) -> float:
    """For how long a submission that failed so is tried again."""
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
