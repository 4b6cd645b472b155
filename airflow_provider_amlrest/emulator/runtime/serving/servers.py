"""Which server a deployment's process is, and how it is started."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from airflow_provider_amlrest.emulator.runtime.errors import JobError

if TYPE_CHECKING:
    from airflow_provider_amlrest.emulator.runtime.environments import Interpreter

_IN_CONTAINER = Path(__file__).parents[1] / "in_container"
MICROSOFTS = "azureml_inference_server_http"
"""The package of Microsoft's own inference server."""


@dataclass(frozen=True)
class Server:
    """How a process is started, and asked."""

    speaks: Literal["score", "mlflow"]
    health: str
    """Path that is answered 200 when it serves."""
    folder: Path
    """Its working directory."""
    variables: dict[str, str]
    command: Callable[[int], list[str]]
    """By the port that it is to listen on."""


def server_of(interpreter: Interpreter, code: Path | None, script: str | None, model: Path | None) -> Server:
    """The server of a deployment: of its scoring script, or of its MLflow model.

    :raises JobError: it has neither.
    """
    variables = {} if model is None else {"AZUREML_MODEL_DIR": str(model.parent)}
    if code is not None and script is not None:
        return _scoring_script(interpreter, code, script, variables)
    if model is not None and (model / "MLmodel").is_file():
        return _mlflow_model(interpreter, model, variables)
    raise JobError(
        "BadArgument: the deployment has no scoring script, and its model is none of MLflow's (it has no "
        "file MLmodel). Custom containers are not emulated."
    )


def _scoring_script(interpreter: Interpreter, code: Path, script: str, variables: dict[str, str]) -> Server:
    python, entry = str(interpreter.bin / "python"), str(code / script)
    app = {"AML_APP_ROOT": str(code), "AZUREML_ENTRY_SCRIPT": script}
    if has_microsofts(interpreter):
        launcher = str(_IN_CONTAINER / "microsofts_server.py")

        def command(port: int) -> list[str]:
            return [python, launcher, "--entry_script", entry, "--port", str(port)]
    else:
        launcher = str(_IN_CONTAINER / "scoring_server.py")

        def command(port: int) -> list[str]:
            return [python, launcher, entry, str(port)]

    return Server("score", "/", code, variables | app, command)


def _mlflow_model(interpreter: Interpreter, model: Path, variables: dict[str, str]) -> Server:
    def command(port: int) -> list[str]:
        return [
            *(str(interpreter.bin / "python"), "-m", "mlflow", "models", "serve", "--env-manager", "local"),
            *("--model-uri", str(model), "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        ]

    return Server("mlflow", "/ping", model, variables | {"MLFLOW_MODEL_FOLDER": model.name}, command)


def has_microsofts(interpreter: Interpreter) -> bool:
    return any(interpreter.prefix.glob(f"lib/python*/site-packages/{MICROSOFTS}"))


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
