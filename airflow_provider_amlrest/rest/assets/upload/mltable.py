"""The file ``MLTable``, which defines a table from the files next to it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pathspec import GitIgnoreSpec

from airflow_provider_amlrest.rest.assets.conda import read_yaml
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.fields import check_unsigned

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.assets.upload.content import LocalContent

FILE = "MLTable"
PATH_KINDS = ("file", "folder", "pattern")


def referenced_uris(content: LocalContent) -> tuple[str, ...]:
    """Check a folder's ``MLTable``, and return what it refers to, as written there, for the lineage.

    :raises InvalidSpecError: if it is missing or not valid, or refers to files that only this machine has,
        or that do not exist.
    """
    field = content.field
    file = next((file for file in content.files if file.name == FILE), None)
    if file is None:
        raise InvalidSpecError(
            field,
            f"the folder {str(content.root)!r} has no file {FILE!r} (or ignores it); type mltable needs one.",
        )
    source = f"{field} {str(file.path)!r}"
    try:
        text = b"".join(content.read(file, 1 << 20)).decode()
    except UnicodeDecodeError as error:
        raise InvalidSpecError(source, f"it is not UTF-8: {error.reason}.") from None
    table = read_yaml(source, text)
    if not isinstance(table, Mapping) or not isinstance(table.get("paths"), list) or not table["paths"]:
        raise InvalidSpecError(source, "it must be a mapping with a list named 'paths' that is not empty.")
    names = {file.name for file in content.files}
    return tuple(_path(source, path, names) for path in table["paths"])


def _path(source: str, path: Any, names: set[str]) -> str:
    kinds = [kind for kind in PATH_KINDS if kind in path] if isinstance(path, Mapping) else []
    if len(kinds) != 1 or not isinstance(path[kinds[0]], str):
        raise InvalidSpecError(
            source,
            f"its 'paths' have the member {path!r}, but each needs one of {', '.join(PATH_KINDS)}, as text.",
        )
    value: str = path[kinds[0]]
    if "://" in value:
        return check_unsigned(source, value)
    relative = posixpath.normpath(value)
    if relative.startswith(("/", "~", "..")):
        raise InvalidSpecError(
            source, f"its path {value!r} is not in the folder; copy what it means there, or give a URI."
        )
    if not _matches(kinds[0], relative, names - {FILE}):
        what = {"file": "no file", "folder": "no file in the folder", "pattern": "no file that matches"}
        raise InvalidSpecError(source, f"there is {what[kinds[0]]} {value!r}, which its 'paths' name.")
    return value


def _matches(kind: str, path: str, names: set[str]) -> bool:
    """Whether a path, relative to the folder, matches any of its files.

    Patterns are read as in git; a pattern with ``{a,b}``, which git does not have, counts as a match.
    """
    if kind == "file":
        return path in names
    if kind == "folder":
        return any(path == "." or name.startswith(f"{path}/") for name in names)
    return "{" in path or any(GitIgnoreSpec.from_lines([f"/{path}"]).match_files(names))
