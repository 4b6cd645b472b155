"""Command line: ``amlrest-emulator start | stop | status``."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from airflow_provider_amlrest.emulator.config import Compute, DistributedKind, RuntimeKind
from airflow_provider_amlrest.emulator.server.instance import Instance, StartError

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_COMPUTES = (Compute("cpu-cluster", 2), Compute("gpu-cluster", 1, "STANDARD_NC6S_V3"))
DEFAULT_WORKSPACE = "emulator"
DEFAULT_REGISTRY = "emulator-registry"
COMPUTE = re.compile(r"([a-zA-Z](?![a-zA-Z0-9-]*-\d+:)[a-zA-Z0-9-]{2,23}):([1-9]\d{0,3})")
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}")
STOP_SECONDS = 30.0
MISSING_EXTRA = "The emulator needs its extra: pip install 'airflow-provider-amlrest[emulator]' (missing: {})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    options = _parser().parse_args(arguments)
    options.data_dir = options.data_dir.expanduser().resolve()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    logging.getLogger("airflow_provider_amlrest.emulator").setLevel(logging.INFO)
    try:
        return int(options.command(options))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("airflow_provider_amlrest"):
            raise
        return _fail(MISSING_EXTRA.format(error.name))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="amlrest-emulator", description="An Azure Machine Learning workspace on this machine."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    start = commands.add_parser("start", help="serve until SIGTERM or Ctrl-C")
    start.add_argument(
        "--port", type=_port, default=0, help="default: that of the last start, else any free one"
    )
    start.add_argument(
        "--runtime",
        choices=get_args(RuntimeKind),
        default="venv",
        help="how jobs run: in a virtual environment built from their conda file (default), with this "
        "interpreter, or not at all, as states on a clock (blob storage starts when it is needed)",
    )
    start.add_argument(
        "--distributed",
        choices=get_args(DistributedKind),
        default="processes",
        help="how distributed jobs run where jobs run: as one process per rank, all on this machine "
        "(default), or as states on a clock",
    )
    start.add_argument(
        "--ready-file", type=Path, metavar="FILE", help="JSON with endpoints and credentials, mode 0600"
    )
    start.add_argument(
        "--compute",
        type=_compute,
        action="append",
        metavar="NAME:NODES",
        help="a compute cluster; repeatable (default: cpu-cluster:2 and gpu-cluster:1)",
    )
    start.add_argument(
        "--workspace", type=_name, action="append", metavar="NAME", help="repeatable (default: emulator)"
    )
    start.add_argument(
        "--registry",
        type=_name,
        action="append",
        metavar="NAME",
        help=f"repeatable (default: {DEFAULT_REGISTRY})",
    )
    start.add_argument(
        "--stop-with-stdin",
        action="store_true",
        help="end when standard input ends: for a program that starts it and may be killed",
    )
    start.set_defaults(command=_start)
    stop = commands.add_parser("stop", help="end the emulator of a data directory")
    stop.set_defaults(command=_stop)
    status = commands.add_parser("status", help="say whether one runs; exit code 3 if not")
    status.set_defaults(command=_status)
    for command in (start, stop, status):
        command.add_argument(
            "--data-dir", type=Path, default=_default_data_dir(), metavar="D", help="default: %(default)s"
        )
    return parser


def _default_data_dir() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "amlrest-emulator"


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)


def _compute(text: str) -> Compute:
    match = COMPUTE.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME:NODES (name: 3-24 letters, digits and dashes, a letter first, "
            "no -<number> at its end)"
        )
    return Compute(match[1], int(match[2]))


def _name(text: str) -> str:
    if NAME.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a name (3-33 letters, digits, - and _)")
    return text


def _start(options: argparse.Namespace) -> int:
    from airflow_provider_amlrest.emulator.server.life import StartOptions, run
    from airflow_provider_amlrest.emulator.storage.azurite import AzuriteError

    start = StartOptions(
        data_dir=options.data_dir,
        runtime=options.runtime,
        distributed=options.distributed,
        port=options.port,
        ready_file=options.ready_file.resolve() if options.ready_file else None,
        computes=tuple(options.compute or DEFAULT_COMPUTES),
        workspace_names=tuple(options.workspace or (DEFAULT_WORKSPACE,)),
        registry_names=tuple(options.registry or (DEFAULT_REGISTRY,)),
        stop_with_stdin=options.stop_with_stdin,
    )
    try:
        run(start, lambda facts: _announce(start.ready_file, facts))
    except (StartError, AzuriteError) as error:
        return _fail(str(error))
    return 0


def _announce(ready_file: Path | None, facts: dict[str, Any]) -> None:
    if ready_file is not None:
        connection = f"see airflow_connection_uri in {ready_file}"
    else:
        connection = "start with --ready-file FILE to get one"
    _say(
        f"""The Azure ML emulator is ready. Stop it with Ctrl-C.
  Azure Resource Manager, Entra ID, run history, MLflow  {facts["arm_endpoint"]}
  blob storage                                           {facts["blob_endpoint"]}
  workspace                                              {facts["resource_group"]}/{facts["workspace_name"]}
  CA certificate                                         {facts["ca_bundle"]}
  Airflow connection (AIRFLOW_CONN_AZUREML_DEFAULT)      {connection}"""
    )


def _stop(options: argparse.Namespace) -> int:
    instance = Instance(options.data_dir)
    state = instance.running()
    if state is None:
        _say(f"No emulator runs on {options.data_dir}.")
        return 0
    os.kill(int(state["pid"]), signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        if instance.running() is None:
            _say(f"Stopped the emulator of {options.data_dir}.")
            return 0
        time.sleep(0.05)
    return _fail(
        f"The emulator of {options.data_dir} (pid {state['pid']}) did not end within {STOP_SECONDS:.0f} s."
    )


def _status(options: argparse.Namespace) -> int:
    state = Instance(options.data_dir).running()
    if state is None:
        _say(f"No emulator runs on {options.data_dir}.")
        return 3
    _say(f"Emulator of {options.data_dir}: pid {state['pid']}, {state.get('arm_endpoint', 'starting')}")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 (a command line's output)


def _fail(text: str) -> int:
    print(f"amlrest-emulator: {text}", file=sys.stderr, flush=True)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
