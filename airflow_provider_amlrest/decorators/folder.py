"""The folder that a function travels in, and the command that runs it. Imported when a task runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.decorators import in_job
from airflow_provider_amlrest.decorators.function import (
    FunctionSource,
    digest,
    parameters,
    read_arguments,
    read_source,
)
from airflow_provider_amlrest.decorators.operator import COMMAND
from airflow_provider_amlrest.rest.assets.conda import read_requirements
from airflow_provider_amlrest.rest.assets.upload.content import LocalContent, LocalFile
from airflow_provider_amlrest.rest.http.errors import InvalidSpecError
from airflow_provider_amlrest.rest.jobs.job import LiteralInput
from airflow_provider_amlrest.rest.jobs.lookups import CodeLookup, LocalPath
from airflow_provider_amlrest.rest.reading.values import structured

if TYPE_CHECKING:
    from airflow_provider_amlrest.rest.jobs.command import CommandJob

RUNNER = COMMAND.rpartition(" ")[2]
_END = "PATHS_END_HERE"
_PLACED = (
    "only its name gets to the job. Give what a package index or a URL has, or an environment that has it."
)


@dataclass(frozen=True)
class _Folder(LocalPath):
    """Files that were written here: all travel, whatever an ignore file of a repository above them says."""

    names: tuple[str, ...] = ()

    @cached_property
    def content(self) -> LocalContent:
        folder = Path(self.path)
        return LocalContent(
            folder, tuple(LocalFile.at(folder / name, name) for name in self.names), True, self.field
        )


@dataclass(frozen=True, repr=False)
class FunctionLookup(CodeLookup):
    """Code that was made of a function. It is the same work wherever in its file the function stands."""

    work: str = ""
    given: Any = None

    @property
    def meaning(self) -> str:
        return self.work

    @property
    def written(self) -> str:
        return "(the function)"

    @property
    def carries(self) -> Any:
        return self.given


def read_packages(value: Any, base: Path) -> tuple[str, ...]:
    """What pip is to install, a requirement each. Raises InvalidSpecError for what could not travel."""
    lines = structured(value) or ()
    if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
        raise InvalidSpecError(
            "packages", f"{value!r} must be a list of requirements, such as ['pandas==2.2.3']."
        )
    return tuple(read_requirements("packages", lines, base, _PLACED))


def travel(
    job: CommandJob,
    function: Callable[..., Any],
    args: Collection[Any],
    kwargs: Mapping[str, Any],
    packages: tuple[str, ...],
    context: Mapping[str, Any],
    folder: Path,
) -> CommandJob:
    """The job with its function, which is written into the folder.

    :param context: Airflow's.
    :raises InvalidSpecError: for a function, a call or an argument that cannot travel.
    """
    for name in job.inputs.keys() & job.outputs.keys() & parameters(function):
        raise InvalidSpecError(f"inputs.{name}", f"there is an output {name!r}, too; rename one of them.")
    source = read_source(function)
    arguments = read_arguments(function, args, kwargs, {*job.inputs, *job.outputs}, context)
    inputs = {name: one for name, one in job.inputs.items() if name in parameters(function)}
    # Literals are known now: they need not pass through a shell.
    arguments |= {name: one.value for name, one in inputs.items() if isinstance(one, LiteralInput)}
    paths = {
        "inputs": sorted(inputs.keys() - arguments.keys()),
        "outputs": sorted(job.outputs.keys() & parameters(function)),
    }
    code = _write(folder, source, arguments, [*paths["inputs"], *paths["outputs"]], packages)
    return replace(job, command=_command(paths), code=code)


def _command(groups: Mapping[str, Iterable[str]]) -> str:
    """The command, which gives the function's paths on stdin: no shell reads what they are made of."""
    lines = [f"{name}=${{{{{group}.{name}}}}}" for group, names in groups.items() for name in names]
    return "\n".join([f"{COMMAND} <<'{_END}'", *lines, _END]) if lines else COMMAND


def _write(
    folder: Path,
    source: FunctionSource,
    arguments: Mapping[str, Any],
    paths: list[str],
    packages: tuple[str, ...],
) -> FunctionLookup:
    """Write what the job needs; of the same function and arguments the same bytes."""
    what = {"name": source.name, "file": source.file, "line": source.line, "paths": paths}
    files = {
        RUNNER: Path(in_job.__file__).read_text("utf-8"),
        in_job.FUNCTION: _json(what),
        in_job.SOURCE: source.text,
        in_job.ARGUMENTS: _json(arguments),
        **({in_job.REQUIREMENTS: "\n".join(packages) + "\n"} if packages else {}),
    }
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
    return FunctionLookup(
        "code",
        _Folder("code", folder, str(folder), names=tuple(sorted(files))),
        digest(source, arguments, packages),
        [source.text, dict(arguments), *packages],
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
