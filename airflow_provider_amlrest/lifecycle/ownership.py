"""Who owns a job: the newest try that has said so in the job's tags.

Azure ML merges a job's tags, and sets one at a time. So each try writes a tag of its own, which no late
message of an older try can undo; the claim with the highest try number counts.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_amlrest.rest.http.errors import AzureMLError
from airflow_provider_amlrest.rest.jobs.status import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.job import Job

log = logging.getLogger(__name__)

OWNER_TAG = "airflow_owner_"
SLOTS = 4
"""How many tags of that kind a job gets at most: it has 50 in all. Tries that share one are as many apart."""

CANCELED_BY_TAG = "airflow_canceled_by"
"""Who has asked for the job's end by this provider: a task whose time was over, or a person."""

MAX_NOTE = 500
"""Characters of such a note, which may quote an error: a longer tag would be refused."""

_BY_TASK = "task: "
_BY_PERSON = "person: "


@dataclass(frozen=True)
class Owner:
    """A try of a task, in one process or, deferred, in several.

    The token tells two processes apart that believe to be the same try.
    """

    try_number: int
    token: str

    @classmethod
    def new(cls, try_number: int) -> Self:
        return cls(try_number, uuid.uuid4().hex[:12])

    @classmethod
    def parse(cls, text: str | None) -> Self | None:
        """What :meth:`__str__` gives; None for anything else."""
        number, _, token = (text or "").partition("/")
        return cls(int(number), token) if number.isdecimal() and token else None

    def __str__(self) -> str:
        return f"{self.try_number}/{self.token}"

    @property
    def tag(self) -> tuple[str, str]:
        """The name and the value of this try's claim."""
        return f"{OWNER_TAG}{self.try_number % SLOTS}", str(self)


def owner_of(job: Job) -> Owner | None:
    """The owner of a job; None if nobody has claimed it."""
    claims = (Owner.parse(value) for key, value in job.tags.items() if key.startswith(OWNER_TAG))
    return max((claim for claim in claims if claim), key=lambda claim: claim.try_number, default=None)


def why_left(owner: Owner | None) -> Callable[[Job], str | None]:
    """Why this try must not end a job; the function gives None if it may.

    :param owner: of the try. None: whoever asks is not bound to a try.
    """

    def why(job: Job) -> str | None:
        found = owner_of(job)
        if owner is None or found is None or found == owner or found.try_number < owner.try_number:
            return None
        return f"it belongs to try {found.try_number} of the task by now"

    return why


def claim(client: AzureMLClient, job: Job, owner: Owner) -> Job:
    """Write on a job that it is this try's; the job as it is then.

    If that cannot be done it is logged, and the try goes on: a job that nobody waits for is worse off.
    """
    if job.outcome is not Outcome.ACTIVE or owner_of(job) == owner:
        return job
    try:
        client.set_job_tag(job.name, *owner.tag)
        job = client.get_job(job.name)
    except AzureMLError as error:
        log.warning("It could not be written on job %s that it is this try's: %s", job.name, error)
    else:
        if job.outcome is Outcome.ACTIVE and owner_of(job) != owner:
            log.warning("Job %s does not show that it is this try's: %s.", job.name, owner_of(job))
    return job


def by_task(try_number: int, why: str) -> tuple[str, str]:
    """The tag of a job that is canceled by a task's decision, or that of Airflow."""
    return CANCELED_BY_TAG, f"{_BY_TASK}try {try_number}, {why}"[:MAX_NOTE]


def told_end(why: str, left: str | None) -> str:
    """What became of a wish to end a job, for the log.

    :param why: it was to end.
    :param left: why it was left alone; None: it was asked to end.
    """
    return f"was asked to end, as {why}" if left is None else f"was to end, as {why}, but is left: {left}"


def by_person(who: str) -> tuple[str, str]:
    """The tag of a job that is canceled because a person has said so."""
    return CANCELED_BY_TAG, f"{_BY_PERSON}{who}"[:MAX_NOTE]


def told_by(job: Job) -> tuple[bool, str] | None:
    """(Whether a person did it, who or why) of a job that was canceled by this provider; None of others."""
    note: Any = job.tags.get(CANCELED_BY_TAG) or ""
    if note.startswith(_BY_PERSON):
        return True, note.removeprefix(_BY_PERSON)
    if note.startswith(_BY_TASK):
        return False, note.removeprefix(_BY_TASK)
    return None
