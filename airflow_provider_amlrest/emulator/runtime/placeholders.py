"""Azure ML's expressions: ``${{inputs.x}}`` and the like in a command, ``${{name}}`` in an output's path."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_amlrest.emulator.runtime.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\$\{\{\s*(inputs|outputs|search_space)\.([^\s}]+)\s*\}\}")

_PATH_EXPRESSION = re.compile(r"\$\{\{\s*([^{}]*?)\s*\}\}")


def resolve_path(uri: str, values: Mapping[str, str]) -> str:
    """Put values in the place of the expressions in an output's path.

    :param values: what ``name``, ``output_name`` and ``default_datastore`` are.
    :raises JobError: another expression.
    """

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise JobError(f"{uri} has {match[0]}; an output's path can have {', '.join(values)}.")
        return values[match[1]]

    return _PATH_EXPRESSION.sub(value_of, uri)


def resolve(text: str, values: Mapping[str, Mapping[str, str]]) -> str:
    """Put values in the place of placeholders; a kind that ``values`` lacks stays as it is.

    :param values: for each kind (``inputs``, ``outputs``, ``search_space``) the text of each name.
    :raises JobError: a name that its kind does not have.
    """

    def value_of(match: re.Match[str]) -> str:
        kind, name = match.groups()
        if kind not in values:
            return match.group()
        if name not in values[kind]:
            known = ", ".join(sorted(values[kind])) or "none"
            raise JobError(
                f"The command has {match.group()}, but the job has no such name. Its {kind}: {known}."
            )
        return values[kind][name]

    return _PLACEHOLDER.sub(value_of, text)
