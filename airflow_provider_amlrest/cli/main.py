"""Options and exit codes of ``amlrest``. Airflow is imported only when a command needs its connection."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import TextIO

from airflow_provider_amlrest.cli.exit_codes import FINE, INTERRUPTED, REFUSED, USAGE
from airflow_provider_amlrest.connection import DEFAULT_CONNECTION, InvalidConnectionError
from airflow_provider_amlrest.rest.http.errors import AzureMLError, InvalidSpecError
from airflow_provider_amlrest.rest.versions.api_versions import DEFAULT_API_VERSION
from airflow_provider_amlrest.version import __version__

EXIT_CODES = """exit codes:
  0    success; for run, wait and logs --follow: the job is Completed
  1    for run, wait and logs --follow: the job failed or was canceled
  2    wrong usage, a file that is not valid, or a connection that does not exist or is not valid
  3    for wait: the timeout passed, and the job is still active
  4    Azure ML cannot be reached, or refuses the request
  130  Ctrl-C; the job continues
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return its exit code."""
    options = parser().parse_args(arguments)
    # Outside of tasks, Airflow 3 reads its database only if this is set, as in its own commands.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "WARNING")
    out = sys.stdout
    # Airflow logs to standard output, which is only for results here.
    with redirect_stdout(sys.stderr):
        try:
            return _run(options, out)
        except (InvalidConnectionError, InvalidSpecError) as error:
            return _failed(error, USAGE)
        except AzureMLError as error:
            return _failed(error, REFUSED)
        except BrokenPipeError:
            # The reader of the results is gone; the rest of the buffer must not raise an error at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
            return FINE
        except KeyboardInterrupt:
            print("\nStopped. The job continues.", file=sys.stderr)  # noqa: T201
            return INTERRUPTED


def _run(options: argparse.Namespace, out: TextIO) -> int:
    if options.command == "validate":
        from airflow_provider_amlrest.cli.files import validate

        return validate(options, out)
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    from airflow_provider_amlrest.cli.commands import COMMANDS
    from airflow_provider_amlrest.hook import AzureMLHook

    hook = AzureMLHook(options.conn_id, options.api_version)
    try:
        hook.settings  # noqa: B018
    except AirflowNotFoundException:
        return _failed(f"Airflow has no connection {options.conn_id!r}; --conn-id names another.", USAGE)
    with hook.client() as client:
        return COMMANDS[options.command](hook, client, options, out)


def _failed(error: object, code: int) -> int:
    print(f"amlrest: {error}", file=sys.stderr)  # noqa: T201
    return code


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--conn-id", default=DEFAULT_CONNECTION, help="Airflow connection (%(default)s)")
    common.add_argument("--api-version", help="overrides that of the connection")
    output = argparse.ArgumentParser(add_help=False)
    output.add_argument("--output", choices=("table", "json"), default="table", help="(%(default)s)")
    job = argparse.ArgumentParser(add_help=False)
    job.add_argument("job", metavar="JOB", help="the job's name")

    top = argparse.ArgumentParser(
        prog="amlrest",
        description="Show, cancel and submit Azure ML jobs over an Airflow connection.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"amlrest {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one = commands.add_parser(
        "list", parents=[common, output], help="list the newest jobs that Airflow created"
    )
    one.add_argument("--all", action="store_true", help="also jobs that others created")
    one.add_argument("--state", choices=("active", "completed", "failed", "canceled"), help="only such jobs")
    one.add_argument("--dag", metavar="DAG_ID", help="only jobs of this DAG")
    one.add_argument("--experiment", metavar="NAME", help="only jobs of this experiment")
    one.add_argument("--limit", type=_positive(int), default=20, help="number of jobs (%(default)s)")

    commands.add_parser("show", parents=[common, output, job], help="show everything about a job")
    commands.add_parser(
        "metrics", parents=[common, output, job], help="show its metrics; for a sweep, its trials"
    )
    one = commands.add_parser("logs", parents=[common, job], help="show the output of its command")
    one.add_argument("--follow", "-f", action="store_true", help="until the job ends")
    one.add_argument("--step", metavar="NAME", help="of this step of a pipeline; outer/inner if it is nested")
    one = commands.add_parser("cancel", parents=[common, output, job], help="request its cancellation")
    one.add_argument("--yes", "-y", action="store_true", help="do not ask")
    file = argparse.ArgumentParser(add_help=False)
    file.add_argument("file", metavar="FILE", help="YAML file of a job, as for az ml job create")
    file.add_argument(
        "--set",
        action="append",
        metavar="MEMBER=VALUE",
        help="replace a value of the file, such as inputs.epochs=5; repeatable",
    )
    one = commands.add_parser(
        "run", parents=[common, file], help="submit the job that a file defines, and follow it"
    )
    one.add_argument("--name", help="name of the job (default: that in the file, or else a generated one)")
    one = commands.add_parser(
        "validate", parents=[file], help="check a file of a job, a component or a model; needs no connection"
    )
    one.add_argument("--body", action="store_true", help="print the request that would be sent, as JSON")
    one.add_argument("--api-version", help=f"check the file for this api-version ({DEFAULT_API_VERSION})")
    one = commands.add_parser("wait", parents=[common, output, job], help="wait until it ends")
    one.add_argument("--timeout", type=_positive(float), metavar="SECONDS", help="no longer than this")
    return top


def _positive(kind: type[int] | type[float]) -> type:
    def read(text: str) -> float:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise ValueError(text)
        return value

    read.__name__ = "positive number"
    return read  # type: ignore[return-value]
