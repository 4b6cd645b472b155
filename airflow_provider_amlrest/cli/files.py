"""The commands on YAML files: ``validate``, which needs no connection, and ``run``."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from airflow_provider_amlrest.cli import render
from airflow_provider_amlrest.cli.exit_codes import FINE, NOT_COMPLETED
from airflow_provider_amlrest.cli.templates import explained, templates
from airflow_provider_amlrest.rest.assets.component import component_body
from airflow_provider_amlrest.rest.assets.model import model_body
from airflow_provider_amlrest.rest.assets.model_files import printed, read_files, read_model_file
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs import has_steps
from airflow_provider_amlrest.rest.jobs.component_files import read_component, unresolved_spec
from airflow_provider_amlrest.rest.jobs.given import Given
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.steps import component_steps
from airflow_provider_amlrest.rest.jobs.wire import (
    check_lookups,
    job_body,
    looked_up,
    lookups,
    replaced,
    unresolved,
)
from airflow_provider_amlrest.rest.reading.documents import (
    Document,
    Located,
    overridden,
    read_document,
    read_value,
)
from airflow_provider_amlrest.rest.resources import batch, online
from airflow_provider_amlrest.rest.resources.compute import TYPES as COMPUTE_TYPES
from airflow_provider_amlrest.rest.resources.compute import read_compute
from airflow_provider_amlrest.rest.versions.api_versions import DEFAULT_API_VERSION
from airflow_provider_amlrest.rest.versions.spelling import Spelling, spelling_of

if TYPE_CHECKING:
    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.lookup import Lookup
    from airflow_provider_amlrest.rest.resources.spec import ResourceSpec

NOWHERE = WorkspaceId("subscription", "group", "workspace")
"""Stands for the workspace while there is none."""


class Read(NamedTuple):
    """What a file says."""

    what: str
    """In words."""
    request: Mapping[str, Any]
    """The body of its PUT."""
    check: Callable[[], list[InvalidSpecError]]
    """Looks for the files that it names, and returns what is wrong with them."""


class Kind(NamedTuple):
    """A kind of document."""

    is_meant: Callable[[Mapping[str, Any]], bool]
    """Whether a file without a ``$schema`` is one."""
    read: Callable[[Document, Spelling], Read]


def validate(options: argparse.Namespace, out: TextIO) -> int:
    """Read a file and say what is wrong with it; with ``--body``, print what would be sent."""
    document, problems = _document(options)
    if problems and not options.body:
        raise problems[0]
    spelling = spelling_of(options.api_version or DEFAULT_API_VERSION, NOWHERE)
    read = _kind(document).read(document, spelling)
    problems += read.check()
    if options.body:
        for problem in problems:
            print(f"amlrest: warning: {problem}", file=sys.stderr)  # noqa: T201
        print(json.dumps(read.request, indent=2, sort_keys=True), file=out)
        return FINE
    for problem in problems:
        raise problem
    print(f"{options.file} is valid: {read.what}.", file=out)
    return FINE


def _document(options: argparse.Namespace) -> tuple[Document, list[InvalidSpecError]]:
    """The file, with the values that ``--set`` replaces, and an error for each template in it."""
    texts = [""]

    def keep(text: str) -> str:
        texts.append(text)
        return text

    try:
        written = read_document("file", Path(options.file), Path(), keep)
    except InvalidSpecError as error:
        raise explained(error, texts[-1]) from None
    document = overridden(written, dict(map(_override, options.set or ())))
    return document, templates(texts[-1], written, document.values)


def _override(text: str) -> tuple[str, Any]:
    path, equals, value = text.partition("=")
    if not equals:
        raise InvalidSpecError("--set", f"{text!r} must be member=value, such as inputs.epochs=5.")
    return path, read_value(f"--set {path}", value)


def _kind(document: Document) -> Kind:
    """The kind that its schema names, or that it seems to be; else a job."""
    given = document.values
    schema = str(given.get("$schema") or "").strip().removesuffix(".schema.json").lower()
    named = [kind for name, kind in KINDS.items() if schema.endswith(name)]
    return next(iter(named or [kind for kind in KINDS.values() if kind.is_meant(given)]), KINDS["job"])


def _job(document: Document, spelling: Spelling) -> Read:
    job, _ = read_job_file(document)
    body = job_body(spelling, job)
    steps = f" with {len(body['jobs'])} steps" if "jobs" in body else ""
    request = {"properties": unresolved(spelling, body)}
    return Read(
        f"a {job.job_type.lower()} job{steps}", request, partial(_missing, lookups(body), job.located)
    )


def _component(document: Document, spelling: Spelling) -> Read:
    component = read_component(document, component_steps)
    body = component_body(spelling, component)
    body["componentSpec"] = unresolved_spec(component)
    request = {"name": component.name, "properties": body}
    found = list(lookups(dict(component.spec)))
    return Read(f"a {component.spec['type']} component", request, partial(_missing, found, component.located))


def _missing(found: Iterable[Lookup], located: Located) -> list[InvalidSpecError]:
    return [problem for lookup in found for problem in _problems(partial(lookup.check, None), located)]


def _model(document: Document, spelling: Spelling) -> Read:
    model = read_model_file(document)
    request = {"properties": model_body(spelling, printed(model, document.folder))}

    check = partial(_problems, partial(read_files, model, document.folder), document.located)
    return Read(f"a model of the type {model.type}", request, check)


def _problems(check: Callable[[], object], located: Located) -> list[InvalidSpecError]:
    try:
        with located():
            check()
    except InvalidSpecError as problem:
        return [problem]
    return []


def _resource(read: Callable[[Given], ResourceSpec], document: Document, spelling: Spelling) -> Read:
    members = {name: value for name, value in document.values.items() if name != "$schema"}
    with document.located():
        spec = replace(read(Given(members, document.folder)), located=document.located)
    body = replaced(spec.body, lambda lookup: lookup.written)
    return Read(spec.kind, {"name": spec.name, **body}, partial(spec.problems, spelling))


def _is_compute(given: Mapping[str, Any]) -> bool:
    return str(given.get("type")).lower() in COMPUTE_TYPES


def _by_its_words(words: set[str]) -> Callable[[Mapping[str, Any]], bool]:
    return lambda given: words <= given.keys()


KINDS = {
    "managedonlinedeployment": Kind(
        _by_its_words({"endpoint_name", "instance_type"}), partial(_resource, online.read_deployment)
    ),
    "batchdeployment": Kind(_by_its_words({"endpoint_name"}), partial(_resource, batch.read_deployment)),
    "onlineendpoint": Kind(_by_its_words({"auth_mode"}), partial(_resource, online.read_endpoint)),
    "batchendpoint": Kind(_by_its_words({"defaults", "name"}), partial(_resource, batch.read_endpoint)),
    "compute": Kind(_is_compute, partial(_resource, read_compute)),
    "computeinstance": Kind(_is_compute, partial(_resource, read_compute)),
    "model": Kind(lambda given: "path" in given and not {"command", "jobs"} & given.keys(), _model),
    "component": Kind(lambda given: bool({"is_deterministic", "version"} & given.keys()), _component),
    "job": Kind(lambda given: True, _job),
}
"""By the end of their schemas' names, without case; what is asked first comes first."""


