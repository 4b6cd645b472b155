"""Spark jobs: an entry on a serverless or an attached Spark pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.job import Identity
from airflow_provider_amlrest.rest.jobs.kind import Kind
from airflow_provider_amlrest.rest.jobs.lookup import Lookup
from airflow_provider_amlrest.rest.jobs.lookups import read_code, read_environment
from airflow_provider_amlrest.rest.jobs.spec import COMMON_KEYS, JobSpec, read_common
from airflow_provider_amlrest.rest.reading.fields import no_other_keys, string_map, text, text_list
from airflow_provider_amlrest.rest.reading.values import mapping
from airflow_provider_amlrest.rest.versions.spelling import Spelling, Wire
from airflow_provider_amlrest.rest.versions.words import without_nones

_LISTS = {"py_files": "pyFiles", "jars": "jars", "files": "files", "archives": "archives"}
_KEYS = ("code", "entry", "conf", "args", "environment", "resources", "environment_variables", *_LISTS)


@dataclass(frozen=True, kw_only=True)
class SparkJob(JobSpec):
    """``entry``: a file of the code, or a class. ``conf``: Spark's own settings, as text."""

    job_type = "Spark"

    code: str | Lookup
    entry: Mapping[str, str]
    conf: Mapping[str, str] = field(default_factory=dict)
    args: str | None = None
    environment: str | Lookup | None = None
    resources: Mapping[str, str] = field(default_factory=dict)
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """py_files, jars, files and archives, beside the code."""


def spark_conf(value: Any) -> dict[str, Any]:
    """Spark's settings. Those of dynamic allocation imply a number of executors, as azure-ai-ml has it."""
    conf = dict(mapping("conf", value))
    if str(conf.get("spark.dynamicAllocation.enabled")).lower() == "true":
        least = conf.get("spark.dynamicAllocation.minExecutors", 1)
        conf.setdefault("spark.executor.instances", least)
    return conf


def _read(given: Given) -> SparkJob:
    code = read_code("code", given["code"], given.base)
    if code is None:
        raise InvalidSpecError("code", "it is missing; give the folder that has the entry.")
    resources = mapping("resources", given["resources"])
    no_other_keys("resources", resources, ("instance_type", "runtime_version"))
    environment = given["environment"]
    job = SparkJob(
        **read_common(given),
        code=code,
        entry=_entry(given["entry"]),
        conf={name: _conf_text(member) for name, member in spark_conf(given["conf"]).items()},
        args=text("args", given["args"]),
        environment=environment and read_environment("environment", environment, given.base),
        resources={name: str(member).lower() for name, member in resources.items()},
        environment_variables=string_map("environment_variables", given["environment_variables"]),
        lists={name: text_list(name, given[name]) for name in _LISTS if given[name]},
    )
    return job if job.identity else replace(job, identity=Identity(default_identity(given["compute"])))


def default_identity(compute: Any) -> str:
    """Whose rights a Spark job has if nobody says so: an attached pool's own, else the user's."""
    return "managed" if compute else "user_identity"


def _entry(value: Any) -> dict[str, str]:
    entry = mapping("entry", value)
    no_other_keys("entry", entry, ("file", "class_name"))
    if len(entry) != 1:
        raise InvalidSpecError("entry", f"{dict(entry)!r} must have either a 'file' or a 'class_name'.")
    return string_map("entry", entry)


def _conf_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _body(spelling: Spelling, job: SparkJob) -> Wire:
    file, name = job.entry.get("file"), job.entry.get("class_name")
    entry = {"sparkJobEntryType": "SparkJobPythonEntry", "file": file} if file else {}
    if name:
        entry = {"sparkJobEntryType": "SparkJobScalaEntry", "className": name}
    names = {"instance_type": "instanceType", "runtime_version": "runtimeVersion"}
    return without_nones(
        codeId=job.code,
        entry=entry,
        conf=dict(job.conf),
        args=job.args,
        environmentId=job.environment,
        environmentVariables=dict(job.environment_variables),
        resources={names[name]: member for name, member in job.resources.items()},
        **{_LISTS[name]: list(members) for name, members in job.lists.items()},
    )


KIND = Kind(
    "Spark",
    read=_read,
    keys={**COMMON_KEYS, **{name: name for name in _KEYS}},
    body=_body,
    since="2024-04-01",
    wants_user_token=True,
)
