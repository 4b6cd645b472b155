"""Spark jobs: Spark in local mode, run like the command of a command job, or states on a clock."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_amlrest.emulator.runtime import command
from airflow_provider_amlrest.emulator.runtime.errors import JobError
from airflow_provider_amlrest.emulator.runtime.simulated import SimulatedRunner
from airflow_provider_amlrest.emulator.runtime.stand_ins import spark_environment

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.context import JobContext
    from airflow_provider_amlrest.emulator.runtime.runner import Runner, RunnerParts

LAUNCHER = Path(__file__).with_name("spark_launcher.py")
LOOPBACK = "127.0.0.1"
OURS = {
    "spark.driver.bindAddress": LOOPBACK,
    "spark.driver.host": LOOPBACK,
    # It would listen on every address.
    "spark.ui.enabled": "false",
}
"""Settings that stand over those of the job: nothing listens but on loopback."""
LISTS = {"pyFiles": "--py-files", "jars": "--jars", "files": "--files", "archives": "--archives"}
"""Member of a job -> option of ``spark-submit``."""
_PLACEHOLDER = re.compile(r"\$\{\{\s*(\w+)\.([^\s}]+)\s*\}\}")


def make_runner(parts: RunnerParts) -> Runner:
    return SimulatedRunner() if parts.simulated else SparkRunner(command.make_runner(parts))


@dataclass(frozen=True)
class SparkRunner:
    """Runs Spark jobs as what they come down to: a command, ``spark-submit``."""

    commands: Runner

    async def run(self, context: JobContext) -> None:
        job = replace(context.job, properties=as_command(context.properties))
        await self.commands.run(replace(context, job=job))


def as_command(properties: dict[str, Any]) -> dict[str, Any]:
    """A Spark job as a command job.

    :raises JobError: a Scala job without jars, or args that cannot be split into words.
    """
    inputs, outputs = properties.get("inputs") or {}, properties.get("outputs") or {}
    version = (properties.get("resources") or {}).get("runtimeVersion")
    java = {"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}
    return {
        **properties,
        "command": _command(properties, inputs, outputs),
        "environmentId": properties.get("environmentId") or spark_environment(version),
        "environmentVariables": {**java, **(properties.get("environmentVariables") or {})},
        # Spark reads and writes URIs of Azure ML by libraries of the service's; here it gets local copies.
        "inputs": {name: _with_mode(spec, "Download") for name, spec in inputs.items()},
        "outputs": {name: _with_mode(spec, "Upload") for name, spec in outputs.items()},
        "resources": None,
    }


def _with_mode(spec: dict[str, Any], mode: str) -> dict[str, Any]:
    return {**spec, "mode": mode} if spec.get("mode") == "Direct" else spec


def _command(properties: dict[str, Any], inputs: dict[str, Any], outputs: dict[str, Any]) -> str:
    literals = {name: str(spec["value"]) for name, spec in inputs.items() if "value" in spec}
    submit = [*_options(properties), *_words(properties.get("args") or "", literals)]
    launch = shlex.join(["python", str(LAUNCHER)]) + " " + " ".join(submit)
    # Where Spark writes to a URI, there is nothing before; it refuses to write to a folder that exists.
    fresh = [
        f"rmdir '${{{{outputs.{name}}}}}'"
        for name, spec in outputs.items()
        if spec.get("mode") == "Direct" and spec.get("jobOutputType") != "uri_file"
    ]
    return " && ".join([*fresh, f"exec {launch}"])


def _options(properties: dict[str, Any]) -> list[str]:
    """The options of ``spark-submit``, and the program, quoted for the shell."""
    given: dict[str, list[str]] = {member: list(properties.get(member) or []) for member in LISTS}
    entry = properties["entry"]
    options = ["--master", "local[*]"]
    for name, value in {**(properties.get("conf") or {}), **OURS}.items():
        options += ["--conf", f"{name}={value}"]
    if "className" in entry:
        if not given["jars"]:
            raise JobError("A Spark job with the entry className needs the jar with that class in its jars.")
        options += ["--class", entry["className"]]
        program = given["jars"].pop(0)
    else:
        program = entry["file"]
    for member, option in LISTS.items():
        if given[member]:
            options += [option, ",".join(given[member])]
    return [shlex.quote(word) for word in (*options, program)]


def _words(args: str, literals: dict[str, str]) -> list[str]:
    """The program's arguments, quoted: no shell reads them on the service.

    :raises JobError: a quotation mark that is not closed.
    """

    def value_of(match: re.Match[str]) -> str:
        kind, name = match.groups()
        return literals.get(name, match[0]) if kind == "inputs" else match[0]

    # Spaces inside of a placeholder would split it.
    tight = _PLACEHOLDER.sub(r"${{\1.\2}}", args)
    try:
        words = shlex.split(tight)
    except ValueError as error:
        raise JobError(f"The args of the job cannot be split into words: {error}.") from None
    return [shlex.quote(_PLACEHOLDER.sub(value_of, word)) for word in words]
