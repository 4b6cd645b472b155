"""What resources, and the machines under them, may be called."""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.fields import text

VM_SIZE = re.compile(r"(?:Standard|Basic)_[\w-]+", re.IGNORECASE)
"""Names of Azure's sizes, which have no case. Kubernetes has names of its own, and is not taken here."""


def check_resource_name(name: str, value: Any, what: str, pattern: re.Pattern[str], rule: str) -> str:
    """The name, if Azure ML accepts it. Raises InvalidSpecError otherwise.

    :param what: has the name, in a word: ``compute``.
    :param rule: what the pattern says.
    """
    given = text(name, value) or ""
    kind = with_article(what)
    if not given:
        raise InvalidSpecError(name, f"it is missing: {kind} has a name of {rule}.")
    if not pattern.fullmatch(given):
        raise InvalidSpecError(name, f"{given!r} is not a valid name for {kind}: {rule}.")
    return given


def read_vm_size(name: str, value: Any, default: str) -> str:
    """The name of a size of virtual machines. Which of them a region has, only the service knows."""
    size = text(name, value) or default
    if not VM_SIZE.fullmatch(size):
        raise InvalidSpecError(
            name, f"{size!r} is not the name of a size of virtual machines, such as Standard_DS3_v2."
        )
    return size


def with_article(what: str) -> str:
    """``an endpoint``, ``a compute``."""
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
