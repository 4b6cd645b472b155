"""What Airflow masks in a job's request and output.

Airflow masks by process: only a process that has learned a secret can mask it. A task's own process learns
secrets when it renders its templates; the triggerer, the API server, the task of a sensor and a command line
do not. The task therefore notes on the job whether its request has values that Airflow masks. For such a job,
the other processes do not show anything that it may have printed.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import mask_secret, redact

from airflow_provider_amlrest.lifecycle.task_identity import DAG_TAG, IDENTITY_PROPERTY, TASK_ID_TAG

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.jobs.job import Job

MASKED_PROPERTY = "airflow_masked"
"""Property of each job: ``true`` if Airflow masks something in its request, else ``false``."""

NOT_SHOWN = (
    "not shown here: the job carries values that Airflow masks, and only its own task can mask them. It is "
    "in that task's log, and in Azure ML Studio."
)
"""Shown instead of anything that such a job may have printed."""

OWN_TAGS = (DAG_TAG, TASK_ID_TAG, "airflow_run_id", "airflow_map_index", "airflow_try_number")
MASK = "***"
SHORTEST_SECRET = 5
"""Characters; Airflow does not mask shorter texts."""


def masked(value: Any) -> Any:
    """The value as Airflow would show it, however deep it is nested."""
    return redact(value, max_depth=sys.maxsize)


def learn(value: Any) -> set[str]:
    """The places in a value whose texts Airflow masks because of their content, not of a name; each with what
    stands before the first secret.

    From now on, a secret with several lines is also masked where a job prints it line by line.
    """
    found = set()
    for place, text in _texts(value):
        shown = str(redact(text))
        if shown != text:
            found.add(f"{place}:{shown.partition(MASK)[0]}")
            _learn_lines(text, shown)
    return found


def note(value: Any) -> list[str]:
    """Where this process masks something in a value, for who resumes: digests of :func:`learn`.

    What follows the first secret does not count: of secrets that overlap, Airflow 2.11 masks now this one,
    now that one.
    """
    learn(value)
    # Once more, because the lines that were learned are masked now in the texts before them, too.
    return sorted(hashlib.sha256(place.encode()).hexdigest()[:16] for place in learn(value))


def masks_the_same(noted: Collection[str] | None, value: Any) -> bool:
    """Whether this process masks in a value all that was masked in it when it was noted.

    Since then, a DAG's files may have changed, and a process that has learned other secrets from them does
    not know those that the job carries.

    :param noted: None: nothing was noted, by this process itself, or by an older version.
    """
    now = set(note(value))
    return bool(now) if noted is None else bool(noted) and now.issuperset(noted)


def mark(body: Any) -> dict[str, str]:
    """The property of a job whose request has this body."""
    return {MASKED_PROPERTY: "true" if learn(body) else "false"}


def is_open(job: Job) -> bool:
    """Whether the task that submitted the job noted that Airflow does not mask anything in it."""
    return job.properties.get(MASKED_PROPERTY) == "false"


def may_show(job: Job) -> bool:
    """Whether a process that knows no secrets may show the job's request and output.

    A job that was not submitted by a task does not contain Airflow's secrets. A job of an earlier version of
    this provider may contain them.
    """
    return is_open(job) or IDENTITY_PROPERTY not in job.properties


def visible(job: Job) -> Job:
    """The job as a process that knows no secrets may show it."""
    return job if may_show(job) else without_request(job)


def without_request(job: Job) -> Job:
    """The job without its request, except the tags that say which task submitted it."""
    tags = {name: text for name, text in job.tags.items() if name in OWN_TAGS}
    bare = replace(job, display_name=None, experiment_name=None, command=None)
    return replace(bare, tags=tags, inputs={}, outputs={}, jobs={})


def without_texts(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a trial that are not text, and therefore not secrets."""
    return {name: value for name, value in params.items() if not isinstance(value, str)}


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Each text in a value, with its place: the keys and numbers that lead to it."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _texts(member, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, member in enumerate(value):
            yield from _texts(member, f"{place}.{number}")
    elif isinstance(value, set):
        for member in value:
            yield from _texts(member, place)


def _learn_lines(text: str, shown: str) -> None:
    pieces = re.fullmatch("(.*?)".join(map(re.escape, shown.split(MASK))), text, re.DOTALL)
    for secret in pieces.groups() if pieces else ():
        lines = secret.splitlines()
        for line in lines if len(lines) > 1 else ():
            if len(line) >= SHORTEST_SECRET:
                mask_secret(line)
