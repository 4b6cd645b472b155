"""What a submit operator was asked for: read without the service, then looked up and made a job."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.rest.jobs import lookups
from airflow_provider_amlrest.rest.jobs.job import Input, JobSpec
from airflow_provider_amlrest.rest.jobs.wire import job_body
from airflow_provider_amlrest.rest.reading.references import Reference
from airflow_provider_amlrest.rest.versions.spelling import Wire

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.assets.upload.content import LocalContent

CALLED_AND_DESCRIBED = frozenset({"experimentName", "displayName", "description", "tags", "properties"})
"""Members of a PUT's properties that say what a job is called or described as, in both spellings."""


@dataclass(frozen=True)
class JobRequest:
    """A job as far as it can be read without asking the service, and what is still to be looked up."""

    job: JobSpec
    environment: Reference
    code: Reference | LocalContent | None
    inputs: Mapping[str, Input | lookups.ReferencedInput]

    def digest(self, client: AzureMLClient, compute: str | None) -> str:
        """16 hexadecimal digits that stand for the work: not for what the job is called or described as.

        References count as they were given: what ``@latest`` means may change while the job runs.

        :raises InvalidSpecError: for what the client's api-version cannot say as far as it is known yet, and
            for what is no compute's name.
        """
        lookups.compute_name(client, compute)
        from airflow_provider_amlrest.rest.assets.upload.content import LocalContent

        known: dict[str, Input] = {}
        referenced: dict[str, str] = {}
        for name, value in self.inputs.items():
            if isinstance(value, lookups.ReferencedInput):
                referenced[name] = repr(value)
            else:
                known[name] = value
        body = job_body(client.operations.spelling, replace(self.job, compute=compute, inputs=known))
        work = {name: value for name, value in body.items() if name not in CALLED_AND_DESCRIBED}
        code = self.code.hash if isinstance(self.code, LocalContent) else repr(self.code)
        asked = [work, referenced, repr(self.environment), code]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]

    def body(self, client: AzureMLClient, compute: str | None) -> Wire:
        """The properties of the job's PUT: everything is looked up, and code uploaded that is not there."""
        return job_body(client.operations.spelling, self.resolve(client, compute))

    def resolve(self, client: AzureMLClient, compute: str | None) -> JobSpec:
        """Look everything up, and upload code that the workspace has not got."""
        common: dict[str, Any] = {
            "compute": lookups.resolve_compute(client, compute),
            "inputs": {name: lookups.resolve_input(client, value) for name, value in self.inputs.items()},
        }
        run: dict[str, Any] = {
            "environment": lookups.resolve_environment(client, self.environment),
            "code": lookups.resolve_code(client, self.code),
        }
        return replace(self.job, **common).with_run(**run)
