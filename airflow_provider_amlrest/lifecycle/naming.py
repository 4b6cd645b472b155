"""The name of a job, made of the identity of the task that submits it. Pure: it imports nothing of Airflow.

The name is the idempotency key: a try after a crash computes the same name and finds the job. The recipe
is frozen once released; a change would make running jobs unfindable.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

MAX_ATTEMPTS = 100
"""Jobs of one task and generation; each automatic retry after a failed job takes the next."""

MAX_CHOSEN_LENGTH = 240
"""Of a name of the user's own: suffixes, and a sweep's trials, have to fit into the service's 255."""

RUN_IN_A_NAME = "{{ run_id | replace(':', '-') | replace('+', '-') | replace('.', '-') }}"
"""Template that tells DAG runs apart in a name of the user's own. Every run has a ``run_id``; one that an
asset triggers has no ``ts``, ``ds`` or ``logical_date`` (Airflow 3)."""


@dataclass(frozen=True)
class TaskIdentity:
    """What makes a task's work the same work.

    ``generation`` is constant over automatic retries and new after a clear: ``max_tries - retries + 1``
    (Airflow 2.11 to 3.3 set ``max_tries`` to ``try_number + retries`` on a clear).
    """

    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    generation: int
    run_start: str = ""
    """When the DAG run began: one that is made again under its old id is another run."""
    airflow_name: str = ""
    """Which Airflow it is: the connection's field ``deployment``."""

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that stand for this identity."""
        members = asdict(self)
        # As the recipe spells it.
        members["deployment"] = members.pop("airflow_name")
        text = json.dumps(members, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def task_digest(self) -> str:
        """16 hexadecimal digits that stand for the task instance, whatever its generation."""
        return replace(self, generation=0).digest

    @property
    def lasting_digest(self) -> str:
        """The same, whenever the DAG run began: a clear of a run that is over gives it a new start."""
        return replace(self, generation=0, run_start="").digest


def job_names(identity: TaskIdentity, chosen: str | None = None) -> Iterator[str]:
    """The names to try, in their order: the first that is free, or whose job did not fail, is the task's.

    :param chosen: the user's own name; it stands for the first attempt, later ones get a suffix.
    """
    base = chosen or f"{_slug(identity.dag_id)}-{_slug(identity.task_id)}-{identity.digest}"
    if chosen and identity.generation > 1:
        base = f"{chosen}-g{identity.generation}"
    yield base
    for ordinal in range(2, MAX_ATTEMPTS + 1):
        yield f"{base}-{ordinal}"


def _slug(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-")[:40].strip("-") or "x"
