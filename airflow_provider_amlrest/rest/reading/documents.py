"""YAML files of Azure ML's CLI: read with the line of each member, overridden as ``--set`` does."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any

import yaml

from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.reading.fields import nearest
from airflow_provider_amlrest.rest.reading.plain import DEEPEST, plain

_FILE = re.compile(r"[^\n{}]+\.ya?ml\s*", re.IGNORECASE)
_INDEX = re.compile(r"\[(-?\d+)\]")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MOST_MEMBERS = 20_000
_MOST_DIGITS = 300
"""No file of a job has more of these; one that does is a mistake, or is made to fill the memory."""


Located = Callable[[], AbstractContextManager[None]]
"""A context in which errors about members say where these are written."""


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
    within: frozenset[Path] = frozenset()
    """The files that lead to it, and its own."""
    prefix: str = ""
    """Of its members' names in the whole file, if it is a part of one: ``jobs.train.``."""

    def where(self, member: str) -> str:
        """The place of a member, or of what is nearest above it: ``job.yml, line 3, inputs.data``."""
        above = member
        while above and above not in self.lines:
            above = above.rpartition(".")[0]
        line = f"line {self.lines[above]}" if above else ""
        return ", ".join(part for part in (self.name, line, f"{self.prefix}{member}") if part)

    @contextmanager
    def located(self, names: Mapping[str, str] | None = None) -> Iterator[None]:
        """Errors about members say where these are.

        :param names: arguments of operators that stand for members with other names, and these names.
        """
        try:
            yield
        except InvalidSpecError as error:
            head = re.split(r"[.\[]", error.field, maxsplit=1)[0]
            member = (names or {}).get(head, head) + error.field.removeprefix(head)
            raise type(error)(self.where(member), error.problem) from None


class _Loader(yaml.SafeLoader):
    """YAML as the CLI reads it, but dates are text, and a key that comes twice is a mistake."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._flat: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put what ``<<`` merges in its place, which may give a key again: once, and after the check."""
        if id(node) in self._flat:
            return
        self._flat.add(id(node))
        keys = set()
        for key, _ in node.value:
            if key.tag[-5:] == "merge" or not isinstance(key, yaml.ScalarNode):
                continue
            if (made := self.construct_object(key)) in keys:
                raise yaml.MarkedYAMLError(problem=f"{made!r} is given twice", problem_mark=key.start_mark)
            keys.add(made)
        super().flatten_mapping(node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """As YAML has it, but only what JSON has, too."""
        try:
            made = super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None
        is_long = isinstance(made, int) and abs(made) >= 10**_MOST_DIGITS
        if is_long or (isinstance(made, float) and not math.isfinite(made)):
            problem = f"{node.value[:20]!r} is not finite, or has more than {_MOST_DIGITS} digits"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        if made is not None and not isinstance(made, str | int | float | list | dict):
            # These are made by a generator, and are not yet what they will be.
            problem = f"{node.tag.rpartition(':')[2]} is no type that a job has"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return made


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
    :raises InvalidSpecError: if there is no such file; for mistakes in YAML, with their line; and for a value
        of a mapping that no YAML has.
    """
    if isinstance(source, Mapping):
        return Document(plain("", source), base)
    if isinstance(source, PurePath) or (isinstance(source, str) and _FILE.fullmatch(source)):
        file = base / Path(str(source).strip()).expanduser()
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InvalidSpecError(field, f"{str(file)!r} cannot be read: {reason}.") from None
        try:
            rendered = render(text)
        except InvalidSpecError as error:
            raise type(error)(f"{file.name}{error.field.removeprefix(field)}", error.problem) from None
        document = _parse(field, rendered, file.parent, file.name)
        return replace(document, within=frozenset({file.resolve()}))
    if not isinstance(source, str) or not source.strip():
        raise InvalidSpecError(field, f"{source!r} must be the path of a YAML file, YAML, or a mapping.")
    return _parse(field, source, base, "")


def _parse(field: str, text: str, folder: Path, name: str) -> Document:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        values = loader.construct_document(node) if node is not None else None
        lines = _all_lines(node)
    except RecursionError:
        raise InvalidSpecError(name or field, f"it is nested more than {DEEPEST} deep.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise InvalidSpecError(f"{name or field}{line}", f"it is not YAML: {problem}.") from None
    if not isinstance(values, dict):
        raise InvalidSpecError(name or field, "it must be a mapping with the keys of a job or a component.")
    return Document(values, folder, name, lines)


def _all_lines(node: yaml.Node | None) -> dict[str, int]:
    lines: dict[str, int] = {}
    for member, line in _lines(node, ""):
        lines[member] = line
        if len(lines) > _MOST_MEMBERS:
            raise yaml.YAMLError(f"it has more than {_MOST_MEMBERS} members, with what its aliases repeat")
    return lines


def _lines(node: yaml.Node | None, prefix: str, depth: int = 0) -> Iterator[tuple[str, int]]:
    if depth > DEEPEST:
        problem = f"it is nested more than {DEEPEST} deep, or an alias is part of itself"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark if node else None)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            member = f"{prefix}{key.value}"
            yield member, key.start_mark.line + 1
            yield from _lines(value, f"{member}.", depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            member = f"{prefix.removesuffix('.')}[{index}]"
            yield member, value.start_mark.line + 1
            yield from _lines(value, f"{member}.", depth + 1)


def overridden(document: Document, overrides: Mapping[str, Any]) -> Document:
    """The document with other values: ``{"inputs.epochs": 5, "jobs.train.resources.locations[0]": "x"}``.

    Mappings on the way that are not there are made, but no step of a pipeline: a misspelt one would run
    beside the one that is meant. Raises InvalidSpecError for such a step, and for an index without an item.
    """
    values = deepcopy(document.values)
    for path, value in overrides.items():
        field = f"overrides[{path!r}]"
        _override(field, values, str(path), plain(field, value))
    return replace(document, values=values)


def read_value(field: str, text: str) -> Any:
    """A value as it stands in a file, for ``--set``. Raises InvalidSpecError for mistakes in YAML."""
    return _parse(field, f"value: {text}", Path(), "").values["value"]


def _override(field: str, target: Any, path: str, value: Any) -> None:
    *way, last = _steps(target, path) or [""]
    if "" in (*way, last) or path.endswith("."):
        raise InvalidSpecError(field, "a name is missing; write it as inputs.epochs.")
    _check_step(field, target, [*way, last])
    for step in way:
        is_mapping = isinstance(target, dict)
        target = target.setdefault(step, {}) if is_mapping else _item(field, target, step)
    if isinstance(target, dict):
        target[last] = value
    else:
        _item(field, target, last)
        target[int(last)] = value


def _check_step(field: str, target: Any, path: list[str]) -> None:
    """Raises InvalidSpecError for a path to a step that there is not, also in a component's definition."""
    above = ""
    for key, inner in pairwise(path):
        target = target.get(key) if isinstance(target, dict) else None
        names = [str(name) for name in target] if isinstance(target, dict) else []
        if key == "jobs" and above in ("", "component") and inner not in names:
            raise InvalidSpecError(field, f"there is no step {inner!r}; {nearest(inner, names)}")
        above = key


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
