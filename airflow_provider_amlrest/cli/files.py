"""The commands on YAML files: ``validate``, which needs no connection, and ``run``."""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from airflow_provider_amlrest.cli import render
from airflow_provider_amlrest.cli.exit_codes import FINE, NOT_COMPLETED
from airflow_provider_amlrest.cli.templates import explained, templates
from airflow_provider_amlrest.rest.assets.component import component_body
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.ids import WorkspaceId
from airflow_provider_amlrest.rest.jobs import has_steps
from airflow_provider_amlrest.rest.jobs.component_files import read_component, unresolved_spec
from airflow_provider_amlrest.rest.jobs.job_files import read_job_file
from airflow_provider_amlrest.rest.jobs.lookup import lookups
from airflow_provider_amlrest.rest.jobs.steps import component_steps
from airflow_provider_amlrest.rest.jobs.wire import check_lookups, job_body, looked_up, unresolved
from airflow_provider_amlrest.rest.reading.documents import (
    Document,
    Located,
    overridden,
    read_document,
    read_value,
)
from airflow_provider_amlrest.rest.versions.api_versions import DEFAULT_API_VERSION
from airflow_provider_amlrest.rest.versions.spelling import Spelling, spelling_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_amlrest.hook import AzureMLHook
    from airflow_provider_amlrest.rest import AzureMLClient

Read = tuple[str, "Mapping[str, Any]", list[Any], Located]
"""What a file is, the request that it makes, what is still to be looked up, and where errors about it are."""

NOWHERE = WorkspaceId("subscription", "group", "workspace")
"""Stands for the workspace while there is none."""


def validate(options: argparse.Namespace, out: TextIO) -> int:
    """Read a file and say what is wrong with it; with ``--body``, print what would be sent."""
    document, problems = _document(options)
    if problems and not options.body:
        raise problems[0]
    spelling = spelling_of(options.api_version or DEFAULT_API_VERSION, NOWHERE)
    is_component = _is_component(document)
    what, request, found, located = (_component if is_component else _job)(document, spelling)
    if options.body:
        for problem in (*problems, *_missing(found, located)):
            print(f"amlrest: warning: {problem}", file=sys.stderr)  # noqa: T201
        print(json.dumps(request, indent=2, sort_keys=True), file=out)
        return FINE
    with located():
        for lookup in found:
            lookup.check(None)
    print(f"{options.file} is valid: {what}.", file=out)
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


def _is_component(document: Document) -> bool:
    given = document.values
    return "omponent" in str(given.get("$schema", "")) or "is_deterministic" in given or "version" in given


def _job(document: Document, spelling: Spelling) -> Read:
    job, _ = read_job_file(document)
    body = job_body(spelling, job)
    steps = f" with {len(body['jobs'])} steps" if "jobs" in body else ""
    request = {"properties": unresolved(spelling, body)}
    return f"a {job.job_type.lower()} job{steps}", request, list(lookups(body)), job.located


def _component(document: Document, spelling: Spelling) -> Read:
    component = read_component(document, component_steps)
    body = component_body(spelling, component)
    body["componentSpec"] = unresolved_spec(component)
    request = {"name": component.name, "properties": body}
    found = list(lookups(dict(component.spec)))
    return f"a {component.spec['type']} component", request, found, component.located


def _missing(found: list[Any], located: Located) -> list[InvalidSpecError]:
    problems = []
    for lookup in found:
        try:
            with located():
                lookup.check(None)
        except InvalidSpecError as error:
            problems.append(error)
    return problems


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
