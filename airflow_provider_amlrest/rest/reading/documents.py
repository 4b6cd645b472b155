"""YAML files of Azure ML's CLI: read with the line of each member, overridden as ``--set`` does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import yaml

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

_FILE = re.compile(r"[^\n{}]+\.ya?ml\s*", re.IGNORECASE)
_INDEX = re.compile(r"\[(-?\d+)\]")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


@dataclass(frozen=True)
class Document:
    """A YAML file, or a part of one.

    ``folder``: what paths in it are relative to. ``name``: the file, for errors. ``lines``: by the members'
    names, ``inputs.data.path``.
    """

    values: dict[str, Any]
    folder: Path
    name: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)

    def where(self, member: str) -> str:
        """The place of a member, or of what is nearest above it: ``job.yml, line 3, inputs.data``."""
        above = member
        while above and above not in self.lines:
            above = above.rpartition(".")[0]
        line = f"line {self.lines[above]}" if above else ""
        return ", ".join(part for part in (self.name, line, member) if part)

    @contextmanager
    def located(self, names: Mapping[str, str] | None = None) -> Iterator[None]:
        """Errors about members say where these are.

        :param names: arguments of operators that stand for members with other names, and these names.
        """
        try:
            yield
        except InvalidSpecError as error:
            head, dot, rest = error.field.partition(".")
            member = f"{(names or {}).get(head, head)}{dot}{rest}"
            raise type(error)(self.where(member), error.problem) from None


class _Loader(yaml.SafeLoader):
    """YAML as the CLI reads it, but dates are text, and a key that comes twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag[-5:] != "merge"]
        if twice := next((key for index, key in enumerate(keys) if key in keys[:index]), None):
            raise yaml.MarkedYAMLError(problem=f"{twice!r} is given twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_document(
    field: str, source: Any, base: Path, render: Callable[[str], str] = lambda text: text
) -> Document:
    """A document from a path of a file, YAML text, or a mapping.

    :param field: whose value it is, for errors.
    :param source: a text that ends in ``.yml`` or ``.yaml`` and has one line is a path.
    :param base: what the path is relative to; without a file, what paths in the document are relative to.
    :param render: makes the text of a file what is read.
    :raises InvalidSpecError: if there is no such file, and for mistakes in YAML, with their line.
    """
    if isinstance(source, Mapping):
        return Document(deepcopy(dict(source)), base)
    if isinstance(source, PurePath) or (isinstance(source, str) and _FILE.fullmatch(source)):
        file = base / Path(str(source).strip()).expanduser()
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InvalidSpecError(field, f"{str(file)!r} cannot be read: {reason}.") from None
        return _parse(field, render(text), file.parent, file.name)
    if not isinstance(source, str) or not source.strip():
        raise InvalidSpecError(field, f"{source!r} must be the path of a YAML file, YAML, or a mapping.")
    return _parse(field, source, base, "")


def _parse(field: str, text: str, folder: Path, name: str) -> Document:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        values = loader.construct_document(node) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise InvalidSpecError(f"{name or field}{line}", f"it is not YAML: {problem}.") from None
    finally:
        loader.dispose()
    if not isinstance(values, dict):
        raise InvalidSpecError(name or field, "it must be a mapping with the keys of a job or a component.")
    return Document(values, folder, name, dict(_lines(node, "")))


def _lines(node: yaml.Node | None, prefix: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            member = f"{prefix}{key.value}"
            yield member, key.start_mark.line + 1
            yield from _lines(value, f"{member}.")
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            member = f"{prefix.removesuffix('.')}[{index}]"
            yield member, value.start_mark.line + 1
            yield from _lines(value, f"{member}.")


def overridden(document: Document, overrides: Mapping[str, Any]) -> Document:
    """The document with other values: ``{"inputs.epochs": 5, "jobs.train.resources.locations[0]": "x"}``.

    Mappings on the way that are not there are made. Raises InvalidSpecError for an index without an item.
    """
    values = deepcopy(document.values)
    for path, value in overrides.items():
        _override(f"overrides[{path!r}]", values, str(path), value)
    return Document(values, document.folder, document.name, document.lines)


def _override(field: str, target: Any, path: str, value: Any) -> None:
    *way, last = _steps(target, path)
    for step in way:
        is_mapping = isinstance(target, dict)
        target = target.setdefault(step, {}) if is_mapping else _item(field, target, step)
    if isinstance(target, dict):
        target[last] = value
    else:
        _item(field, target, last)
        target[int(last)] = value


def _steps(target: Any, path: str) -> list[str]:
    """The keys and indexes of a path. A key may have dots, if there is such a key."""
    steps = []
    rest = _INDEX.sub(r".\1", path)
    while rest:
        keys = [key for key in target if isinstance(key, str)] if isinstance(target, dict) else []
        own = [key for key in keys if rest == key or rest.startswith(f"{key}.")]
        step = max(own, key=len, default=rest.partition(".")[0])
        steps.append(step)
        rest = rest[len(step) :].removeprefix(".")
        try:
            target = target[step] if isinstance(target, dict) else target[int(step)]
        except (KeyError, IndexError, TypeError, ValueError):
            target = None
    return steps


def _item(field: str, target: Any, step: str) -> Any:
    try:
        if not isinstance(target, list):
            raise TypeError
        return target[int(step)]
    except (IndexError, TypeError, ValueError):
        raise InvalidSpecError(field, f"there is nothing to override at {step!r}.") from None
