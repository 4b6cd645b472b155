"""What of a DAG's function goes into a job: its source, its arguments, and where they stand."""

from __future__ import annotations

import ast
import builtins
import dis
import hashlib
import inspect
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from types import CodeType
from typing import Any

from airflow_provider_amlrest.decorators.in_job import INDENTED, NotJSONError, compile_source, to_json
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

FIELD = "python_callable"


@dataclass(frozen=True)
class FunctionSource:
    """A function as it stands in its file, without its decorators."""

    name: str
    text: str
    file: str
    """The file's name without its folder, which is another one on each worker."""
    line: int
    """The line of the file in which the text begins."""


def parameters(function: Callable[..., Any]) -> frozenset[str]:
    """The names of a function's parameters."""
    return frozenset(inspect.signature(function).parameters)


def read_source(function: Callable[..., Any]) -> FunctionSource:
    """The source of a function.

    :raises InvalidSpecError: if it has none, or uses what its file has outside of it.
    """
    inner = inspect.unwrap(function)
    name = getattr(inner, "__name__", repr(inner))
    if not inspect.isfunction(inner) or not name.isidentifier():
        raise InvalidSpecError(FIELD, f"{name} is not a function with a name; write one with def.")
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise InvalidSpecError(FIELD, f"{name} yields, but a job returns one value: return a list of them.")
    try:
        lines, first = inspect.getsourcelines(inner)
    except (OSError, TypeError) as error:
        raise InvalidSpecError(FIELD, f"the source of {name} cannot be read: {error}.") from None
    above = INDENTED if lines[0][:1].isspace() else ""
    try:
        [node] = ast.parse(above + "".join(lines)).body
    except (SyntaxError, ValueError):
        raise InvalidSpecError(FIELD, f"the source of {name} is not that of one function.") from None
    node = node.body[0] if isinstance(node, ast.If) else node
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        raise InvalidSpecError(FIELD, f"{name} is not a function with a name; write one with def.")
    begin, end = node.lineno - bool(above), (node.end_lineno or 0) - bool(above)
    text = "".join(lines[begin - 1 : end]).rstrip("\n") + "\n"
    source = FunctionSource(node.name, text, PurePath(inner.__code__.co_filename).name, first + begin - 1)
    _check_names(inner, source)
    return source


def _check_names(function: Any, source: FunctionSource) -> None:
    """Raise InvalidSpecError for what the function uses of its file, and the job will not have."""
    code = compile_source(source.text, source.file, source.line)
    used, made = set[str](), {source.name}
    for instruction in _instructions(code):
        if instruction.opname.startswith(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")):
            used.add(str(instruction.argval))
        elif instruction.opname.startswith(("STORE_GLOBAL", "STORE_NAME")):
            made.add(str(instruction.argval))
    outside = {*function.__globals__, *function.__code__.co_freevars} - set(vars(builtins)) - made
    missing = sorted(name for name in used & outside if not name.startswith("__"))
    if missing:
        raise InvalidSpecError(
            FIELD,
            f"{source.name} uses {', '.join(missing)}, defined outside the function and unknown in the "
            "job: import or define it inside the function, or pass it as an argument.",
        )


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)


def read_arguments(
    function: Callable[..., Any],
    args: Collection[Any],
    kwargs: Mapping[str, Any],
    paths: Collection[str],
    context: Mapping[str, Any],
) -> dict[str, Any]:
    """What the function is called with, by parameter; paths are not in it.

    :param paths: the names of inputs and outputs.
    :param context: Airflow's: parameters that are named as something in it have that.
    :raises InvalidSpecError: for arguments that do not fit, and for what JSON cannot carry.
    """
    name, signature = getattr(function, "__name__", "the function"), inspect.signature(function)
    called = [one for one in signature.parameters.values() if one.name not in paths]
    signature = signature.replace(parameters=called)
    for path in sorted(kwargs.keys() & set(paths) & parameters(function)):
        raise InvalidSpecError(
            f"op_kwargs.{path}", f"the job has an input or output of that name, whose path {name} is given."
        )
    try:
        bound = signature.bind_partial(*args, **kwargs).arguments
        many = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        named = [one.name for one in called if one.kind not in many and one.name not in bound]
        known = {key: context[key] for key in named if key in context}
        signature.bind(*args, **kwargs, **known)
    except TypeError as error:
        raise InvalidSpecError(FIELD, f"{name} cannot be called: {error}.") from None
    given = {**bound, **known}
    try:
        return {key: json.loads(to_json(value, f"{name}'s argument {key}")) for key, value in given.items()}
    except NotJSONError as error:
        raise InvalidSpecError("op_kwargs", str(error)) from None


def digest(source: FunctionSource, arguments: Mapping[str, Any], requirements: Collection[str]) -> str:
    """What a function with its arguments counts as where jobs are compared: not where in its file it stands.

    It is a property of jobs that run: what it is made of must not change with a release.
    """
    work = json.dumps([source.name, source.text, arguments, list(requirements)], sort_keys=True)
    return hashlib.sha256(work.encode()).hexdigest()