def run(hook: AzureMLHook, client: AzureMLClient, options: argparse.Namespace, out: TextIO) -> int:
    """Submit a job's file, follow it, and print its result as JSON."""
    from airflow_provider_amlrest.cli.commands import follow
    from airflow_provider_amlrest.lifecycle.cancellation import JobCanceledError
    from airflow_provider_amlrest.lifecycle.results import JobFailedError, finish
    from airflow_provider_amlrest.lifecycle.steps import table_of_steps

    document, problems = _document(options)
    if problems:
        raise problems[0]
    job, own_name = read_job_file(document)
    body = job_body(client.operations.spelling, job)
    with job.located():
        check_lookups(body, client.operations.workspace)
        request = looked_up(client, body)
    name = options.name or own_name or f"amlrest-{uuid.uuid4().hex[:12]}"
    created = client.create_job(name, request)
    url = hook.studio_url(created)
    print(f"Job {created.name} is {created.status}. {url}", file=sys.stderr)  # noqa: T201
    ended = follow(client, created, sys.stderr)
    try:
        result = finish(client, ended, url)
    except (JobFailedError, JobCanceledError) as error:
        print(f"amlrest: {error}", file=sys.stderr)  # noqa: T201
        result = {"name": ended.name, "id": ended.id, "status": ended.status, "studio_url": url}
        if has_steps(ended.type):
            result["steps"] = table_of_steps(client, ended)
        render.as_json(out, result)
        return NOT_COMPLETED
    render.as_json(out, result)
    return FINE
