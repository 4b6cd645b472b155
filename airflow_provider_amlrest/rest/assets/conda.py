"""Conda files as users write them: completed, and refused if a build could not find what they name.

Only the conda file is sent to Azure ML, and everyone who may read the environment may read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import yaml

from airflow_provider_amlrest.rest.assets.upload.content import local_path
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.fields import check_unsigned

_FILE_URL = re.compile(r"\bfile:", re.IGNORECASE)
_PATH = re.compile(r"[./\\~]|[a-zA-Z]:\\|.*\.(?:whl|zip|tgz|tar|tar\.\w+|conda)$", re.IGNORECASE)
"""The beginning of a path, or the end of a package's file name."""
_OPTION = re.compile(r"(?P<name>-\w|--[\w-]+)(?:\s*=\s*|\s+|(?<=^-\w))(?P<value>.*)")
_REQUIREMENTS = ("-r", "--requirement")
_CONSTRAINTS = ("-c", "--constraint")
_PLACES = ("-e", "--editable", "-f", "--find-links", "-i", "--index-url", "--pypi-url", "--extra-index-url")
"""pip's other options whose value is a path or URL."""
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_PASSWORDS = (
    "Give it without: a connection of the workspace, of type python_feed or git for the same URL, can have "
    "the password or token."
)
_PLACED = (
    "Azure ML gets only the conda file, so the build would not find it. Use a package index or URL, copy "
    "the code into the job's code folder, or build an image (build=...)."
)


def read_conda(field: str, value: Any, base: Path) -> dict[str, Any] | None:
    """A conda file as a mapping, from a mapping, YAML text, or the path of a file.

    Text with a line break or ``dependencies:`` in it is YAML; other text is a path (relative to ``base``).
    A pip line such as ``-r requirements.txt`` is replaced by the lines of that file, which must be next to
    the conda file, or else in ``base``.

    :raises InvalidSpecError: for YAML that is not valid, for something that is not a conda file, for packages
        that are only on this machine, and for signatures and passwords in URLs.
    """
    if value is None:
        return None
    source, folder = field, base
    is_text = isinstance(value, str)
    if isinstance(value, PurePath) or (is_text and "\n" not in value and "dependencies:" not in value):
        file = local_path(field, base, value)
        source, folder = f"{field} {str(file)!r}", file.parent
        value = _read_text(field, file)
    if isinstance(value, str):
        value = read_yaml(source, value)
    if not isinstance(value, Mapping) or not isinstance(value.get("dependencies"), list):
        raise InvalidSpecError(
            source, "it is not a conda file: it must be a mapping with a list named 'dependencies'."
        )
    try:
        conda = dict(json.loads(json.dumps(value, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise InvalidSpecError(source, f"it contains what a conda file cannot: {error}.") from None
    conda["dependencies"] = [_dependency(source, member, folder) for member in conda["dependencies"]]
    channels = conda.get("channels")
    for channel in channels if isinstance(channels, list) else ():
        if _is_path(str(channel)):
            raise InvalidSpecError(source, f"its channel {channel!r} is on this machine: {_PLACED}")
    for text in _texts(conda):
        check_unsigned(source, text, _PASSWORDS)
    return conda


def read_requirements(field: str, lines: Iterable[str], folder: Path, placed: str) -> Iterator[str]:
    """pip lines as they may be sent without a conda file; for ``-r``, the lines of the file that it names.

    :param folder: the folder that paths are relative to.
    :param placed: why what is on this machine is refused, and what to do.
    :raises InvalidSpecError: for what is on this machine only, for signatures and passwords in URLs.
    """
    for given in lines:
        for line in _pip(field, given, folder, (), placed):
            yield check_unsigned(field, line, _PASSWORDS)


def read_yaml(source: str, text: str) -> Any:
    """The value of YAML text. Raises InvalidSpecError, with line and column, if it is not valid."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidSpecError(source, f"it is not valid YAML: {' '.join(str(error).split())}") from None


def _dependency(source: str, member: Any, folder: Path) -> Any:
    """A conda package, or ``{pip: [...]}`` without anything that is only on this machine."""
    if isinstance(member, Mapping) and set(member) == {"pip"}:
        lines = member["pip"]
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise InvalidSpecError(
                source, f"its 'pip' is {lines!r}, but must be a list of requirements, such as - pip: [six]."
            )
        return {"pip": [line for given in lines for line in _pip(source, given, folder, ())]}
    if isinstance(member, bool) or not isinstance(member, str | int | float):
        raise InvalidSpecError(
            source, f"its dependency {member!r} must be text, or a mapping with the one key 'pip'."
        )
    if _is_path(str(member)):
        raise InvalidSpecError(source, f"its dependency {member!r} is on this machine: {_PLACED}")
    return member


def _pip(
    source: str, line: str, folder: Path, reading: tuple[Path, ...], placed: str = _PLACED
) -> Iterator[str]:
    """A pip line as it may be sent; for ``-r``, the lines of the file that it names.

    :param folder: the folder that paths are relative to.
    :param reading: the requirements files that contain the line.
    """
    bare = _COMMENT.sub("", line).strip()
    option = _OPTION.fullmatch(bare)
    name, value = (option["name"], option["value"].strip("'\"")) if option else ("", "")
    if name in _REQUIREMENTS and not _is_url(value):
        yield from _requirements(source, bare, local_path(source, folder, value), reading, placed)
        return
    if name in _CONSTRAINTS and not _is_url(value):
        raise InvalidSpecError(
            source,
            f"its pip line {bare!r} names a file of constraints, which only versions in the requirements "
            "themselves can replace: pin them there.",
        )
    if not _is_url(value) if name in _PLACES else not option and _is_local(bare):
        raise InvalidSpecError(source, f"its pip line {bare!r} names what is on this machine: {placed}")
    yield line


def _requirements(
    source: str, line: str, file: Path, reading: tuple[Path, ...], placed: str
) -> Iterator[str]:
    """The lines of a requirements file, without comments, as pip reads them."""
    if file.resolve() in reading:
        raise InvalidSpecError(source, f"its pip line {line!r} leads back to a file that contains it.")
    text = _read_text(source, file).replace("\\\r\n", "").replace("\\\n", "")
    for given in text.splitlines():
        if requirement := _COMMENT.sub("", given).strip():
            inner = f"{source}, {line!r}"
            yield from _pip(inner, requirement, file.parent, (*reading, file.resolve()), placed)


def _is_url(text: str) -> bool:
    return "://" in text and not _FILE_URL.search(text)


def _is_path(text: str) -> bool:
    """Whether a conda package or channel is a path on this machine."""
    return not _is_url(text) and bool(_FILE_URL.match(text) or _PATH.match(text))


def _is_local(requirement: str) -> bool:
    """The same for a pip requirement, whose name has no slash."""
    if "://" in requirement or _FILE_URL.search(requirement):
        return not _is_url(requirement)
    # Without extras, marker, and pip options that may follow.
    name = re.split(r"\[|;|\s--", requirement, maxsplit=1)[0].strip()
    return "/" in name or "\\" in name or bool(_PATH.match(name))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield key
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)
    elif isinstance(value, str):
        yield value


def _read_text(field: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidSpecError(field, f"{str(file)!r} cannot be read: {reason}.") from None
