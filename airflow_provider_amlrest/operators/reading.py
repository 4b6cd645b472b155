"""What templates have made of the arguments of tasks that submit jobs is read here, and only here.

It is imported when a task runs: parsing a DAG needs none of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.lifecycle.naming import MAX_CHOSEN_LENGTH
from airflow_provider_amlrest.lifecycle.task_identity import PROPERTIES, TAGS
from airflow_provider_amlrest.operators.base import dag_folder
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.given import Given, Ours
from airflow_provider_amlrest.rest.reading import values
from airflow_provider_amlrest.rest.reading.documents import Document, read_document
from airflow_provider_amlrest.rest.reading.fields import check_name, one_of, text, text_list
from airflow_provider_amlrest.rest.resources.endpoints import check_endpoint_name

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest.resources.spec import ResourceSpec

_WORD = re.compile(r"[\w-]+")
"""No document: a name, whether it is a valid one or not."""

OURS = Ours(TAGS, PROPERTIES)
Reader = Callable[[Given], "ResourceSpec"]


@dataclass(frozen=True)
class WaitOptions:
    """How a task waits for its job; what templates have made of the arguments is read here, and only here."""

    wait_for_completion: bool
    deferrable: bool
    poll_interval: float
    timeout: float | None
    on_timeout: str
    cancel_on_kill: bool
    resubmit_canceled: bool
    get_logs: bool
    require_metrics: tuple[str, ...]


def read_wait_options(task: Any) -> WaitOptions:
    """Read the rendered arguments of a task. Raises InvalidSpecError for one that is not what it must be."""
    return WaitOptions(
        wait_for_completion=values.boolean("wait_for_completion", task.wait_for_completion),
        deferrable=values.boolean("deferrable", task.deferrable),
        poll_interval=values.required_seconds("poll_interval", task.poll_interval),
        timeout=values.optional_seconds("timeout", task.timeout),
        on_timeout=one_of("on_timeout", task.on_timeout, ("cancel", "leave")),
        cancel_on_kill=values.boolean("cancel_on_kill", task.cancel_on_kill),
        resubmit_canceled=values.boolean("resubmit_canceled", task.resubmit_canceled),
        get_logs=values.boolean("get_logs", task.get_logs),
        require_metrics=text_list("require_metrics", task.require_metrics),
    )


def read_job_name(value: Any) -> str | None:
    """A name of the user's own. Raises InvalidSpecError for what is none."""
    name = text("job_name", value)
    return None if name is None else check_name("job_name", name, MAX_CHOSEN_LENGTH)


def read_resource(
    task: Any, member: str, names: Iterable[str], read: Callable[[Given], ResourceSpec], context: Context
) -> ResourceSpec:
    """The resource that a task's arguments describe: in a document, or one by one.

    :param member: the argument that may be the document.
    :param names: the arguments that describe it one by one.
    :raises InvalidSpecError: for what is not what it must be, and if both are given.
    """
    given = {name: getattr(task, name) for name in names if getattr(task, name) is not None}
    if getattr(task, member) is None:
        return read(Given(given, dag_folder(context)))
    if given:
        raise InvalidSpecError(member, f"it says all; leave out {', '.join(given)}.")
    return read_resource_document(task, member, read, context)


def read_resource_document(
    task: Any,
    member: str,
    read: Callable[[Given], ResourceSpec],
    context: Context,
    instead: Mapping[str, str] = MappingProxyType({}),
    defaults: Mapping[str, Any] = MappingProxyType({}),
) -> ResourceSpec:
    """The resource in a document: the path of a file, YAML text, or a mapping.

    :param instead: member -> the argument of the task that counts instead of it.
    :param defaults: members that count if the document has none.
    """
    source = values.structured(getattr(task, member))
    document = read_document(
        member, source, dag_folder(context), lambda text: str(task.render_file(member, text, context))
    )
    members = {name: value for name, value in document.values.items() if name != "$schema"}
    given = {name: getattr(task, argument) for name, argument in instead.items()}
    located = partial(_located, document, instead)
    with located():
        spec = read(Given({**defaults, **members, **given}, document.folder))
    return replace(spec, located=located)


@contextmanager
def _located(document: Document, instead: Mapping[str, str]) -> Iterator[None]:
    """Errors about members say where these are, or which argument counts instead of them."""
    try:
        yield
    except InvalidSpecError as error:
        head = re.split(r"[.\[]", error.field, maxsplit=1)[0]
        if head not in instead:
            raise type(error)(document.where(error.field), error.problem) from None
        field = instead[head] + error.field.removeprefix(head)
        raise type(error)(field, error.problem) from None


def read_endpoint_and_deployment(
    task: Any, read_endpoint: Reader, read_deployment: Reader, context: Context
) -> list[ResourceSpec]:
    """An endpoint that a task describes, or only names, which makes it if there is none; and a deployment.

    :raises InvalidSpecError: for what is not what it must be, and if the two do not belong together.
    """
    given = task.endpoint
    if isinstance(given, str) and _WORD.fullmatch(given.strip()):
        name = check_endpoint_name("endpoint", given)
        named = read_endpoint(Given({"name": name}, dag_folder(context)))
        endpoint = replace(named, only_exists=True)
    else:
        endpoint = read_resource_document(task, "endpoint", read_endpoint, context)
    own = {"name": "deployment_name", "model": "model"}
    instead = {name: argument for name, argument in own.items() if not values.blank(getattr(task, argument))}
    if values.blank(task.deployment):
        if instead:
            raise InvalidSpecError("deployment", "it is missing: deployment_name and model are parts of one.")
        return [endpoint]
    defaults = {"endpoint_name": endpoint.name}
    deployment = read_resource_document(task, "deployment", read_deployment, context, instead, defaults)
    _, its_endpoint, *_ = deployment.path.split("/")
    if its_endpoint != endpoint.name:
        raise InvalidSpecError(
            "deployment", f"its endpoint_name is {its_endpoint!r}, but the endpoint is {endpoint.name!r}."
        )
    return [endpoint, deployment]
