"""The digest of a task's work: by it a later try knows whether an earlier job is what is asked for now."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from airflow_provider_amlrest.rest.jobs.inputs import ReferencedInput
from airflow_provider_amlrest.rest.jobs.lookups import CodeLookup, EnvironmentLookup
from airflow_provider_amlrest.rest.jobs.wire import lookups, replaced

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.jobs.lookup import Lookup
    from airflow_provider_amlrest.rest.versions.spelling import Wire

CALLED_AND_DESCRIBED = frozenset({"experimentName", "displayName", "description", "tags", "properties"})
"""Members of a PUT's properties that say what a job is called or described as, in both spellings."""


def work_digest(body: Wire) -> str:
    """16 hexadecimal digits that stand for the work: not for what the job is called or described as.

    They are a property of jobs that run: what they are made of must not change with a release.

    :param body: the properties of a job's PUT, before anything is looked up.
    """
    # What stands in the steps of a pipeline counts where it stands.
    given = [lookup for lookup in lookups(body) if _is_of_the_job(lookup)]
    inputs = {one.name: one.meaning for one in given if isinstance(one, ReferencedInput)}
    environment = next((one.meaning for one in given if isinstance(one, EnvironmentLookup)), "")
    code = next((one.meaning for one in given if isinstance(one, CodeLookup)), repr(None))
    work = replaced(
        {name: value for name, value in body.items() if name not in CALLED_AND_DESCRIBED}, _in_work
    )
    return hashlib.sha256(json.dumps([work, inputs, environment, code], sort_keys=True).encode()).hexdigest()[
        :16
    ]


def _is_of_the_job(lookup: Lookup) -> bool:
    return not lookup.field.startswith("jobs.")


def _in_work(lookup: Lookup) -> str | None:
    if not _is_of_the_job(lookup):
        return lookup.meaning
    if isinstance(lookup, EnvironmentLookup):
        return ""
    # The first version knew none but these.
    return None if isinstance(lookup, CodeLookup | ReferencedInput) else lookup.meaning
