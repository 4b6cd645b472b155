"""What a command or a step refers to: ``${{inputs.x}}``, ``${{parent.jobs.a.outputs.x}}``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

_PLACEHOLDER = re.compile(r"\$\{\{\s*(?:(?P<group>\w+)\.(?P<name>[\w.\-]+?)\s*\}\}|[^}]*\}?\}?)")
"""Also what looks like one and is none; it has no group then."""
BINDING = re.compile(r"\$\{\{\s*parent\.(?P<path>[\w.\-]+)\s*\}\}")
"""What a step's input or output is bound to: ``inputs.x``, ``outputs.x``, ``jobs.step.outputs.x``."""


def check_placeholders(
    field: str, command: str, groups: Mapping[str, Iterable[str]]
) -> set[tuple[str | None, str | None]]:
    """Check a command's placeholders against the names there are, a group each: inputs, outputs, ...

    :return: those that it uses, as (group, name).
    :raises InvalidSpecError: for a placeholder without its input, output or parameter.
    """
    used: set[tuple[str | None, str | None]] = set()
    for match in _PLACEHOLDER.finditer(command):
        group, name = match["group"], match["name"]
        used.add((group, name))
        if group not in groups:
            allowed = ", ".join(f"${{{{{known}.<name>}}}}" for known in groups)
            raise InvalidSpecError(field, f"{match[0]!r} means nothing here; there are: {allowed}.")
        names = list(groups[group])
        # The rest of a dotted name is a member of the input: ${{inputs.data.path}}.
        if name not in names and name.split(".")[0] not in names:
            have = f"it has: {', '.join(names)}" if names else "there are none"
            raise InvalidSpecError(field, f"{match[0]!r} is used, but {group} has no {name!r} ({have}).")
    return used
